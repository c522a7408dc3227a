"""Hooks of a source that knows three people by heart."""

from collections.abc import Iterator, Sequence
from importlib.resources import files

from transload import EntityName, Record, RecordKey, SourceEntity, SourceId, SourceSchema, hookimpl, load_mappings
from transload.mapping import Mapping

PEOPLE = {"1": "Ada Example", "2": "Grace Example", "3": "Edsger Example"}


@hookimpl
def describe_source() -> SourceSchema:
    return SourceSchema("address_book", "mine", [SourceEntity(EntityName("person"), "Person", {})])


@hookimpl
def extract(entity: EntityName) -> Iterator[Record]:
    return (Record(RecordKey(entity, SourceId(id)), {"id": id, "name": name}) for id, name in PEOPLE.items())


@hookimpl
def mappings(source: str, target: str) -> Sequence[Mapping] | None:
    return load_mappings(files(__package__) / "mappings") if (source, target) == ("address_book", "memory") else None
