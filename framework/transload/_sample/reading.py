"""Reads what one record exercises of a mapping document, rule by rule."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from transload._pipeline.fit import Unfit, as_text
from transload._pipeline.resolve import keys_of
from transload._pipeline.rules import PLACEHOLDER_ID, CompiledRule, Notes, compile_pick
from transload._pipeline.transform import CompiledMapping, state_column, status_column
from transload._sample.oddities import EMPTY_TEXT, NULL, measures, odd
from transload._sample.traits import Kind, Reading, Trait
from transload._workbook.lines import Block, block_rules
from transload.errors import RecordError
from transload.hookspecs import Converter
from transload.mapping import FieldRule, LookupByType, fulfils
from transload.values import (
    Cell,
    ColumnType,
    EntityName,
    Lookup,
    Missing,
    Phase,
    Record,
    TargetColumn,
    Value,
)

_NOTHING = (None, "", ())
_CHOOSING = {ColumnType.CHOICE, ColumnType.CHOICES, ColumnType.BOOLEAN, ColumnType.STATE, ColumnType.STATUS}
_NUMBERED = {ColumnType.CHOICE, ColumnType.CHOICES, ColumnType.STATE, ColumnType.STATUS, ColumnType.LOOKUP}


@dataclass(slots=True)
class Traits:
    """The traits of one document; those that the mapping knows are there before any record is."""

    document: EntityName
    known: dict[tuple[Kind, str, str], Trait] = field(default_factory=dict)

    def of(self, kind: Kind, place: str, what: str) -> Trait:
        """Return a trait, and make it when nobody has asked for it yet."""
        if (found := self.known.get((kind, place, what))) is None:
            found = self.known[kind, place, what] = Trait(self.document, kind, place, what)
        return found


@dataclass(slots=True)
class DocumentReader:
    """Reads the records of one document.

    Attributes:
        owners: The traits of the documents whose records the target knows already.
    """

    mapper: CompiledMapping
    converters: Mapping[str, Converter]
    owners: Mapping[EntityName, Traits]
    traits: Traits = field(init=False)
    _rules: list["_RuleReader"] = field(init=False)

    def __post_init__(self) -> None:
        document = self.mapper.document
        self.traits = self.owners.get(self.mapper.entity) or Traits(self.mapper.entity)
        self._rules = [
            _RuleReader(self, place_of(block, name), rule, cell, self._column(block, name))
            for block, name, rule in block_rules(document)
            if (cell := _cell_of(self.mapper, block, name)) is not None
        ]
        for name, condition in document.when.items():
            for value in condition if isinstance(condition, list) else ():
                self.traits.of(Kind.BRANCH, name, _said(value))

    def read(self, record: Record) -> Reading:
        """Return what a record shows."""
        reading, notes = Reading(record.key), Notes(record.key)
        for name, condition in self.mapper.document.when.items():
            for value in condition if isinstance(condition, list) else ():
                if fulfils({name: [value]}, record):
                    reading.traits.add(self.traits.of(Kind.BRANCH, name, _said(value)))
        for name, kind in self.mapper.unexpected(record):
            reading.traits.add(self.traits.of(Kind.BRANCH, name, kind))
        for rule in self._rules:
            rule.read(record, notes, reading)
        return reading

    def _column(self, block: Block, name: str) -> TargetColumn | None:
        if block is Block.LINK:
            return TargetColumn(name, ColumnType.LOOKUP)
        if block in (Block.ACTIVATE, Block.FINISH):
            states = self.mapper.table.states
            return state_column(states) if name == "statecode" else status_column(states)
        return self.mapper.table.columns.get(name) if block is not Block.CLOSING else None


class _RuleReader:
    """Reads what records show of one rule. All that is known beforehand is settled once: there are many records."""

    def __init__(
        self, reader: DocumentReader, place: str, rule: FieldRule, cell: CompiledRule, column: TargetColumn | None
    ) -> None:
        self.reader, self.place, self.rule, self.cell, self.column = reader, place, rule, cell, column
        by_type = isinstance(rule.lookup, LookupByType)
        self.sources = rule.sources[:-1] if by_type else rule.sources
        self.filled = self._trait(Kind.RULE, "gives a value")
        self.asked = compile_pick(rule, place, reader.converters) if rule.values is not None else None
        self.values = {text: self._trait(Kind.VALUE, text) for text in rule.values or ()}
        if rule.custom is not None and rule.values is None:
            self.values |= {label: self._trait(Kind.VALUE, label) for label in rule.custom.options}
        self.chooses = column is not None and column.type in _CHOOSING and rule.values is None
        self.numbered = column is not None and column.type in _NUMBERED
        self.null = {name: self._strange(name, NULL) for name in self.sources}
        self.empty = {name: self._strange(name, EMPTY_TEXT) for name in self.sources}
        self.condition = self._branches(_CONDITION) if rule.when else None
        several = len(self.sources) > 1 and rule.join is None
        self.taken = dict(zip(self.sources, self._branches(map(_FROM, self.sources)), strict=True)) if several else {}
        self.by_type = (
            {named: self._trait(Kind.BRANCH, f"points to a {named}") for named in rule.lookup.values}
            if isinstance(rule.lookup, LookupByType)
            else {}
        )
        stand_in = _stand_in(rule) if self.sources else ""
        self.stand_in = self._trait(Kind.BRANCH, stand_in) if stand_in else None
        self.stays_empty = bool(self.sources) and not stand_in and rule.empty is Missing.EMPTY
        self.extremes: dict[str, tuple[Trait, Trait]] = {}

    def read(self, record: Record, notes: Notes, reading: Reading) -> None:
        """Add what a record shows."""
        if self.condition is not None:
            holds = fulfils(self.rule.when, record)
            reading.traits.add(self.condition[holds])
            if not holds:
                return
        if not self._read_sources(record, reading) and self.stays_empty:
            return
        losses = len(notes.losses)
        try:
            if self.asked is not None and (asked := self.asked(record)) is not None:
                self._choose(as_text(asked), reading)
            cell = self.cell(record, notes)
        except (RecordError, Unfit) as error:
            code = error.code if isinstance(error, RecordError) else "unfit"
            reading.traits.add(self._trait(Kind.BRANCH, f"refused: {code}"))
            return
        original = ""
        for loss in notes.losses[losses:]:
            original = loss.original
            reading.traits.update(self._strange(self.place, loss.kind))
        if cell not in _NOTHING:
            reading.traits.add(self.filled)
            self._read_cell(cell, original, reading)

    def _read_sources(self, record: Record, reading: Reading) -> bool:
        """Add which of its fields a rule takes, and return whether any is filled."""
        first = None
        for name in self.sources:
            value = record.fields.get(name)
            if value not in _NOTHING:
                first = first or name
            elif value == "":
                reading.traits.update(self.empty[name])
            elif value is None and name in record.fields:
                reading.traits.update(self.null[name])
        if first is None:
            if self.stand_in is not None:
                reading.traits.add(self.stand_in)
            return False
        if self.taken:
            reading.traits.add(self.taken[first])
        if isinstance(self.rule.lookup, LookupByType):
            named = self.by_type.get(str(record.fields.get(self.rule.lookup.by)))
            if named is not None:
                reading.traits.add(named)
        return True

    def _read_cell(self, cell: Cell, original: str, reading: Reading) -> None:
        if self.chooses and self.column is not None:
            for option in cell if isinstance(cell, tuple) else (cell,):
                self._choose(option_label(self.column, option), reading, new=True)
        if isinstance(cell, Lookup | tuple):
            self._read_lookups(cell, reading)
        elif not self.numbered:
            for what in odd(cell, self.column, self.rule.max):
                reading.traits.update(self._strange(self.place, what))
            for what, measure in measures(cell, original):
                if (its := self.extremes.get(what)) is None:
                    its = self.extremes[what] = self._strange(self.place, what)
                of_column, of_document = its
                reading.measures[of_column] = measure
                reading.measures[of_document] = max(measure, reading.measures.get(of_document, measure))

    def _read_lookups(self, cell: Cell, reading: Reading) -> None:
        for one in cell if isinstance(cell, tuple) else (cell,):
            if isinstance(one, Lookup) and (keys := tuple(keys_of(one))) and keys[0].source_id != PLACEHOLDER_ID:
                reading.points.append((self.place, keys))
                for key in keys:
                    if (owners := self.reader.owners.get(key.entity)) is not None:
                        reading.traits.add(owners.of(Kind.OWNER, "", str(key)))

    def _choose(self, text: str, reading: Reading, new: bool = False) -> None:
        """Add a value of a map or a choice; a map says what is a value of its own, a choice whatever occurs."""
        if (known := self.values.get(text)) is None and new:
            known = self.values[text] = self._trait(Kind.VALUE, text)
        if known is not None:
            reading.traits.add(known)

    def _trait(self, kind: Kind, what: str) -> Trait:
        return self.reader.traits.of(kind, self.place, what)

    def _branches(self, names: Iterable[str]) -> list[Trait]:
        return [self._trait(Kind.BRANCH, name) for name in names]

    def _strange(self, place: str, what: str) -> tuple[Trait, Trait]:
        """Return something strange as a trait of a column or field, and as one of the whole document."""
        return self.reader.traits.of(Kind.STRANGE_COLUMN, place, what), self.reader.traits.of(Kind.STRANGE, "", what)


_CONDITION = ("its condition does not hold", "its condition holds")
"""By whether it holds."""
_FROM = "taken from {}".format


def _stand_in(rule: FieldRule) -> str:
    """Return what a rule does when its fields are empty; nothing when it then leaves the column so."""
    if rule.default is not None:
        return f"empty, so the default {_said(rule.default)}"
    return f"empty, so the {rule.empty}" if rule.empty in (Missing.FALLBACK, Missing.PLACEHOLDER) else ""


def _said(value: Value) -> str:
    return "empty" if value is None else as_text(value)


def place_of(block: Block, name: str) -> str:
    """Return how a rule is called among those of its document."""
    return name if block is Block.FIELDS else f"{name} ({block})"


def option_label(column: TargetColumn, option: object) -> str:
    """Return the label of an option, as people know it."""
    if isinstance(option, bool):
        return "yes" if option else "no"
    return column.options.get(option, str(option)) if isinstance(option, int) else str(option)


def _cell_of(mapper: CompiledMapping, block: Block, name: str) -> CompiledRule | None:
    """Return the function of a rule; None where nothing is written by it."""
    match block:
        case Block.LINK:
            return mapper.ends[name == "other"] if mapper.ends is not None else None
        case Block.FIELDS:
            return mapper.rows.get(name) or mapper.links.get(name)
        case Block.CLOSING:
            return mapper.closing.get(name)
        case Block.COMPUTED:
            return mapper.computed.get(name)
    state_of = mapper.states.get(Phase(block.value))
    if state_of is None:
        return None
    return lambda record, notes: state_of(record, notes)[name == "statuscode"]
