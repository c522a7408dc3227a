"""Reconcile: counts, keys, every field and every relation of both sides, and a verdict.

The verdict is go or no-go, with the rules that decided it. Nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from transload._pipeline.checks import Checked, FieldCheck, Mismatch
from transload._reports import Chart, ChartKind, Column, Report, Series, Table, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.diff import diff_table
from transload._stages.gates import require_finished
from transload._stages.money import MoneyTotals
from transload._stages.reporting import losses_table, report_of, trouble_tables, unmatched_records, unmatched_tables
from transload._stages.verdicts import Rule, apply_rules, rules_table
from transload._stages.waivers import DEAD_LETTER, MONEY, NO_USER, PARKED, UNKNOWN_ROW, waivers, waivers_table
from transload.values import EntityName, Record, RowRef

_AT_ONCE = 100
_MOST_SHOWN = 5000


@dataclass(slots=True)
class _Entity:
    """What was counted for one entity."""

    entity: EntityName
    records: int = 0
    rows: int = 0
    checked: Checked = field(default_factory=Checked)
    unmatched: list[str] = field(default_factory=list)
    wrong: dict[Mismatch, list[str]] = field(default_factory=dict)
    """The record of each difference, by class."""

    @property
    def differences(self) -> int:
        """How many differences there are."""
        return sum(map(len, self.wrong.values()))


def reconcile(bench: Bench) -> Report:
    """Compare both sides, and say whether the cut-over can go ahead."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_finished(bench, "run")
    machinery = assemble(bench, documents)
    settings, given = bench.project.settings.reconcile, waivers(bench)
    money = MoneyTotals(Decimal(settings.month_tolerance) / 100)
    entities, mismatches = _compare(bench, machinery, money)
    strangers = [stranger for entity in machinery.plan.entities for stranger in _strangers(bench, machinery, entity)]
    rules = apply_rules(settings, _cases(bench, entities, strangers, money), given)
    compared, records = sum(e.checked.fields for e in entities), sum(e.records for e in entities)
    different = sum(e.differences for e in entities)
    verdict = _verdict(rules, compared, different, records)
    tables = [rules_table(rules), *([waivers_table(given)] if given.all else []), _counts_table(entities)]
    tables += [*money.tables(), *_stranger_tables(strangers)]
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
        "Relations compared": f"{sum(entity.checked.relations for entity in entities):,}",
        "Files compared by digest": f"{sum(entity.checked.files for entity in entities):,}",
        "Different": f"{different:,}",
    }
    charts = [*_charts(entities), *money.charts()]
    return report_of(bench, "Reconciliation", verdict, facts, tables=tables, charts=charts)


def _verdict(rules: Sequence[Rule], compared: int, different: int, records: int) -> Verdict:
    if bad := [rule.name for rule in rules if rule.is_no_go]:
        return Verdict(
            Tone.BAD,
            f"No-go: {', '.join(bad)}",
            "Each case is listed below. Correct the cause, then run again.",
            "transload run",
        )
    waived = sum(rule.fired - rule.left for rule in rules)
    following = 'transload approve cutover --by "Your Name"'
    if waived:
        headline = f"Go, with {waived:,} cases that somebody waived; {compared:,} fields compared"
        return Verdict(Tone.WARN, headline, "The waivers are listed below.", following)
    allowed = [rule.name for rule in rules if rule.fired]
    if different:
        headline = f"Go: {compared:,} fields of {records:,} records compared, {different:,} different"
        detail = f"The rules let these through, to be looked at: {', '.join(allowed)}."
        return Verdict(Tone.GOOD, headline, detail, following)
    return Verdict(Tone.GOOD, f"Go: {compared:,} fields of {records:,} records are as wanted", "", following)


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
    kinds = [kind for kind in Mismatch if any(kind in entity.wrong for entity in wrong)]
    series = [Series(kind, [len(entity.wrong.get(kind, ())) for entity in wrong]) for kind in kinds]
    differences = Chart(
        "Differences by entity and class", [str(entity.entity) for entity in wrong], series, ChartKind.STACKED, "fields"
    )
    return [both, differences]


def _compare(bench: Bench, machinery: Machinery, money: MoneyTotals) -> tuple[list[_Entity], list[FieldCheck]]:
    results: list[_Entity] = []
    shown: list[FieldCheck] = []
    for entity in machinery.plan.entities:
        result = _Entity(entity)
        results.append(result)
        if not machinery.mappings[entity].document.writes_rows:
            result.records = machinery.records.count(entity)
            result.unmatched = [str(record.key) for record in unmatched_records(bench, machinery, entity)]
            result.rows = result.records - len(result.unmatched)
            continue

        def take(check: FieldCheck, result: _Entity = result) -> None:
            if check.mismatch is not None:
                result.wrong.setdefault(check.mismatch, []).append(str(check.key))
            if len(shown) < _MOST_SHOWN:
                shown.append(check)

        result.checked = machinery.verifier.check(entity, _counted(machinery, result), take, see=money.take)
        result.rows = result.checked.rows
    return results, shown


def _counted(machinery: Machinery, result: _Entity) -> Iterator[list[Record]]:
    """Yield the records of an entity, and count them on the way."""
    for batch in machinery.records.batches(result.entity, _AT_ONCE):
        result.records += len(batch)
        yield batch


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


def _cases(
    bench: Bench, entities: Sequence[_Entity], strangers: Sequence[Mapping[str, object]], money: MoneyTotals
) -> dict[str, list[str]]:
    """Return what was found by class, each case by its record or place."""
    found: dict[str, list[str]] = {}
    for entity in entities:
        for kind, records in entity.wrong.items():
            found.setdefault(kind, []).extend(records)
    found[MONEY] = money.different()
    found[UNKNOWN_ROW] = [str(stranger["row"]) for stranger in strangers]
    found[DEAD_LETTER] = [str(letter.key) for letter in bench.ledger.notes.dead_letters()]
    found[PARKED] = [str(parked.key) for parked in bench.ledger.notes.parked()]
    found[NO_USER] = [record for entity in entities for record in entity.unmatched]
    return found


def _counts_table(entities: Sequence[_Entity]) -> Table:
    return Table(
        "Both sides",
        [Column("entity", "Entity"), Column("records", "In the source", numeric=True),
         Column("rows", "In the target", numeric=True), Column("fields", "Fields compared", numeric=True),
         Column("relations", "Relations", numeric=True), Column("files", "Files", numeric=True),
         Column("wrong", "Different", numeric=True), Column("verdict", "Verdict", badge=True)],
        [
            {
                "entity": entity.entity,
                "records": entity.records,
                "rows": entity.rows,
                "fields": entity.checked.fields,
                "relations": entity.checked.relations,
                "files": entity.checked.files,
                "wrong": entity.differences,
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
        return f"{len(entity.unmatched)} unmatched"
    return "different" if entity.wrong else "equal"


def _tone(entity: _Entity) -> Tone:
    if entity.differences:
        return Tone.BAD
    return Tone.WARN if entity.unmatched else Tone.GOOD


def _stranger_tables(strangers: Sequence[dict[str, object]]) -> list[Table]:
    if not strangers:
        return []
    columns = [Column("table", "Table"), Column("row", "Row"), Column("key", "Source id")]
    return [Table("Rows with a source id that the ledger does not know", columns, strangers, filterable=True)]
