"""What hangs on customers, jobs and estimates alike: notes, tags, files.

Notes and files stand in the target's own table for both, which takes no columns of ours. So
who made them, and whatever field of theirs nobody documented, is put into words here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from transload.converters import to_json
from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.catalogue import TAG, entry
from transload_kickserv_source.inferred import ATTACHMENT_NAMES, NOTE_PARENTS
from transload_kickserv_source.nesting import fingerprint, key_text, name_in, owned, record, rows_in
from transload_kickserv_source.schema import ENTITIES, settle
from transload_kickserv_source.xml import Row

NOTE, TAGGING, ATTACHMENT = EntityName("note"), EntityName("tagging"), EntityName("attachment")


@dataclass(frozen=True, slots=True)
class Appended:
    """The tags of a record: their names, sorted, their ids in the same order, and the records that say so."""

    names: tuple[str, ...] = ()
    ids: tuple[Value, ...] = ()
    records: tuple[Record, ...] = ()


def notes_of(parent: EntityName, parent_id: Value, nested: Value, account: Account) -> Iterator[Record]:
    """Yield the notes that were found with a record."""
    account.count_strays(f"{parent}.notes", nested)
    for row in rows_in(nested):
        fields = settle(NOTE, owned(row, noteable_id=parent_id, noteable_type=NOTE_PARENTS[parent]))
        key = account.key_of(NOTE, fields, f"{parent}-{parent_id}")
        if account.is_deleted(NOTE, fields):
            continue
        # A customer's note may show on each of its jobs, and stays the customer's.
        is_customers = fields["noteable_type"] == NOTE_PARENTS["customer"]
        owner = ("customer", fields["noteable_id"]) if is_customers else (parent, parent_id)
        yield record(NOTE, key, {**fields, **_words(NOTE, fields, account), **_parent(*owner)})


def tags_of(parent: str, parent_id: Value, nested: Value, account: Account) -> Appended:
    """Return the tags of a record, which may be records, texts, or one text with commas."""
    names: dict[str, Value] = {}
    records: dict[str, Record] = {}
    for row in rows_in(nested, text="name"):
        name = name_in(row) or ""
        key = key_text(row) or account.catalogue.find_named(TAG, name) or f"tag-{fingerprint({'name': name.lower()})}"
        tag = entry(TAG, {**row, "id": row.get("id") or (int(key) if key.isdecimal() else key)})
        for new in account.catalogue.meet(TAG, tag.fields):
            records[f"tag {key}"] = new
        if name:
            names[name] = tag.fields["id"]
        source_id = f"{parent}-{parent_id}-{key}"
        fields: Row = {
            "id": source_id,
            "tag_id": tag.fields["id"],
            "parent_entity": parent,
            "parent_id": parent_id,
            "tag_name": name or None,
        }
        records[source_id] = record(TAGGING, source_id, fields)
    ordered = sorted(names)
    return Appended(tuple(ordered), tuple(names[name] for name in ordered), tuple(records.values()))


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment without its file: its fields, and the address of its bytes."""

    fields: dict[str, Value]
    url: str


def attachment_of(parent: str, parent_id: Value, row: Row, account: Account) -> Attached | None:
    """Return an attachment, unless it was deleted. Its fields show addresses without their signatures."""
    owner = "customer_id" if parent == "customer" else "job_id"
    fields = settle(ATTACHMENT, owned(_renamed(row), **{owner: parent_id}))
    url = str(fields.get("url") or "")
    fields.update((name, _unsigned(value)) for name, value in fields.items() if "url" in name)
    account.key_of(ATTACHMENT, fields, f"{parent}-{parent_id}")
    if account.is_deleted(ATTACHMENT, fields):
        return None
    return Attached({**fields, **_words(ATTACHMENT, fields, account), **_parent(parent, parent_id)}, url)


def _renamed(row: Row) -> Row:
    """Return a row with the agreed names in place of the ones that libraries for files give."""
    renamed = dict(row)
    for name, others in ATTACHMENT_NAMES.items():
        other = next((other for other in others if renamed.get(other) not in (None, "")), None)
        if renamed.get(name) in (None, "") and other is not None:
            renamed[name] = renamed.pop(other)
    return renamed


def _unsigned(value: Value) -> Value:
    """Return an address without what lets people in for a while, and is another each time."""
    return value.partition("?")[0].partition("#")[0] if isinstance(value, str) else value


def _words(entity: EntityName, fields: Row, account: Account) -> Row:
    """Return what the target's table of notes has no column for, in words."""
    known = ENTITIES[entity].fields
    more = [
        f"{name.replace('_', ' ').capitalize()}: {value if isinstance(value, str) else to_json(value)}"
        for name, value in fields.items()
        if name not in known and value not in (None, "", ())
    ]
    return {"byline": account.byline(fields.get("created_by")), "more": "\n".join(more) or None}


def _parent(entity: str, ident: Value) -> Row:
    return {"parent_entity": entity, "parent_id": ident}
