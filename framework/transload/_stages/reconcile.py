"""Reconcile: counts, keys, every field and every relation of both sides, and a verdict.

The verdict is go or no-go, with the rules that decided it. Nothing is written.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from transload._pipeline.verify import FieldCheck, Mismatch
from transload._reports import Chart, ChartKind, Column, Report, Series, Table, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.diff import diff_table
from transload._stages.gates import require_finished
from transload._stages.reporting import losses_table, report_of, trouble_tables, unmatched_records, unmatched_tables
from transload.values import EntityName, RowRef

_AT_ONCE = 100
_MOST_SHOWN = 5000
_ACCEPTED = {Mismatch.PEOPLE, Mismatch.CLOSED}


@dataclass(slots=True)
class _Entity:
    """What was counted for one entity."""

    entity: EntityName
    records: int = 0
    rows: int = 0
    fields: int = 0
    unmatched: int = 0
    wrong: Counter[Mismatch] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of the verdict: how often it fired, and whether that forbids the cut-over."""

    name: str
    fired: int
    forbids: bool


def reconcile(bench: Bench) -> Report:
    """Compare both sides, and say whether the cut-over can go ahead."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_finished(bench, "run")
    machinery = assemble(bench, documents)
    entities, mismatches = _compare(bench, machinery)
    strangers = [stranger for entity in machinery.plan.entities for stranger in _strangers(bench, machinery, entity)]
    rules = _rules(bench, entities, strangers)
    bad = [rule for rule in rules if rule.fired and rule.forbids]
    compared = sum(entity.fields for entity in entities)
    records = sum(entity.records for entity in entities)
    if bad:
        verdict = Verdict(
            Tone.BAD,
            f"No-go: {', '.join(rule.name for rule in bad)}",
            "Each case is listed below. Correct the cause, then run again.",
            "transload run",
        )
    else:
        verdict = Verdict(
            Tone.GOOD,
            f"Go: {compared:,} fields of {records:,} records are as wanted",
            "",
            'transload approve cutover --by "Your Name"',
        )
    tables = [_counts_table(entities), _rules_table(rules), *_stranger_tables(strangers)]
    if mismatches:
        tables.append(diff_table(bench, machinery, mismatches))
    tables += [
        *unmatched_tables(bench, machinery),
        *trouble_tables(bench, machinery),
        losses_table(list(bench.ledger.notes.losses())),
    ]
    facts = {
        "Records": f"{records:,}",
        "Fields compared": f"{compared:,}",
        "Different": f"{sum(sum(entity.wrong.values()) for entity in entities):,}",
    }
    return report_of(bench, "Reconciliation", verdict, facts, tables=tables, charts=_charts(entities))


def _charts(entities: Sequence[_Entity]) -> list[Chart]:
    """Return both sides by entity, and the differences by class where there are any."""
    names = [str(entity.entity) for entity in entities]
    both = Chart(
        "Both sides by entity",
        names,
        [
            Series("in the source", [entity.records for entity in entities]),
            Series("in the target", [entity.rows for entity in entities]),
        ],
        unit="records",
    )
    wrong = [entity for entity in entities if entity.wrong]
    kinds = [kind for kind in Mismatch if any(entity.wrong[kind] for entity in wrong)]
    series = [Series(kind, [entity.wrong[kind] for entity in wrong]) for kind in kinds]
    differences = Chart(
        "Differences by entity and class", [str(entity.entity) for entity in wrong], series, ChartKind.STACKED, "fields"
    )
    return [both, differences]


def _compare(bench: Bench, machinery: Machinery) -> tuple[list[_Entity], list[FieldCheck]]:
    results: list[_Entity] = []
    shown: list[FieldCheck] = []
    for entity in machinery.plan.entities:
        result = _Entity(entity, machinery.records.count(entity))
        results.append(result)
        if not machinery.mappings[entity].document.writes_rows:
            result.unmatched = len(unmatched_records(bench, machinery, entity))
            result.rows = result.records - result.unmatched
            continue

        def take(check: FieldCheck, result: _Entity = result) -> None:
            if check.mismatch is not None:
                result.wrong[check.mismatch] += 1
            if len(shown) < _MOST_SHOWN:
                shown.append(check)

        checked = machinery.verifier.check(entity, machinery.records.batches(entity, _AT_ONCE), take)
        result.rows, result.fields = checked.rows, checked.fields
    return results, shown


def _strangers(bench: Bench, machinery: Machinery, entity: EntityName) -> list[dict[str, object]]:
    """Return rows that carry a source id and are not the row that the ledger knows for it."""
    mapper = machinery.mappings[entity]
    key, table = mapper.document.key, mapper.table.name
    if key is None or key.column is None or not mapper.document.writes_rows:
        return []
    strangers: list[dict[str, object]] = []
    found = bench.plugins.scan_keys(table, key.column, bench.context)
    while part := list(islice(found, 1000)):
        owners = bench.ledger.journal.keys_of([RowRef(table, row_id) for _, row_id in part])
        for value, row_id in part:
            owner = owners.get(RowRef(table, row_id))
            if owner is None or owner.source_id != value:
                strangers.append({"table": table, "row": row_id, "key": value})
    return strangers


def _rules(bench: Bench, entities: Sequence[_Entity], strangers: Sequence[dict[str, object]]) -> list[_Rule]:
    wrong: Counter[Mismatch] = sum((entity.wrong for entity in entities), Counter())
    letters = len(list(bench.ledger.notes.dead_letters()))
    parked = len(list(bench.ledger.notes.parked()))
    rules = [_Rule(str(kind), wrong[kind], kind not in _ACCEPTED) for kind in Mismatch]
    return [
        *rules,
        _Rule("unknown or doubled row", len(strangers), True),
        _Rule("dead letter", letters, True),
        _Rule("parked record", parked, True),
        _Rule("user without a match", sum(entity.unmatched for entity in entities), False),
    ]


def _counts_table(entities: Sequence[_Entity]) -> Table:
    return Table(
        "Both sides",
        [Column("entity", "Entity"), Column("records", "In the source", numeric=True),
         Column("rows", "In the target", numeric=True), Column("fields", "Fields compared", numeric=True),
         Column("wrong", "Different", numeric=True), Column("verdict", "Verdict", badge=True)],
        [
            {
                "entity": entity.entity,
                "records": entity.records,
                "rows": entity.rows,
                "fields": entity.fields,
                "wrong": sum(entity.wrong.values()),
                "verdict": _word(entity),
                "tone": _tone(entity),
            }
            for entity in entities
        ],
        tone_key="tone",
        brief=True,
    )  # fmt: skip


def _word(entity: _Entity) -> str:
    if entity.unmatched:
        return f"{entity.unmatched} unmatched"
    return "different" if entity.wrong else "equal"


def _tone(entity: _Entity) -> Tone:
    if sum(entity.wrong.values()):
        return Tone.BAD
    return Tone.WARN if entity.unmatched else Tone.GOOD


def _rules_table(rules: Sequence[_Rule]) -> Table:
    return Table(
        "Go / no-go",
        [Column("rule", "Rule"), Column("fired", "Cases", numeric=True), Column("effect", "Effect", badge=True)],
        [
            {
                "rule": rule.name,
                "fired": rule.fired,
                "effect": ("no-go" if rule.forbids else "look at it") if rule.fired else "go",
                "tone": (Tone.BAD if rule.forbids else Tone.WARN) if rule.fired else Tone.GOOD,
            }
            for rule in rules
        ],
        tone_key="tone",
        brief=True,
    )  # fmt: skip


def _stranger_tables(strangers: Sequence[dict[str, object]]) -> list[Table]:
    if not strangers:
        return []
    columns = [Column("table", "Table"), Column("row", "Row"), Column("key", "Source id")]
    return [Table("Rows with a source id that the ledger does not know", columns, strangers, filterable=True)]
