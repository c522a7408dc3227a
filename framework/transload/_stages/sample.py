"""Sample: a few records that exercise every rule, loaded, read back and compared field by field.

The records are chosen, not drawn: few that together show all that occurs, closed under
references. What they cannot show is said. The full run recognises their rows and leaves
them be, unless the client wants them taken back first.
"""

from collections.abc import Mapping, Sequence

from transload._pipeline.checks import FieldCheck, Mismatch
from transload._pipeline.load import PassCounts
from transload._pipeline.recover import settle_open_intents
from transload._reports import Chart, ChartKind, Report, Series, Tone, Verdict
from transload._sample import select, survey
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.coverage import Coverage
from transload._stages.diff import diff_table, records_table
from transload._stages.gates import require_prepared
from transload._stages.manifest import with_manifest
from transload._stages.reporting import counted, losses_table, passes_table, report_of, trouble_tables
from transload._stages.sample_rows import REMOVE
from transload.values import EntityName, RecordKey

Keys = Mapping[EntityName, Sequence[RecordKey]]
_ROWS = {"keep": "kept, and recognised by the full run", "remove": "taken back before the full run"}
_APPROVE = 'transload approve sample --by "Your Name"'


def sample(bench: Bench) -> Report:
    """Choose, load, read back, compare."""
    documents = bench.documents()
    bench.summary["digests"] = require_approval(bench, documents)
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    settle_open_intents(bench.ledger, bench.plugins, bench.context)
    keys, coverage = choose(bench, machinery)
    with machinery.loader.holder.giving_back():
        counts = [
            machinery.loader.run_pass(
                step, machinery.records.find(keys.get(step.entity, [])), len(keys.get(step.entity, []))
            )
            for step in machinery.plan.passes
        ]
    checks: list[FieldCheck] = []
    for entity in machinery.plan.entities:
        machinery.verifier.check(entity, machinery.records.find(keys.get(entity, [])), checks.append, equal_too=True)
    return _report(bench, machinery, keys, coverage, counts, checks)


def choose(bench: Bench, machinery: Machinery) -> tuple[Keys, Coverage]:
    """Return the records of the sample by document, and what they show."""
    settings = bench.project.settings.sample
    converters = bench.plugins.converters()
    with survey(machinery.records, machinery.mappings, converters, bench.plugins, bench.context) as found:
        selection = select(found, settings.records, settings.most)
        return selection.by_entity(), Coverage.of(found, selection)


def _report(
    bench: Bench,
    machinery: Machinery,
    keys: Keys,
    coverage: Coverage,
    counts: Sequence[PassCounts],
    checks: Sequence[FieldCheck],
) -> Report:
    wrong = sum(check.mismatch is not None for check in checks)
    aside = sum(count.failed + count.parked for count in counts)
    total = sum(map(len, keys.values()))
    facts = {
        "Records": f"{total:,}",
        "Fields compared": f"{len(checks):,}",
        "Different": f"{wrong:,}",
        "Set aside": f"{aside:,}",
        "Not shown, though it occurs": coverage.told(),
        "Rows of the sample": _ROWS[bench.project.settings.sample.rows],
    }
    tables = [
        records_table(bench, machinery, checks), diff_table(bench, machinery, checks), *coverage.tables(),
        *trouble_tables(bench, machinery), losses_table(list(bench.ledger.notes.losses())), passes_table(counts),
    ]  # fmt: skip
    verdict = _verdict(bench, coverage, wrong, aside, f"All {len(checks):,} fields of {total:,} records are as wanted")
    findings = machinery.loader.holder.findings
    report = report_of(bench, "Sample with field-level diff", verdict, facts, findings, tables, [_chart(checks)])
    return with_manifest(bench, report)


def _verdict(bench: Bench, coverage: Coverage, wrong: int, aside: int, good: str) -> Verdict:
    bad = [f"{counted(wrong, 'field')} not as wanted"] if wrong else []
    bad += [f"{counted(aside, 'record')} set aside"] if aside else []
    if bad:
        return Verdict(
            Tone.BAD,
            ", ".join(bad),
            "Each is listed below. Is the mapping wrong? Correct it, `transload plan`, have it approved, and "
            f"`transload sample` again. Is the target right as it is? `{_APPROVE}` lets the full run start.",
            "transload plan",
        )
    removes = bench.project.settings.sample.rows == "remove"
    look = "Open a few rows in the target and look at them as their users will, before you go on."
    rows = "The rows are to be taken back before the full run." if removes else "The full run recognises these rows."
    following = REMOVE if removes else "transload run"
    if left := coverage.left_out:
        detail = f"{look} {rows} Not everything fits: raise `[sample] most`, or accept what is listed as not shown."
        return Verdict(Tone.WARN, f"{good}; {len(left):,} things that occur are not shown", detail, following)
    return Verdict(Tone.GOOD, good, f"{look} {rows}", following)


def _chart(checks: Sequence[FieldCheck]) -> Chart:
    """Return the fields of each document by verdict."""
    entities = list(dict.fromkeys(str(check.key.entity) for check in checks))
    counts: dict[tuple[str, Mismatch | None], int] = {}
    for check in checks:
        place = str(check.key.entity), check.mismatch
        counts[place] = counts.get(place, 0) + 1
    kinds = [None, *(kind for kind in Mismatch if any((entity, kind) in counts for entity in entities))]
    series = [
        Series(kind or "as wanted", [counts.get((entity, kind), 0) for entity in entities],
               Tone.GOOD if kind is None else None)
        for kind in kinds
    ]  # fmt: skip
    return Chart("Fields by document and verdict", entities, series, ChartKind.STACKED, "fields")
