"""Rows whose records are gone from the source: left, deactivated or taken back, as the project file says.

To delete is to take back what the migration made, through the same journal as a rollback and under
the same rules: a row that was there before, that people changed, or that others point to, is left.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from transload._ledger import MappedRow, write_identity
from transload._pipeline.load import PassCounts
from transload._pipeline.rules import PLACEHOLDER_ID
from transload._reports import Column, Table
from transload._stages.bench import Bench, Machinery
from transload._stages.rollback import Tally, late_columns, undo
from transload._stages.sparing import Sparing
from transload._stages.undo_choice import ChosenRows
from transload.values import Associate, EntityName, Finding, Phase, RecordKey, RowRef, SetState, Severity, TargetState


@dataclass(slots=True)
class GoneRecords:
    """What became of the rows of records that are gone.

    Attributes:
        changed: How many rows were deactivated or taken back.
        failed: Rows of which the target refused it, with the reason.
        passes: The passes that closed again what had to be opened.
    """

    findings: list[Finding] = field(default_factory=list)
    changed: int = 0
    failed: list[dict[str, object]] = field(default_factory=list)
    left: list[dict[str, object]] = field(default_factory=list)
    passes: list[PassCounts] = field(default_factory=list)

    def tables(self) -> Iterator[Table]:
        """Yield the tables of rows that were left against the policy, and of those that failed."""
        columns = [Column("record", "Record"), Column("table", "Table"), Column("row", "Row"), Column("reason", "Why")]
        for title, rows in (("Gone from the source, and left", self.left), ("Not settled", self.failed)):
            if rows:
                yield Table(title, columns, rows, filterable=True)


def settle_gone(bench: Bench, machinery: Machinery) -> GoneRecords:
    """Report the records that the source no longer has, and do with their rows what the policy says."""
    result, policy = GoneRecords(), bench.project.settings.delta.deleted
    gone: list[tuple[RecordKey, MappedRow]] = []
    back: list[SetState] = []
    for entity in machinery.plan.entities:
        if machinery.mappings[entity].ends is not None and (standing := _standing_links(bench, machinery, entity)):
            result.findings.append(_link_finding(entity, standing))
        mapped = {key: row for key, row in bench.ledger.journal.mapped(entity) if row.origin == "created"}
        mapped.pop(RecordKey(entity, PLACEHOLDER_ID), None)
        lost = machinery.records.gone(entity, mapped)
        missing = set(lost)
        back += _come_back(bench, machinery, {key: row for key, row in mapped.items() if key not in missing})
        if lost:
            gone += [(key, mapped[key]) for key in lost]
            result.findings.append(_finding(machinery, entity, lost, policy))
    result.changed += sum(error is None for _, error in machinery.loader.set_states(back))
    if gone and policy == "delete":
        _take_back(bench, machinery, {key: row.ref for key, row in gone}, result)
    elif gone and policy == "deactivate":
        _deactivate(bench, machinery, gone, result)
    return result


def _standing_links(bench: Bench, machinery: Machinery, entity: EntityName) -> list[RecordKey]:
    """Return the vanished records of a document that ties rows whose links were made and still stand."""
    mapper, standing = machinery.mappings[entity].at(Phase.LINKS), []
    for records in machinery.records.vanished(entity):
        writes = bench.plugins.transform(records, mapper, bench.context)
        resolver = machinery.loader.resolver
        links = resolver.resolve([write for write in writes if isinstance(write, Associate)]).writes
        written = bench.ledger.journal.written({write_identity(link) for link in links})
        standing += [link.key for link in links if not written.get(write_identity(link), {"idle": True}).get("idle")]
    return standing


def _link_finding(entity: EntityName, standing: Sequence[RecordKey]) -> Finding:
    return Finding(
        "vanished_link",
        Severity.WARNING,
        f"{len(standing):,} {entity} records are gone from the source; the links that they made still stand",
        ", ".join(str(key.source_id) for key in sorted(standing)[:20]),
        "Cut them in the target by hand; a rollback cuts them too.",
        len(standing),
    )


def _take_back(bench: Bench, machinery: Machinery, rows: Mapping[RecordKey, RowRef], result: GoneRecords) -> None:
    """Undo rows; what belongs to them and is still in the source keeps them."""
    refs = set(rows.values())
    chosen = ChosenRows.only(bench, refs)
    sparing, tally = Sparing(bench, chosen, late=late_columns(bench)), Tally()
    sparing.survey()
    opened = machinery.loader.open_documents(rows)
    undo(bench, chosen, sparing, tally)
    result.passes = list(_close_again(machinery, opened))
    result.changed += sum(tally.undone.values())
    result.left, result.failed = tally.spared, tally.failed


def _close_again(machinery: Machinery, opened: Collection[RecordKey]) -> Iterator[PassCounts]:
    for step in machinery.plan.passes:
        keys = sorted(key for key in opened if key.entity == step.entity)
        if keys and step.phase is Phase.FINISH:
            yield machinery.loader.run_pass(step, machinery.records.find(keys), len(keys))


def _deactivate(
    bench: Bench, machinery: Machinery, gone: Sequence[tuple[RecordKey, MappedRow]], result: GoneRecords
) -> None:
    """Put rows into the state that means inactive, children first; rollback knows their state before."""
    labels = bench.project.settings.delta.inactive
    writes: list[SetState] = []
    for key, row in reversed(gone):
        states = machinery.mappings[key.entity].table.states
        state = next((state for label in labels for state in states if state.label == label), None)
        if state is None or row.ref.table != machinery.mappings[key.entity].table.name:
            reason = f"its table has no state called {' or '.join(labels)}"
            result.left.append(_line(key, row, reason))
        else:
            writes.append(_state_of(key, row, state))
    rows = dict(gone)
    for key, error in machinery.loader.set_states(writes):
        if error is None:
            result.changed += 1
        else:
            result.failed.append(_line(key, rows[key], error))


def _come_back(bench: Bench, machinery: Machinery, rows: Mapping[RecordKey, MappedRow]) -> Iterator[SetState]:
    """Yield what opens rows again that were deactivated and whose records are back; rules of states see to others."""
    entity = next((key.entity for key in rows), None)
    if entity is None or not (states := machinery.mappings[entity].table.states) or _has_states(machinery, entity):
        return
    inactive = {state.value for state in states if state.label in bench.project.settings.delta.inactive}
    writes = {key: _state_of(key, row, states[0]) for key, row in rows.items()}
    written = bench.ledger.journal.written({write_identity(write) for write in writes.values()})
    for write in writes.values():
        if written.get(write_identity(write), {}).get("statecode") in inactive - {states[0].value}:
            yield write


def _has_states(machinery: Machinery, entity: EntityName) -> bool:
    return any(machinery.mappings[entity].has(phase) for phase in (Phase.ACTIVATE, Phase.FINISH))


def _state_of(key: RecordKey, row: MappedRow, state: TargetState) -> SetState:
    return SetState(key, row.ref.table, row.ref.row_id, state.value, state.default_status, phase=Phase.FINISH)


def _line(key: RecordKey, row: MappedRow, reason: str) -> dict[str, object]:
    return {"record": str(key), "table": row.ref.table, "row": row.ref.row_id, "reason": reason}


def _finding(machinery: Machinery, entity: EntityName, lost: Sequence[RecordKey], policy: str) -> Finding:
    named = ", ".join(f"{key.source_id}" for key in sorted(lost)[:20])
    fate = {"flag": "their rows are still there", "deactivate": "their rows are set inactive where they can be"}
    remedy = {"flag": "Look at them, and delete or keep the rows by hand."}
    return Finding(
        "vanished",
        Severity.WARNING,
        f"{len(lost):,} {entity} records {_why_gone(machinery, entity)}; "
        + fate.get(policy, "their rows are taken back where nobody needs them"),
        named,
        remedy.get(policy, "`[delta] deleted` says so. What was left is listed."),
        len(lost),
    )


def _why_gone(machinery: Machinery, entity: EntityName) -> str:
    document = machinery.records.documents[entity]
    if document.given:
        return "are not given any more"
    return "are gone from the source" + (", or are not what `when` asks for any more" if document.when else "")
