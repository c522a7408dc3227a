"""Judged pairs, the tables that they aim at, and what counts as a good proposal."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

import pytest

from transload._proposals import propose
from transload.mapping import MappingGap, Proposal
from transload.values import ColumnType, EntityName, FieldType, TableName, TargetColumn, TargetSchema, TargetTable

DATA = Path(__file__).parents[2] / "data" / "proposals"
FILES = ("judged.csv", "pairs.csv")
_FIELD_TYPES = {
    **dict.fromkeys(("integer",), FieldType.INTEGER),
    **dict.fromkeys(("decimal", "float", "currency", "percent", "number"), FieldType.DECIMAL),
    **dict.fromkeys(("boolean", "bool", "checkbox"), FieldType.BOOLEAN),
    **dict.fromkeys(("dateTime", "datetime"), FieldType.DATETIME),
    **dict.fromkeys(("array", "nested"), FieldType.NESTED),
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
    """A source field, and the columns that are right for it; none when no standard column is."""

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
        kind = _FIELD_TYPES.get(self.type, FieldType.TEXT)
        return MappingGap(
            EntityName(self.entity), self.field, kind, 10, 10, longest, self.samples, TableName(self.table)
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """How good proposals are.

    Attributes:
        precision: Right proposals among those made.
        coverage: Right proposals among the fields that have a column.
        right: Fields with the right answer, be it a column or none.
    """

    precision: float
    coverage: float
    right: float


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
                frozenset(row["column"].split("|")) - {"NONE"} if row["column"] != "NONE" else frozenset(),
            )
            for row in csv.DictReader(file)
        ]


def half_of(pair: Pair) -> int:
    """Return 0 for a pair to fit with, 1 for a pair to test with."""
    name = "|".join((pair.system, pair.entity, pair.field, pair.table))
    return blake2b(name.encode(), digest_size=1).digest()[0] % 2


@cache
def table(name: str) -> TargetTable:
    """Return a table with the columns that it has in Dynamics 365."""
    schema = files("transload_sandbox.dataverse") / "schema" / f"{name}.json"
    raw = json.loads(schema.read_text(encoding="utf-8"))
    return TargetTable(
        TableName(name), name, raw["primary_id"], raw["primary_name"], {c["name"]: _column(c) for c in raw["columns"]}
    )


def _column(raw: Mapping[str, object]) -> TargetColumn:
    kind, longest, valid = _COLUMN_TYPES.get(str(raw["type"]), ColumnType.OTHER), raw.get("max_length"), raw["valid"]
    writable = kind is not ColumnType.OTHER
    return TargetColumn(
        str(raw["name"]),
        kind,
        max_length=longest if isinstance(longest, int) else None,
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


def answers(pairs: Sequence[Pair]) -> list[tuple[Pair, Proposal | None]]:
    """Return each pair with what is proposed for it."""
    found = []
    for group in by_entity(pairs):
        proposals = {p.field: p for p in propose([p.gap for p in group], [], schema_of({group[0].table}))}
        found += [(pair, proposals.get(pair.field)) for pair in group]
    return found


def measure(pairs: Sequence[Pair]) -> Figures:
    """Return how good the proposals for these pairs are."""
    made = [(pair, proposal) for pair, proposal in answers(pairs) if proposal is not None]
    good = sum(proposal.column in pair.columns for pair, proposal in made)
    silent = len(pairs) - len(made)
    missed = sum(bool(pair.columns) for pair in pairs) - sum(bool(pair.columns) for pair, _ in made)
    return Figures(good / len(made), good / sum(bool(p.columns) for p in pairs), (good + silent - missed) / len(pairs))


def confidences(pairs: Sequence[Pair]) -> list[tuple[float, bool]]:
    """Return how sure each proposal for these pairs is, and whether it is right."""
    return [(p.confidence, p.column in pair.columns) for pair, p in answers(pairs) if p is not None]


@pytest.fixture(scope="session")
def precision_and_coverage() -> Callable[[str], tuple[float, float]]:
    """Measures the proposals for a file of judged pairs."""

    def measured(name: str) -> tuple[float, float]:
        figures = measure(read_pairs(name))
        return figures.precision, figures.coverage

    return measured


@pytest.fixture(scope="session")
def sure_and_right() -> Callable[[str], list[tuple[float, bool]]]:
    """Tells of each proposal for a file of judged pairs how sure it is, and whether it is right."""
    return lambda name: confidences(read_pairs(name))
