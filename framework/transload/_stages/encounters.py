"""What the target has already: rows that records would be recognised as, and keys that are taken. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from transload._stages.bench import Bench, Machinery
from transload.mapping import Match
from transload.values import EntityName, Finding, Lookup, Record, RecordKey, Severity, TableName, TargetSchema

_SHOWN = 5


@dataclass(slots=True)
class Encounters:
    """What the records of a document meet in the target.

    Attributes:
        table: Where they were looked for.
        only: Whether records without a row get none: users, currencies.
        found: Records that a row fits.
        missing: Records that none fits, each with what was looked for; empty when it has nothing to look for.
        taken: Records whose alternate key a row has already, though this migration did not make it.
    """

    entity: EntityName
    table: TableName
    only: bool = False
    found: list[RecordKey] = field(default_factory=list)
    missing: list[tuple[RecordKey, str]] = field(default_factory=list)
    taken: list[RecordKey] = field(default_factory=list)


def meet(bench: Bench, machinery: Machinery, target: TargetSchema) -> list[Encounters]:
    """Look for the records of every document that recognises rows, or that has an alternate key in the target."""
    met = []
    for entity, mapper in machinery.mappings.items():
        document = mapper.document
        its = Encounters(entity, mapper.table.name, document.match is not None and not document.match.create)
        if document.match is not None:
            _recognise(bench, machinery, its, document.match)
        column = document.key.column if document.key is not None else None
        present = target.tables.get(mapper.table.name)
        if column is not None and present is not None and column in present.columns:
            _compare_keys(bench, machinery, its, column)
        if its.found or its.missing or its.taken:
            met.append(its)
    return met


def tell_encounters(met: list[Encounters]) -> Iterator[Finding]:
    """Yield a finding for whatever a person should decide before rows are written."""
    for its in met:
        total = len(its.found) + len(its.missing)
        if its.only and total:
            yield Finding(
                "recognised",
                Severity.WARNING if its.missing else Severity.INFO,
                f"{len(its.found):,} of {total:,} {its.entity} records are found in {its.table}",
                f"Not found: {_some(_told(key, sought) for key, sought in its.missing)}" if its.missing else "",
                f"Make or enable them in {its.table}; what belongs to the others goes to the fallback, flagged. "
                "`transload reassign` looks again later." if its.missing else "",
                len(its.missing) or 1,
            )  # fmt: skip
        elif its.found:
            yield Finding(
                "rows_there",
                Severity.WARNING,
                f"{len(its.found):,} {its.entity} records fit rows that are in {its.table} already",
                f"for example {_some(str(key) for key in its.found)}",
                "Look at some of them: the mapping's `match` says whether such rows are taken over or left alone.",
                len(its.found),
            )
        if its.taken:
            yield Finding(
                "keys_taken",
                Severity.WARNING,
                f"{len(its.taken):,} alternate keys of {its.entity} are taken in {its.table}",
                f"for example {_some(str(key) for key in its.taken)}; this migration's ledger does not know these rows",
                "An earlier migration left them: delete them, or use its ledger. They block new rows.",
                len(its.taken),
            )


def _recognise(bench: Bench, machinery: Machinery, its: Encounters, match: Match) -> None:
    for batch in machinery.records.batches(its.entity):
        known = bench.ledger.journal.rows({record.key for record in batch})
        asked: dict[RecordKey, Lookup] = {}
        for record in (record for record in batch if record.key not in known):
            if criteria := _criteria(match, record):
                asked[record.key] = Lookup(its.table, criteria=criteria)
            elif its.only:
                its.missing.append((record.key, ""))
        rows = bench.plugins.resolve_lookup(list(set(asked.values())), bench.context) if asked else {}
        its.found += [key for key, lookup in asked.items() if lookup in rows]
        its.found += [record.key for record in batch if its.only and record.key in known]
        for key, lookup in asked.items():
            if its.only and lookup not in rows:
                its.missing.append((key, ", ".join(value for _, value in lookup.criteria)))


def _criteria(match: Match, record: Record) -> tuple[tuple[str, str], ...]:
    criteria = tuple((column, str(record.fields.get(name) or "")) for column, name in match.on.items())
    return criteria if all(value for _, value in criteria) else ()


def _compare_keys(bench: Bench, machinery: Machinery, its: Encounters, column: str) -> None:
    """Note the records whose key is in the target, on a row that the ledger does not know."""
    present: Mapping[str, object] = dict(bench.plugins.scan_keys(its.table, column, bench.context))
    if not present:
        return
    for batch in machinery.records.batches(its.entity):
        known = bench.ledger.journal.rows({record.key for record in batch})
        its.taken += [r.key for r in batch if str(r.key.source_id) in present and r.key not in known]


def _told(key: RecordKey, sought: str) -> str:
    return f"{key.source_id} ({sought or 'nothing to look for'})"


def _some(texts: Iterator[str]) -> str:
    listed = list(texts)
    return ", ".join(listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")
