"""Judged pairs, the tables that they aim at, and what counts as a good proposal."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from transload._proposals import propose
from transload.mapping import NO_TARGET, MappingGap, Proposal
from transload.values import ColumnType, EntityName, FieldType, TableName, TargetColumn, TargetSchema, TargetTable
from transload_fieldservice.names import with_names

DATA = Path(__file__).parents[2] / "data" / "proposals"
TUNED = ("judged.csv", "pairs.csv", "systems.csv")
"""Files after which the vocabulary was mended."""
UNSEEN = ("unseen.csv",)
"""Files that nothing was ever mended after: only their figures were looked at."""
_FIELD_TYPES = {
    **dict.fromkeys(("integer", "int"), FieldType.INTEGER),
    **dict.fromkeys(("decimal", "float", "double", "currency", "monetary", "percent", "number"), FieldType.DECIMAL),
    **dict.fromkeys(("boolean", "bool", "checkbox", "check"), FieldType.BOOLEAN),
    **dict.fromkeys(("array", "nested"), FieldType.NESTED),
    "datetime": FieldType.DATETIME,
    "date": FieldType.DATE,
}
_COLUMN_TYPES = {
    "String": ColumnType.TEXT, "Memo": ColumnType.MEMO, "Integer": ColumnType.INTEGER, "BigInt": ColumnType.INTEGER,
    "Decimal": ColumnType.DECIMAL, "Double": ColumnType.DECIMAL, "Money": ColumnType.MONEY,
    "Boolean": ColumnType.BOOLEAN, "Picklist": ColumnType.CHOICE, "MultiSelectPicklist": ColumnType.CHOICES,
    "State": ColumnType.STATE, "Status": ColumnType.STATUS, "DateTime": ColumnType.DATETIME,
    "Lookup": ColumnType.LOOKUP, "Customer": ColumnType.LOOKUP, "Owner": ColumnType.LOOKUP,
    "Uniqueidentifier": ColumnType.ID, "PartyList": ColumnType.PARTIES,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """A source field, and what is right for it.

    Attributes:
        columns: The columns that are right; ``NO_TARGET`` among them when it is right to propose none.
    """

    system: str
    entity: str
    field: str
    type: str
    samples: tuple[str, ...]
    table: str
    columns: frozenset[str]

    @property
    def gap(self) -> MappingGap:
        """The pair as the plan stage would ask for it."""
        longest = max(map(len, self.samples), default=0)
        kind = _FIELD_TYPES.get(self.type.lower(), FieldType.TEXT)
        return MappingGap(
            EntityName(self.entity), self.field, kind, 10, 10, longest, self.samples, TableName(self.table)
        )


def read_pairs(name: str) -> list[Pair]:
    """Read a file of judged pairs."""
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return [
            Pair(
                row["source_system"],
                row["entity"],
                row["field"],
                row["type"],
                tuple(text.strip()[:60] for text in row["example"].split(" | ") if text.strip()),
                row["table"],
                frozenset(NO_TARGET if column == "NONE" else column for column in row["column"].split("|")),
            )
            for row in csv.DictReader(file)
        ]


def half_of(pair: Pair) -> int:
    """Return 0 for a pair to fit with, 1 for a pair to test with."""
    name = "|".join((pair.system, pair.entity, pair.field, pair.table))
    return blake2b(name.encode(), digest_size=1).digest()[0] % 2


@cache
def table(name: str) -> TargetTable:
    """Return a table with the columns that it has in Dynamics 365, and the names that the option for them knows."""
    schema = files("transload_sandbox.dataverse") / "schema" / f"{name}.json"
    raw = json.loads(schema.read_text(encoding="utf-8"))
    plain = TargetTable(
        TableName(name), name, raw["primary_id"], raw["primary_name"], {c["name"]: _column(c) for c in raw["columns"]}
    )
    return with_names(TargetSchema("dynamics365", "", {plain.name: plain})).tables[plain.name]


def _column(raw: Mapping[str, Any]) -> TargetColumn:
    kind, longest, valid = _COLUMN_TYPES.get(str(raw["type"]), ColumnType.OTHER), raw.get("max_length"), raw["valid"]
    writable = kind is not ColumnType.OTHER
    return TargetColumn(
        str(raw["name"]),
        kind,
        max_length=longest if isinstance(longest, int) else None,
        options={int(value): label for value, label in raw.get("options", {}).items()},
        creatable=writable and "c" in str(valid),
        updatable=writable and "u" in str(valid),
    )


def schema_of(names: Iterable[str]) -> TargetSchema:
    """Return a target with these tables."""
    return TargetSchema("dynamics365", "", {TableName(name): table(name) for name in names})


def by_entity(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Yield the pairs of each entity and table together, as the plan stage would ask for them."""
    groups: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.system, pair.entity, pair.table].append(pair)
    yield from groups.values()


def answers(pairs: Iterable[Pair]) -> list[tuple[Pair, Proposal]]:
    """Return each pair with what is proposed for it."""
    found = []
    for group in by_entity(pairs):
        proposals = {p.field: p for p in propose([p.gap for p in group], [], schema_of({group[0].table}))}
        found += [(pair, proposals[pair.field]) for pair in group]
    return found


@pytest.fixture(scope="session")
def judged() -> Callable[[str], list[tuple[frozenset[str], Proposal]]]:
    """Tells of each field of a file what is right for it, and what is proposed; a file is read once."""
    return cache(lambda name: [(pair.columns, proposal) for pair, proposal in answers(read_pairs(name))])
