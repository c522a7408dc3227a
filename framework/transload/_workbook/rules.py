"""One rule with the entries of its line: the column that it fills, and how."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from pydantic import ValidationError

from transload._mistakes import list_mistakes, nearest
from transload._workbook.lines import Head, Line
from transload._workbook.value_maps import parse_values
from transload.mapping import FieldRule
from transload.values import ColumnType, TargetColumn

CREATABLE = (
    ColumnType.TEXT, ColumnType.MEMO, ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.MONEY, ColumnType.BOOLEAN,
    ColumnType.CHOICE, ColumnType.CHOICES, ColumnType.DATETIME, ColumnType.DATE,
)  # fmt: skip
"""Types of custom columns that a person may choose in a cell; a lookup needs more than a word."""

_TEXTS = {ColumnType.TEXT, ColumnType.MEMO}
_DECIMALS = {ColumnType.DECIMAL, ColumnType.MONEY}
_CHOICES = {ColumnType.CHOICE, ColumnType.CHOICES}


class MisfitError(Exception):
    """An entry that cannot be taken: ``head`` says in which cell, None in the row as a whole."""

    def __init__(self, head: Head | None, reason: str) -> None:
        super().__init__(reason)
        self.head = head


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule's column may be.

    Attributes:
        table: The table's name.
        columns: The columns that the target has.
        prefix: What new columns begin with.
    """

    table: str
    columns: Mapping[str, TargetColumn]
    prefix: str


def edited_rule(line: Line, texts: Mapping[Head, str], changed: Set[Head], place: Place) -> tuple[str, FieldRule]:
    """Return the column and the rule that a line asks for.

    Args:
        line: The line as the mapping has it.
        texts: What its cells say now.
        changed: The cells that a person changed.
        place: The target table.

    Raises:
        MisfitError: The entries make no rule.
    """
    name = texts[Head.COLUMN].strip()
    if not name:
        raise MisfitError(Head.COLUMN, "a field that is carried over needs a target column")
    data: dict[str, object] = {"from": line.fields[0]} if line.rule is None else _plain(line.rule)
    if Head.VALUES in changed:
        data["values"] = read_values(texts[Head.VALUES])
    moved = line.rule is None or name != line.name
    if name in place.columns and (moved or not line.custom):
        _use_existing(data, name, texts, changed, place)
    elif moved or line.custom:
        data["custom"] = _custom(line, name, texts, changed, place)
        if Head.LENGTH in changed:
            data.pop("max", None)
    try:
        return name, FieldRule.model_validate(data)
    except ValidationError as error:
        raise MisfitError(None, "; ".join(list_mistakes(error, FieldRule))) from error


def read_values(text: str) -> Mapping[str, object] | None:
    """Return the value map of a cell; None when the cell is empty.

    Raises:
        MisfitError: It is none.
    """
    try:
        return parse_values(text) or None
    except ValueError as error:
        raise MisfitError(Head.VALUES, str(error)) from error


def _plain(rule: FieldRule) -> dict[str, object]:
    return rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _use_existing(
    data: dict[str, object], name: str, texts: Mapping[Head, str], changed: Set[Head], place: Place
) -> None:
    """Fill a column that the target has: its type and label are not for the mapping to choose."""
    column = place.columns[name]
    for head, actual in ((Head.TYPE, str(column.type)), (Head.LABEL, column.label)):
        if head in changed and texts[head] not in ("", actual):
            raise MisfitError(head, f"{place.table} has the column {name} already, with the {head.lower()} `{actual}`")
    data.pop("custom", None)
    if Head.LENGTH in changed:
        data["max"] = _length(texts[Head.LENGTH])


def _custom(line: Line, name: str, texts: Mapping[Head, str], changed: Set[Head], place: Place) -> dict[str, object]:
    """Return the custom column that a line asks for."""
    if name != line.name and not name.startswith(f"{place.prefix}_"):
        hint = nearest(name, list(place.columns))
        raise MisfitError(
            Head.COLUMN,
            f"{place.table} has no column `{name}`{hint if 'did you' in hint else ''}; "
            f"a new one begins with `{place.prefix}_`",
        )
    known = line.rule.custom if line.rule is not None else None
    custom: dict[str, object] = known.model_dump(mode="json", exclude_defaults=True) if known is not None else {}
    if known is None or Head.TYPE in changed:
        kind = _type(texts[Head.TYPE])
        keep = {"label"} | ({"max"} if kind in _TEXTS else set()) | ({"precision"} if kind in _DECIMALS else set())
        custom = {key: value for key, value in custom.items() if key in keep or (key == "options" and kind in _CHOICES)}
        custom["type"] = kind.value
    if (known is None or Head.LABEL in changed) and texts[Head.LABEL].strip():
        custom["label"] = texts[Head.LABEL].strip()
    if ColumnType(str(custom["type"])) in _TEXTS:
        if known is None or Head.LENGTH in changed:
            custom["max"] = _length(texts[Head.LENGTH])
    elif Head.LENGTH in changed and texts[Head.LENGTH].strip():
        raise MisfitError(Head.LENGTH, f"a column of the type {custom['type']} has no length")
    return custom


def _type(text: str) -> ColumnType:
    known = [str(kind) for kind in CREATABLE]
    if text.strip() not in known:
        said = f"`{text}` is no type of a new column{nearest(text, known)}" if text.strip() else ""
        raise MisfitError(Head.TYPE, said or f"a new column needs a type: {', '.join(known)}")
    return ColumnType(text.strip())


def _length(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit()) or int(text) == 0:
        raise MisfitError(Head.LENGTH, f"`{text}` is no number of characters")
    return int(text)
