"""Small helpers with which the stages make their reports."""

from collections.abc import Mapping, Sequence

from transload._ledger import DeadLetter
from transload._pipeline.load import PassCounts
from transload._reports import Chart, ChartKind, Column, Report, Series, Table, Tone, Verdict
from transload._stages.bench import Bench, Machinery
from transload._stages.links import record_links, row_links
from transload.values import EntityName, Finding, Loss, Record, Severity


def report_of(
    bench: Bench,
    title: str,
    verdict: Verdict,
    facts: Mapping[str, str],
    findings: Sequence[Finding] = (),
    tables: Sequence[Table] = (),
    charts: Sequence[Chart] = (),
) -> Report:
    """Return the report of a stage."""
    return Report(
        bench.context.stage,
        title,
        bench.project.settings.project.name,
        bench.run_id,
        bench.context.clock(),
        verdict,
        facts,
        findings,
        tables,
        [chart for chart in charts if chart.labels],
    )


def verdict_of_findings(findings: Sequence[Finding], detail: str, next_command: str) -> Verdict:
    """Return a verdict that is as bad as the worst finding."""
    blockers = sum(finding.severity is Severity.BLOCKER for finding in findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in findings)
    if blockers:
        return Verdict(Tone.BAD, f"{counted(blockers, 'finding')} must be settled first", detail)
    if warnings:
        return Verdict(Tone.WARN, f"Passed, with {counted(warnings, 'warning')}", detail, next_command)
    return Verdict(Tone.GOOD, "Passed", detail, next_command)


_OUTCOMES = (
    ("created", "New", Tone.GOOD),
    ("updated", "Changed", None),
    ("unchanged", "Same", Tone.PLAIN),
    ("matched", "Matched", None),
    ("parked", "Parked", Tone.WARN),
    ("failed", "Failed", Tone.BAD),
)
"""What became of records: attribute, label, and tone where it is good or bad."""


def passes_chart(counts: Sequence[PassCounts]) -> Chart:
    """Return the records of each pass by what became of them."""
    series = [Series(label, [getattr(count, name) for count in counts], tone) for name, label, tone in _OUTCOMES]
    told = [each for each in series if any(each.values)]
    return Chart("Records by pass and outcome", [str(count.step) for count in counts] if told else [], told or [],
                 ChartKind.STACKED, "records")  # fmt: skip


def passes_table(counts: Sequence[PassCounts]) -> Table:
    """Return the table of what each pass did."""
    columns = [Column("step", "Pass"), *(Column(name, label, numeric=True) for name, label, _ in _OUTCOMES)]
    rows = [{"step": str(count.step), **{name: getattr(count, name) for name, _, _ in _OUTCOMES}} for count in counts]
    return Table("Passes", columns, rows, brief=True)


def losses_table(losses: Sequence[Loss]) -> Table:
    """Return the lossy ledger: everything that a rule changed for the worse."""
    return Table(
        "Lossy ledger",
        [Column("record", "Record"), Column("column", "Column"), Column("kind", "What happened"),
         Column("original", "Source"), Column("kept", "Kept")],
        [
            {
                "record": str(loss.key),
                "column": loss.column,
                "kind": loss.kind,
                "original": loss.original,
                "kept": loss.kept,
            }
            for loss in losses
        ],
        note="Whatever a rule shortened, rounded or left out, with what the source held.",
        filterable=True,
    )  # fmt: skip


def unmatched_records(bench: Bench, machinery: Machinery, entity: EntityName) -> list[Record]:
    """Return the records of an entity that were looked for in the target and not recognised."""
    return [
        record
        for batch in machinery.records.batches(entity)
        for known in [bench.ledger.journal.rows({record.key for record in batch})]
        for record in batch
        if record.key not in known
    ]


def unmatched_tables(bench: Bench, machinery: Machinery) -> list[Table]:
    """Return, for entities that are only recognised, the records without a row: users to be made."""
    tables = []
    for entity, mapper in machinery.mappings.items():
        match = mapper.document.match
        if match is None or match.create:
            continue
        names = list(dict.fromkeys([*match.on.values(), "name"]))
        rows = [
            {"record": str(record.key), **{name: record.fields.get(name) for name in names}}
            for record in unmatched_records(bench, machinery, entity)
        ]
        if rows:
            columns = [
                Column("record", "Record"),
                *(Column(name, name.replace("_", " ").capitalize()) for name in names),
            ]
            note = f"No {mapper.table.name} fits them; what refers to them goes to the fallback, and is flagged."
            tables.append(Table(f"{entity} without a match", columns, rows, note=note, filterable=True))
    return tables


def trouble_tables(bench: Bench, machinery: Machinery) -> list[Table]:
    """Return dead letters, parked records and flags, as far as there are any."""
    tables = []
    if letters := list(bench.ledger.notes.dead_letters()):
        tables.append(_dead_letters(bench, machinery, letters))
    parked = [{"record": str(p.key), "phase": p.phase, "waits": p.waits_for} for p in bench.ledger.notes.parked()]
    flags = [
        {"record": str(key), "reason": "; ".join(reasons)}
        for key, reasons in bench.ledger.notes.flags().items()
        if reasons
    ]
    if parked:
        columns = [Column("record", "Record"), Column("phase", "Pass"), Column("waits", "Waits for")]
        tables.append(Table("Parked records", columns, parked, filterable=True))
    if flags:
        columns = [Column("record", "Record"), Column("reason", "Why a person should look")]
        tables.append(Table("Flagged records", columns, flags, filterable=True))
    return tables


def _dead_letters(bench: Bench, machinery: Machinery, letters: Sequence[DeadLetter]) -> Table:
    keys = [letter.key for letter in letters]
    known = bench.ledger.journal.rows(keys)
    records = record_links(bench, machinery, keys)
    rows = row_links(bench, (row.ref for row in known.values()))
    return Table(
        "Dead letters",
        [Column("record", "Record", link="source_link"), Column("phase", "Pass"), Column("message", "Error"),
         Column("remedy", "Remedy"), Column("row", "Row", link="target_link")],
        [
            {
                "record": str(letter.key),
                "source_link": records.get(letter.key),
                "phase": letter.phase,
                "message": letter.message,
                "remedy": letter.remedy,
                "row": known[letter.key].ref.row_id if letter.key in known else None,
                "target_link": rows.get(known[letter.key].ref) if letter.key in known else None,
            }
            for letter in letters
        ],
        note="Set aside; the run went on. A record has a row when an earlier write of it was accepted.",
        filterable=True,
    )  # fmt: skip


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 record``, ``1,200 records``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
