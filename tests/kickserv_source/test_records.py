"""Taking rows apart into records."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from transload_kickserv_source.records import EMPLOYEE, JOB, record_of, unfold_customer, unfold_job
from transload_kickserv_source.schema import ENTITIES
from transload_kickserv_source.xml import Row, read_list, read_record

DATA = Path(__file__).parent.parent / "data" / "kickserv"


def customer_with_includes() -> Row:
    body = (DATA / "inferred" / "customers.list.include.xml").read_bytes()
    return read_list(body, "customers").rows[0]


def test_contacts_and_notes_become_records_of_their_own() -> None:
    unfolded = unfold_customer(customer_with_includes())

    assert [str(record.key) for record in unfolded] == [
        "customer 4714801",
        "contact 2001",
        "contact 2002",
        "note 6101",
    ]
    assert not {"contacts", "notes"} & unfolded.record.fields.keys()
    assert unfolded.record.modified_at == datetime.fromisoformat("2012-08-24T14:18:23-04:00")


def test_a_customer_keeps_the_ids_of_its_children_and_gives_their_rows() -> None:
    body = (DATA / "seen" / "customers.list.page1.2017.xml").read_bytes()
    row = read_list(body, "customers").rows[0]

    unfolded = unfold_customer(row)

    assert unfolded.record.fields["children"] == tuple(child["id"] for child in unfolded.children)
    assert unfolded.children[0]["parent_id"] == row["id"]


def test_a_customer_that_does_not_say_what_it_nests_is_told_from_one_that_nests_nothing() -> None:
    silent, empty = unfold_customer({"id": 1}), unfold_customer({"id": 1, "contacts": (), "notes": ()})

    assert (silent.contacts, silent.notes) == (None, None)
    assert (empty.contacts, empty.notes) == ((), ())


def test_a_nested_record_gets_its_parent_unless_it_says_something_else() -> None:
    contacts = ({"id": 1}, {"id": 2, "customer_id": None}, {"id": 3, "customer_id": 8})

    unfolded = unfold_customer({"id": 7, "contacts": contacts})

    assert [contact.fields["customer_id"] for contact in unfolded.contacts or ()] == [7, None, 8]


@pytest.mark.parametrize(("unfold", "parent"), [(unfold_customer, "Customer"), (unfold_job, "Job")])
def test_a_nested_note_gets_what_it_hangs_on(unfold: type, parent: str) -> None:
    unfolded = unfold({"id": 7, "notes": ({"id": 1, "note": "x"}, {"id": 2, "noteable_id": None})})

    first, second = unfolded.notes
    assert (first.fields["noteable_type"], first.fields["noteable_id"]) == (parent, 7)
    assert second.fields["noteable_id"] is None


def test_a_single_nested_record_that_is_not_marked_as_an_array_is_found() -> None:
    body = b"<customer><id>1</id><contacts><contact><id>5</id></contact></contacts></customer>"

    unfolded = unfold_customer(read_record(body, "customer").rows[0])

    assert [str(contact.key) for contact in unfolded.contacts or ()] == ["contact 5"]


def test_documented_fields_get_their_type_when_the_answer_forgot_it() -> None:
    record = record_of(JOB, {"id": "12", "total": 5, "status": "7", "won_date": "soon", "mine": "3"})

    assert record.key.source_id == "12"
    assert record.fields == {"id": 12, "total": Decimal(5), "status": "7", "won_date": "soon", "mine": "3"}


def test_a_job_keeps_its_allocations_as_they_are() -> None:
    body = (DATA / "inferred" / "jobs.show.include-documented.xml").read_bytes()

    unfolded = unfold_job(read_record(body, "job").rows[0])

    allocations = unfolded.record.fields["job_allocations"]
    assert isinstance(allocations, dict)
    assert allocations["allocations"][1]["amount"] == Decimal("33.3333333333333")
    assert len(unfolded.notes or ()) == 2


def test_every_field_of_the_recorded_customers_and_jobs_is_documented_with_its_type() -> None:
    for entity, name in (("customer", "customers"), ("job", "jobs"), ("employee", "employees")):
        fields = next(e for n, e in ENTITIES.items() if n == entity).fields
        for path in DATA.rglob(f"{name}.list*.xml"):
            for row in read_list(path.read_bytes(), name).rows:
                known = fields.keys() | {"contacts", "notes", "tax_entity", "tags", "custom_field_assignments"}
                assert not row.keys() - known, path.name


def test_an_employee_without_a_change_stamp_is_a_record_all_the_same() -> None:
    record = record_of(EMPLOYEE, {"id": 3, "updated_at": None})

    assert record.modified_at is None
    assert record_of(EMPLOYEE, {"id": 3, "updated_at": datetime(2020, 1, 1, tzinfo=UTC)}).modified_at
