"""Audit: what is in the source, what the target is, what could go wrong. Writes to neither."""

from collections.abc import Iterator

from transload._mistakes import nearest
from transload._pipeline.extract import stage_given, stage_source, staged_entities
from transload._pipeline.profile import FieldProfile, profile_records
from transload._reports import Chart, Column, Report, Series, Table
from transload._stages.bench import Bench
from transload._stages.reporting import report_of, verdict_of_findings
from transload.values import EntityName, FieldType, Finding, Severity, SourceSchema, TargetSchema


def audit(bench: Bench) -> Report:
    """Read the whole source into the ledger, describe the target, and collect findings."""
    findings = bench.plugins.check(bench.context)
    source = bench.source()
    documents = bench.all_documents()
    counts = stage_source(source, bench.plugins, bench.ledger, bench.context, bench.run_id)
    stage_given(documents.values(), bench.ledger, bench.run_id)
    target = bench.target(documents)
    profiles = {
        entity: profile_records(r for batch in bench.ledger.staging.batches(entity) for r in batch)
        for entity in staged_entities(source, bench.ledger)
    }
    findings += bench.plugins.audit(source, target, bench.context)
    findings += _unmapped(counts, {document.source_entity for document in documents.values()}, source, target)
    bench.ledger.notes.set_findings("audit", findings)
    bench.summary["counts"] = {str(entity): count for entity, count in counts.items()}
    facts = {
        "Source": f"{source.system} {source.account}",
        "Target": f"{target.system} {target.address}",
        **target.facts,
        "Records": f"{sum(counts.values()):,}",
    }
    verdict = verdict_of_findings(
        findings, f"{sum(counts.values()):,} records read; nothing was written.", "transload plan"
    )
    return report_of(
        bench, "Audit of both systems", verdict, facts, findings,
        [_inventory(counts, profiles), *(_fields(entity, profile) for entity, profile in profiles.items())],
        [_records_chart(counts), *_choice_charts(profiles)],
    )  # fmt: skip


def _unmapped(
    counts: dict[EntityName, int], mapped: set[str], source: SourceSchema, target: TargetSchema
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


def _inventory(counts: dict[EntityName, int], profiles: dict[EntityName, dict[str, FieldProfile]]) -> Table:
    return Table(
        "Inventory of the source",
        [Column("entity", "Entity"), Column("records", "Records", numeric=True),
         Column("fields", "Fields", numeric=True), Column("filled", "Ever filled", numeric=True)],
        [
            {
                "entity": entity,
                "records": counts.get(entity, 0),
                "fields": len(profile),
                "filled": sum(field.filled > 0 for field in profile.values()),
            }
            for entity, profile in profiles.items()
        ],
        brief=True,
    )  # fmt: skip


_LONGEST_LABEL = 60
_MOST_CHARTS = 24
_MOST_CHOICES = 12
"""A field with more different values is no choice that people would look at."""
_LEAST_REPEATED = 3
"""How often a value must occur on average."""


def _records_chart(counts: dict[EntityName, int]) -> Chart:
    filled = sorted((entity for entity in counts if counts[entity]), key=lambda entity: -counts[entity])
    return Chart("Records by entity", filled, [Series("records", [counts[e] for e in filled])], unit="records")


def _choice_charts(profiles: dict[EntityName, dict[str, FieldProfile]]) -> list[Chart]:
    """Return charts of the choices that most records fill; the tables tell of all fields."""
    charts = [chart for entity, profile in profiles.items() for chart in _choices(entity, profile)]
    weight = {chart.title: sum(chart.series[0].values) for chart in charts}
    heaviest = sorted(weight, key=lambda title: -weight[title])[:_MOST_CHARTS]
    return [chart for chart in charts if chart.title in heaviest]


def _choices(entity: EntityName, profile: dict[str, FieldProfile]) -> Iterator[Chart]:
    """Yield a chart for each field whose values look like a choice."""
    for name, field in profile.items():
        few = 1 < len(field.distinct) <= _MOST_CHOICES and not field.overflowed
        if few and field.type is FieldType.TEXT and field.filled >= _LEAST_REPEATED * len(field.distinct):
            values = sorted(field.distinct, key=lambda value: (-field.distinct[value], value))
            numbers = [field.distinct[value] for value in values]
            labels = [
                value if len(value) <= _LONGEST_LABEL else f"{value[:_LONGEST_LABEL]}\N{HORIZONTAL ELLIPSIS}"
                for value in values
            ]
            yield Chart(f"{entity}: values of {name}", labels, [Series("records", numbers)], unit="records")


def _fields(entity: EntityName, profile: dict[str, FieldProfile]) -> Table:
    records = max((field.seen for field in profile.values()), default=0)
    return Table(
        f"Fields of {entity}",
        [Column("field", "Field"), Column("type", "Type"), Column("filled", "Filled", numeric=True, of="records"),
         Column("empty", "Empty", numeric=True), Column("null", "Null", numeric=True),
         Column("distinct", "Distinct"), Column("longest", "Longest", numeric=True)],
        [
            {
                "field": name,
                "type": field.type if field.filled else "",
                "filled": field.filled,
                "records": records,
                "empty": field.empty,
                "null": field.null,
                "distinct": f"over {len(field.distinct)}" if field.overflowed else str(len(field.distinct)),
                "longest": field.longest,
            }
            for name, field in profile.items()
        ],
        filterable=True,
    )  # fmt: skip
