"""Takes a row of an answer apart into records, each with what it nests left out.

Contacts and notes are records of their own; sub-customers too, and the parent keeps
their ids. What a nested record does not say about its parent is filled in, what it
says, a null included, stays.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transload.values import EntityName, Record, RecordKey, SourceId, Value
from transload_kickserv_source.inferred import NOTE_PARENTS
from transload_kickserv_source.paging import id_of, modified_at
from transload_kickserv_source.schema import settle
from transload_kickserv_source.xml import Row

CUSTOMER, CONTACT, EMPLOYEE = EntityName("customer"), EntityName("contact"), EntityName("employee")
JOB, NOTE = EntityName("job"), EntityName("note")


@dataclass(frozen=True, slots=True)
class Unfolded:
    """A row, unfolded.

    Attributes:
        record: The record itself.
        children: Rows of nested sub-customers.
        contacts: Nested contacts; None when the row says nothing about contacts.
        notes: Nested notes; None when the row says nothing about notes.
    """

    record: Record
    children: tuple[Row, ...] = ()
    contacts: tuple[Record, ...] | None = None
    notes: tuple[Record, ...] | None = None

    def __iter__(self) -> Iterator[Record]:
        yield self.record
        yield from self.contacts or ()
        yield from self.notes or ()


def record_of(entity: EntityName, row: Row) -> Record:
    """Return a row that nests nothing as a record."""
    fields = settle(entity, row)
    return Record(RecordKey(entity, SourceId(id_of(row))), fields, modified_at(fields))


def unfold_customer(row: Row) -> Unfolded:
    """Return a customer with what its row nests."""
    parent, children = row.get("id"), _rows(row.get("children"))
    fields = {name: value for name, value in row.items() if name not in {"children", "contacts", "notes"}}
    if "children" in row:
        fields["children"] = tuple(child.get("id") for child in children)
    contacts = None
    if "contacts" in row:
        contacts = tuple(record_of(CONTACT, {"customer_id": parent, **contact}) for contact in _rows(row["contacts"]))
    return Unfolded(record_of(CUSTOMER, fields), children, contacts, _notes(CUSTOMER, row))


def unfold_job(row: Row) -> Unfolded:
    """Return a job with its notes."""
    fields = {name: value for name, value in row.items() if name != "notes"}
    return Unfolded(record_of(JOB, fields), notes=_notes(JOB, row))


def note_of(parent: EntityName, parent_id: Value, row: Row) -> Record:
    """Return a note that was found with its parent."""
    return record_of(NOTE, {"noteable_id": parent_id, "noteable_type": NOTE_PARENTS[parent], **row})


def _notes(parent: EntityName, row: Row) -> tuple[Record, ...] | None:
    if "notes" not in row:
        return None
    return tuple(note_of(parent, row.get("id"), note) for note in _rows(row["notes"]))


def _rows(nested: Value) -> tuple[Row, ...]:
    """Return what an array holds. One that forgot to say that it is an array counts too."""
    if isinstance(nested, Mapping) and "id" not in nested:
        nested = tuple(nested.values())
    items = nested if isinstance(nested, tuple) else (nested,)
    return tuple(item for item in items if isinstance(item, Mapping))
