"""Audit: what is in the source, what the target is, what could go wrong. Writes to neither."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from transload._mistakes import nearest
from transload._pipeline.extract import stage_given, stage_source, staged_entities
from transload._pipeline.profile import profile_records
from transload._reports import Chart, Report, Table
from transload._stages.audit_tables import (
    Profiles,
    choice_charts,
    duplicates_table,
    fields_table,
    inventory_table,
    options_table,
    orphans_table,
    rebuild_table,
    records_chart,
    users_tables,
)
from transload._stages.bench import Bench, assemble
from transload._stages.completion import complete, gaps, known_fields
from transload._stages.duplicates import Duplicates, find_duplicates
from transload._stages.encounters import Encounters, meet, tell_encounters
from transload._stages.forecast import forecast_tables
from transload._stages.grade import (
    BROKEN,
    CUSTOM,
    DOUBLES,
    LOST,
    ORPHANS,
    REBUILD,
    grade_of,
    grade_table,
    grade_text,
    measure,
)
from transload._stages.masking import Samples
from transload._stages.rehearsal import Orphans, Rehearsal, rehearse
from transload._stages.reporting import counted, report_of, verdict_of_findings
from transload.errors import MappingError
from transload.mapping import Mapping as MappingDocument
from transload.values import EntityName, Finding, Loss, Severity, SourceSchema, TargetSchema

_SHOWN = 6


@dataclass(slots=True)
class _Trial:
    """What the mapping would come to, as far as it compiles.

    Attributes:
        gaps: Filled fields that no rule of the documents covers.
        mistakes: Why it does not compile.
    """

    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    met: list[Encounters] = field(default_factory=list)
    gaps: int = 0
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stock:
    """All that was looked at; ``reading`` is how many seconds the source was read."""

    source: SourceSchema
    target: TargetSchema
    counts: Mapping[EntityName, int]
    profiles: Profiles
    trial: _Trial
    doubles: Sequence[Duplicates]
    reading: float


def audit(bench: Bench) -> Report:
    """Read the whole source into the ledger, describe the target, and collect findings."""
    findings = bench.plugins.check(bench.context)
    source = bench.source()
    documents = bench.all_documents()
    started = bench.context.clock()
    counts = stage_source(source, bench.plugins, bench.ledger, bench.context, bench.run_id)
    reading = (bench.context.clock() - started).total_seconds()
    stage_given(documents.values(), bench.ledger, bench.run_id)
    target = bench.target(documents)
    profiles: Profiles = {
        entity: profile_records(r for batch in bench.ledger.staging.batches(entity) for r in batch)
        for entity in staged_entities(source, bench.ledger)
    }
    trial = _try_mapping(bench, documents, profiles)
    doubles = _duplicates(bench, profiles, documents)
    findings += bench.plugins.audit(source, target, bench.context)
    findings += [*_of_trial(trial), *tell_encounters(trial.met), *_of_duplicates(doubles)]
    findings += _unmapped(counts, {document.source_entity for document in documents.values()}, source, target)
    bench.ledger.notes.set_findings("audit", findings)
    bench.summary["counts"] = {str(entity): count for entity, count in counts.items()}
    return _report(bench, _Stock(source, target, counts, profiles, trial, doubles, reading), findings)


def _try_mapping(bench: Bench, documents: Mapping[str, MappingDocument], profiles: Profiles) -> _Trial:
    """Translate every record as the plan would, and look for what it meets in the target; nothing is sent."""
    trial = _Trial()
    try:
        prefix = bench.target({}).custom_prefix
        become = {entity: document.table for entity, document in documents.items()}
        documents = {entity: document.filled_in(prefix, become) for entity, document in documents.items()}
        fields = known_fields(bench.source(), profiles, documents)
        trial.gaps = len(gaps(documents, fields))
        documents = complete(documents, fields, prefix)
        machinery = assemble(bench, documents)
    except MappingError as error:
        trial.mistakes = tuple(str(error).splitlines())
        return trial
    trial.rehearsal = rehearse(bench, machinery, parents=True)
    trial.met = meet(bench, machinery, bench.target(documents))
    return trial


def _of_trial(trial: _Trial) -> Iterator[Finding]:
    """Yield what the rehearsal showed. It blocks the plan, not the audit: the mapping may still be edited."""
    if trial.mistakes:
        yield Finding("mapping_unfinished", Severity.INFO, "The mapping does not compile yet, so it was not rehearsed",
                      "; ".join(trial.mistakes), "`transload plan` says what to do.")  # fmt: skip
    for (entity, reason, remedy), count in trial.rehearsal.rejections.most_common():
        title = f"{counted(count, f'{entity} record')}: {reason}"
        yield Finding("breaks_a_rule", Severity.WARNING, title, "", remedy, count)
    yield from _of_losses(trial.rehearsal.losses)
    yield from _of_orphans(trial.rehearsal.orphans)


def _of_losses(losses: Sequence[Loss]) -> Iterator[Finding]:
    """Yield a finding for each kind of loss; the lossy ledger of the plan lists every value."""
    columns = Counter((loss.kind, f"{loss.key.entity} {loss.column}") for loss in losses)
    for kind, count in Counter(loss.kind for loss in losses).most_common():
        its = [f"{column} ({number:,})" for (each, column), number in columns.most_common() if each == kind]
        yield Finding("would_lose", Severity.WARNING, f"{counted(count, 'value')} would be {kind}", _some(its),
                      "Give the rules larger columns, or accept it with the approval.", count)  # fmt: skip


def _of_orphans(orphans: Mapping[tuple[EntityName, str], Orphans]) -> Iterator[Finding]:
    """Yield a finding for each entity whose records are missed; a table lists the columns."""
    missed: dict[EntityName, list[tuple[str, Orphans]]] = {}
    for (entity, column), its in orphans.items():
        missed.setdefault(its.examples[0][1].entity, []).append((f"{entity} {column} ({its.count:,})", its))
    for parent, found in missed.items():
        count = sum(its.count for _, its in found)
        yield Finding("orphans", Severity.WARNING,
                      f"{counted(count, 'reference')} to {parent} records that are not there",
                      _some([told for told, _ in found]),
                      "Restore them in the source, or let the rule's `missing` decide.", count)  # fmt: skip


def _duplicates(bench: Bench, profiles: Profiles, documents: Mapping[str, MappingDocument]) -> list[Duplicates]:
    """Return likely duplicates among the records that become rows."""
    written = {document.source_entity for document in documents.values() if document.writes_rows}
    return [
        group
        for entity, profile in profiles.items()
        if entity in written
        for group in find_duplicates(entity, profile, (r for b in bench.ledger.staging.batches(entity) for r in b))
    ]


def _of_duplicates(groups: Sequence[Duplicates]) -> Iterator[Finding]:
    by_kind: dict[tuple[EntityName, str], list[Duplicates]] = {}
    for group in groups:
        by_kind.setdefault((group.entity, group.by), []).append(group)
    for (entity, by), its in by_kind.items():
        count = sum(len(group.keys) for group in its)
        yield Finding("duplicates", Severity.WARNING, f"{count:,} {entity} records share their {by} with another",
                      f"{counted(len(its), 'group')}, the largest of {len(its[0].keys):,} records; listed below",
                      "Merge them in the source before the load, or accept that both come along.", count)  # fmt: skip


def _unmapped(
    counts: Mapping[EntityName, int], mapped: set[str], source: SourceSchema, target: TargetSchema
) -> list[Finding]:
    aids = {entity.name for entity in source.entities if all(field.derived for field in entity.fields.values())}
    return [
        Finding(
            "entity_without_mapping",
            Severity.BLOCKER,
            f"No enabled plugin maps {entity} from {source.system} to {target.system}",
            f"{count:,} records{nearest(entity, sorted(mapped))}",
            "Enable a plugin that maps it, or write mapping/<entity>.yaml by hand.",
            count,
        )
        for entity, count in counts.items()
        if count and entity not in mapped | aids
    ]


def _amounts(stock: _Stock) -> dict[str, int]:
    rehearsal = stock.trial.rehearsal
    return {
        CUSTOM: stock.trial.gaps,
        ORPHANS: sum(its.count for its in rehearsal.orphans.values()),
        DOUBLES: len({key for group in stock.doubles for key in group.keys}),
        BROKEN: rehearsal.rejections.total(),
        LOST: len(rehearsal.losses),
        REBUILD: len(stock.source.left_behind),
    }


def _report(bench: Bench, stock: _Stock, findings: Sequence[Finding]) -> Report:
    source, target, rehearsal = stock.source, stock.target, stock.trial.rehearsal
    samples, total = Samples(bench.project.settings.audit.samples), sum(stock.counts.values())
    measures = measure(total, _amounts(stock), findings)
    grade = bench.summary["grade"] = grade_of(measures)
    facts = {
        "Source": f"{source.system} {source.account}",
        "Target": f"{target.system} {target.address}",
        **{name.replace("_", " ").capitalize(): fact for name, fact in target.facts.items() if fact},
        "Records": f"{total:,}",
        "Complexity": grade_text(grade),
    }
    tables: list[Table] = []
    charts: list[Chart] = []
    if target.limits is not None and rehearsal.writes:
        run = bench.project.settings.run
        more, tables, charts = forecast_tables(rehearsal, target.limits, run, stock.reading)
        facts |= more
    tables = [
        inventory_table(stock.counts, stock.profiles), grade_table(grade, measures), *tables,
        *users_tables(stock.trial.met), *orphans_table(rehearsal.orphans), *duplicates_table(stock.doubles, samples),
        *rebuild_table(source.left_behind),
        *options_table(source, stock.profiles, samples),
        *(fields_table(entity, profile, samples) for entity, profile in stock.profiles.items()),
    ]  # fmt: skip
    verdict = verdict_of_findings(findings, f"{total:,} records read; nothing was written.", "transload plan")
    all_charts = [records_chart(stock.counts), *charts, *choice_charts(stock.profiles, samples)]
    return report_of(bench, "Audit of both systems", verdict, facts, findings, tables, all_charts)


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")
