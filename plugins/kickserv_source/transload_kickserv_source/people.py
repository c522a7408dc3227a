"""Employees, customers, and the contacts of customers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.appendages import notes_of, tags_of
from transload_kickserv_source.catalogue import TAX_ENTITY
from transload_kickserv_source.nesting import ident_in, name_in, named, plain, record, rows_in
from transload_kickserv_source.schema import settle
from transload_kickserv_source.xml import Row

EMPLOYEE, CUSTOMER, CONTACT = EntityName("employee"), EntityName("customer"), EntityName("contact")
_NESTED = frozenset({"children", "contacts", "notes", "tags", "tax_entity", "attachments", "tasks", "jobs"})


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's row, taken apart.

    Attributes:
        record: The customer itself.
        children: Rows of nested sub-customers.
        contacts: Nested contacts; None when the row says nothing about contacts.
        others: What hangs on it: implied contacts, notes, tags, its tax entity.
    """

    record: Record
    children: tuple[Row, ...]
    contacts: tuple[Record, ...] | None
    others: tuple[Record, ...]

    def __iter__(self) -> Iterator[Record]:
        yield self.record
        yield from self.contacts or ()
        yield from self.others


def employee_of(row: Row) -> Record:
    """Return an employee."""
    fields = settle(EMPLOYEE, row)
    fields["role"] = _role(fields)
    fields["archived"] = fields.get("active") is False
    return record(EMPLOYEE, str(row["id"]), fields)


def contact_of(row: Row, account: Account, customer: Value = None) -> Record:
    """Return a contact; one that was found with its customer need not say whose it is."""
    fields = settle(CONTACT, row if customer is None else {"customer_id": customer, **row})
    fields["implied"] = False
    key = account.key_of(CONTACT, fields, f"customer-{customer}")
    return record(CONTACT, key, fields)


def customer_of(row: Row, account: Account) -> Customer:
    """Take a customer's row apart."""
    ident, children = row["id"], tuple(map(named, rows_in(row.get("children"))))
    fields = account.own_fields("customer", settle(CUSTOMER, plain(row, _NESTED)))
    if "children" in row:
        fields["children"] = tuple(child["id"] for child in children)
    contacts = None
    if "contacts" in row:
        account.count_strays("customer.contacts", row["contacts"])
        contacts = tuple(contact_of(one, account, ident) for one in rows_in(row["contacts"]))
    tags = tags_of("customer", ident, row.get("tags"), account)
    primary = (one.fields["id"] for one in contacts or () if one.fields.get("is_primary") is True)
    fields["primary_contact_id"] = next(primary, None)
    fields["is_individual"] = _is_individual(fields)
    fields["tag_names"], fields["tag_ids"] = tags.names, tags.ids
    fields["tax_name"] = name_in(row.get("tax_entity")) or account.name_of(TAX_ENTITY, fields.get("tax_id"))
    if fields.get("tax_id") is None and ident_in(row.get("tax_entity")) is not None:
        fields["tax_id"] = ident_in(row["tax_entity"])
    if account.with_sales is not None:
        fields["has_sales"] = str(ident) in account.with_sales
        fields["is_account"] = fields["has_sales"] or not fields["is_individual"]
    others = [*account.catalogue.meet(TAX_ENTITY, row.get("tax_entity")), *tags.records]
    if account.settings.implied_contacts:
        others += _implied(fields, contacts or ())
    others += notes_of(CUSTOMER, ident, row.get("notes"), account)
    return Customer(record(CUSTOMER, str(ident), fields), children, contacts, tuple(others))


def _role(employee: Row) -> str:
    if employee.get("admin") is True or employee.get("is_account_owner") is True:
        return "admin"
    return "technician" if employee.get("limit_access_to_assignments") is True else "office"


def _is_individual(customer: Row) -> bool:
    """Return whether a customer is a person: no business, and its company's name is only its own again."""
    if customer.get("company") is True:
        return False
    company = _folded(customer.get("company_name"))
    return not company or company in _own_names(customer)


def _own_names(customer: Row) -> set[str]:
    first, last = customer.get("first_name"), customer.get("last_name")
    names = {_folded(customer.get("name")), _folded(customer.get("full_name")), _folded(f"{first or ''} {last or ''}")}
    return names | {_folded(f"{last or ''}, {first or ''}"), _folded(f"{last or ''} {first or ''}")}


def _folded(text: Value) -> str:
    return " ".join(text.split()).casefold() if isinstance(text, str) else ""


def _implied(customer: Row, contacts: Sequence[Record]) -> Iterator[Record]:
    """Yield the people whom a customer's contact texts name beside itself and its explicit contacts."""
    taken = _own_names(customer)
    for known in (customer, *(contact.fields for contact in contacts)):
        first, last = known.get("first_name"), known.get("last_name")
        # One name alone is mostly the same person again.
        taken |= {_folded(first), _folded(last), _folded(f"{first or ''} {last or ''}")}
    for field, suffix in (("contact", "contact"), ("alt_contact", "alt-contact")):
        text, name = customer.get(field), _folded(customer.get(field))
        if not isinstance(text, str) or name in taken or not any(letter.isalpha() for letter in name):
            continue
        taken.add(name)
        key = f"customer-{customer['id']}-{suffix}"
        first_name, _, last_name = " ".join(text.split()).rpartition(" ")
        fields: Mapping[str, Value] = {
            "id": key,
            "customer_id": customer["id"],
            "first_name": first_name or None,
            "last_name": last_name,
            "is_primary": False,
            "created_at": customer.get("created_at"),
            "updated_at": customer.get("updated_at"),
            "implied": True,
        }
        yield record(CONTACT, key, fields)
