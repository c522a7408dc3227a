"""Completes mappings from what the audit saw, and refuses those that leave something out.

A field that no document mentions and that some record fills is kept in a custom column,
one that no record fills is dropped as long as it stays empty. Several documents may read
the records of one source entity: together they account for its fields, and what is left
over goes to the first of them, and to those that read records which that does not.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from transload._mistakes import nearest
from transload._pipeline.fit import EARLIEST, RANGES
from transload._pipeline.profile import Extreme, FieldProfile
from transload._pipeline.transform import custom_columns, documents_by_records, keepers
from transload.errors import MappingError
from transload.mapping import CustomColumn, Dropped, FieldRule, MappingGap, Overflow
from transload.mapping import Mapping as MappingDocument
from transload.values import ColumnType, EntityName, FieldType, SourceField, SourceSchema, TableName

_LONGEST_TEXT, _LONGEST_MEMO = 4000, 1 << 20
_MOST_DIGITS = 10
_LONGEST_NAME = 50
_MOST_OPTIONS = 200
_MEGABYTE = 1 << 20
_COLUMN_OF = {
    FieldType.INTEGER: ColumnType.INTEGER,
    FieldType.DECIMAL: ColumnType.DECIMAL,
    FieldType.BOOLEAN: ColumnType.BOOLEAN,
    FieldType.DATETIME: ColumnType.DATETIME,
    FieldType.DATE: ColumnType.DATE,
    FieldType.NESTED: ColumnType.MEMO,
}


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field that the source documents or that a record has."""

    profile: FieldProfile
    described: SourceField | None

    @property
    def derived(self) -> bool:
        """Whether the source computes it for the mapping's sake only."""
        return self.described is not None and self.described.derived


Fields = Mapping[str, Mapping[str, KnownField]]
"""The fields of each source entity."""


def known_fields(
    source: SourceSchema,
    profiles: Mapping[EntityName, Mapping[str, FieldProfile]],
    documents: Mapping[str, MappingDocument],
) -> dict[str, dict[str, KnownField]]:
    """Return the fields that the source documents, that a record has, or that a document gives."""
    found: dict[str, dict[str, KnownField]] = {}
    for entity in source.entities:
        found[entity.name] = {
            name: KnownField(FieldProfile(name), described) for name, described in entity.fields.items()
        }
    for document in documents.values():
        given = {name for record in document.given for name in record}
        found.setdefault(document.source_entity, {}).update(
            {name: KnownField(FieldProfile(name), None) for name in given}
        )
    for name, profile in profiles.items():
        fields = found.setdefault(name, {})
        for field, seen in profile.items():
            fields[field] = KnownField(seen, fields[field].described if field in fields else None)
    return found


def gaps(documents: Mapping[str, MappingDocument], fields: Fields) -> list[MappingGap]:
    """Return the filled fields that no rule covers."""
    return [
        MappingGap(
            EntityName(entity), name, known.profile.type, known.profile.filled, known.profile.seen,
            known.profile.longest, known.profile.samples, TableName(reading[0].table),
        )
        for entity, reading in documents_by_records(documents.values()).items()
        if reading[0].writes_rows and reading[0].link is None and reading[0].others is None
        for name, known in fields.get(entity, {}).items()
        if known.profile.filled and not known.derived and name not in _covered(reading)
    ]  # fmt: skip


def complete(documents: Mapping[str, MappingDocument], fields: Fields, prefix: str) -> dict[str, MappingDocument]:
    """Return the documents with rules for the fields that none of them mentions."""
    completed = {entity: _with_options(document, fields) for entity, document in documents.items()}
    taken: dict[str, set[str]] = {}
    for document in completed.values():
        taken.setdefault(document.table, set()).update(document.fields, custom_columns(document))
    for entity, reading in documents_by_records(documents.values()).items():
        covered = _covered(reading)
        left = {n: known for n, known in fields.get(entity, {}).items() if n not in covered and not known.derived}
        for keeper in keepers(reading):
            document = completed[keeper.entity]
            completed[keeper.entity] = _with_the_rest(document, left, taken[document.table], prefix)
    return completed


def _with_the_rest(
    document: MappingDocument, left: Mapping[str, KnownField], taken: set[str], prefix: str
) -> MappingDocument:
    """Return a document that says what becomes of the fields that are left; their columns are added to those taken."""
    rules, dropped = dict(document.fields), dict(document.dropped)
    for name, known in left.items():
        if document.skip is not None:
            dropped[name] = document.skip
        elif not document.writes_rows or document.link is not None:
            dropped[name] = "the row is only recognised, not written"
        elif not known.profile.filled:
            dropped[name] = Dropped(reason="no record fills it", while_empty=True)
        elif document.others is not None:
            dropped[name] = document.others
        else:
            column, number = _column_name(prefix, name, taken)
            taken.add(column)
            rules[column] = _kept(name, known, f" {number}" if number > 1 else "")
    return document.model_copy(update={"fields": rules, "dropped": dropped})


def _with_options(document: MappingDocument, fields: Fields) -> MappingDocument:
    """Return a document whose choices without options have those that occur, and whose files the room they need.

    A choice of which no value occurs no target could make: its fields are dropped as long as they stay empty.
    """
    rules = dict(document.fields)
    for name, rule in document.fields.items():
        custom = rule.custom
        largest = max((known.profile.largest for known in _read_by(rule, document, fields)), default=0)
        if largest and (rule.max or 0) < largest:
            # In whole megabytes, as an administrator sets it.
            rules[name] = rule.model_copy(update={"max": -(-largest // _MEGABYTE) * _MEGABYTE})
        if custom is None or custom.options or custom.type not in {ColumnType.CHOICE, ColumnType.CHOICES}:
            continue
        seen = _read_by(rule, document, fields)
        if any(known.profile.overflowed for known in seen):
            raise MappingError(document.entity, [f"column {name} has more values than a choice should have options"])
        occurring = sorted((value for known in seen for value in known.profile.distinct), reverse=True)
        # Labels are told apart without regard to case.
        options = sorted({value.casefold(): value for value in occurring}.values(), key=str.casefold)
        if options:
            rules[name] = rule.model_copy(update={"custom": custom.model_copy(update={"options": options})})
        else:
            del rules[name]
    changed = document.model_copy(update={"fields": rules})
    unused = document.used_fields() - changed.used_fields()
    empty = dict.fromkeys(sorted(unused), Dropped(reason="no record fills it", while_empty=True))
    return changed.model_copy(update={"dropped": {**document.dropped, **empty}})


def _read_by(rule: FieldRule, document: MappingDocument, fields: Fields) -> list[KnownField]:
    known = fields.get(document.source_entity, {})
    return [known[source] for source in rule.sources if source in known]


def require_coverage(documents: Mapping[str, MappingDocument], fields: Fields) -> None:
    """Refuse mappings that say nothing about a field or an entity, or read a field that there is not.

    Raises:
        MappingError: Something is not accounted for.
    """
    reading = documents_by_records(documents.values())
    mistakes = [
        f"{its[0].entity}: the field `{name}` is neither used by a rule nor dropped with a reason"
        for entity, its in reading.items()
        for name in sorted(name for name, known in fields.get(entity, {}).items() if not known.derived)
        if name not in _covered(its)
    ]
    mistakes += [
        f"{entity}: {len(its)} fields of its records are mapped nowhere; it has no mapping"
        for entity, its in fields.items()
        if entity not in reading and any(known.profile.seen and not known.derived for known in its.values())
    ]
    for document in documents.values():
        known = sorted(fields.get(document.source_entity, {}))
        for name in sorted(document.used_fields() - set(known)) if known else ():
            hint = nearest(name, known)
            mistakes.append(f"{document.entity}: the source has no field `{name}`{hint if 'did you' in hint else ''}")
    if mistakes:
        raise MappingError("the mapping", mistakes)


def _covered(reading: list[MappingDocument]) -> set[str]:
    return {name for document in reading for name in document.covered_fields()}


def _kept(name: str, known: KnownField, suffix: str) -> FieldRule:
    """Return the rule that keeps a field in a custom column of its own."""
    profile, described = known.profile, known.described
    label = described.label if described is not None and described.label else name.replace("_", " ").capitalize()
    label += suffix
    if described is not None and described.options and not profile.overflowed:
        options = [*described.options, *sorted(set(profile.distinct) - set(described.options))]
        if len(options) <= _MOST_OPTIONS:
            return FieldRule(from_=name, custom=CustomColumn(type=ColumnType.CHOICE, label=label, options=options))
    kind = _COLUMN_OF.get(profile.type, ColumnType.TEXT)
    if not _takes(kind, profile):
        kind = ColumnType.TEXT
    limit, precision, overflow = None, None, Overflow.ERROR
    convert: list[str] = ["json"] if profile.type is FieldType.NESTED else []
    if kind is ColumnType.DECIMAL:
        precision = max(2, profile.digits)
    if kind in {ColumnType.TEXT, ColumnType.MEMO}:
        # Room for what later records may hold: twice the longest, in round numbers.
        limit = next((size for size in (100, 250, 500, 1000, 2000, _LONGEST_TEXT) if size >= 2 * profile.longest), 0)
        if not limit:
            kind, limit = ColumnType.MEMO, min(_LONGEST_MEMO, max(10_000, 4 * profile.longest))
        if profile.longest > limit:
            overflow = Overflow.LEDGER
    custom = CustomColumn(type=kind, label=label, max=limit, precision=precision)
    return FieldRule(from_=name, convert=convert, on_overflow=overflow, custom=custom)


def _takes(kind: ColumnType, profile: FieldProfile) -> bool:
    """Whether a column of a type takes everything that was seen of a field, with all its digits."""
    if profile.lowest is None or profile.highest is None:
        return True
    if kind in {ColumnType.DATE, ColumnType.DATETIME}:
        return _day(profile.lowest) >= EARLIEST
    lowest, highest = RANGES.get(kind, (None, None))
    if lowest is None or highest is None:
        return True
    fits = lowest <= _number(profile.lowest) and _number(profile.highest) <= highest
    return fits and profile.digits <= _MOST_DIGITS


def _day(extreme: Extreme) -> date:
    return extreme.date() if isinstance(extreme, datetime) else extreme if isinstance(extreme, date) else date.min


def _number(extreme: Extreme) -> Decimal:
    return Decimal(extreme) if isinstance(extreme, int | Decimal) else Decimal("Infinity")


def _column_name(prefix: str, field: str, taken: Container[str]) -> tuple[str, int]:
    """Return a name that no column has, and how many would have liked it."""
    base = f"{prefix}_{re.sub('[^a-z0-9]', '', field.lower()) or 'field'}"[:_LONGEST_NAME]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base[: _LONGEST_NAME - len(str(number))]}{number}"
    return name, number
