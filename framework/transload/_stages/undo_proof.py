"""The proof of a rollback: what the target holds afterwards, read back and compared with what it held before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import groupby, islice

from transload._ledger import UndoneRow
from transload._ledger.codec import encode
from transload._pipeline.closed import STATE_COLUMNS
from transload._pipeline.compare import same, show
from transload._pipeline.pool import run_bounded
from transload._reports import Column, Table, Tone
from transload._stages.bench import Bench
from transload.values import Cell, Row, RowId, TableName

_AT_ONCE = 100


@dataclass(slots=True)
class UndoProof:
    """What was read back of the rows that were undone.

    Attributes:
        read: How many rows were looked for, by table.
        restored: How many of them hold again what they held before.
        wrong: Rows that are not as they were, and why.
    """

    read: dict[TableName, int] = field(default_factory=dict)
    restored: dict[TableName, int] = field(default_factory=dict)
    wrong: list[dict[str, object]] = field(default_factory=list)
    _wanted: dict[TableName, "blake2b"] = field(default_factory=dict)
    _found: dict[TableName, "blake2b"] = field(default_factory=dict)

    def take(self, rows: list[UndoneRow], now: Mapping[RowId, Row], late: frozenset[str]) -> None:
        """Compare rows of one table with what they held before."""
        table = rows[0].ref.table
        wanted, found = (side.setdefault(table, blake2b(digest_size=16)) for side in (self._wanted, self._found))
        self.read[table] = self.read.get(table, 0) + len(rows)
        for row in rows:
            there = now.get(row.ref.row_id)
            before = None if row.created else {name: cell for name, cell in row.before.items() if name not in late}
            why = _difference(before, there)
            wanted.update(_image(row, before))
            # What means the same is not always the same to the letter: only a difference counts.
            found.update(_image(row, before) if not why else f"{row.ref} {why}\n".encode())
            if why:
                self.wrong.append({"record": str(row.key), "table": table, "row": row.ref.row_id, "reason": why})
            elif before is not None:
                self.restored[table] = self.restored.get(table, 0) + 1

    def digests(self, table: TableName) -> tuple[str, str]:
        """Return a digest of what the undone rows held before, and one of what was read back."""
        if table not in self._wanted:
            return "", ""
        return self._wanted[table].hexdigest(), self._found[table].hexdigest()


def prove(bench: Bench, late: Mapping[TableName, frozenset[str]]) -> UndoProof:
    """Read back every row that was undone, also by earlier calls.

    Args:
        bench: The bench.
        late: By table, columns that change with what belongs to a row, and so are not compared.
    """
    proof = UndoProof()
    tables = sorted(bench.ledger.journal.row_counts())
    known = bench.plugins.describe_target(tables, bench.context).tables if tables else {}

    def there(rows: list[UndoneRow]) -> list[UndoneRow]:
        """Leave out columns that an earlier call has taken away."""
        table = known.get(rows[0].ref.table)
        columns = {*table.columns, *STATE_COLUMNS} if table is not None else set()
        return [replace(row, before={n: c for n, c in row.before.items() if n in columns}) for row in rows]

    def read(rows: list[UndoneRow]) -> Mapping[RowId, Row]:
        table = rows[0].ref.table
        columns = sorted({name for row in rows if not row.created for name in row.before})
        if table not in known:
            return {}  # an earlier call has taken the table away, with all that was in it
        return bench.plugins.read_back(table, [row.ref.row_id for row in rows], columns, bench.context)

    def take(rows: list[UndoneRow], now: Mapping[RowId, Row]) -> None:
        proof.take(rows, now, late.get(rows[0].ref.table, frozenset()))

    # One at a time: a digest of rows depends on their order.
    run_bounded(map(there, _chunks(bench)), read, take, workers=1)
    return proof


def proof_table(bench: Bench, proof: UndoProof, spared: Mapping[TableName, int]) -> Table:
    """Return, for each table, what became of the rows that the migration made or changed."""
    rows = []
    for table, counts in sorted(bench.ledger.journal.row_counts().items()):
        before, now = proof.digests(table)
        tone = Tone.BAD if before != now else Tone.WARN if counts.left else Tone.GOOD
        rows.append(
            {
                "table": table, "made": counts.created, "changed": counts.changed, "undone": counts.undone,
                "spared": spared.get(table, 0), "left": counts.left, "read": proof.read.get(table, 0),
                "before": before, "now": now, "tone": tone,
            }
        )  # fmt: skip
    columns = [
        Column("table", "Table"),
        *(Column(key, label, numeric=True) for key, label in _NUMBERS),
        Column("before", "Digest of before"),
        Column("now", "Digest read back"),
        Column("tone", "State", badge=True),
    ]
    note = (
        "Of every row that was undone: rows that the migration made are gone, and rows that were there hold again "
        "what they held. The digests cover that, row by row."
    )
    return Table("Proof of the final state", columns, rows, note, "tone", compare=("before", "now"))


_NUMBERS = (
    ("made", "Made"), ("changed", "Changed"), ("undone", "Undone"), ("spared", "Spared"), ("left", "Left"),
    ("read", "Read back"),
)  # fmt: skip


def _chunks(bench: Bench) -> Iterator[list[UndoneRow]]:
    for _, rows in groupby(bench.ledger.journal.undone(), key=lambda row: row.ref.table):
        while chunk := list(islice(rows, _AT_ONCE)):
            yield chunk


def _difference(before: Mapping[str, Cell] | None, now: Row | None) -> str:
    if before is None:
        return "" if now is None else "it is still there"
    if now is None:
        return "it is gone, and was there before"
    wrong = (name for name, cell in before.items() if not same(cell, now.columns.get(name)))
    return "; ".join(f"{name} was {show(before[name])!r} and is {show(now.columns.get(name))!r}" for name in wrong)


def _image(row: UndoneRow, cells: Mapping[str, Cell] | None) -> bytes:
    return f"{row.ref} ".encode() + (b"absent" if cells is None else encode(cells)) + b"\n"
