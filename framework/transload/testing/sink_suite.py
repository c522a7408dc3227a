"""The conformance suite of sinks: what every sink promises the framework."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

from transload._pipeline.compare import same
from transload._plugins import Plugins
from transload.context import RunContext
from transload.errors import LockedError, MissingFileError, RecordError
from transload.testing.hosting import host_plugins
from transload.values import (
    Associate,
    Batch,
    Cell,
    DeleteRow,
    Disassociate,
    DropSchema,
    EntityName,
    FileRef,
    Inverse,
    Lookup,
    Outcome,
    RecordKey,
    RestoreRow,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaKind,
    SetState,
    SourceId,
    TableName,
    TargetTable,
    Upsert,
)


@dataclass(frozen=True, slots=True)
class Belonging:
    """A row that belongs to another one, and cannot be deleted while that is closed.

    Attributes:
        row: The row, which points to the first good row of the example.
        columns: What it holds.
        closed: The state and status that lock the good row.
    """

    row: RowRef
    columns: Mapping[str, Cell]
    closed: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SinkExample:
    """What a sink is tried with. What has a default is tried only where it is given.

    Attributes:
        table: A table of the target.
        key: Its alternate-key column, one of those that ``changes`` make.
        changes: Tables, columns, relationships and keys that are not there yet, in this order.
        good: Two rows that the target takes, by row id. The bytes of a file that they hold stand in the
            context's file store.
        bad: A row that it refuses.
        update: New values for some columns of the first good row.
        computed: Columns that the target computes for good rows, by row id, with what they come to.
        link: A many-to-many relationship, and a row that is there to be linked with the first good row.
        belonging: A row that is locked together with the first good row.
    """

    table: TableName
    key: str
    changes: Sequence[SchemaChange]
    good: Mapping[RowId, Mapping[str, Cell]]
    bad: tuple[RowId, Mapping[str, Cell]]
    update: Mapping[str, Cell]
    computed: Mapping[RowId, Mapping[str, Cell]] = field(default_factory=dict)
    link: tuple[str, RowRef] | None = None
    belonging: Belonging | None = None


def check_sink(plugin: ModuleType, context: RunContext, example: SinkExample) -> None:
    """Check a sink plugin against a system that answers like the real one, which it leaves as it found it.

    It describes what is there, prepares once, upserts idempotently, answers for each write in
    order, does not let a refused row take its neighbours along, reads back what was written,
    finds rows by criteria, and undoes what it did, twice if need be. A file that is gone sets one row aside.
    Links are read back by the name of their relationship, and one that is there already is idle; a row that
    belongs to a closed one is refused as locked, and goes with it.

    Args:
        plugin: The module with the hooks.
        context: A context with its settings; see :func:`~transload.testing.open_context`.
        example: What to try it with.

    Raises:
        AssertionError: A promise is not kept; the message says which.
    """
    trial = _Trial(host_plugins(plugin), context, example)
    trial.describes()
    trial.prepares_once()
    trial.creates_what_fits()
    trial.repeats_without_harm()
    trial.finds_by_criteria()
    trial.changes_and_restores()
    trial.sets_aside_what_has_lost_its_file()
    trial.links_and_cuts()
    trial.lets_locked_rows_go_with_what_they_belong_to()
    trial.deletes_without_trace()
    trial.drops_what_it_prepared()


@dataclass(frozen=True, slots=True)
class _Trial:
    """The steps of the suite, each of which builds on the one before."""

    plugins: Plugins
    context: RunContext
    example: SinkExample

    def describes(self) -> None:
        nowhere = TableName("no_such_table")
        schema = self.plugins.describe_target([self.example.table, nowhere], self.context)
        assert schema.system, "the schema does not name its system"
        assert schema.address, "the schema does not name its environment"
        assert set(schema.tables) == {self.example.table}, f"it was asked for one table and described {schema.tables}"
        described = schema.tables[self.example.table]
        assert described.name == self.example.table, "a table stands under another name"
        for name, column in described.columns.items():
            assert column.name == name, f"the column {column.name} stands under {name}"

    def prepares_once(self) -> None:
        missing = self._standing()
        assert not missing, f"these are there before they were prepared: {missing}"
        for attempt, wanted in (("first", True), ("second", False)):
            outcomes = self.plugins.prepare_target(self.example.changes, self.context)
            by_change = {str(outcome.change): outcome for outcome in outcomes}
            for change in self.example.changes:
                assert str(change) in by_change, f"the {attempt} time it says nothing of {change}"
                outcome = by_change[str(change)]
                assert outcome.error is None, f"{change} failed the {attempt} time: {outcome.error}"
                assert outcome.created is wanted, f"created={outcome.created} for {change} the {attempt} time"
        absent = [str(change) for change in self.example.changes if str(change) not in self._standing()]
        assert not absent, f"these were prepared and are not described: {absent}"

    def creates_what_fits(self) -> None:
        (first, first_row), (second, second_row) = self.example.good.items()
        bad, bad_row = self.example.bad
        outcomes = self._load({first: first_row, bad: bad_row, second: second_row})
        assert [outcome.ok for outcome in outcomes] == [True, False, True], f"outcomes are not in order: {outcomes}"
        assert isinstance(outcomes[1].error, RecordError), f"a refusal is not a RecordError: {outcomes[1].error!r}"
        assert outcomes[1].error.remedy, "a refusal has no remedy"
        self._expect(self.example.good)
        self._expect(self.example.computed)
        assert not self._read([bad], list(bad_row)), "the refused row is there"

    def repeats_without_harm(self) -> None:
        outcomes = self._load(self.example.good)
        assert all(outcome.ok for outcome in outcomes), f"sending rows again failed: {outcomes}"
        self._expect(self.example.good)
        keys = sorted(self.plugins.scan_keys(self.example.table, self.example.key, self.context))
        wanted = sorted((str(row[self.example.key]), row_id) for row_id, row in self.example.good.items())
        assert keys == wanted, f"the keys are {keys} and should be {wanted}"
        name = self.example.table
        id_column = self.plugins.describe_target([name], self.context).tables[name].id_column
        every = {row_id for _, row_id in self.plugins.scan_keys(name, id_column, self.context)}
        assert every >= self.example.good.keys(), f"by {id_column} only these rows are found: {every}"

    def finds_by_criteria(self) -> None:
        row_id, row = next(iter(self.example.good.items()))
        there = Lookup(self.example.table, criteria=((self.example.key, str(row[self.example.key])),))
        nowhere = Lookup(self.example.table, criteria=((self.example.key, "no such value"),))
        foreign = Lookup(self.example.table, key=RecordKey(EntityName("example"), SourceId("1")))
        found = self.plugins.resolve_lookup([there, nowhere, foreign], self.context)
        assert found == {there: RowRef(self.example.table, row_id)}, f"lookups resolved to {found}"

    def changes_and_restores(self) -> None:
        row_id, row = next(iter(self.example.good.items()))
        (outcome,) = self._load({row_id: self.example.update}, exists=True)
        assert outcome.ok, f"an update failed: {outcome.error}"
        self._expect({row_id: {**row, **self.example.update}})
        before = {name: row.get(name) for name in self.example.update}
        self._undo_twice([RestoreRow(self.example.table, row_id, before)])
        self._expect(self.example.good)

    def sets_aside_what_has_lost_its_file(self) -> None:
        row_id, row = next(iter(self.example.good.items()))
        files = {name: FileRef("0" * 32, cell.size) for name, cell in row.items() if isinstance(cell, FileRef)}
        if not files:
            return
        (outcome,) = self._load({row_id: files}, exists=True)
        assert isinstance(outcome.error, MissingFileError), f"of a file that is gone it says {outcome.error!r}"
        self._expect({row_id: row})

    def links_and_cuts(self) -> None:
        if self.example.link is None:
            return
        relationship, other = self.example.link
        row_id = next(iter(self.example.good))
        link = Associate(_key(row_id), self.example.table, row_id, relationship, other)
        assert not self._linked(row_id, relationship), "a row that was just made has links"
        for attempt, idle in (("first", False), ("second", True)):
            (outcome,) = self.plugins.load(Batch(self.example.table, [link]), self.context)
            assert outcome.ok, f"linking failed the {attempt} time: {outcome.error}"
            assert outcome.idle is idle, f"idle={outcome.idle} for a link the {attempt} time"
            linked = self._linked(row_id, relationship)
            assert linked == (other,), f"{relationship} should be read back as {(other,)} and is {linked}"
        self._undo_twice([Disassociate(self.example.table, row_id, relationship, other)])
        assert not self._linked(row_id, relationship), "a link is there after it was cut"

    def lets_locked_rows_go_with_what_they_belong_to(self) -> None:
        if (belonging := self.example.belonging) is None:
            return
        table, row_id = belonging.row.table, belonging.row.row_id
        (made,) = self.plugins.load(
            Batch(table, [Upsert(_key(row_id), table, row_id, belonging.columns)]), self.context
        )
        assert made.ok, f"a row that belongs to another was refused: {made.error}"
        owner = next(iter(self.example.good))
        state = SetState(_key(owner), self.example.table, owner, *belonging.closed)
        (closed,) = self.plugins.load(Batch(self.example.table, [state]), self.context)
        assert closed.ok, f"closing a row failed: {closed.error}"
        (kept,) = self.plugins.rollback([DeleteRow(table, row_id)], self.context)
        assert isinstance(kept.error, LockedError), f"of a row that is locked it says {kept.error!r}"
        self._undo_twice([DeleteRow(self.example.table, owner)])
        self._undo_twice([DeleteRow(table, row_id)])
        left = self.plugins.read_back(table, [row_id], list(belonging.columns), self.context)
        assert not left, "a row is there after the one that it belongs to has gone"

    def deletes_without_trace(self) -> None:
        self._undo_twice([DeleteRow(self.example.table, row_id) for row_id in reversed(list(self.example.good))])
        left = self._read(list(self.example.good), [self.example.key])
        assert not left, f"rows are there after their creation was undone: {left}"

    def drops_what_it_prepared(self) -> None:
        self._undo_twice([DropSchema(change) for change in reversed(self.example.changes)])
        left = self._standing()
        assert not left, f"these are there after their creation was undone: {left}"

    def _standing(self) -> list[str]:
        """Return which of the changes the target describes as made."""
        tables = sorted({change.table for change in self.example.changes})
        described = self.plugins.describe_target(tables, self.context).tables
        return [str(change) for change in self.example.changes if _is_made(change, described.get(change.table))]

    def _linked(self, row_id: RowId, relationship: str) -> Cell:
        return self._read([row_id], [relationship])[row_id].columns.get(relationship)

    def _load(self, rows: Mapping[RowId, Mapping[str, Cell]], exists: bool = False) -> Sequence[Outcome]:
        writes = [Upsert(_key(row_id), self.example.table, row_id, row, exists=exists) for row_id, row in rows.items()]
        return self.plugins.load(Batch(self.example.table, writes), self.context)

    def _undo_twice(self, inverses: Sequence[Inverse]) -> None:
        for attempt in ("first", "second"):
            for outcome in self.plugins.rollback(inverses, self.context):
                assert outcome.ok, f"an undo failed the {attempt} time: {outcome.error}"

    def _read(self, row_ids: Sequence[RowId], columns: Sequence[str]) -> Mapping[RowId, Row]:
        return self.plugins.read_back(self.example.table, row_ids, columns, self.context)

    def _expect(self, rows: Mapping[RowId, Mapping[str, Cell]]) -> None:
        columns = sorted({name for row in rows.values() for name in row})
        there = self._read(list(rows), columns)
        for row_id, row in rows.items():
            assert row_id in there, f"the row {row_id} was written and cannot be read back"
            assert not there[row_id].changed_by_others, f"{row_id} counts as changed by others"
            for name, cell in row.items():
                actual = there[row_id].columns.get(name)
                assert same(cell, actual), f"{name} was written as {cell!r} and is read back as {actual!r}"


def _key(row_id: RowId) -> RecordKey:
    return RecordKey(EntityName("example"), SourceId(row_id))


def _is_made(change: SchemaChange, table: TargetTable | None) -> bool:
    if table is None or change.kind is SchemaKind.TABLE:
        return table is not None
    if change.kind is SchemaKind.LINK:
        return change.name in table.links
    if change.kind is SchemaKind.KEY:
        return any(key.active and set(key.columns) == set(change.key_columns) for key in table.keys)
    return change.name in table.columns
