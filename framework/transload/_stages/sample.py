"""Sample: a few records that exercise every rule, loaded, read back and compared field by field.

The records are chosen, not drawn: each adds a field that was not filled yet, a value of
a value map, an owner, a text that does not fit. Then come the parents that they refer
to, so that every reference stays inside. The full run recognises them and leaves them be.
"""

from collections.abc import Iterator, Mapping, Sequence

from transload._pipeline.checks import FieldCheck
from transload._pipeline.fit import utf16_length
from transload._pipeline.load import PassCounts
from transload._pipeline.recover import settle_open_intents
from transload._pipeline.transform import CompiledMapping
from transload._reports import Report, Tone, Verdict
from transload._stages.approvals import require_approval
from transload._stages.bench import Bench, Machinery, assemble
from transload._stages.diff import diff_table
from transload._stages.gates import require_prepared
from transload._stages.manifest import with_manifest
from transload._stages.reporting import losses_table, passes_chart, passes_table, report_of, trouble_tables
from transload.values import EntityName, Lookup, Phase, Record, RecordKey, SetState, Upsert

_SHORT = 7
"""Texts of less than 2**7 characters count as equally long."""


def sample(bench: Bench) -> Report:
    """Choose, load, read back, compare."""
    documents = bench.documents()
    require_approval(bench, documents)
    require_prepared(bench, documents)
    machinery = assemble(bench, documents)
    settle_open_intents(bench.ledger, bench.plugins, bench.context)
    keys = choose_sample(bench, machinery)
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
    return _report(bench, machinery, keys, counts, checks)


def choose_sample(bench: Bench, machinery: Machinery) -> dict[EntityName, list[RecordKey]]:
    """Return the records of the sample by entity, closed under references."""
    wanted = bench.project.settings.sample.records
    share = max(1, wanted // max(1, len(machinery.mappings)))
    chosen: dict[RecordKey, None] = {}
    for entity, mapper in machinery.mappings.items():
        chosen.update(dict.fromkeys(_telling(bench, machinery, mapper)))
        _fill_up(machinery, entity, share, chosen)
    _close(machinery, chosen)
    while fresh := _children_of_closed(bench, machinery, chosen):
        chosen.update(dict.fromkeys(fresh))
        _close(machinery, chosen)
    chosen.update(dict.fromkeys(_links_among(machinery, chosen)))
    by_entity: dict[EntityName, list[RecordKey]] = {}
    for key in sorted(chosen):
        by_entity.setdefault(key.entity, []).append(key)
    return by_entity


def _telling(bench: Bench, machinery: Machinery, mapper: CompiledMapping) -> list[RecordKey]:
    """Return few records that together exercise all that the records of an entity exercise."""
    recognised = {entity for entity, other in machinery.mappings.items() if not other.document.writes_rows}
    candidates: dict[RecordKey, set[object]] = {}
    seen: set[object] = set()
    for batch in machinery.records.batches(mapper.entity):
        for record in batch:
            features = _features(record, mapper) | _owners(record, mapper, recognised)
            if features - seen:
                seen |= features
                candidates[record.key] = features
    # Greedy set cover: always the record that adds most.
    telling: list[RecordKey] = []
    while seen:
        best = max(candidates, key=lambda key: len(candidates[key] & seen))
        telling.append(best)
        seen -= candidates.pop(best)
    return telling


def _features(record: Record, mapper: CompiledMapping) -> set[object]:
    """Return what a record exercises: filled fields, mapped values, texts of each magnitude."""
    features: set[object] = set(mapper.branches(record))
    for column, rule in mapper.document.rules():
        for source in rule.sources:
            value = record.fields.get(source)
            empty = value in (None, "", ())
            features.add((column, source, empty))
            if not empty and rule.values is not None and not rule.converters:
                features.add((column, source, str(value)))
            if isinstance(value, str):
                features.add((column, source, "length", max(_SHORT, utf16_length(value).bit_length())))
    return features


def _owners(record: Record, mapper: CompiledMapping, recognised: set[EntityName]) -> set[object]:
    """Return which recognised rows, users above all, a record points to, and from where."""
    if not mapper.has(Phase.ROWS):
        return set()
    return {
        (column, cell.key)
        for write in mapper.at(Phase.ROWS).map(record)
        if isinstance(write, Upsert)
        for column, cell in write.columns.items()
        if isinstance(cell, Lookup) and cell.key is not None and cell.key.entity in recognised
    }


def _fill_up(machinery: Machinery, entity: EntityName, share: int, chosen: dict[RecordKey, None]) -> None:
    """Add records at even distances until the entity has its share."""
    total = machinery.records.count(entity)
    missing = min(share, total) - sum(key.entity == entity for key in chosen)
    if missing <= 0:
        return
    step = max(1, total // missing)
    records = (record for batch in machinery.records.batches(entity) for record in batch)
    for number, record in enumerate(records):
        if number % step == 0:
            chosen[record.key] = None


def _close(machinery: Machinery, chosen: dict[RecordKey, None]) -> None:
    """Add the records that the chosen ones refer to, and those that these refer to."""
    fresh = list(chosen)
    while fresh:
        by_entity: dict[EntityName, list[Record]] = {}
        for chunk in machinery.records.find(fresh):
            for record in chunk:
                by_entity.setdefault(record.key.entity, []).append(record)
        parents = {
            parent
            for entity, records in by_entity.items()
            if entity in machinery.mappings
            for record in records
            for parent in machinery.mappings[entity].points_to(record)
        }
        wanted = sorted(parents - chosen.keys())
        fresh = [record.key for chunk in machinery.records.find(wanted) for record in chunk]
        chosen.update(dict.fromkeys(fresh))


def _children_of_closed(bench: Bench, machinery: Machinery, chosen: Mapping[RecordKey, None]) -> list[RecordKey]:
    """Return the records, not chosen yet, that belong to chosen ones which end up closed.

    A closed row takes no more children, so the full load could not add them.
    """
    closed = {key for entity, mapper in machinery.mappings.items() for key in _closed(bench, machinery, mapper, chosen)}
    entities = {key.entity for key in closed}
    return [
        record.key
        for entity, mapper in machinery.mappings.items()
        if any(entities & set(rule.entities) for rule in mapper.document.fields.values())
        for batch in machinery.records.batches(entity)
        for record in batch
        if record.key not in chosen and not closed.isdisjoint(mapper.points_to(record))
    ]


def _links_among(machinery: Machinery, chosen: Mapping[RecordKey, None]) -> Iterator[RecordKey]:
    """Yield the links between rows of the sample: who owns rows needs the security role that a link gives."""
    for entity, mapper in machinery.mappings.items():
        if mapper.document.link is None:
            continue
        for batch in machinery.records.batches(entity):
            for record in batch:
                ends = list(mapper.points_to(record))
                if ends and all(end in chosen for end in ends):
                    yield record.key


def _closed(
    bench: Bench, machinery: Machinery, mapper: CompiledMapping, chosen: Mapping[RecordKey, None]
) -> Iterator[RecordKey]:
    """Yield the chosen records of an entity whose rows end locked, or add up what belongs to them."""
    if mapper.computed:
        yield from (key for key in chosen if key.entity == mapper.entity)
        return
    locking = {state.value for state in mapper.table.states if state.read_only}
    if not locking or not mapper.has(Phase.FINISH):
        return
    for chunk in machinery.records.find(key for key in chosen if key.entity == mapper.entity):
        for write in bench.plugins.transform(chunk, mapper.at(Phase.FINISH), bench.context):
            if isinstance(write, SetState) and write.state in locking:
                yield write.key


def _report(
    bench: Bench,
    machinery: Machinery,
    keys: Mapping[EntityName, Sequence[RecordKey]],
    counts: Sequence[PassCounts],
    checks: Sequence[FieldCheck],
) -> Report:
    wrong = [check for check in checks if check.mismatch is not None]
    failed = sum(count.failed + count.parked for count in counts)
    total = sum(len(group) for group in keys.values())
    if wrong or failed:
        verdict = Verdict(
            Tone.BAD,
            f"{len(wrong):,} fields are not as wanted, {failed:,} records were set aside",
            "Correct the mapping and plan again; or, if all of this is as you want it, approve the sample.",
            'transload approve sample --by "Your Name"',
        )
    else:
        verdict = Verdict(
            Tone.GOOD,
            f"All {len(checks):,} fields of {total:,} records are as wanted",
            "Look at a few records in the target before you go on.",
            "transload run",
        )
    facts = {"Records": f"{total:,}", "Fields compared": f"{len(checks):,}", "Different": f"{len(wrong):,}"}
    facts |= {f"of {entity}": f"{len(group):,}" for entity, group in keys.items()}
    report = report_of(
        bench, "Sample with field-level diff", verdict, facts, machinery.loader.holder.findings,
        tables=[passes_table(counts), diff_table(bench, machinery, checks), *trouble_tables(bench, machinery),
                losses_table(list(bench.ledger.notes.losses()))],
        charts=[passes_chart(counts)],
    )  # fmt: skip
    return with_manifest(bench, report)
