"""The staged records as the mapping documents see them.

A document reads the records of one source entity, those that fulfil its condition, and
knows them under a key of its own: job 7 is also order 7 and invoice 7.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from transload._ledger import Ledger
from transload.mapping import Mapping as MappingDocument
from transload.mapping import fulfils
from transload.values import EntityName, Record, RecordKey, SourceId

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DocumentRecords:
    """The staged records of every document of a project."""

    ledger: Ledger
    documents: Mapping[str, MappingDocument]

    def batches(self, entity: EntityName, size: int = 500) -> Iterator[list[Record]]:
        """Walk the live records of a document, in order; a batch may come out empty."""
        document = self.documents[entity]
        for batch in self.ledger.staging.batches(EntityName(document.source_entity), size):
            yield [_under(document, record) for record in batch if fulfils(document.when, record)]

    def count(self, entity: EntityName) -> int:
        """Return how many live records a document has."""
        document = self.documents[entity]
        if not document.when:
            return self.ledger.staging.count(EntityName(document.source_entity))
        return sum(map(len, self.batches(entity)))

    def find(self, keys: Iterable[RecordKey]) -> Iterator[list[Record]]:
        """Yield the records of some keys of documents, in chunks of one document each."""
        by_entity: dict[EntityName, list[RecordKey]] = {}
        for key in keys:
            if key.entity in self.documents:
                by_entity.setdefault(key.entity, []).append(key)
        for entity, its in by_entity.items():
            document = self.documents[entity]
            for start in range(0, len(its), _AT_ONCE):
                staged = [source_key(document, key) for key in its[start : start + _AT_ONCE]]
                found = self.ledger.staging.find_many(staged)
                yield [
                    _under(document, found[key])
                    for key in staged
                    if key in found and fulfils(document.when, found[key])
                ]

    def vanished(self, entity: EntityName) -> Iterator[list[Record]]:
        """Yield the records of a document that the source showed once and shows no more."""
        document = self.documents[entity]
        keys = self.ledger.staging.vanished(EntityName(document.source_entity))
        yield from self.find(replace(key, entity=entity) for key in keys)

    def gone(self, entity: EntityName, known: Collection[RecordKey]) -> list[RecordKey]:
        """Return those of some records of a document that vanished, or fulfil its condition no more."""
        document = self.documents[entity]
        vanished = set(self.ledger.staging.vanished(EntityName(document.source_entity)))
        live = {record.key for chunk in self.find(known) for record in chunk} if document.when else set(known)
        return sorted(key for key in known if key not in live or source_key(document, key) in vanished)


def source_key(document: MappingDocument, key: RecordKey) -> RecordKey:
    """Return the key under which the source knows a record of a document."""
    return replace(key, entity=EntityName(document.source_entity))


def _under(document: MappingDocument, record: Record) -> Record:
    return replace(record, key=RecordKey(EntityName(document.entity), record.key.source_id))


def given_records(documents: Iterable[MappingDocument]) -> dict[EntityName, Sequence[Record]]:
    """Return the records that documents give themselves, by entity."""
    found: dict[EntityName, Sequence[Record]] = {}
    for document in documents:
        if document.given:
            entity, id_field = EntityName(document.entity), document.key.from_ if document.key is not None else "id"
            found[entity] = [
                Record(RecordKey(entity, SourceId(str(fields[id_field]))), fields) for fields in document.given
            ]
    return found
