"""The mapping engine: compiles mapping documents and applies them to records.

Compiling checks every document against both live schemas and reports all mistakes of
all documents at once. Applying is a function from a record to at most one write for
each phase, without I/O: reconciliation applies it again to learn what should be there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from transload._mistakes import nearest
from transload._pipeline.fit import Unfit
from transload._pipeline.rules import CompiledRule, Notes, compile_rule
from transload.errors import MappingError, RecordError, UnfitValueError
from transload.hookspecs import Converter
from transload.ids import row_id_maker
from transload.mapping import CustomColumn, FieldRule
from transload.mapping import Mapping as MappingDocument
from transload.values import (
    Cell,
    ColumnType,
    EntityName,
    Loss,
    Missing,
    Phase,
    Record,
    Rejection,
    RowId,
    SetState,
    SourceId,
    SourceSchema,
    TableName,
    TargetColumn,
    TargetSchema,
    TargetState,
    TargetTable,
    Upsert,
    Write,
)

KEY_LENGTH = 100
FLAG_LENGTH = 100_000
_DEFAULT_LENGTH = {ColumnType.TEXT: 100, ColumnType.MEMO: 2000}
_DEFAULT_PRECISION = {ColumnType.DECIMAL: 2, ColumnType.MONEY: 2}


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping document, ready to be applied.

    Attributes:
        document: What it was compiled from.
        table: The target table, with the custom columns that ``prepare`` makes.
        row_id: Computes the row id of a source id.
        rows, links, closing: The rules of each phase, by column.
        state: Gives the state and status that a record should end in.
        guarded: Fields that are dropped as long as nobody fills them.
        covered: Fields that the document accounts for.
        phase: Which writes :meth:`map` returns.
    """

    document: MappingDocument
    table: TargetTable
    row_id: Callable[[SourceId], RowId]
    rows: Mapping[str, CompiledRule]
    links: Mapping[str, CompiledRule]
    closing: Mapping[str, CompiledRule]
    state: Callable[[Record, Notes], tuple[int, int]] | None
    guarded: tuple[str, ...]
    covered: frozenset[str]
    phase: Phase = Phase.ROWS

    @property
    def entity(self) -> EntityName:
        """The entity whose records it translates."""
        return EntityName(self.document.entity)

    def at(self, phase: Phase) -> "CompiledMapping":
        """Return the same mapping, set to another phase."""
        return replace(self, phase=phase)

    def has(self, phase: Phase) -> bool:
        """Whether the mapping writes anything in a phase."""
        if not self.document.writes_rows:
            return False
        if phase is Phase.FINISH:
            return self.state is not None
        return phase is Phase.ROWS or bool(self.links)

    def map(self, record: Record) -> list[Write | Rejection]:
        """Translate one record; empty when the phase has nothing for it."""
        notes = Notes(record.key)
        try:
            return [self._map(record, notes)]
        except RecordError as error:
            return [Rejection(record.key, error)]
        except Unfit as error:
            return [Rejection(record.key, UnfitValueError(record.key, "a column", str(error)))]

    def _map(self, record: Record, notes: Notes) -> Write:
        table, row_id = self.table.name, self.row_id(record.key.source_id)
        if self.phase is Phase.FINISH:
            assert self.state is not None  # `has` said so
            state, status = self.state(record, notes)
            columns = {name: rule(record, notes) for name, rule in self.closing.items()}
            return SetState(record.key, table, row_id, state, status, columns)
        rules = self.rows if self.phase is Phase.ROWS else self.links
        cells: dict[str, Cell] = {name: rule(record, notes) for name, rule in rules.items()}
        if self.phase is Phase.ROWS:
            if self.document.key is not None and self.document.key.column is not None:
                cells[self.document.key.column] = str(record.key.source_id)
            self._guard(record, notes)
        return Upsert(
            record.key, table, row_id, cells, self.phase,
            losses=tuple(notes.losses), flags=tuple(notes.flags),
        )  # fmt: skip

    def _guard(self, record: Record, notes: Notes) -> None:
        """Report values that no rule carries over: of fields dropped as empty, and of fields new since the plan."""
        for name in (*self.guarded, *(record.fields.keys() - self.covered)):
            value = record.fields.get(name)
            if value not in (None, "", ()):
                kind = "dropped, but filled now" if name in self.covered else "not in the mapping"
                notes.losses.append(Loss(record.key, name, kind, str(value), ""))
                notes.flags.append(f"{name} is {kind}; the source says: {value}")


def compile_mappings(
    documents: Iterable[MappingDocument],
    source: SourceSchema,
    target: TargetSchema,
    converters: Mapping[str, Converter],
    deferred: Mapping[str, frozenset[str]],
) -> dict[EntityName, CompiledMapping]:
    """Compile all documents of a project.

    Args:
        documents: One per entity.
        source: The live source.
        target: The live target.
        converters: Conversions by name.
        deferred: Columns of each entity that wait for the links phase.

    Raises:
        MappingError: Documents do not fit the schemas; every mistake is listed.
    """
    documents = list(documents)
    tables = {document.entity: TableName(document.table) for document in documents}
    compiled: dict[EntityName, CompiledMapping] = {}
    mistakes: list[str] = []
    for document in documents:
        if document.table not in target.tables:
            mistakes.append(f"{document.entity}: the target has no table `{document.table}`")
            continue
        compiler = _Compiler(document, target.tables[TableName(document.table)], tables, converters)
        result = compiler.compile(source, deferred.get(document.entity, frozenset()))
        mistakes.extend(f"{document.entity}: {mistake}" for mistake in compiler.mistakes)
        compiled[EntityName(document.entity)] = result
    mistakes.extend(_missing_placeholders(documents))
    if mistakes:
        raise MappingError("the mapping", mistakes)
    return compiled


def _missing_placeholders(documents: Sequence[MappingDocument]) -> Iterator[str]:
    """Yield the rules that point to a placeholder which the parent's mapping does not declare."""
    without = {document.entity for document in documents if document.placeholder is None}
    for document in documents:
        for column, rule in document.fields.items():
            if Missing.PLACEHOLDER in (rule.missing, rule.empty):
                for entity in sorted(without & set(rule.entities)):
                    yield f"{document.entity}: column {column} wants the placeholder of {entity}, which has none"


def custom_columns(document: MappingDocument) -> dict[str, TargetColumn]:
    """Return the columns that a document needs and the client's administrator may not have yet."""
    columns = {
        name: _custom_column(name, rule.custom, rule.max) for name, rule in document.rules() if rule.custom is not None
    }
    if document.key is not None and document.key.column is not None:
        columns[document.key.column] = TargetColumn(
            document.key.column, ColumnType.TEXT, document.key.label or "Source id", KEY_LENGTH, custom=True
        )
    if document.flag is not None:
        columns[document.flag] = TargetColumn(
            document.flag, ColumnType.MEMO, "Migration: please review", FLAG_LENGTH, custom=True
        )
    return columns


def _custom_column(name: str, custom: CustomColumn, limit: int | None) -> TargetColumn:
    return TargetColumn(
        name,
        custom.type,
        custom.label or name.partition("_")[2].replace("_", " ").capitalize() or name,
        max_length=custom.max or limit or _DEFAULT_LENGTH.get(custom.type),
        precision=custom.precision if custom.precision is not None else _DEFAULT_PRECISION.get(custom.type),
        custom=True,
    )


class _Compiler:
    """Compiles one document and collects its mistakes."""

    def __init__(
        self,
        document: MappingDocument,
        table: TargetTable,
        tables: Mapping[str, TableName],
        converters: Mapping[str, Converter],
    ) -> None:
        self.document, self.tables, self.converters = document, tables, converters
        self.mistakes: list[str] = []
        own = custom_columns(document)
        for name, column in own.items():
            live = table.columns.get(name)
            if live is not None and live.type is not column.type:
                self.mistakes.append(f"{name} exists in the target as {live.type}, and the mapping wants {column.type}")
        self.table = replace(table, columns={**own, **table.columns})

    def compile(self, source: SourceSchema, deferred: frozenset[str]) -> CompiledMapping:
        document = self.document
        self._check_match()
        fields = {name: self._rule(name, rule) for name, rule in document.fields.items()}
        compiled = {name: rule for name, rule in fields.items() if rule is not None}
        return CompiledMapping(
            document=document,
            table=self.table,
            row_id=row_id_maker(source, EntityName(document.entity), self.table.name),
            rows={name: rule for name, rule in compiled.items() if name not in deferred},
            links={name: rule for name, rule in compiled.items() if name in deferred},
            closing=self._closing(),
            state=self._state(),
            covered=frozenset(document.covered_fields()),
            guarded=tuple(name for name in document.dropped if document.dropped_rule(name).while_empty),
        )

    def _rule(self, name: str, rule: FieldRule) -> CompiledRule | None:
        column = self.table.columns.get(name)
        if column is None:
            hint = nearest(name, list(self.table.columns))
            self.mistakes.append(f"{self.table.name} has no column `{name}`{hint if 'did you' in hint else ''}")
            return None
        if not column.creatable and not column.updatable:
            self.mistakes.append(f"column {name} cannot be written")
            return None
        return self._compiled(rule, column)

    def _compiled(self, rule: FieldRule, column: TargetColumn) -> CompiledRule | None:
        try:
            return compile_rule(rule, column, self.tables, self.converters)
        except Unfit as error:
            self.mistakes.append(f"column {column.name} {error}")
            return None

    def _closing(self) -> dict[str, CompiledRule]:
        """Compile what a closing message carries; its columns belong to the message, not the table."""
        rules = {}
        for name, rule in self.document.closing.items():
            # Without a declared type the value travels as it is; the sink knows the message.
            steps = _compile_free(rule, name, self.converters, self.mistakes)
            if steps is not None:
                rules[name] = steps
        return rules

    def _state(self) -> Callable[[Record, Notes], tuple[int, int]] | None:
        finish = self.document.finish
        if not finish:
            return None
        states = self.table.states
        if "statecode" not in finish or not states:
            self.mistakes.append("`finish` needs a rule for statecode, and a table that has states")
            return None
        state_rule = self._compiled(finish["statecode"], _state_column(states))
        status_rule = None
        if "statuscode" in finish:
            status_rule = self._compiled(finish["statuscode"], _status_column(states))
        if state_rule is None:
            return None
        by_value = {state.value: state for state in states}
        initial = states[0].value

        def state_of(record: Record, notes: Notes) -> tuple[int, int]:
            named = state_rule(record, notes)
            state = by_value[named if isinstance(named, int) else initial]
            status = status_rule(record, notes) if status_rule is not None else None
            if not isinstance(status, int):
                return state.value, state.default_status
            if status not in state.statuses:
                reason = f"{status} does not belong to the state {state.label}"
                raise UnfitValueError(record.key, "statuscode", reason)
            return state.value, status

        return state_of

    def _check_match(self) -> None:
        for column in self.document.match.on if self.document.match is not None else ():
            if column not in self.table.columns:
                self.mistakes.append(f"match.on: {self.table.name} has no column `{column}`")


def _compile_free(
    rule: FieldRule, name: str, converters: Mapping[str, Converter], mistakes: list[str]
) -> CompiledRule | None:
    """Compile a rule for a value that belongs to no column: text, or a time."""
    kind = ColumnType.DATETIME if "utc" in rule.converters else ColumnType.MEMO
    try:
        return compile_rule(rule, TargetColumn(name, kind), {}, converters)
    except Unfit as error:
        mistakes.append(f"closing.{name} {error}")
        return None


def _state_column(states: Sequence[TargetState]) -> TargetColumn:
    return TargetColumn("statecode", ColumnType.STATE, options={state.value: state.label for state in states})


def _status_column(states: Sequence[TargetState]) -> TargetColumn:
    options = {value: label for state in states for value, label in state.statuses.items()}
    return TargetColumn("statuscode", ColumnType.STATUS, options=options)
