"""A company to migrate from, kept in a JSON file of the client's folder.

The plugin ``memory_source`` extracts it. A file and not an object, so that a command in a
process of its own sees the same company.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from transload._ledger.codec import decode_fields, encode
from transload.context import StagedRecords
from transload.errors import UnreachableError
from transload.files import FileStore
from transload.testing._json_file import read_json, write_json
from transload.values import EntityName, Record, RecordKey, SourceEntity, SourceId, SourceSchema, Value

_SCHEMA: TypeAdapter[SourceSchema] = TypeAdapter(SourceSchema)


@dataclass(frozen=True, slots=True)
class MemoryCompany:
    """The file, and what a test may do with it; every call reads or writes it whole.

    Attributes:
        file: The JSON file.
    """

    file: Path

    def found(self, *entities: SourceEntity, system: str = "memory", account: str = "example") -> None:
        """Make the company, without records."""
        schema = asdict(SourceSchema(system, account, entities))
        self._write({"schema": schema, "records": [], "break_off": {}, "files": {}, "fetched": []})

    def put(self, entity: str, source_id: str, /, **fields: Value) -> None:
        """Add a record, or replace the one with this id."""
        self.put_record(Record(RecordKey(EntityName(entity), SourceId(source_id)), fields))

    def put_record(self, record: Record) -> None:
        """Add a record, or replace the one with its key."""
        kept = [kept for kept in self.records() if kept.key != record.key]
        self._change(records=[_pack(kept) for kept in [*kept, record]])

    def change(self, entity: str, source_id: str, /, **fields: Value) -> None:
        """Change some fields of a record.

        Raises:
            KeyError: There is no such record.
        """
        key = RecordKey(EntityName(entity), SourceId(source_id))
        records = {record.key: record for record in self.records()}
        old = records[key]
        records[key] = replace(old, fields={**old.fields, **fields})
        self._change(records=[_pack(record) for record in records.values()])

    def remove(self, entity: str, source_id: str) -> None:
        """Delete a record."""
        gone = RecordKey(EntityName(entity), SourceId(source_id))
        self._change(records=[_pack(record) for record in self.records() if record.key != gone])

    def attach(self, entity: str, source_id: str, field: str, content: bytes, name: str) -> None:
        """Attach a file to a record, or replace it; the source fetches it when it reads the record."""
        files = self._read()["files"]
        self._change(files={**files, f"{entity} {source_id} {field}": {"content": content.hex(), "name": name}})

    def fetched(self) -> list[str]:
        """Return which files were fetched, each as often as it was: ``photo 7 image``."""
        labels: list[str] = self._read()["fetched"]
        return labels

    def break_off(self, entity: str, after: int) -> None:
        """Let the next extraction of an entity fail after so many records; the one after that works."""
        self._change(break_off={**self._read()["break_off"], entity: after})

    def schema(self) -> SourceSchema:
        """Return what the company offers."""
        return _SCHEMA.validate_python(self._read()["schema"])

    def records(self, entity: str | None = None) -> list[Record]:
        """Return the records of an entity, or all."""
        return [_unpack(item) for item in self._read()["records"] if entity in (None, item["entity"])]

    def extract(self, entity: str, store: FileStore) -> Iterator[Record]:
        """Yield the records of an entity, their files put into the store.

        Raises:
            UnreachableError: The company was told to break off.
        """
        pending = dict(self._read()["break_off"])
        limit = pending.pop(entity, None)
        if limit is not None:
            self._change(break_off=pending)
        for number, record in enumerate(self.records(entity)):
            if number == limit:
                break
            yield self._with_files(record, store)
        if limit is not None:
            raise UnreachableError(f"the company broke off after {limit} records of {entity}")

    def extract_changes(self, entity: str, staged: StagedRecords, store: FileStore) -> Iterator[Record | RecordKey]:
        """Yield the records of an entity that show another moment than before, with their parts; of the others the key.

        A record that shows none may always have changed.
        """
        records = self.records()
        own = [record for record in records if record.key.entity == entity and record.part_of is None]
        known = staged.find(record.key for record in own)
        for record in own:
            before = known.get(record.key)
            if before is not None and record.modified_at is not None and before.modified_at == record.modified_at:
                yield record.key
                continue
            parts = [part for part in records if part.part_of == record.key]
            yield from (self._with_files(one, store) for one in (record, *parts))

    def _with_files(self, record: Record, store: FileStore) -> Record:
        """Fetch the files of a record, unless the store has them already."""
        found: dict[str, Value] = {}
        for label, file in self._read()["files"].items():
            key, _, field = label.rpartition(" ")
            if key == str(record.key):
                kept = store.recall(label, file["content"])
                if kept is None:
                    self._change(fetched=[*self.fetched(), label])
                    kept = store.keep([bytes.fromhex(file["content"])], file["name"])
                    store.remember(label, file["content"], kept)
                found[field] = asdict(kept)
        return replace(record, fields={**record.fields, **found}) if found else record

    def _change(self, **parts: object) -> None:
        self._write({**self._read(), **parts})

    def _read(self) -> dict[str, Any]:
        return read_json(self.file)

    def _write(self, content: Mapping[str, object]) -> None:
        write_json(self.file, content)


def _pack(record: Record) -> dict[str, object]:
    return {
        "entity": record.key.entity,
        "id": record.key.source_id,
        "fields": orjson.Fragment(encode(record.fields)),
        "modified_at": record.modified_at,
        "part_of": record.part_of and [record.part_of.entity, record.part_of.source_id],
    }


def _unpack(item: Mapping[str, Any]) -> Record:
    key = RecordKey(EntityName(item["entity"]), SourceId(item["id"]))
    modified_at = item["modified_at"] and datetime.fromisoformat(item["modified_at"])
    part_of = item["part_of"] and RecordKey(*item["part_of"])
    return Record(key, decode_fields(orjson.dumps(item["fields"])), modified_at, part_of)
