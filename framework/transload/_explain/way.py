"""The way of the record, hook by hook: what went in, what came out, who answered."""

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from transload._explain.chapter import Chapter, PhaseTrace
from transload._explain.sight import Sight
from transload._explain.story import Story
from transload._explain.words import cells_of, tell_value, tell_write
from transload._ledger import JournalEntry, WriteStatus
from transload._pipeline.compare import same
from transload._pipeline.resolve import lookup_name
from transload._reports import Column, Table, Tone
from transload._stages.reporting import counted
from transload.mapping import Match
from transload.values import Associate, Record, Rejection, SetState, Write

_TONES = {
    WriteStatus.DONE: Tone.GOOD,
    WriteStatus.FAILED: Tone.BAD,
    WriteStatus.OPEN: Tone.WARN,
    WriteStatus.UNDONE: Tone.PLAIN,
    WriteStatus.WITHDRAWN: Tone.PLAIN,
}
_RESULTS = {
    WriteStatus.DONE: "accepted",
    WriteStatus.FAILED: "refused",
    WriteStatus.OPEN: "no answer yet",
    WriteStatus.UNDONE: "undone since",
    WriteStatus.WITHDRAWN: "never arrived",
}
_ENGINE = "transload"
_FEW = 8
"""Columns that are told by name."""


def way_table(sight: Sight, story: Story) -> Table:
    """Return the steps that the record took, in order."""
    columns = [Column("what", "Step", badge=True), Column("told", "What went in, and what came out"),
               Column("by", "By")]  # fmt: skip
    steps = [*_reading(sight, story), *(step for chapter in story.chapters for step in _chapter(sight, story, chapter))]
    note = (
        "Match, transform and resolve are done once more, as the next run would; what was sent, and what came of it, "
        "is from the ledger."
    )
    rows = [{**asdict(step), "what": step.what, "told": step.told} for step in steps]
    return Table("The way of the record", columns, rows, note, "tone", brief=True, identifier="way")


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of the way."""

    step: str
    of: str
    by: str
    given: str
    came: str
    result: str
    at: datetime | None = None
    tone: Tone = Tone.GOOD

    @property
    def what(self) -> str:
        """What was done to what."""
        return f"{self.step} {self.of}"

    @property
    def told(self) -> str:
        """What went in, and what came out."""
        arrow = " \N{RIGHTWARDS ARROW}" + ("\n" if "\n" in self.came else " ")
        return f"{self.result}: {self.given}{arrow}{self.came}" if self.given else f"{self.result}: {self.came}"


def _reading(sight: Sight, story: Story) -> Iterator[_Step]:
    staged, reading = story.staged, story.reading
    if staged is None:
        return
    given = any(it.document is not None and it.document.given for it in story.chapters)
    by = "the mapping document itself" if given else _who(sight, "extract")
    of, fields = str(staged.record.key), f"{len(staged.record.fields)} fields"
    at = reading.started_at if reading is not None else None
    came = f"{fields}, read last by {staged.seen_run}" + (", with the request below" if story.read is not None else "")
    if staged.record.modified_at is not None:
        came += f", changed last {staged.record.modified_at:%Y-%m-%d %H:%M:%S} UTC"
    yield _Step("extract", of, by, "", came, "read", at)
    kept = f"{staged.size:,} bytes, digest {staged.digest}"
    if staged.vanished_at is None:
        yield _Step("stage", of, "the ledger", fields, kept, "staged", at)
    else:
        yield _Step("stage", of, "the ledger", "", kept, "gone from the source", staged.vanished_at, Tone.WARN)


def _chapter(sight: Sight, story: Story, chapter: Chapter) -> Iterator[_Step]:
    if chapter.unread:
        yield _Step("transform", chapter.name, _ENGINE, "", chapter.unread, "not read", tone=Tone.PLAIN)
    elif chapter.document is not None and chapter.document.match is not None and story.staged is not None:
        yield _recognition(sight, chapter, chapter.document.match, story.staged.record)
    told: set[int] = set()
    for trace in chapter.phases:
        yield from _translation(sight, chapter, trace)
        sent = [entry for entry in chapter.history if entry.write.phase is trace.phase]
        told |= {entry.id for entry in sent}
        for entry in sent:
            yield from _sending(sight, chapter, entry, trace.resolved)
    for entry in (entry for entry in chapter.history if entry.id not in told):
        yield from _sending(sight, chapter, entry, None)
    for undoing in chapter.undoings:
        result, tone = ("refused", Tone.BAD) if undoing.error else ("undone", Tone.PLAIN)
        came = undoing.error or f"{undoing.at:%Y-%m-%d %H:%M:%S} UTC, by {undoing.run_id}"
        yield _Step("rollback", chapter.name, _who(sight, "rollback"), str(chapter.ref), came, result, undoing.at, tone)
    yield from _next_run(chapter)


def _recognition(sight: Sight, chapter: Chapter, match: Match, record: Record) -> _Step:
    """Say whether the record was recognised in the target."""
    asked = "\n".join(f"{column}: {tell_value(record.fields.get(name)) or '-'}" for column, name in match.on.items())
    by = _who(sight, "resolve_lookup")
    if chapter.row is None or chapter.row.origin == "created":
        made = "a row of its own is made" if match.create else "no row is made"
        tone = Tone.GOOD if match.create else Tone.WARN
        return _Step("match", chapter.name, by, asked, f"no row fits, {made}", "not found", tone=tone)
    left = "" if match.write else ", and left as it is"
    return _Step("match", chapter.name, by, asked, f"{chapter.row.ref}{left}", "recognised")


def _translation(sight: Sight, chapter: Chapter, trace: PhaseTrace) -> Iterator[_Step]:
    of, write = f"{chapter.name}, {trace.phase}", trace.write
    by = _who(sight, "transform")
    read = {name for rule in chapter.rules if rule.phase is trace.phase for name in rule.fields}
    given = counted(len(read), "field")
    if write is None or isinstance(write, Rejection):
        yield _Step("transform", of, by, given, trace.trouble, "set aside", tone=Tone.BAD)
        return
    amended = f"; {', '.join(trace.amended)} amended" if trace.amended else ""
    yield _Step("transform", of, by, given, _wish(write, len(trace.lookups)) + amended, "translated")
    if trace.lookups or trace.trouble:
        who = "; ".join(dict.fromkeys(lookup.by for lookup in trace.lookups))
        found = (f"{one.column}: {lookup_name(one.lookup)} is {one.row or 'not there'}" for one in trace.lookups)
        result, tone = ("not resolved", Tone.WARN) if trace.trouble else ("resolved", Tone.GOOD)
        came = "\n".join(filter(None, [*found, trace.trouble]))
        yield _Step("resolve", of, who, counted(len(trace.lookups), "lookup"), came, result, tone=tone)


def _wish(write: Write, lookups: int) -> str:
    if isinstance(write, SetState | Associate):
        return tell_write(write, creates=False)
    opening = f", {counted(lookups, 'lookup')} open" if lookups else ""
    return f"{counted(len(write.columns), 'column')} of {write.table}{opening}"


def _sending(sight: Sight, chapter: Chapter, entry: JournalEntry, wish: Write | None) -> Iterator[_Step]:
    of, sent = f"{chapter.name}, {entry.write.phase}", cells_of(entry.write)
    wanted = len(cells_of(wish)) if wish is not None else len(sent)
    if wanted > len(sent):
        left = "the others are empty" if entry.creates else "the others were so already"
        came = f"{_columns(sent)}; {left}"
        yield _Step("narrow", of, _ENGINE, counted(wanted, "column"), came, "narrowed", entry.begun_at)
    requests = len(chapter.exchanges.get(entry.id, ()))
    said = f"{counted(requests, 'request')}, see below" if requests else "no request was kept"
    given = f"write {entry.id}: {tell_write(entry.write, entry.creates)}"
    at, result = entry.settled_at or entry.begun_at, _RESULTS[entry.status]
    came = entry.error or f"{said}; {at:%Y-%m-%d %H:%M:%S} UTC"
    yield _Step("load", of, _who(sight, "load"), given, came, result, at, _TONES[entry.status])


def _columns(names: Collection[str]) -> str:
    """Return columns by name when they are few, else how many they are."""
    return ", ".join(names) if len(names) <= _FEW else counted(len(names), "column")


def _next_run(chapter: Chapter) -> Iterator[_Step]:
    """Say what the next run would send, compared with what was written; what people changed decides too."""
    wishes = [trace.resolved for trace in chapter.phases if trace.resolved is not None]
    waiting = [(wish, names) for wish in wishes if (names := _outstanding(chapter, wish))]
    for wish, names in waiting:
        of, given = f"{chapter.name}, {wish.phase}", counted(len(cells_of(wish)), "column")
        yield _Step("narrow", of, _ENGINE, given, _columns(names), "for the next run", tone=Tone.WARN)
    if wishes and not waiting:
        came = "nothing, all is as it was written"
        yield _Step("narrow", chapter.name, _ENGINE, "", came, "for the next run", tone=Tone.PLAIN)


def _outstanding(chapter: Chapter, wish: Write) -> list[str]:
    """Return the columns that are not as they were written last."""
    cells = cells_of(wish) if not isinstance(wish, SetState) else {"statecode": wish.state, "statuscode": wish.status}
    return [name for name, cell in cells.items() if not same(cell, chapter.held(name))]


def _who(sight: Sight, hook: str) -> str:
    """Return who answers a hook and who may amend that, with versions."""
    versions, plugins = {info.name: info.version for info in sight.bench.plugins.infos}, sight.bench.plugins
    answering, wrapping = (
        ", ".join(f"{name} {versions[name]}" if name in versions else name for name in names)
        for names in (plugins.answering(hook), plugins.wrapping(hook))
    )
    return f"{answering}, wrapped by {wrapping}" if wrapping else answering
