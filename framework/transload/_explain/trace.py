"""Translates one record again, as the load does, and watches: which field, conversion and value map gave which column.

Nothing here decides anything: the rules are those that the mapping compiles to, with conversions that remember what
went in and what came out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from transload._pipeline.fit import Unfit, as_text
from transload._pipeline.rules import CompiledRule, Notes
from transload._pipeline.transform import CompiledMapping
from transload._workbook.lines import Block, block_rules, describe_rule
from transload.errors import RecordError
from transload.hookspecs import Converter
from transload.mapping import Constant, FieldRule
from transload.values import Cell, Loss, Phase, Record, Value


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion was given and what it gave; ``problem`` when it refused."""

    name: str
    before: Value
    after: Value = None
    problem: str = ""


@dataclass(slots=True)
class Tape:
    """Remembers conversions while rules are applied."""

    heard: list[Conversion] = field(default_factory=list)

    def around(self, converters: Mapping[str, Converter]) -> dict[str, Converter]:
        """Return conversions that do the same and are remembered."""
        return {name: self._listening(name, converter) for name, converter in converters.items()}

    def _listening(self, name: str, converter: Converter) -> Converter:
        def convert(value: Value) -> Value:
            try:
                result = converter(value)
            except ValueError as error:
                self.heard.append(Conversion(name, value, problem=str(error)))
                raise
            self.heard.append(Conversion(name, value, result))
            return result

        return convert


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """How one rule came to its value.

    Attributes:
        phase: When the column is written; None when it never is, and only compared.
        fields: What the source holds in the fields that the rule reads.
        how: In words, what the rule does.
        mapped: A value, and what the value map makes of it; None when there is no map, or nothing to map.
        cell: The outcome; a lookup is still open.
        problem: Why there is none.
    """

    block: Block
    phase: Phase | None
    column: str
    fields: Mapping[str, Value]
    how: str
    conversions: tuple[Conversion, ...]
    mapped: tuple[str, Constant] | None
    cell: Cell
    problem: str = ""
    losses: tuple[Loss, ...] = ()


def trace_rules(mapper: CompiledMapping, record: Record, tape: Tape) -> list[RuleTrace]:
    """Apply every rule of a document to a record of it.

    Args:
        mapper: The mapping, compiled with the conversions of the tape.
        record: The record, under the document's key.
        tape: Remembers what the conversions do.
    """
    return [
        _trace(_Applied(block, _phase(mapper, block, name), name, rule, compiled), record, tape)
        for block, name, rule in block_rules(mapper.document)
        for compiled in _compiled(mapper, block, name)
    ]


@dataclass(frozen=True, slots=True)
class _Applied:
    """A rule with what it was compiled to."""

    block: Block
    phase: Phase | None
    column: str
    rule: FieldRule
    compiled: CompiledRule


def _phase(mapper: CompiledMapping, block: Block, name: str) -> Phase | None:
    phases = {Block.LINK: Phase.LINKS, Block.ACTIVATE: Phase.ACTIVATE, Block.FINISH: Phase.FINISH,
              Block.CLOSING: Phase.FINISH, Block.COMPUTED: None}  # fmt: skip
    return phases.get(block, Phase.LINKS if name in mapper.links else Phase.ROWS)


def _compiled(mapper: CompiledMapping, block: Block, name: str) -> Iterator[CompiledRule]:
    """Yield what a rule was compiled to; nothing for one that this target has no use for."""
    phase = _phase(mapper, block, name)
    match block:
        case Block.LINK if mapper.ends is not None:
            yield mapper.ends[name == "other"]
        case Block.ACTIVATE | Block.FINISH:
            if phase is not None and phase in mapper.states:
                state_of = mapper.states[phase]
                yield lambda record, notes: state_of(record, notes)[name == "statuscode"]
        case _:
            rules = {Block.CLOSING: mapper.closing, Block.COMPUTED: mapper.computed}
            known = rules.get(block, {**mapper.rows, **mapper.links})
            if name in known:
                yield known[name]


def _trace(applied: _Applied, record: Record, tape: Tape) -> RuleTrace:
    rule, notes, problem, cell = applied.rule, Notes(record.key), "", None
    tape.heard.clear()
    try:
        cell = applied.compiled(record, notes)
    except (RecordError, Unfit) as error:
        problem = str(error).removeprefix(f"{record.key}: ")
    conversions = tuple(tape.heard)
    return RuleTrace(
        applied.block,
        applied.phase,
        applied.column,
        {source: record.fields.get(source) for source in rule.sources},
        describe_rule(rule),
        conversions,
        _mapped(rule, record, conversions),
        cell,
        problem,
        tuple(notes.losses),
    )


def _mapped(rule: FieldRule, record: Record, conversions: tuple[Conversion, ...]) -> tuple[str, Constant] | None:
    """Return which entry of the value map a rule has used."""
    if rule.values is None or rule.join is not None:
        return None
    read = [record.fields.get(source) for source in rule.sources]
    given = [one.after for one in conversions[-1:]] if rule.converters else read
    value = next((one for one in given if one not in (None, "")), None)
    if value is None or isinstance(value, tuple | Mapping):
        return None
    text = as_text(value)
    return (text, rule.values[text]) if text in rule.values else None
