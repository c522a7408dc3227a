"""Employees, customers, and the contacts of customers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.appendages import notes_of, tags_of
from transload_kickserv_source.catalogue import TAX_ENTITY
from transload_kickserv_source.nesting import ident_in, name_in, named, owned, plain, record, rows_in
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


def employee_of(row: Row, *, listed: bool = True) -> Record:
    """Return an employee; one that only others' records name has no role, because nobody tells the rights."""
    fields = settle(EMPLOYEE, row)
    fields["role"] = _role(fields) if listed else None
    fields["archived"] = fields.get("active") is False
    return record(EMPLOYEE, str(row["id"]), fields)


def contact_of(row: Row, account: Account, customer: Value = None) -> Record:
    """Return a contact; one that was found with its customer need not say whose it is."""
    fields = settle(CONTACT, owned(row, customer_id=customer))
    fields["implied"] = False
    key = account.key_of(CONTACT, fields, f"customer-{customer}")
    return record(CONTACT, key, fields)


def customer_of(row: Row, account: Account) -> Customer:
    """Take a customer's row apart."""
    ident, children = row["id"], tuple(map(named, rows_in(row.get("children"))))
    fields = account.own_fields("customer", _fields(row))
    if "children" in row:
        fields.setdefault("children", tuple(child["id"] for child in children))
    contacts = None
    if "contacts" in row:
        account.count_strays("customer.contacts", row["contacts"])
        contacts = tuple(contact_of(one, account, ident) for one in rows_in(row["contacts"]))
    tags = tags_of("customer", ident, row.get("tags"), account)
    implied = tuple(_implied(fields, contacts or ())) if account.settings.implied_contacts else ()
    fields["primary_contact_id"] = _primary(contacts or (), implied)
    fields["parent_customer_id"] = _parent(fields, account)
    fields["is_individual"] = _is_individual(fields)
    fields["tag_names"], fields["tag_ids"] = tags.names, tags.ids
    fields["tax_name"] = name_in(row.get("tax_entity")) or account.name_of(TAX_ENTITY, fields.get("tax_id"))
    if fields.get("tax_id") is None and ident_in(row.get("tax_entity")) is not None:
        fields["tax_id"] = ident_in(row["tax_entity"])
    if account.with_sales is not None:
        fields["has_sales"] = str(ident) in account.with_sales
        fields["is_account"] = fields["has_sales"] or not fields["is_individual"]
    others = [*account.catalogue.meet(TAX_ENTITY, row.get("tax_entity")), *tags.records, *implied]
    others += notes_of(CUSTOMER, ident, row.get("notes"), account)
    return Customer(record(CUSTOMER, str(ident), fields), children, contacts, tuple(others))


def primary_contact(row: Row, account: Account) -> Value:
    """Return the id of a customer's primary contact, from its row alone."""
    fields = _fields(row)
    contacts = [contact_of(one, account, row["id"]) for one in rows_in(row.get("contacts"))]
    return _primary(contacts, tuple(_implied(fields, contacts)) if account.settings.implied_contacts else ())


def _fields(row: Row) -> dict[str, Value]:
    fields = settle(CUSTOMER, plain(row, _NESTED))
    fields.pop("tags", None)  # texts are tags too
    return fields


def _parent(customer: Row, account: Account) -> Value:
    """Return the id of a customer's parent, unless it is its own."""
    ident, parent = str(customer.get("id")), customer.get("parent_id")
    account.seen.parents.pop(ident, None)
    if parent in (None, ""):
        return None
    if str(parent) == ident:
        account.seen.mark("own_parents", ident)
        return None
    account.seen.parents[ident] = str(parent)
    return parent


def _primary(contacts: Sequence[Record], implied: Sequence[Record]) -> Value:
    """Return the id of the contact that is marked, one that is not deleted first; else of the only person implied."""
    marked = [one for one in contacts if one.fields.get("is_primary") is True]
    chosen = sorted(marked, key=lambda one: bool(one.fields.get("deleted_at"))) or ([] if contacts else implied)
    return next((one.fields["id"] for one in chosen), None)


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
    names = {_folded(customer.get("name")), _folded(customer.get("full_name")), _person(customer)}
    return names | {_folded(f"{last or ''}, {first or ''}"), _folded(f"{last or ''} {first or ''}")}


def _person(named: Row) -> str:
    return _folded(f"{named.get('first_name') or ''} {named.get('last_name') or ''}")


def _folded(text: Value) -> str:
    return " ".join(text.split()).casefold() if isinstance(text, str) else ""


def _implied(customer: Row, contacts: Sequence[Record]) -> Iterator[Record]:
    """Yield the people whom a customer names beside itself and its explicit contacts."""
    taken = {_folded(customer.get("name")), _folded(customer.get("full_name"))}
    if _is_individual(customer):
        taken |= _own_names(customer) | _called(customer)
    for known in contacts:
        taken |= _called(known.fields)
    for suffix, first, last in _people(customer):
        name = _folded(f"{first} {last}")
        if name in taken or not any(letter.isalpha() for letter in name):
            continue
        taken |= {name, *(_called(customer) if suffix == "name" else ())}
        key = f"customer-{customer['id']}-{suffix}"
        fields: Mapping[str, Value] = {
            "id": key,
            "customer_id": customer["id"],
            "first_name": first or None,
            "last_name": last,
            "is_primary": False,
            "created_at": customer.get("created_at"),
            "updated_at": customer.get("updated_at"),
            "implied": True,
        }
        yield record(CONTACT, key, fields)


def _people(customer: Row) -> Iterator[tuple[str, str, str]]:
    """Yield where a customer names somebody, with first and last name. The person's name of a business is one."""
    if not _is_individual(customer):
        names = (customer.get(name) for name in ("first_name", "last_name"))
        yield "name", *_parted(" ".join(name for name in names if isinstance(name, str)))
    for field, suffix in (("contact", "contact"), ("alt_contact", "alt-contact")):
        if isinstance(text := customer.get(field), str):
            yield suffix, *_parted(text)


def _parted(name: str) -> tuple[str, str]:
    first, _, last = " ".join(name.split()).rpartition(" ")
    return first, last


def _called(named: Row) -> set[str]:
    """Return what people call somebody: one name alone is mostly the same person again."""
    return {_folded(named.get("first_name")), _folded(named.get("last_name")), _person(named)}
