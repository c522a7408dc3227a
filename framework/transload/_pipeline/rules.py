"""Compiles one rule of a mapping into a function from a record to a cell.

Everything that can be known beforehand is settled here, once: the converters, the
value map with its options, the table a lookup points to. What is wrong with a rule is
found here too, before a single record is read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from transload._mistakes import nearest
from transload._pipeline.fit import Fit, Unfit, as_text, fit_to, option_of
from transload.errors import UnfitValueError, UnknownValueError
from transload.hookspecs import Converter
from transload.mapping import FieldRule, Find, LookupByType, Unknown, fulfils
from transload.values import (
    Cell,
    ColumnType,
    EntityName,
    Lookup,
    Loss,
    Missing,
    Record,
    RecordKey,
    SourceId,
    TableName,
    TargetColumn,
    Value,
)

PLACEHOLDER_ID = SourceId("placeholder")
"""Source id of the row that stands in for a parent the source does not name."""


@dataclass(slots=True)
class Notes:
    """What came up while one record was translated."""

    key: RecordKey
    losses: list[Loss] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


_POINTING = {ColumnType.LOOKUP, ColumnType.PARTIES}
CompiledRule: TypeAlias = Callable[[Record, Notes], Cell]


def compile_rule(
    rule: FieldRule,
    column: TargetColumn,
    tables: Mapping[str, TableName],
    converters: Mapping[str, Converter],
) -> CompiledRule:
    """Return the function of a rule.

    Args:
        rule: The rule.
        column: The column that it fills.
        tables: Which table each mapped entity goes to.
        converters: Conversions by name.

    Raises:
        Unfit: The rule cannot work; the message completes "column X ...".
    """
    if rule.when:
        conditions, always = rule.when, compile_rule(rule.model_copy(update={"when": {}}), column, tables, converters)
        return lambda record, notes: always(record, notes) if fulfils(conditions, record) else None
    pick = compile_pick(rule, column.name, converters)
    if rule.lookup is not None or rule.find is not None or column.type in _POINTING:
        return _compile_lookup(rule, column, pick, tables)
    fit = fit_to(column, rule.max, rule.on_overflow)
    translate = _compile_values(rule, column)
    default = fit(rule.default, _no_loss) if rule.default is not None else None

    def apply(record: Record, notes: Notes) -> Cell:
        value = pick(record)
        if value is not None and translate is not None:
            value = translate(record.key, value, notes)
        if value is None or value == "":
            return default
        return _fitted(fit, value, column.name, notes)

    return apply


def compile_pick(rule: FieldRule, column: str, converters: Mapping[str, Converter]) -> Callable[[Record], Value]:
    """Return the function that finds a rule's value in a record; empty text counts as none."""
    if rule.value is not None:
        constant = rule.value
        return lambda record: constant
    read = _compile_read(rule, column, converters)
    sources = rule.sources[:-1] if isinstance(rule.lookup, LookupByType) else rule.sources
    joint = rule.join

    def first(record: Record) -> Value:
        for source in sources:
            if (value := read(record, source)) is not None:
                return value
        return None

    def glue(record: Record) -> Value:
        parts = [as_text(value) for source in sources if (value := read(record, source)) is not None]
        return (joint or "").join(parts) or None

    return first if joint is None else glue


def _compile_read(rule: FieldRule, column: str, converters: Mapping[str, Converter]) -> Callable[[Record, str], Value]:
    """Return the function that reads one field through the rule's converters."""
    steps = []
    for name in rule.converters:
        if name not in converters:
            raise Unfit(f"names the converter `{name}`, which nobody offers{nearest(name, list(converters))}")
        steps.append(converters[name])

    def read(record: Record, source: str) -> Value:
        value = record.fields.get(source)
        if value is None or value == "":
            return None
        try:
            for step in steps:
                value = step(value)
        except ValueError as error:
            raise UnfitValueError(record.key, column, f"cannot take {source}: {error}") from error
        return None if value == "" else value

    return read


def _compile_values(rule: FieldRule, column: TargetColumn) -> Callable[[RecordKey, Value, Notes], Value] | None:
    if rule.values is None:
        return None
    known: dict[str, Value] = dict(rule.values)
    if column.options and column.type is not ColumnType.BOOLEAN:
        known = {name: None if to is None else option_of(column, to) for name, to in known.items()}
    source, unknown = "/".join(rule.sources), rule.unknown

    def translate(key: RecordKey, value: Value, notes: Notes) -> Value:
        text = as_text(value)
        if text in known:
            return known[text]
        if unknown is Unknown.ERROR:
            raise UnknownValueError(key, source, text, list(known))
        kept = value if unknown is Unknown.KEEP else None
        if kept is None:
            notes.losses.append(Loss(key, column.name, "unknown value", text, ""))
            notes.flags.append(f"{source} {text!r} has no counterpart")
        return kept

    return translate


def _compile_lookup(
    rule: FieldRule,
    column: TargetColumn,
    pick: Callable[[Record], Value],
    tables: Mapping[str, TableName],
) -> CompiledRule:
    if column.type not in _POINTING:
        raise Unfit(f"is a {column.type} column, and the rule looks up a row")
    if rule.find is None and rule.lookup is None:
        raise Unfit("is a lookup column: the rule needs `lookup` or `find`")
    if rule.lookup is not None:
        rule = _reachable(rule, column, tables)
    elif Missing.PLACEHOLDER in (rule.missing, rule.empty):
        raise Unfit("is found by `find`, which knows no placeholder: say `fallback`, `empty` or `error`")
    point = _compile_find(rule, rule.find, column) if rule.find is not None else _compile_key(rule, tables)
    table = TableName(rule.find.table) if rule.find is not None else tables[rule.entities[0]]

    def look_up(record: Record, notes: Notes) -> Cell:
        value = pick(record)
        if value is None or value == ():
            stand_in = _when_empty(rule.empty, rule, table, record, column.name, notes)
            return (stand_in,) if column.type is ColumnType.PARTIES and stand_in is not None else stand_in
        if column.type is ColumnType.PARTIES:
            values = value if isinstance(value, tuple) else (value,)
            found = (point(record, one, notes) for one in dict.fromkeys(values))
            return tuple(lookup for lookup in found if lookup is not None) or None
        return point(record, value, notes)

    return look_up


_Point: TypeAlias = Callable[[Record, Value, Notes], Lookup | None]
"""Turns a value of a record into the lookup of a row."""


def _compile_key(rule: FieldRule, tables: Mapping[str, TableName]) -> _Point:
    """Return what points to the row of another record."""
    assert rule.lookup is not None  # the caller has looked
    entities_of = _compile_entities(rule.lookup)

    def point(record: Record, value: Value, notes: Notes) -> Lookup:
        if not (entities := entities_of(record)):
            raise UnknownValueError(record.key, "/".join(rule.sources), "", list(rule.entities))
        first, *others = (RecordKey(EntityName(entity), SourceId(as_text(value))) for entity in entities)
        return Lookup(tables[first.entity], first, (), rule.missing, tuple(others))

    return point


def _compile_find(rule: FieldRule, find: Find, column: TargetColumn) -> _Point:
    """Return what points to a row that is in the target already."""
    table = TableName(find.table)
    translate = _compile_values(rule, column)

    def point(record: Record, value: Value, notes: Notes) -> Lookup | None:
        wanted = translate(record.key, value, notes) if translate is not None else value
        if wanted is None:
            return None
        return Lookup(table, criteria=((find.column, as_text(wanted)),), missing=rule.missing)

    return point


def _reachable(rule: FieldRule, column: TargetColumn, tables: Mapping[str, TableName]) -> FieldRule:
    """Return the rule with the alternatives of its lookup that this project has and the column can point to.

    Raises:
        Unfit: None is left.
    """
    usable: set[str] = set()
    problems: dict[str, str] = {}
    for entity in rule.entities:
        if entity not in tables:
            hint = nearest(entity, list(tables))
            problems[entity] = f"refers to the entity `{entity}`, which no mapping covers{hint}"
        elif column.targets and tables[entity] not in column.targets:
            problems[entity] = f"cannot point to {tables[entity]}; it points to {', '.join(column.targets)}"
        else:
            usable.add(entity)

    def choose(named: str | list[str]) -> str | list[str]:
        chosen = [entity for entity in ([named] if isinstance(named, str) else named) if entity in usable]
        if not chosen:
            raise Unfit(problems[named if isinstance(named, str) else named[0]])
        return named if isinstance(named, str) else chosen

    match rule.lookup:
        case None:
            return rule
        case LookupByType(by=by, values=values):
            lookup: str | list[str] | LookupByType = LookupByType(
                by=by, values={k: choose(v) for k, v in values.items()}
            )
        case _:
            lookup = choose(rule.lookup)
    return rule.model_copy(update={"lookup": lookup})


def _compile_entities(lookup: str | list[str] | LookupByType) -> Callable[[Record], Sequence[str]]:
    """Return what names the entities that a lookup may point to, the best first."""
    if isinstance(lookup, LookupByType):
        by = lookup.by
        entities = {value: [its] if isinstance(its, str) else its for value, its in lookup.values.items()}
        return lambda record: entities.get(str(record.fields.get(by)), [])
    fixed = [lookup] if isinstance(lookup, str) else lookup
    return lambda record: fixed


def _when_empty(
    policy: Missing, rule: FieldRule, table: TableName, record: Record, column: str, notes: Notes
) -> Lookup | None:
    source = "/".join(rule.sources) or column
    if policy is Missing.FALLBACK:
        if rule.sources:  # a rule without a source wants the fallback, always
            notes.flags.append(f"{source} is empty; {column} is the fallback")
        return Lookup(table, missing=Missing.ERROR)
    if policy is Missing.PLACEHOLDER:
        notes.flags.append(f"{source} is empty; {column} is the placeholder")
        return Lookup(table, RecordKey(EntityName(rule.entities[0]), PLACEHOLDER_ID), (), Missing.PLACEHOLDER)
    if policy is Missing.EMPTY:
        return None
    raise UnfitValueError(record.key, column, f"needs {source}, which is empty")


def _fitted(fit: Fit, value: Value, column: str, notes: Notes) -> Cell:
    def lose(kind: str, original: str, kept: str) -> None:
        notes.losses.append(Loss(notes.key, column, kind, original, kept))
        # The whole of it goes into the row's own review column too: a client may lose the ledger.
        notes.flags.append(f"{column} was {kind}; the source says: {original}")

    try:
        return fit(value, lose)
    except Unfit as error:
        raise UnfitValueError(notes.key, column, str(error)) from error


def _no_loss(kind: str, original: str, kept: str) -> None:
    raise Unfit(f"has a default that would be {kind}: {original!r}")
