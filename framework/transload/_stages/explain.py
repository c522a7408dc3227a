"""Explain: all that is known of one record, from the ledger alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from transload._ledger import DeadLetter, JournalEntry, Ledger, MappedRow
from transload._pipeline.compare import show
from transload._pipeline.records import source_key
from transload.mapping import load_mappings
from transload.settings import load_project
from transload.values import Cell, EntityName, Loss, Record, RecordKey, SetState, SourceId, Upsert

Section = tuple[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Story:
    """What the ledger knows of a record."""

    key: RecordKey
    record: Record | None
    row: MappedRow | None
    written: Mapping[str, Cell]
    writes: Sequence[JournalEntry]
    losses: Sequence[Loss]
    flags: Sequence[str]
    dead_letters: Sequence[DeadLetter]
    waits_for: Sequence[str]

    @property
    def known(self) -> bool:
        """Whether the record was ever seen."""
        return self.record is not None or self.row is not None

    @property
    def standing(self) -> str:
        """Where the record stands, in a sentence."""
        if self.dead_letters:
            return "set aside with an error"
        if self.waits_for:
            return f"waits for {self.waits_for[0]}"
        if self.row is not None:
            how = "recognised as" if self.row.origin == "matched" else "is"
            return f"{how} {self.row.ref}"
        return "read from the source, not loaded" if self.record is not None else "unknown"

    def sections(self) -> Iterator[Section]:
        """Yield titles with rows of name and value."""
        if self.record is not None:
            yield "Source", [(name, "(null)" if v is None else str(v)) for name, v in self.record.fields.items()]
        if self.written:
            yield "As the target should hold it", [(name, show(cell)) for name, cell in self.written.items()]
        for entry in self.writes:
            yield f"Write {entry.id}: {type(entry.write).__name__}, {entry.status}", list(_facts(entry))
        if self.losses:
            yield "Losses", [(loss.column, f"{loss.kind}: {loss.original}") for loss in self.losses]
        if self.flags:
            yield "Flags", [("", flag) for flag in self.flags]
        for letter in self.dead_letters:
            yield "Dead letter", [("error", letter.message), ("what to do", letter.remedy)]

    def as_json(self) -> dict[str, object]:
        """Return the story for machines."""
        return {
            "record": str(self.key),
            "standing": self.standing,
            "sections": [{"title": title, "rows": [list(row) for row in rows]} for title, rows in self.sections()],
        }


def explain_record(folder: Path, entity: str, source_id: str) -> Story:
    """Collect what the ledger of a client's folder knows of a record."""
    project = load_project(folder)
    key = RecordKey(EntityName(entity), SourceId(source_id))
    documents = (
        {document.entity: document for document in load_mappings(project.mapping)} if project.mapping.is_dir() else {}
    )
    staged = source_key(documents[entity], key) if entity in documents else key
    with Ledger.open(project.ledger_url, read_only=True, create=False) as ledger:
        row = ledger.journal.rows([key]).get(key)
        written: dict[str, Cell] = {}
        if row is not None:
            probes = (
                Upsert(key, row.ref.table, row.ref.row_id, {}),
                SetState(key, row.ref.table, row.ref.row_id, 0, 0),
            )
            for columns in ledger.journal.written([ledger.journal.write_identity(p) for p in probes]).values():
                written.update(columns)
        return Story(
            key,
            ledger.staging.find(staged),
            row,
            written,
            ledger.journal.history(row.ref) if row is not None else [],
            [loss for loss in ledger.notes.losses() if loss.key == key],
            ledger.notes.flags().get(key, ()),
            [letter for letter in ledger.notes.dead_letters() if letter.key == key],
            [parked.waits_for for parked in ledger.notes.parked() if parked.key == key],
        )


def _facts(entry: JournalEntry) -> Iterator[tuple[str, str]]:
    yield "run", entry.run_id
    yield "begun", f"{entry.begun_at:%Y-%m-%d %H:%M:%SZ}"
    if entry.settled_at is not None:
        yield "settled", f"{entry.settled_at:%Y-%m-%d %H:%M:%SZ}"
    if entry.error:
        yield "error", entry.error
    if isinstance(entry.write, SetState):
        yield "state", f"{entry.write.state} / {entry.write.status}"
    elif isinstance(entry.write, Upsert):
        for column, cell in entry.write.columns.items():
            yield column, show(cell)
