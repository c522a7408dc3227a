"""Where a record stands, under one document and as a whole."""

from dataclasses import dataclass

from transload._explain.chapter import Chapter
from transload._ledger import WriteStatus
from transload._pipeline.checks import Mismatch
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._reports import Tone

_THEIRS = {Mismatch.PEOPLE, Mismatch.CLOSED}
"""Differences that are no fault of the migration."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the record stands under a document.

    Attributes:
        place: What it is: a row, or why it is none.
        finding: What the target says to that, or why it was not asked.
    """

    tone: Tone
    place: str
    finding: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.finding}" if self.finding else self.place


def standing_of(chapter: Chapter, *, blind: bool) -> Standing:
    """Return where the record stands under a document."""
    if chapter.letters:
        return Standing(Tone.BAD, "is set aside with an error", chapter.letters[0].message)
    if chapter.parked:
        return Standing(Tone.WARN, f"waits for {chapter.parked[0].waits_for}")
    if any(entry.status is WriteStatus.OPEN for entry in chapter.history):
        return Standing(Tone.WARN, "was sent, and nobody knows whether it arrived", "the next run finds out")
    if chapter.is_undone:
        gone = {True: "it is still in the target", False: "it is not in the target"}
        what = gone[chapter.there] if chapter.there is not None and chapter.history[0].creates else ""
        return Standing(Tone.PLAIN, "was rolled back", what)
    if chapter.row is None and not chapter.written:
        document = chapter.document
        if not chapter.unread and document is not None and not document.writes(None):
            return Standing(Tone.WARN, "is not recognised in the target")
        return Standing(Tone.PLAIN, "is not loaded", chapter.unread)
    return _loaded(chapter, blind)


def _loaded(chapter: Chapter, blind: bool) -> Standing:
    place = _place(chapter)
    wrong = [one for one in chapter.comparisons if one.mismatch is not None]
    theirs = [one for one in wrong if one.mismatch in _THEIRS]
    pending = [one for one in chapter.comparisons if one.verdict == "not written so"]
    if chapter.there is False:
        return Standing(Tone.BAD, place, "it is not in the target any more")
    if len(wrong) > len(theirs):
        return Standing(Tone.BAD, place, f"{len(wrong):,} of {len(chapter.comparisons):,} columns are not as wanted")
    if theirs:
        return Standing(Tone.WARN, place, f"people changed {len(theirs):,} of {len(chapter.comparisons):,} columns")
    if pending:
        return Standing(Tone.WARN, place, f"{len(pending):,} columns wait to be written")
    if chapter.unread:
        stands_in = chapter.key.source_id == PLACEHOLDER_ID
        return Standing(Tone.PLAIN if stands_in else Tone.WARN, place, chapter.unread)
    if blind:
        return Standing(Tone.PLAIN, place, "the target was not asked")
    if not chapter.comparisons:
        return Standing(Tone.GOOD, place, "left as it is")
    columns = len(chapter.comparisons)
    return Standing(Tone.GOOD, place, f"all {columns:,} columns as wanted" if columns > 1 else "as wanted")


def _place(chapter: Chapter) -> str:
    """Return which row it is."""
    if chapter.row is not None:
        return f"{'is recognised as' if chapter.row.origin == 'matched' else 'is'} {chapter.row.ref}"
    return f"links {chapter.ref}"
