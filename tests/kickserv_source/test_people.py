"""Taking rows of employees and customers apart."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from transload_kickserv_source.account import Account
from transload_kickserv_source.people import CONTACT, customer_of, employee_of
from transload_kickserv_source.xml import Row, read_list, read_record

DATA = Path(__file__).parent.parent / "data" / "kickserv"
MakeAccount = Callable[..., Account]


def rows_of(path: str, root: str) -> list[Row]:
    return list(read_list((DATA / path).read_bytes(), root).rows)


def test_contacts_notes_and_tags_become_records_of_their_own(account: MakeAccount) -> None:
    (row,) = rows_of("inferred/customers.list.include.xml", "customers")

    customer = customer_of(row, account())

    assert [str(record.key) for record in customer] == [
        "customer 4714801",
        "contact 2001",
        "contact 2002",
        "tax_entity 9810",
        "tag 201",
        "tagging customer-4714801-201",
        "note 6101",
    ]
    fields = customer.record.fields
    assert not {"contacts", "notes", "tags", "tax_entity", "custom_field_assignments"} & fields.keys()
    assert (fields["primary_contact_id"], fields["tag_names"]) == (2001, ("VIP",))
    assert fields["tax_name"] == "County sales tax"
    assert customer.record.modified_at == datetime.fromisoformat("2012-08-24T14:18:23-04:00")


def test_a_customer_keeps_the_ids_of_its_children_and_gives_their_rows(account: MakeAccount) -> None:
    row = rows_of("seen/customers.list.page1.2017.xml", "customers")[0]

    customer = customer_of(row, account())

    assert customer.record.fields["children"] == tuple(child["id"] for child in customer.children)
    assert customer.children[0]["parent_id"] == row["id"]


def test_a_customer_that_does_not_say_what_it_nests_is_told_from_one_that_nests_nothing(account: MakeAccount) -> None:
    silent, empty = customer_of({"id": 1}, account()), customer_of({"id": 1, "contacts": ()}, account())

    assert (silent.contacts, empty.contacts) == (None, ())


def test_a_nested_record_gets_its_parent_unless_it_says_something_else(account: MakeAccount) -> None:
    contacts = ({"id": 1}, {"id": 2, "customer_id": None}, {"id": 3, "customer_id": 8})

    customer = customer_of({"id": 7, "contacts": contacts}, account())

    assert [contact.fields["customer_id"] for contact in customer.contacts or ()] == [7, 7, 8]


def test_a_single_nested_record_that_is_not_marked_as_an_array_is_found(account: MakeAccount) -> None:
    body = b"<customer><id>1</id><contacts><contact><id>5</id></contact></contacts></customer>"

    customer = customer_of(read_record(body, "customer").rows[0], account())

    assert [str(contact.key) for contact in customer.contacts or ()] == ["contact 5"]


def test_a_text_where_records_should_stand_is_kept_and_counted(account: MakeAccount) -> None:
    reading = account()

    customer = customer_of({"id": 1, "contacts": "Tilda, 555-0100"}, reading)

    assert customer.record.fields["contacts"] == "Tilda, 555-0100"
    assert reading.seen.oddities.total() == 1


def test_a_contact_without_an_id_gets_one_that_stays_while_it_stays(account: MakeAccount) -> None:
    row: Row = {"id": 1, "contacts": ({"first_name": "Tilda"},)}
    reading = account()

    first, again = (customer_of(row, reading).contacts for _ in range(2))

    assert first is not None
    assert again is not None
    assert first[0].key == again[0].key
    assert first[0].fields["id"] == first[0].key.source_id
    assert len(reading.seen.marks["nameless"]) == 1


@pytest.mark.parametrize(
    ("contact", "alt", "implied"),
    [
        ("Xander Mary Tindall", None, [("contact", "Xander Mary", "Tindall")]),
        (" odette  YARROW ", "Xander", [("alt-contact", None, "Xander")]),
        ("Yarrow Odette", "350.00", []),
        ("Lucius Illing", "", []),
        ("Xander", "xander", [("contact", None, "Xander")]),
    ],
)
def test_a_name_that_is_nobody_elses_is_a_contact(
    account: MakeAccount, contact: str, alt: str | None, implied: list[tuple[str, str | None, str]]
) -> None:
    row: Row = {
        "id": 9,
        "name": "Yarrow's",
        "first_name": "Odette",
        "last_name": "Yarrow",
        "contact": contact,
        "alt_contact": alt,
        "contacts": ({"id": 1, "first_name": "Lucius", "last_name": "Illing"},),
    }

    found = [r for r in customer_of(row, account()) if r.key.entity == CONTACT and r.fields["implied"]]

    expected = [(f"customer-9-{suffix}", first, last) for suffix, first, last in implied]
    assert [(r.key.source_id, r.fields["first_name"], r.fields["last_name"]) for r in found] == expected


def test_the_person_of_a_business_is_a_contact_and_the_primary_one_when_nobody_else_is(account: MakeAccount) -> None:
    row: Row = {"id": 9, "name": "Anchor Web", "company": True, "first_name": "Odette", "last_name": "Yarrow"}

    customer = customer_of({**row, "contact": "Odette Yarrow", "alt_contact": "Xander"}, account())
    named = customer_of({**row, "contacts": ({"id": 1, "first_name": "Odette", "last_name": "Yarrow"},)}, account())

    implied = [(r.key.source_id, r.fields["last_name"]) for r in customer.others if r.key.entity == CONTACT]
    assert implied == [("customer-9-name", "Yarrow"), ("customer-9-alt-contact", "Xander")]
    assert customer.record.fields["primary_contact_id"] == "customer-9-name"
    assert named.others == ()
    assert named.record.fields["primary_contact_id"] is None


def test_the_primary_contact_is_one_that_is_not_deleted(account: MakeAccount) -> None:
    gone = datetime(2020, 1, 1, tzinfo=UTC)
    contacts: tuple[Row, ...] = (
        {"id": 1, "is_primary": True, "deleted_at": gone},
        {"id": 2, "is_primary": True},
        {"id": 3},
    )

    customer = customer_of({"id": 9, "contacts": contacts}, account())
    alone = customer_of({"id": 9, "contacts": contacts[:1]}, account())

    assert customer.record.fields["primary_contact_id"] == 2
    assert alone.record.fields["primary_contact_id"] == 1


def test_a_customer_that_is_its_own_parent_has_none(account: MakeAccount) -> None:
    reading = account()

    own, other = (customer_of({"id": 9, "parent_id": parent}, reading).record.fields for parent in ("9", 8))

    assert (own["parent_id"], own["parent_customer_id"]) == (9, None)
    assert other["parent_customer_id"] == 8
    assert list(reading.seen.marks["own_parents"]) == ["9"]


def test_implied_contacts_can_be_switched_off(account: MakeAccount) -> None:
    customer = customer_of({"id": 9, "name": "Anchor", "contact": "Xander"}, account(implied_contacts=False))

    assert [str(record.key) for record in customer] == ["customer 9"]


@pytest.mark.parametrize(
    ("fields", "person"),
    [
        ({"company": False, "company_name": None}, True),
        ({"company": False, "company_name": " odette yarrow"}, True),
        ({"company": "false", "company_name": "Anchor Web"}, False),
        ({"company": True, "company_name": None}, False),
        ({"company_name": ""}, True),
    ],
)
def test_a_person_is_told_from_a_business(account: MakeAccount, fields: Row, person: bool) -> None:
    customer = customer_of({"id": 1, "name": "Odette Yarrow", **fields}, account())

    assert customer.record.fields["is_individual"] is person


@pytest.mark.parametrize(
    ("fields", "role"),
    [
        ({"admin": True, "limit_access_to_assignments": True}, "admin"),
        ({"is_account_owner": "true"}, "admin"),
        ({"limit_access_to_assignments": True}, "technician"),
        ({}, "office"),
    ],
)
def test_an_employee_has_a_role(fields: Row, role: str) -> None:
    assert employee_of({"id": 1, **fields}).fields["role"] == role


def test_an_employee_that_no_list_shows_gets_no_role() -> None:
    assert employee_of({"id": 1, "name": "Tilda"}, listed=False).fields["role"] is None


def test_an_employee_without_a_change_stamp_is_a_record_all_the_same() -> None:
    stamp = datetime(2020, 1, 1, tzinfo=UTC)

    silent, stamped = employee_of({"id": 3, "active": False}), employee_of({"id": 3, "updated_at": stamp})

    assert (silent.modified_at, silent.fields["archived"]) == (None, True)
    assert (stamped.modified_at, stamped.fields["archived"]) == (stamp, False)
