"""The fields that an account defines itself: what they are called, and how their values read.

A record shows them as positional slots (``custom_text3``) without a label, and perhaps as
assignments. What a slot means stands in ``custom_fields.xml``, whose existence is our
guess, or in a file that the operator writes after the web page Settings, Forms & Fields.
Where nobody says it, a slot stays as it is.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

from transload.errors import ConfigError
from transload.values import FieldType, SourceField, Value
from transload_kickserv_source.nesting import ident_in, name_in, rows_in, strays_in
from transload_kickserv_source.scalars import read_as
from transload_kickserv_source.xml import Row

_TYPES = {
    "text": FieldType.TEXT,
    "select": FieldType.TEXT,
    "number": FieldType.DECIMAL,
    "date": FieldType.DATE,
    "checkbox": FieldType.BOOLEAN,
}
_YES = frozenset({"true", "t", "yes", "y", "1", "on", "checked", "x"})
_NO = frozenset({"false", "f", "no", "n", "0", "off", "unchecked"})
_NUMBER = re.compile(r"([+-]?)\s*\$?\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(\.[0-9]+)?")
_COLUMNS = ("entity", "field", "label", "type")


class LabelFileError(ConfigError):
    """The operator's file of labels cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}, the file of field labels, cannot be used: {reason}",
            "Its first line is entity,field,label,type,options; then for example "
            "job,custom_text5,Lead source,select,Inbound|e-mail. Types: " + ", ".join(_TYPES) + ".",
        )


@dataclass(frozen=True, slots=True)
class Definition:
    """One field that the account has defined."""

    label: str
    kind: str
    options: tuple[str, ...] = ()

    def source_field(self, name: str) -> SourceField:
        """Return it as the schema lists it."""
        return SourceField(name, _TYPES.get(self.kind, FieldType.TEXT), self.label, self.options)

    def read(self, value: Value) -> Value:
        """Return a value by the field's type; null and empty text stay.

        Raises:
            ValueError: It cannot be read so.
        """
        if value is None or value == "":
            return value
        return _READERS[self.kind](self, value) if self.kind in _READERS else value


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that is known of an account's own fields.

    Attributes:
        slots: Definitions of ``customer`` and ``job`` by field: a slot, or ``field_{id}``.
        names: The field that a definition's id stands for, by entity and id.
    """

    slots: Mapping[str, Mapping[str, Definition]] = field(default_factory=dict)
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, entity: str) -> Mapping[str, Definition]:
        """Return the definitions of an entity by field; an estimate has those of a job."""
        return self.slots.get("job" if entity == "estimate" else entity, {})

    def name_of(self, entity: str, ident: Value) -> str:
        """Return the field that an assignment of that definition fills."""
        owner = "job" if entity == "estimate" else entity
        return self.names.get((owner, str(ident)), f"field_{ident}")


def define(rows: Iterable[Row]) -> Definitions:
    """Read the rows of ``custom_fields.xml``."""
    slots: dict[str, dict[str, Definition]] = {}
    names: dict[tuple[str, str], str] = {}
    for row in rows:
        entity = str(row.get("applies_to") or "job").strip().lower()
        ident, column = row.get("id"), str(row.get("column_name") or "").replace("-", "_").strip()
        if not column and ident in (None, ""):
            continue
        options = tuple(_option(one) for one in rows_in(row.get("options"), text="name"))
        kind = str(row.get("field_type") or "text").strip().lower()
        name = column or f"field_{ident}"
        slots.setdefault(entity, {})[name] = Definition(str(row.get("name") or ""), kind, options)
        if ident not in (None, ""):
            names[entity, str(ident)] = name
    return Definitions(slots, names)


def definitions_in(entity: str, row: Row) -> Iterator[Row]:
    """Yield the definitions that a record's assignments nest, as ``custom_fields.xml`` would list them."""
    for assignment in rows_in(row.get("custom_field_assignments")):
        nested = assignment.get("custom_field")
        if isinstance(nested, Mapping) and ident_in(nested) not in (None, "") and name_in(nested):
            yield {"applies_to": "customer" if entity == "customer" else "job", **nested}


def read_labels(path: Path) -> Definitions:
    """Read the operator's file: a line ``entity,field,label,type,options`` for each field.

    Raises:
        LabelFileError: It is not there, or a line is wrong.
    """
    slots: dict[str, dict[str, Definition]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(_COLUMNS) - set(reader.fieldnames or ()):
                raise LabelFileError(path, f"its first line lacks {', '.join(sorted(missing))}")
            for line in reader:
                cells = {name: (text or "").strip() for name, text in line.items() if isinstance(text, str)}
                kind = cells.get("type", "").lower()
                if kind not in _TYPES or cells["entity"] not in {"customer", "job"} or not cells["field"]:
                    raise LabelFileError(path, f"line {reader.line_num} is not about a field of a customer or job")
                options = tuple(filter(None, (o.strip() for o in cells.get("options", "").split("|"))))
                slots.setdefault(cells["entity"], {})[cells["field"]] = Definition(cells["label"], kind, options)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelFileError(path, str(error)) from error
    return Definitions(slots)


def merge(definitions: Definitions, labels: Definitions) -> Definitions:
    """Return definitions with the operator's labels over them."""
    entities = {*definitions.slots, *labels.slots}
    slots = {entity: {**definitions.slots.get(entity, {}), **labels.slots.get(entity, {})} for entity in entities}
    return Definitions(slots, definitions.names)


def read_slots(entity: str, fields: Row, definitions: Definitions) -> tuple[dict[str, Value], list[str]]:
    """Return a record's fields with its own ones read by their definitions, and what could not be read so."""
    read, odd = dict(fields), []
    _assign(entity, read, definitions)
    for name, one in definitions.of(entity).items():
        if name not in read:
            continue
        try:
            read[name] = one.read(read[name])
        except ValueError:
            odd.append(f"{entity}.{name} ({one.label}): not a {one.kind}")
    return read, odd


def _assign(entity: str, fields: dict[str, Value], definitions: Definitions) -> None:
    """Put assignments into their fields; one that says something else than its slot gets a field of its own.

    What has another shape than the agreed one stays where it stands.
    """
    assigned = fields.pop("custom_field_assignments", None)
    texts: dict[str, dict[str, Value]] = {}
    strange: list[Value] = list(strays_in(assigned))
    for row in rows_in(assigned):
        nested = row.get("custom_field")
        ident = row.get("custom_field_id") or ident_in(nested)
        if found := _values_in(row):
            place = texts.setdefault(str(ident if ident not in (None, "") else row.get("id")), {})
            place.update((str(value), value) for value in found)
        else:
            strange.append(row)
    if strange:
        fields["custom_field_assignments"] = tuple(strange)
    for key, values in texts.items():
        held = [value for value in values.values() if value not in (None, "")]
        value = held[0] if len(held) == 1 else "; ".join(map(str, held)) if held else next(iter(values.values()))
        name = definitions.name_of(entity, key)
        if fields.get(name) in (None, ""):
            if value is not None or name not in fields:
                fields[name] = value
        elif held and not _alike(definitions.of(entity).get(name), fields[name], value):
            fields[f"field_{key}"] = value


def _values_in(assignment: Row) -> list[Value]:
    """Return what an assignment holds; nothing when it has another shape than anybody knows."""
    if "value" in assignment:
        return [assignment["value"]]
    typed = (value for name, value in assignment.items() if name.endswith("_value"))
    return [value for value in typed if value not in (None, "") and not isinstance(value, tuple | Mapping)]


def _alike(definition: Definition | None, slot: Value, assigned: Value) -> bool:
    if str(slot).strip() == str(assigned).strip():
        return True
    try:
        return definition is not None and definition.read(slot) == definition.read(assigned)
    except ValueError:
        return False


def _read_number(_: Definition, value: Value) -> Value:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    match = _NUMBER.fullmatch(str(value).strip())
    if match is None or not (match[2] or match[3]):
        raise ValueError(value)
    return Decimal(match[1] + (match[2] or "0").replace(",", "") + (match[3] or ""))


def _read_checkbox(_: Definition, value: Value) -> Value:
    word = str(value).strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError(value)


def _read_date(_: Definition, value: Value) -> Value:
    """Return the day; a moment inside a day is no day."""
    if isinstance(value, str):
        for kind in ("date", "datetime"):
            try:
                return _read_date(_, read_as(kind, value))
            except ValueError:
                continue
    if isinstance(value, datetime) and value.time() == time():
        return value.date()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(value)


def _read_option(definition: Definition, value: Value) -> Value:
    if definition.options and str(value).strip() not in definition.options:
        raise ValueError(value)
    return value


_READERS: Mapping[str, Callable[[Definition, Value], Value]] = {
    "number": _read_number,
    "checkbox": _read_checkbox,
    "date": _read_date,
    "select": _read_option,
}


def _option(row: Row) -> str:
    return str(row.get("name") or row.get("value") or "")
