"""What hangs on customers, jobs and estimates alike: notes, tags, files."""

from collections.abc import Iterator
from dataclasses import dataclass

from transload.values import EntityName, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.catalogue import TAG, entry
from transload_kickserv_source.inferred import NOTE_PARENTS
from transload_kickserv_source.nesting import fingerprint, key_text, name_in, record, rows_in
from transload_kickserv_source.schema import settle
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
        fields = settle(NOTE, {"noteable_id": parent_id, "noteable_type": NOTE_PARENTS[parent], **row})
        fields["parent_entity"] = parent
        key = account.key_of(NOTE, fields, f"{parent}-{parent_id}")
        yield record(NOTE, key, fields)


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


def attachment_of(parent: str, parent_id: Value, row: Row, account: Account) -> dict[str, Value]:
    """Return the fields of an attachment, without the file. Signatures of its address are left out."""
    owner = "customer_id" if parent == "customer" else "job_id"
    fields = settle(ATTACHMENT, {owner: parent_id, **row})
    url = fields.get("url")
    if isinstance(url, str):
        fields["url"] = url.partition("?")[0].partition("#")[0]
    fields["parent_entity"], fields["parent_id"] = parent, parent_id
    account.key_of(ATTACHMENT, fields, f"{parent}-{parent_id}")
    return fields
