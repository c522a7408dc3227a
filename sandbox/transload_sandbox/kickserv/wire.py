"""The XML that Kickserv writes, byte for byte.

Declaration, LF, two blanks of indent a level, a final LF. A null is ``<fax nil="true"/>`` (after ``type``
when the element is typed), an empty text is ``<fax></fax>``, line breaks are written raw, CR included. Shapes
come from the recorded answers of 2017 and 2018; `layouts` holds the field lists.

Text is built by hand: lxml would write CR as a character reference and an empty text as a self-closing tag,
and neither is what the real system sends.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TypeAlias

Scalar = str | int | float | Decimal | datetime | date | None
Value: TypeAlias = Scalar | Mapping[str, "Value"] | Sequence[Mapping[str, "Value"]]
Row: TypeAlias = Mapping[str, Value]
"""One record: underscored field name to value. None, or no entry, is nil."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The elements of one kind of record, in the order in which they are written."""

    tag: str
    """Element name of one record, dashed."""
    fields: tuple["Field", ...]

    def with_fields(self, fields: Iterable["Field"]) -> "Layout":
        """Return this layout with more elements at its end."""
        return Layout(self.tag, (*self.fields, *fields))

    def without(self, names: Collection[str]) -> "Layout":
        """Return this layout without some elements, in nested records either."""
        fields = (field for field in self.fields if field.name not in names)
        return Layout(
            self.tag,
            tuple(replace(field, layout=field.layout and field.layout.without(names)) for field in fields),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One element of a record."""

    name: str
    """Underscored; written dashed."""
    kind: str = ""
    """The ``type`` attribute of a plain value ("" for text), or ``array`` or ``object``; ``number`` is
    ``float`` or ``integer`` by its value, ``reference`` an integer that loses its type when nil."""
    layout: Layout | None = None
    """Shape of the nested records of an array or object."""
    item_attribute: str = ""
    """Written after the tag of each array item, for example `` type="Customer"``."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    name: str
    nil: str
    write: Callable[[Value], str]


def parse_layout(tag: str, specification: str) -> tuple[Field, ...]:
    """Read ``name:type`` words into fields; the tag only labels errors."""
    known = {"", "integer", "decimal", "float", "boolean", "dateTime", "date", "array", "number", "reference"}
    fields = []
    for word in specification.split():
        name, _, kind = word.partition(":")
        if kind not in known:
            raise ValueError(f"{tag}.{name}: unknown type {kind}")
        fields.append(Field(name, kind))
    return tuple(fields)


def names(text: str) -> list[str]:
    """Split names that are written as one text."""
    return text.split()


def escape(text: str) -> str:
    """Escape text the way the agreed samples do: ampersand, angle brackets and the double quote."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    return text.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def decimal_text(value: Value) -> str:
    """Print a decimal with at least one digit after the point and no exponent."""
    if not isinstance(value, Decimal):
        raise TypeError(f"a decimal element needs a Decimal, not {value!r}")
    text = format(value.normalize(), "f")
    return text if "." in text else text + ".0"


def _moment_text(value: Value) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError(f"a dateTime element needs a datetime with a zone, not {value!r}")
    return value.isoformat(timespec="seconds")


def _date_text(value: Value) -> str:
    if not isinstance(value, date):
        raise TypeError(f"a date element needs a date, not {value!r}")
    return value.isoformat()


def _boolean_text(value: Value) -> str:
    return "true" if value else "false"


_FORMATS: dict[str, Callable[[Value], str]] = {
    "": lambda value: escape(str(value)),
    "integer": str,
    "reference": str,
    "decimal": decimal_text,
    "float": repr,
    "number": str,
    "boolean": _boolean_text,
    "dateTime": _moment_text,
    "date": _date_text,
}


@cache
def _compile(layout: Layout, depth: int) -> tuple[_Compiled, ...]:
    return tuple(_compile_field(field, depth) for field in layout.fields)


def _compile_field(field: Field, depth: int) -> _Compiled:
    name, indent = field.name.replace("_", "-"), "  " * depth
    if field.kind == "array":
        return _Compiled(field.name, f'{indent}<{name} type="array"/>\n', _array_writer(field, name, depth))
    if field.kind == "object":
        layout = _nested(field)
        return _Compiled(field.name, "", lambda value: render(layout, _row(value), name, depth=depth))
    if field.kind == "number":
        return _Compiled(field.name, f'{indent}<{name} nil="true"/>\n', _number_writer(name, indent))
    kind = "integer" if field.kind == "reference" else field.kind
    typed = f' type="{kind}"' if kind else ""
    nil_type = "" if field.kind == "reference" else typed
    opening, closing, text = f"{indent}<{name}{typed}>", f"</{name}>\n", _FORMATS[field.kind]
    return _Compiled(
        field.name, f'{indent}<{name}{nil_type} nil="true"/>\n', lambda value: opening + text(value) + closing
    )


def _number_writer(name: str, indent: str) -> Callable[[Value], str]:
    def write(value: Value) -> str:
        kind = "float" if isinstance(value, float) else "integer"
        return f'{indent}<{name} type="{kind}">{value}</{name}>\n'

    return write


def _array_writer(field: Field, name: str, depth: int) -> Callable[[Value], str]:
    indent = "  " * depth

    def write(value: Value) -> str:
        rows = _rows(value)
        if not rows:
            return f'{indent}<{name} type="array"/>\n'
        layout = _nested(field)
        items = "".join(render(layout, row, attribute=field.item_attribute, depth=depth + 1) for row in rows)
        return f'{indent}<{name} type="array">\n{items}{indent}</{name}>\n'

    return write


def _nested(field: Field) -> Layout:
    if field.layout is None:
        raise ValueError(f"{field.name} holds records but names no layout")
    return field.layout


def _row(value: Value) -> Row:
    if not isinstance(value, Mapping):
        raise TypeError(f"a nested element needs a record, not {value!r}")
    return value


def _rows(value: Value) -> Sequence[Row]:
    if isinstance(value, list | tuple):
        return value
    raise TypeError(f"an array needs records, not {value!r}")


def render(
    layout: Layout,
    row: Row,
    tag: str = "",
    *,
    attribute: str = "",
    depth: int = 0,
    keep: Collection[str] | None = None,
) -> str:
    """Write one record.

    Args:
        layout: Its elements.
        row: Its values; a missing one is nil.
        tag: Element name; the layout's when empty.
        attribute: Written after the tag, with its leading blank.
        depth: Levels of indent.
        keep: Underscored names of the only elements to write; None for all.
    """
    tag, indent = tag or layout.tag, "  " * depth
    parts = [f"{indent}<{tag}{attribute}>\n"]
    for field in _compile(layout, depth + 1):
        if keep is not None and field.name not in keep:
            continue
        value = row.get(field.name)
        parts.append(field.nil if value is None else field.write(value))
    parts.append(f"{indent}</{tag}>\n")
    return "".join(parts)


def render_list(root: str, layout: Layout, rows: Sequence[Row], keep: Collection[str] | None = None) -> str:
    """Write a list document; an empty one is a self-closing root."""
    if not rows:
        return f'{DECLARATION}<{root} type="array"/>\n'
    body = "".join(render(layout, row, depth=1, keep=keep) for row in rows)
    return f'{DECLARATION}<{root} type="array">\n{body}</{root}>\n'


def render_errors(*messages: str) -> str:
    """Write the error document, one element a message."""
    errors = "".join(f"  <error>{escape(message)}</error>\n" for message in messages)
    return f"{DECLARATION}<errors>\n{errors}</errors>\n"
