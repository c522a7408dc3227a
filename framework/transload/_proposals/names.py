"""What the columns of a table are called elsewhere: the ways to say each of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from transload._proposals.data import read_data
from transload._proposals.words import Vocabulary
from transload.values import ColumnType, TargetColumn, TargetTable

SECOND_CHOICE = "~"
_STATES = frozenset({ColumnType.STATE, ColumnType.STATUS})


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to say what a column holds.

    Attributes:
        text: As the data says it.
        meaning: Its words, in their one spelling.
        second: It fits, but another column of this name fits better.
    """

    text: str
    meaning: tuple[str, ...]
    second: bool


@cache
def _known() -> dict[str, dict[str, list[str]]]:
    """Return the aliases of the well-known tables, by table and column, with their addresses spelt out."""
    raw = read_data("names")
    tables: dict[str, dict[str, list[str]]] = {"": raw["everywhere"]}
    for table, columns in raw["tables"].items():
        spelt: dict[str, list[str]] = {}
        for beginning, kinds in columns.get("addresses", {}).items():
            for part, names in raw["parts"].items():
                spelt[beginning + part] = [_joined(kind, name) for kind in kinds for name in names]
        for column, names in columns.items():
            if column != "addresses":
                spelt[column] = [*spelt.get(column, ()), *names]
        tables[table] = spelt
    return tables


def _joined(kind: str, name: str) -> str:
    mark = SECOND_CHOICE if SECOND_CHOICE in kind + name else ""
    return mark + f"{kind} {name}".replace(SECOND_CHOICE, "").strip()


def aliases_of(table: TargetTable, column: TargetColumn, vocabulary: Vocabulary) -> list[Alias]:
    """Return the ways to say what a column holds: the listed ones, else its own name, and its label."""
    return list(dict.fromkeys(_aliases(table, column, vocabulary)))


def _aliases(table: TargetTable, column: TargetColumn, vocabulary: Vocabulary) -> Iterator[Alias]:
    listed = column.also_called or _known().get(table.name, {}).get(column.name) or _known()[""].get(column.name)
    for text in listed or [_own_name(column.name)]:
        plain = text.removeprefix(SECOND_CHOICE).strip()
        if meaning := vocabulary.meaning(plain):
            yield Alias(plain, meaning, text.startswith(SECOND_CHOICE))
    if column.label and column.type not in _STATES and (meaning := vocabulary.meaning(column.label)):
        yield Alias(column.label, meaning, second=False)


def words_of(table: TargetTable, entity: str, vocabulary: Vocabulary) -> frozenset[str]:
    """Return the words that name an entity, and the table that it becomes: those of its fields need not say them."""
    own = frozenset(vocabulary.meaning(entity))
    things = [frozenset(vocabulary.meaning(text)) for text in read_data("names")["things"].get(table.name, ())]
    called = frozenset().union(*things) if own in things else frozenset()
    return own | called | frozenset(vocabulary.meaning(table.name))


def _own_name(name: str) -> str:
    """Return the name of a column without its publisher's prefix."""
    prefix, mark, rest = name.partition("_")
    return rest if mark and rest and prefix.isalnum() and not prefix[-1:].isdigit() else name


def is_offered(table: TargetTable, column: TargetColumn) -> bool:
    """Return whether a column may be proposed: it takes values, or people look for it though the target fills it."""
    if column.name in read_data("names")["never"] or column.type is ColumnType.ID:
        return False
    if column.also_called or column.name in _known().get(table.name, {}) or column.name in _known()[""]:
        return True
    return column.creatable or column.updatable


def as_choice(column: TargetColumn) -> TargetColumn:
    """Return a column whose numbers stand for something as the choice that it is in all but type."""
    return replace(column, type=ColumnType.CHOICE) if column.name in read_data("names")["codes"] else column
