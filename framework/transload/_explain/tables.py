"""The tables of an explanation, from what became of the record to every request."""

from collections.abc import Iterator, Mapping, Sequence

from transload._explain.chapter import Chapter
from transload._explain.parts import OwnExchange, Part
from transload._explain.sight import Sight
from transload._explain.standing import standing_of
from transload._explain.story import Story
from transload._explain.trace import RuleTrace
from transload._explain.words import (
    cells_of,
    kind_of,
    tell_cells,
    tell_conversions,
    tell_rule,
    tell_value,
    tell_write,
)
from transload._ledger import JournalEntry, WriteStatus
from transload._pipeline.checks import Mismatch
from transload._pipeline.compare import show
from transload._recording import Message
from transload._reports import Column, Table, Tone
from transload._stages.links import row_links
from transload.mapping import Mapping as MappingDocument
from transload.values import RecordKey, TargetTable, Value

_VERDICTS = {"as wanted": Tone.GOOD, "written so": Tone.GOOD, "as written": Tone.GOOD, "changed since": Tone.WARN,
             "not written so": Tone.WARN}  # fmt: skip
_REFUSED = 400
_STATUSES = {WriteStatus.DONE: Tone.GOOD, WriteStatus.FAILED: Tone.BAD, WriteStatus.OPEN: Tone.WARN}


def became_table(sight: Sight, story: Story, source_links: Mapping[RecordKey, str]) -> Table:
    """Return a line for each document: which row the record became, and how that stands."""
    links = row_links(sight.bench, [it.ref for it in story.chapters if it.ref is not None])
    rows = []
    for chapter, way in zip(story.chapters, story.ways_back, strict=True):
        standing = standing_of(chapter, blind=bool(sight.blind))
        known = chapter.ref if chapter.row is not None or chapter.history else None
        done = sum(entry.status is WriteStatus.DONE for entry in chapter.history)
        rows.append(
            {
                "record": str(chapter.key),
                "source_link": source_links.get(chapter.key),
                "table": known.table if known is not None else None,
                "row": known.row_id if known is not None else None,
                "place": f"{known.table}\n{known.row_id}" if known is not None else None,
                "target_link": links.get(known) if known is not None else None,
                "standing": standing.finding or standing.place if chapter.row is not None else str(standing),
                "writes": f"{done} of {len(chapter.history)} accepted" if chapter.history else "none",
                "rollback": way.outlook,
                "state": standing.tone.word,
                "tone": standing.tone,
            }
        )
    columns = [Column("record", "Record", link="source_link"), Column("state", "State", badge=True),
               Column("place", "Row", link="target_link"), Column("standing", "Stands"),
               Column("rollback", "A rollback now"), Column("writes", "Writes")]  # fmt: skip
    return Table("What became of it", columns, rows, tone_key="tone", brief=True)


def source_table(story: Story) -> Table:
    """Return the record as it was read, and which columns each of its fields goes to."""
    fields = story.staged.record.fields if story.staged is not None else {}
    goes = _destinations([it.document for it in story.chapters if it.document is not None])
    rows = [
        {"field": name, "kind": kind_of(value), "value": tell_value(value), "goes": "\n".join(goes.get(name, ()))}
        for name, value in fields.items()
    ]
    columns = [Column("field", "Field"), Column("kind", "Kind"), Column("value", "Value", exact=True),
               Column("goes", "Goes to")]  # fmt: skip
    note = (
        "As the source plugin read it and the ledger keeps it. A dash is the source's null, nothing an empty text."
        + (" What the source answered stands under Requests and responses." if story.read is not None else "")
    )
    return Table("The source's record", columns, rows, note, filterable=True, identifier="source")


def _destinations(documents: Sequence[MappingDocument]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for document in documents:
        for column, rule in document.rules():
            for name in dict.fromkeys(rule.sources):
                found.setdefault(name, []).append(f"{document.entity}.{column}")
        if document.key is not None and document.key.column is not None:
            found.setdefault(document.key.from_, []).append(f"{document.entity}.{document.key.column}")
        for name in document.dropped:
            found.setdefault(name, []).append(f"dropped by {document.entity}: {document.dropped_rule(name).reason}")
    return found


def comparison_tables(story: Story, *, blind: bool) -> list[Table]:
    """Return every column of every row, and first those that differ."""
    rows = [row for chapter in story.chapters for row in _comparisons(chapter)]
    if not rows:
        return []
    against = "written" if blind else "now"
    columns = [Column("name", "Column"), Column("verdict", "Verdict", badge=True), Column("source", "Source"),
               Column("expected", "Expected"), Column("written", "Written", exact=True),
               Column("now", "In the target now", exact=True)]  # fmt: skip
    note = "Expected is what the mapping makes of the record today. Written is what was sent last." + (
        " The target was not asked." if blind else ""
    )
    filters = ("document", "verdict") if len(story.chapters) > 1 else ("verdict",)
    table = Table("Field by field", columns, rows, note, "tone", True, filters, compare=("expected", against))
    odd = [row for row in rows if row["tone"] in {Tone.BAD, Tone.WARN}]
    return [*([Table("What differs", columns, odd, "", "tone", brief=True)] if odd else []), table]


def _comparisons(chapter: Chapter) -> Iterator[dict[str, object]]:
    sources = {
        trace.column: " | ".join(tell_value(value, indent=None) or "" for value in trace.fields.values())
        for trace in chapter.rules
    }
    for one in chapter.comparisons:
        theirs = one.mismatch in {Mismatch.PEOPLE, Mismatch.CLOSED}
        odd = Tone.PLAIN if one.mismatch is None else Tone.WARN if theirs else Tone.BAD
        yield {
            "document": chapter.name,
            "column": one.column,
            "name": f"{chapter.name}.{one.column}",
            "source": sources.get(one.column, one.source),
            "expected": one.expected or None,
            "written": one.written or None,
            "now": one.now or None,
            "verdict": one.verdict,
            "tone": _VERDICTS.get(one.verdict, odd),
        }


def rules_table(sight: Sight, story: Story) -> Table:
    """Return, for each rule, what it read, what changed it on the way, and what it came to."""
    offered = sight.bench.plugins.converter_owners()
    rows = [
        _rule(chapter, chapter.mapper.table, trace, offered)
        for chapter in story.chapters
        if chapter.mapper is not None
        for trace in chapter.rules
    ]
    columns = [Column("name", "Column"), Column("fields", "Read"), Column("how", "Rule"),
               Column("steps", "Changed by"), Column("result", "Result", exact=True),
               Column("losses", "Lost", badge=True)]  # fmt: skip
    note = (
        "Each conversion with the plugin that offers it, what it was given, and what it gave; lookups with their row."
    )
    filters = ("document", "part") if len(story.chapters) > 1 else ("part",)
    return Table("How each value came about", columns, rows, note, "tone", True, filters, identifier="rules")


def _rule(chapter: Chapter, table: TargetTable, trace: RuleTrace, offered: Mapping[str, str]) -> dict[str, object]:
    losses = "\n".join(f"{loss.kind}: {loss.original} became {loss.kept or 'nothing'}" for loss in trace.losses)
    found = {lookup.column: lookup for phase in chapter.phases for lookup in phase.lookups}.get(trace.column)
    became = f"\nis {found.row or 'not there'}, says {found.by}" if found is not None else ""
    return {
        "document": chapter.name,
        "part": trace.block,
        "column": trace.column,
        "name": f"{chapter.name}.{trace.column}",
        "fields": "\n".join(f"{name}: {_said(value)}" for name, value in trace.fields.items()),
        "how": trace.how,
        "steps": tell_conversions(trace, offered),
        "result": tell_rule(trace, table) + became,
        "losses": losses or None,
        "tone": Tone.BAD if trace.problem else Tone.WARN if losses else Tone.PLAIN,
    }


def _said(value: Value) -> str:
    told = tell_value(value, indent=None)
    return "null" if told is None else told or "empty"


def writes_table(story: Story) -> Table:
    """Return every write that was meant for the record's rows."""
    rows = [_write(chapter, entry) for chapter in story.chapters for entry in chapter.history]
    columns = [Column("told", "Write"), Column("status", "Status", badge=True), Column("sent", "Sent", exact=True),
               Column("before", "Held before", exact=True), Column("answer", "Error")]  # fmt: skip
    return Table("Writes", columns, rows, "", "tone")


def _write(chapter: Chapter, entry: JournalEntry) -> dict[str, object]:
    table = chapter.mapper.table if chapter.mapper is not None else None
    what = tell_write(entry.write, entry.creates)
    settled = f"\nsettled {entry.settled_at:%Y-%m-%d %H:%M:%S} UTC" if entry.settled_at is not None else ""
    return {
        "id": entry.id,
        "document": chapter.name,
        "phase": entry.write.phase,
        "what": what,
        "run": entry.run_id,
        "begun": entry.begun_at,
        "settled": entry.settled_at,
        "told": f"write {entry.id}: {what}\n{chapter.name}, {entry.write.phase}, by {entry.run_id}{settled}",
        "sent": tell_cells(cells_of(entry.write), table),
        "before": tell_cells(entry.before.columns, table) if entry.before is not None else None,
        "answer": entry.error or None,
        "status": entry.status,
        "tone": _STATUSES.get(entry.status, Tone.PLAIN),
    }


def exchanges_table(story: Story) -> Table:
    """Return what was asked of both systems for the record, and what they answered, as far as it is about it."""
    rows = [_exchange("read", story.key.entity, story.read)] if story.read is not None else []
    for chapter in story.chapters:
        for entry, exchanges in chapter.exchanges.items():
            rows += [_exchange(f"write {entry}", chapter.name, own) for own in exchanges]
        rows += [_exchange("rollback", chapter.name, own) for own in chapter.undo_exchanges]
    columns = [Column("told", "Request"), Column("status", "Status", badge=True), Column("sent", "Sent", exact=True),
               Column("received", "Received", exact=True)]  # fmt: skip
    note = (
        "Kept while it was read and loaded: the record's own part of each body, and the headers that matter. Not kept "
        "are credentials, queries of addresses and bytes of files; left out is what says nothing of the record."
    )
    return Table("Requests and responses", columns, rows, note, "tone", identifier="exchanges")


def _exchange(of: str, document: str, own: OwnExchange) -> dict[str, object]:
    kept = own.exchange
    request, bad = f"{kept.method} {kept.url}", kept.status is None or kept.status >= _REFUSED
    return {
        "of": of,
        "document": document,
        "request": request,
        "at": kept.at,
        "ms": kept.milliseconds,
        "told": f"{of}, {document}\n{request}\n{kept.at:%Y-%m-%d %H:%M:%S} UTC, {kept.milliseconds:,} ms",
        "sent": _message(kept.sent, own.sent),
        "received": _message(kept.received, own.received),
        "status": str(kept.status) if kept.status is not None else kept.problem,
        "tone": Tone.BAD if bad else Tone.GOOD,
    }


def _message(message: Message | None, part: Part) -> str:
    if message is None:
        return "no answer"
    head = "\n".join(f"{name}: {value}" for name, value in message.headers.items())
    shared = "(for the whole request)\n" if part.shared and part.text else ""
    return "\n\n".join(filter(None, [head, shared + part.text]))


def way_back_table(story: Story) -> Table:
    """Return what a rollback of everything would do to each row now."""
    rows: list[dict[str, object]] = []
    for chapter, way in zip(story.chapters, story.ways_back, strict=True):
        if chapter.ref is None or not chapter.history:
            continue
        tone = Tone.WARN if way.spared else Tone.PLAIN if way.unsure or chapter.is_undone else Tone.GOOD
        its = {"document": chapter.name, "row": str(chapter.ref), "tone": tone}
        now = {one.column: one.now for one in chapter.comparisons}
        rows.append({**its, "deed": way.outlook, "window": way.window})
        rows += [
            {**its, "deed": "give back", "column": column, "now": now.get(column) or None, "again": show(cell) or None}
            for column, cell in way.before.items()
        ]
    columns = [Column("deed", "What would be done", badge=True), Column("column", "Column"),
               Column("now", "Holds now", exact=True), Column("again", "Would hold again", exact=True),
               Column("row", "Row")]  # fmt: skip
    note = (
        "A row that people changed since is spared, and so is what a spared row points to. Looked at were the row and "
        "what points to it. Rows that people made below it are found by the rollback itself."
    )
    return Table("If it were rolled back now", columns, rows, note, "tone", identifier="way-back")
