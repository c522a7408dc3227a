"""Which part of a migration is undone: everything, or what an entity, some records or a run wrote.

What was made later and points to a chosen row goes along: it belongs to it, as a job belongs
to a customer. What was made earlier and points to it (a customer to its main job) does not go
along; it keeps the row that it points to.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from transload._ledger import UndoRow
from transload._stages.bench import Bench
from transload.errors import StageRefusedError
from transload.values import Cell, RowRef


@dataclass(frozen=True, slots=True)
class UndoChoice:
    """What a person asked to undo; all of it must hold. Empty: everything.

    Attributes:
        records: Records, as reports show them: ``customer 7``.
        runs: The runs of which one wrote a row first.
    """

    entity: str = ""
    records: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def is_part(self) -> bool:
        """Whether something is left out."""
        return bool(self.entity or self.records or self.runs)

    @property
    def options(self) -> list[str]:
        """The options of the command that choose the same."""
        said = [("--entity", self.entity)] if self.entity else []
        said += [("--record", record) for record in self.records] + [("--run", run) for run in self.runs]
        return [f"{option} {quote(value)}" for option, value in said]

    def __str__(self) -> str:
        said = [f"entity {self.entity}" if self.entity else "", ", ".join(self.records)]
        return "; ".join(filter(None, [*said, f"run {', '.join(self.runs)}" if self.runs else ""])) or "everything"

    def takes(self, row: UndoRow) -> bool:
        """Whether a row was asked for itself."""
        return (
            (not self.entity or row.key.entity == self.entity)
            and (not self.records or str(row.key) in self.records)
            and (not self.runs or row.run_id in self.runs)
        )


@dataclass(slots=True)
class ChosenRows:
    """The rows of a choice, with those that go along.

    Attributes:
        rows: The order of each chosen row, by row; None when everything is chosen.
        along: How many of them were not asked for.
        within: All rows that are looked at; None when the whole list is.
    """

    bench: Bench
    rows: dict[RowRef, int] | None = None
    along: int = 0
    within: Sequence[UndoRow] | None = None

    @classmethod
    def of(cls, bench: Bench, choice: UndoChoice) -> "ChosenRows":
        """Find the rows of a choice.

        Raises:
            StageRefusedError: The ledger knows no such rows, or not all of the records.
        """
        if not choice.is_part:
            return cls(bench)
        asked = {row.ref: row for row in bench.ledger.journal.undo_list() if choice.takes(row)}
        found = {str(row.key) for row in asked.values()}
        if lost := [record for record in choice.records if record not in found] or ([] if asked else [str(choice)]):
            reason = f"nothing to undo is known of {', '.join(lost)}"
            raise StageRefusedError(bench.command, reason, "transload rollback --dry-run")
        chosen = cls(bench, {ref: row.order for ref, row in asked.items()})
        chosen._add_children()
        chosen.along = len(chosen.rows or ()) - len(asked)
        return chosen

    @classmethod
    def only(cls, bench: Bench, refs: Collection[RowRef]) -> "ChosenRows":
        """Choose some rows, and nothing that belongs to them."""
        return cls(bench, {row.ref: row.order for row in bench.ledger.journal.undo_list() if row.ref in refs})

    def __contains__(self, ref: RowRef) -> bool:
        return self.rows is None or ref in self.rows

    def all_rows(self) -> Iterator[UndoRow]:
        """Walk all rows, chosen or not, newest first."""
        return self.bench.ledger.journal.undo_list() if self.within is None else iter(self.within)

    def undo_list(self) -> Iterator[UndoRow]:
        """Walk the chosen rows, newest first."""
        return (row for row in self.all_rows() if row.ref in self)

    def others(self) -> Iterator[UndoRow]:
        """Walk the rows that stay because nobody chose them."""
        return (row for row in self.all_rows() if row.ref not in self)

    def _add_children(self) -> None:
        assert self.rows is not None  # only a part has children outside
        known = -1
        while len(self.rows) > known:  # a child of a child goes along too
            known = len(self.rows)
            for row in list(self.others()):
                if any(row.order > self.rows.get(one, row.order) for one in points_to(row)):
                    self.rows[row.ref] = row.order


def points_to(row: UndoRow) -> Iterator[RowRef]:
    """Yield the rows that a row points to, as this migration wrote it."""
    return (one for cell in row.written.values() for one in rows_of(cell))


def rows_of(cell: Cell) -> tuple[RowRef, ...]:
    """Return the rows that a cell points to, in order."""
    cells = cell if isinstance(cell, tuple) else (cell,)
    return tuple(one for one in cells if isinstance(one, RowRef))
