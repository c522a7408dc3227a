"""The explanation as a report: the verdict, what a person should look at, and everything behind it."""

from collections.abc import Iterator, Mapping

from transload._explain.chapter import Chapter
from transload._explain.kin import children_of, kin_table, parents_of, tell_kin
from transload._explain.sight import Sight
from transload._explain.standing import standing_of
from transload._explain.story import Story
from transload._explain.tables import (
    became_table,
    comparison_tables,
    exchanges_table,
    rules_table,
    source_table,
    way_back_table,
    writes_table,
)
from transload._explain.way import way_table
from transload._ledger import WriteStatus
from transload._reports import Report, Verdict
from transload._stages.links import safe_links
from transload.values import Finding, RecordKey, Severity


def report_of_story(sight: Sight, story: Story) -> Report:
    """Return the report of a record's story."""
    blind, bench = bool(sight.blind), sight.bench
    tables = [
        became_table(sight, story, _source_links(sight, story)),
        way_table(sight, story),
        *comparison_tables(story, blind=blind),
        kin_table(sight, parents_of(sight, story), children_of(story)),
        source_table(story),
        rules_table(sight, story),
        writes_table(story),
        exchanges_table(story),
        way_back_table(story),
    ]
    return Report(
        f"explain-{story.key.entity}-{story.key.source_id}",
        f"The story of {story.key}",
        bench.project.settings.project.name,
        bench.run_id,
        bench.context.clock(),
        _verdict(sight, story),
        _facts(sight, story),
        list(_findings(sight, story)),
        tables,
    )


def _source_links(sight: Sight, story: Story) -> Mapping[RecordKey, str]:
    """Return the page of the record in the source, under the key of each document."""
    if story.staged is None:
        return {}
    links = safe_links(
        sight.bench.plugins.source_links([story.staged.record], sight.bench.context), sight.bench.context
    )
    page = links.get(story.staged.record.key)
    return dict.fromkeys((chapter.key for chapter in story.chapters), page) if page is not None else {}


def _verdict(sight: Sight, story: Story) -> Verdict:
    """Return the verdict on the worst of what became of the record; of equals the first."""
    told = [(chapter, standing_of(chapter, blind=bool(sight.blind))) for chapter in story.chapters]
    chapter, standing = min(told, key=lambda one: one[1].tone.rank)
    others = [f"{other.key} {its.place}" for other, its in told if other is not chapter]
    detail = [_sentence(standing.finding), _sentence("; ".join(others))]
    command = "transload retry" if any(it.letters or it.parked for it in story.chapters) else ""
    return Verdict(standing.tone, f"{chapter.key} {standing.place}", "\n".join(filter(None, detail)), command)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def _facts(sight: Sight, story: Story) -> dict[str, str]:
    facts, staged, reading = {}, story.staged, story.reading
    if staged is not None:
        read = f"{reading.started_at:%Y-%m-%d %H:%M:%S} UTC" if reading is not None else "by itself"
        facts["Read last"] = f"{read}, by {staged.seen_run}"
        facts["Fields"] = f"{len(staged.record.fields):,}"
        if staged.record.modified_at is not None:
            facts["Changed last in the source"] = f"{staged.record.modified_at:%Y-%m-%d %H:%M:%S} UTC"
    entries = [entry for chapter in story.chapters for entry in chapter.history]
    counts = {status: sum(entry.status is status for entry in entries) for status in WriteStatus}
    facts["Writes"] = ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "none"
    for label, kin in (("Points to", parents_of(sight, story)), ("Pointed to by", children_of(story))):
        if kin:
            facts[label] = tell_kin(kin)
    facts["The target"] = "was not asked" if sight.blind else "was asked for this page"
    windows = dict.fromkeys(way.window for way in story.ways_back if way.window)
    if windows:
        facts["Rollback"] = "; ".join(windows)
    return facts


def _findings(sight: Sight, story: Story) -> Iterator[Finding]:
    for reason, remedy in story.troubles:
        yield Finding("not_told", Severity.WARNING, reason, remedy=remedy)
    if sight.blind:
        title = "What is in the target now was not looked up"
        yield Finding("not_looked_up", Severity.INFO, title, sight.blind, sight.remedy)
    if story.staged is not None and story.staged.vanished_at is not None:
        at = f"{story.staged.vanished_at:%Y-%m-%d %H:%M:%S} UTC"
        remedy = "`[delta] deleted` in transload.toml says what becomes of its row."
        yield Finding("vanished", Severity.WARNING, "The source shows it no more", f"Missed on {at}.", remedy)
    for chapter in story.chapters:
        yield from _troubles(chapter)


def _troubles(chapter: Chapter) -> Iterator[Finding]:
    """Yield what the ledger has noted of the record under one document."""
    for letter in chapter.letters:
        evidence = f"In the pass {letter.phase}, run {letter.run_id}."
        yield Finding("dead_letter", Severity.BLOCKER, letter.message, evidence, letter.remedy)
    for parked in chapter.parked:
        title = f"{parked.key} waits for {parked.waits_for}"
        remedy = f"Find out why it is not loaded: `transload explain {parked.waits_for}`."
        yield Finding("parked", Severity.WARNING, title, f"In the pass {parked.phase}, run {parked.run_id}.", remedy)
    for flag in chapter.flags:
        remedy = "Look at the row; its review column says the same."
        yield Finding("flag", Severity.INFO, f"{chapter.key}: {flag}", remedy=remedy)
    for loss in chapter.losses:
        title = f"{chapter.key}: {loss.column}, {loss.kind}"
        evidence = f"The source says {loss.original}; kept is {loss.kept or 'nothing'}."
        yield Finding(
            "loss", Severity.INFO, title, evidence, "Nothing is lost for good: the lossy ledger has the whole."
        )
