"""The mapping engine: compiles mapping documents and applies them to records.

Compiling checks every document against both live schemas and reports all mistakes of
all documents at once. Applying is a function from a record to at most one write for
each phase, without I/O: reconciliation applies it again to learn what should be there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from transload._mistakes import nearest
from transload._pipeline.fit import RANGES, Unfit
from transload._pipeline.holds import hold_mistakes
from transload._pipeline.rules import CompiledRule, Notes, compile_rule
from transload.errors import MappingError, RecordError, UnfitValueError
from transload.hookspecs import Converter
from transload.ids import row_id_maker
from transload.mapping import CustomColumn, FieldRule
from transload.mapping import Mapping as MappingDocument
from transload.values import (
    Associate,
    Cell,
    ColumnType,
    EntityName,
    Lookup,
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
NAME_LENGTH = 850
FLAG_LENGTH = 100_000
_FIRST_OPTION = 1
"""Options of a custom choice are told apart by label; the target numbers them in its own way."""
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
        ends: The rules that give both ends of a link.
        computed: What the target should compute, by column.
        states: By phase, what gives the state and status that a record should be in.
        guarded: Fields that are dropped as long as nobody fills them.
        covered: Fields that the documents of the same records account for; None for a document that
            leaves watching for others to another one.
        phase: Which writes :meth:`map` returns.
    """

    document: MappingDocument
    table: TargetTable
    row_id: Callable[[SourceId], RowId]
    rows: Mapping[str, CompiledRule]
    links: Mapping[str, CompiledRule]
    closing: Mapping[str, CompiledRule]
    ends: tuple[CompiledRule, CompiledRule] | None
    computed: Mapping[str, CompiledRule]
    states: Mapping[Phase, "StateRule"]
    guarded: tuple[str, ...]
    covered: frozenset[str] | None
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
        if self.ends is not None:
            return phase is Phase.LINKS
        if phase in (Phase.ACTIVATE, Phase.FINISH):
            return phase in self.states
        return phase is Phase.ROWS or bool(self.links)

    def map(self, record: Record) -> list[Write | Rejection]:
        """Translate one record; empty when the phase has nothing for it."""
        notes = Notes(record.key)
        try:
            return self._link(record, notes) if self.ends is not None else [self._map(record, notes)]
        except RecordError as error:
            return [Rejection(record.key, error)]
        except Unfit as error:
            return [Rejection(record.key, UnfitValueError(record.key, "a column", str(error)))]

    def compute(self, record: Record) -> dict[str, Cell] | Rejection:
        """Return what the target should have computed for a record, by column."""
        notes = Notes(record.key)
        try:
            return {name: rule(record, notes) for name, rule in self.computed.items()}
        except RecordError as error:
            return Rejection(record.key, error)
        except Unfit as error:
            return Rejection(record.key, UnfitValueError(record.key, "a computed column", str(error)))

    def _link(self, record: Record, notes: Notes) -> list[Write | Rejection]:
        """Return the link of a record; none when one of its ends has no value."""
        assert self.ends is not None  # the caller has looked
        assert self.document.link is not None
        row, other = (rule(record, notes) for rule in self.ends)
        if not isinstance(row, Lookup) or not isinstance(other, Lookup):
            return []
        link = Associate(record.key, self.table.name, RowId(""), self.document.link.relationship, other, row)
        return [replace(link, losses=tuple(notes.losses), flags=tuple(notes.flags))]

    def _map(self, record: Record, notes: Notes) -> Write:
        table, row_id = self.table.name, self.row_id(record.key.source_id)
        if self.phase in self.states:
            state, status = self.states[self.phase](record, notes)
            carried = self.closing if self.phase is Phase.FINISH else {}
            columns = {name: rule(record, notes) for name, rule in carried.items()}
            return SetState(record.key, table, row_id, state, status, columns, self.phase)
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

    def unexpected(self, record: Record) -> Iterator[tuple[str, str]]:
        """Yield the fields of a record that no rule carries over, though they are filled, and why none does."""
        strange = record.fields.keys() - self.covered if self.covered is not None else ()
        for name in (*self.guarded, *strange):
            if record.fields.get(name) not in (None, "", ()):
                yield name, "dropped, but filled now" if name in self.guarded else "not in the mapping"

    def _guard(self, record: Record, notes: Notes) -> None:
        """Report values that no rule carries over: of fields dropped as empty, and of fields new since the plan."""
        for name, kind in self.unexpected(record):
            value = record.fields[name]
            notes.losses.append(Loss(record.key, name, kind, str(value), ""))
            notes.flags.append(f"{name} is {kind}; the source says: {value}")


StateRule: TypeAlias = Callable[[Record, Notes], tuple[int, int]]
"""Gives the state and status that a record should be in."""


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
    covered = _covered_fields(documents, source)
    made = {document.table: table for document in documents if (table := new_table(document)) is not None}
    own = own_columns(documents)
    for document in documents:
        table = target.tables.get(TableName(document.table)) or made.get(document.table)
        if table is None:
            mistakes.append(f"{document.entity}: the target has no table `{document.table}`")
            continue
        compiler = _Compiler(document, table, own[document.table], tables, converters)
        result = compiler.compile(source, deferred.get(document.entity, frozenset()), covered.get(document.entity))
        mistakes.extend(f"{document.entity}: {mistake}" for mistake in compiler.mistakes)
        compiled[EntityName(document.entity)] = result
    mistakes.extend(_missing_placeholders(documents))
    mistakes.extend(hold_mistakes(documents, target))
    if mistakes:
        raise MappingError("the mapping", mistakes)
    return compiled


def _covered_fields(documents: Sequence[MappingDocument], source: SourceSchema) -> dict[str, frozenset[str]]:
    """Return, for each document that watches for fields of its records, those that all of their documents cover."""
    found: dict[str, frozenset[str]] = {}
    for entity, reading in documents_by_records(documents).items():
        derived = {
            field.name for e in source.entities if e.name == entity for field in e.fields.values() if field.derived
        }
        covered = frozenset(derived).union(*(document.covered_fields() for document in reading))
        found.update((document.entity, covered) for document in keepers(reading) if document.others is None)
    return found


def keepers(reading: Sequence[MappingDocument]) -> list[MappingDocument]:
    """Return the documents that together keep what no rule of theirs names, the first before all.

    Where that reads some records only, each that reads others has to keep it too.

    Args:
        reading: The documents of one source entity, as :func:`documents_by_records` gives them.
    """
    able = [document for document in reading if document.writes_rows and document.link is None]
    if not able:
        return [*reading[:1]]
    first, *others = able
    return [first, *(other for other in others if first.when and not other.when.items() >= first.when.items())]


def documents_by_records(documents: Iterable[MappingDocument]) -> dict[str, list[MappingDocument]]:
    """Return the documents that read each source entity; the one that answers for all of its fields comes first.

    That is the document of the entity's own name, or else the first that reads all of its records.
    """
    found: dict[str, list[MappingDocument]] = {}
    for document in documents:
        found.setdefault(document.source_entity, []).append(document)
    for entity, reading in found.items():
        reading.sort(key=lambda it: (it.link is not None, it.entity != entity, bool(it.when), it.entity))
    return found


def merge_tables(tables: Iterable[TargetTable]) -> dict[TableName, TargetTable]:
    """Return the tables by name; documents of one table each add their own columns to it."""
    merged: dict[TableName, TargetTable] = {}
    for table in tables:
        known = merged.get(table.name, table)
        merged[table.name] = replace(table, columns={**known.columns, **table.columns})
    return merged


def new_table(document: MappingDocument) -> TargetTable | None:
    """Return the table that ``prepare`` will create for a document, as far as a mapping can know it."""
    if document.new_table is None:
        return None
    # A table is named after the same publisher as its columns.
    name_column = document.new_table.name or f"{document.table.partition('_')[0]}_name"
    name = TargetColumn(name_column, ColumnType.TEXT, "Name", NAME_LENGTH, custom=True)
    owner = TargetColumn("ownerid", ColumnType.LOOKUP, "Owner", targets=(TableName("systemuser"), TableName("team")))
    created = TargetColumn("overriddencreatedon", ColumnType.DATETIME, "Record Created On", updatable=False)
    currencies = (TableName("transactioncurrency"),)
    currency = TargetColumn("transactioncurrencyid", ColumnType.LOOKUP, "Currency", targets=currencies)
    has_money = any(column.type is ColumnType.MONEY for column in custom_columns(document).values())
    return TargetTable(
        TableName(document.table), document.new_table.label, f"{document.table}id", name.name,
        {column.name: column for column in (name, owner, created, *([currency] if has_money else []))},
        states=(TargetState(0, "Active", {1: "Active"}, 1), TargetState(1, "Inactive", {2: "Inactive"}, 2)),
    )  # fmt: skip


def _missing_placeholders(documents: Sequence[MappingDocument]) -> Iterator[str]:
    """Yield the rules that point to a placeholder which the parent's mapping does not declare."""
    placeholders = {document.entity: document.placeholder for document in documents}
    for document in documents:
        for column, rule in document.fields.items():
            if Missing.PLACEHOLDER in (rule.missing, rule.empty):
                for entities in rule.choices:
                    # Of several entities the first stands in for all.
                    entity = next((one for one in entities if one in placeholders), None)
                    if entity is not None and placeholders[entity] is None:
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


def own_columns(documents: Iterable[MappingDocument]) -> dict[str, dict[str, TargetColumn]]:
    """Return the columns that documents need, by table: of documents of one table, each may fill the others'."""
    found: dict[str, dict[str, TargetColumn]] = {}
    for document in documents:
        columns = found.setdefault(document.table, {})
        for name, column in custom_columns(document).items():
            columns.setdefault(name, column)
    return found


def _custom_column(name: str, custom: CustomColumn, limit: int | None) -> TargetColumn:
    lowest, highest = RANGES.get(custom.type, (None, None))
    return TargetColumn(
        name,
        custom.type,
        custom.label or name.partition("_")[2].replace("_", " ").capitalize() or name,
        max_length=custom.max or limit or _DEFAULT_LENGTH.get(custom.type),
        minimum=lowest,
        maximum=highest,
        precision=custom.precision if custom.precision is not None else _DEFAULT_PRECISION.get(custom.type),
        options=dict(enumerate(custom.options, start=_FIRST_OPTION)),
        targets=tuple(map(TableName, custom.targets)),
        custom=True,
    )


class _Compiler:
    """Compiles one document and collects its mistakes."""

    def __init__(
        self,
        document: MappingDocument,
        table: TargetTable,
        own: Mapping[str, TargetColumn],
        tables: Mapping[str, TableName],
        converters: Mapping[str, Converter],
    ) -> None:
        self.document, self.tables, self.converters = document, tables, converters
        self.mistakes: list[str] = []
        self.table = replace(table, columns={**own, **table.columns})
        for name, column in custom_columns(document).items():
            known = self.table.columns[name]
            if known.type is not column.type:
                where = "the target" if name in table.columns else "another document"
                self.mistakes.append(f"{name} exists in {where} as {known.type}, and the mapping wants {column.type}")
            if column.type is ColumnType.LOOKUP and not column.targets:
                self.mistakes.append(f"custom lookup {name} names no `targets`")

    def compile(
        self, source: SourceSchema, deferred: frozenset[str], covered: frozenset[str] | None
    ) -> CompiledMapping:
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
            ends=self._ends(),
            computed={n: rule for n, r in document.computed.items() if (rule := self._computed(n, r)) is not None},
            states={
                phase: rule
                for phase, block in ((Phase.ACTIVATE, document.activate), (Phase.FINISH, document.finish))
                if block and (rule := self._state(phase, block)) is not None
            },
            covered=covered,
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

    def _ends(self) -> tuple[CompiledRule, CompiledRule] | None:
        """Compile both ends of a link, as lookups of a column that there is not."""
        link = self.document.link
        if link is None:
            return None
        if not link.label and link.relationship not in self.table.links:
            self.mistakes.append(f"{self.table.name} has no relationship `{link.relationship}`; a `label` makes it")
        row = self._compiled(link.row, TargetColumn("link.row", ColumnType.LOOKUP, targets=(self.table.name,)))
        other = self._compiled(link.other, TargetColumn("link.other", ColumnType.LOOKUP))
        return (row, other) if row is not None and other is not None else None

    def _computed(self, name: str, rule: FieldRule) -> CompiledRule | None:
        """Compile what a column that the target computes should come to."""
        column = self.table.columns.get(name)
        if column is None:
            self.mistakes.append(f"{self.table.name} has no column `{name}`")
            return None
        if rule.lookup is not None or rule.find is not None:
            self.mistakes.append(f"column {name} is computed, and a computed column is compared with no lookup")
            return None
        return self._compiled(rule, column)

    def _state(self, phase: Phase, block: Mapping[str, FieldRule]) -> StateRule | None:
        states = self.table.states
        if "statecode" not in block or not states:
            self.mistakes.append(f"`{phase}` needs a rule for statecode, and a table that has states")
            return None
        state_rule = self._compiled(block["statecode"], state_column(states))
        status_rule = None
        if "statuscode" in block:
            status_rule = self._compiled(block["statuscode"], status_column(states))
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


def state_column(states: Sequence[TargetState]) -> TargetColumn:
    """Return the column of a row's state, with what each is called."""
    return TargetColumn("statecode", ColumnType.STATE, options={state.value: state.label for state in states})


def status_column(states: Sequence[TargetState]) -> TargetColumn:
    """Return the column of a row's status, with what each is called, whatever the state."""
    options = {value: label for state in states for value, label in state.statuses.items()}
    return TargetColumn("statuscode", ColumnType.STATUS, options=options)
