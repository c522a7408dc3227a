"""Collects what is known of a record: from the ledger, from its mapping, and from the target as far as it answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from transload._explain.chapter import Chapter, Undoing
from transload._explain.comparison import compare_row
from transload._explain.parts import OwnExchange, own_exchange
from transload._explain.replay import Replay
from transload._explain.sight import Sight
from transload._explain.source_part import own_reading
from transload._explain.trace import trace_rules
from transload._explain.way_back import WayBack, way_back
from transload._ledger import Errand, JournalEntry, Run, UndoRow, WriteStatus
from transload._ledger.references import rows_pointing_to
from transload._ledger.staging import StagedRecord
from transload._pipeline.records import source_key
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._pipeline.transform import documents_by_records
from transload.errors import TransloadError
from transload.mapping import Mapping as MappingDocument
from transload.mapping import fulfils
from transload.values import Associate, Cell, EntityName, RecordKey, RowRef, SetState, Upsert, Write


@dataclass(slots=True)
class Story:
    """All that is known of a record.

    Attributes:
        key: The record, as it was asked for.
        staged: The record as the source said it last; None when it never showed it.
        reading: The run that read it last.
        read: The request that brought it, with its own part of the answer, as far as that is known.
        chapters: What each mapping document makes of it, the one that was asked for first.
        documents: The names of all documents.
        ways_back: What a rollback would do, by chapter.
        children: Rows that point to a row of the record.
        troubles: Why the story is not whole, with what to do about it.
    """

    key: RecordKey
    staged: StagedRecord | None = None
    reading: Run | None = None
    read: OwnExchange | None = None
    chapters: list[Chapter] = field(default_factory=list)
    documents: tuple[str, ...] = ()
    ways_back: list[WayBack] = field(default_factory=list)
    children: Sequence[UndoRow] = ()
    troubles: list[tuple[str, str]] = field(default_factory=list)

    @property
    def known(self) -> bool:
        """Whether the record was ever seen."""
        return self.staged is not None or any(it.row is not None or it.history for it in self.chapters)


def tell_story(sight: Sight, key: RecordKey) -> Story:
    """Collect the story of a record of the source, whichever of its documents it is asked for by."""
    ledger, story = sight.bench.ledger, Story(key)
    documents = _documents(sight, story)
    story.documents = tuple(documents)
    document = documents.get(key.entity)
    origin = source_key(document, key) if document is not None else key
    story.staged = ledger.staging.find(origin)
    if story.staged is not None:
        seen = story.staged.seen_run
        story.reading = next((run for run in ledger.runs.all() if run.run_id == seen), None)
        story.read = _read(sight, story.staged)
    replay = Replay.of(sight, documents, story.troubles)
    for its in _reading(documents, origin, key):
        entity = EntityName(its.entity) if its is not None else key.entity
        chapter = Chapter(replace(key, entity=entity), its)
        _recall(sight, replay, chapter)
        story.chapters.append(chapter)
    story.chapters = [it for it in story.chapters if it.key == key or _concerns(it, story)]
    for chapter in story.chapters:
        _translate(replay, chapter, story)
    rows = {chapter.ref for chapter in story.chapters if chapter.ref is not None and chapter.written}
    story.children = ledger.journal.undo_rows(rows_pointing_to(ledger.database, rows)) if rows else []
    for chapter in story.chapters:
        replay.resolve(chapter)
        _look_up_writes(sight, chapter)
        compare_row(sight, replay, chapter)
        story.ways_back.append(way_back(sight, chapter, story.children))
    return story


def _read(sight: Sight, staged: StagedRecord) -> OwnExchange | None:
    """Return what a record was read from: an answer that came with its piece of the reading, or with the one before."""
    numbers = (staged.reading, staged.reading - 1) if staged.reading else ()
    about = sight.bench.ledger.exchanges.about
    exchanges = (exchange for number in numbers for exchange, _ in about(Errand.READ, number))
    return own_reading(exchanges, staged.record.key)


def _documents(sight: Sight, story: Story) -> dict[str, MappingDocument]:
    try:
        return sight.bench.written_documents()
    except TransloadError as error:
        story.troubles.append(
            (f"The mapping cannot be read, so what it makes of the record is not told: {error}", error.remedy)
        )
        return {}


def _reading(
    documents: Mapping[str, MappingDocument], origin: RecordKey, key: RecordKey
) -> Iterator[MappingDocument | None]:
    """Yield the documents that read records of an entity, the one that was asked for first."""
    reading = documents_by_records(documents.values()).get(origin.entity, [])
    yield from (it for it in reading if it.entity == key.entity)
    yield from (it for it in reading if it.entity != key.entity)
    if all(it.entity != key.entity for it in reading):
        yield None  # the document is gone, and what it wrote may be there


def _concerns(chapter: Chapter, story: Story) -> bool:
    """Whether a document that was not asked for has anything to say of the record."""
    document, staged = chapter.document, story.staged
    if chapter.row is not None or chapter.history or document is None:
        return bool(chapter.row or chapter.history)
    return staged is not None and document.skip is None and fulfils(document.when, staged.record)


def _recall(sight: Sight, replay: Replay, chapter: Chapter) -> None:
    """Put together what the ledger knows of the record under one document."""
    ledger, key = sight.bench.ledger, chapter.key
    chapter.mapper = replay.mapper(chapter.key.entity)
    chapter.row = ledger.journal.rows([key]).get(key)
    chapter.ref = chapter.row.ref if chapter.row is not None else _computed(chapter)
    history = ledger.journal.history(chapter.ref) if chapter.ref is not None else []
    chapter.history = [entry for entry in history if entry.write.key == key]
    if not chapter.history and _may_be_elsewhere(sight, chapter):
        chapter.history = ledger.journal.history_of(key)
        chapter.ref = _ref(chapter.history[-1]) if chapter.history else chapter.ref
    chapter.written = _written(sight, chapter)
    chapter.letters = [letter for letter in ledger.notes.dead_letters() if letter.key == key]
    chapter.parked = [parked for parked in ledger.notes.parked() if parked.key == key]
    chapter.losses = [loss for loss in ledger.notes.losses() if loss.key == key]
    chapter.flags = ledger.notes.flags().get(key, ())


def _computed(chapter: Chapter) -> RowRef | None:
    """Return the row that the record has had if it was made by us, by its computed id."""
    mapper = chapter.mapper
    if mapper is None or mapper.ends is not None:
        return None
    return RowRef(mapper.table.name, mapper.row_id(chapter.key.source_id))


def _may_be_elsewhere(sight: Sight, chapter: Chapter) -> bool:
    """Whether writes of the record may stand under a row that nobody can name: a link's, or one that was given back."""
    document = chapter.document
    if chapter.row is not None:
        return False
    if document is None or document.link is not None:
        return True
    return document.match is not None and any(run.stage.startswith("rollback") for run in sight.bench.ledger.runs.all())


def _written(sight: Sight, chapter: Chapter) -> Mapping[str, Cell]:
    """Return what the row should hold after all that this record wrote to it."""
    if chapter.ref is None:
        return {}
    key, (table, row_id) = chapter.key, (chapter.ref.table, chapter.ref.row_id)
    journal, found = sight.bench.ledger.journal, dict[str, Cell]()
    probes: list[Write] = [Upsert(key, table, row_id, {}), SetState(key, table, row_id, 0, 0)]
    probes += [entry.write for entry in chapter.history if isinstance(entry.write, Associate)]
    written = journal.written([journal.write_identity(probe) for probe in probes])
    for probe in probes:
        columns = written.get(journal.write_identity(probe), {})
        if isinstance(probe, Associate) and columns:
            found[probe.relationship] = columns.get("other")
        else:
            found.update(columns)
    return found


def _translate(replay: Replay, chapter: Chapter, story: Story) -> None:
    """Apply the document to the record, as far as it reads it."""
    document, staged = chapter.document, story.staged
    if document is None:
        chapter.unread = "no document has this name any more"
    elif document.skip is not None:
        chapter.unread = f"nothing of it is carried over: {document.skip}"
    elif chapter.key.source_id == PLACEHOLDER_ID:
        chapter.unread = "it stands in for what the source does not name"
    elif staged is None:
        chapter.unread = "the source never showed it"
    elif not fulfils(document.when, staged.record):
        chapter.unread = f"the document reads only records with {_conditions(document)}"
    elif chapter.mapper is not None:
        record = replace(staged.record, key=chapter.key)
        chapter.rules = trace_rules(chapter.mapper, record, replay.tape)
        origin = chapter.row.origin if chapter.row is not None else None
        if document.writes(origin):
            replay.transform(chapter, record)


def _conditions(document: MappingDocument) -> str:
    said = (
        f"`{name}` {condition if isinstance(condition, str) else ' or '.join(map(str, condition))}"
        for name, condition in document.when.items()
    )
    return ", ".join(said)


def _look_up_writes(sight: Sight, chapter: Chapter) -> None:
    """Find out what was exchanged for each write, and when the row was taken back."""
    ledger, ref = sight.bench.ledger, chapter.ref
    chapter.exchanges = {entry.id: _exchanged(sight, Errand.LOAD, entry.id, _ref(entry)) for entry in chapter.history}
    undone = [entry.id for entry in chapter.history if entry.status is WriteStatus.UNDONE]
    if ref is None or not undone:
        return
    chapter.undoings = [
        Undoing(entry.at, str(entry.body["run"]), str(error))
        for entry in ledger.audit_log.about_row("undo", ref.row_id)
        for table, row_id, error in entry.body["rows"]
        if (table, row_id) == (ref.table, ref.row_id)
    ]
    first = min(entry.id for entry in ledger.journal.history(ref) if entry.status is WriteStatus.UNDONE)
    chapter.undo_exchanges = _exchanged(sight, Errand.UNDO, first, ref)


def _exchanged(sight: Sight, errand: Errand, entry: int, ref: RowRef) -> Sequence[OwnExchange]:
    found = (
        own_exchange(exchange, ref.row_id, alone=alone)
        for exchange, alone in sight.bench.ledger.exchanges.about(errand, entry)
    )
    return [own for own in found if own is not None]


def _ref(entry: JournalEntry) -> RowRef:
    return RowRef(entry.write.table, entry.write.row_id)
