"""Approvals: a named person says yes to exactly this, and to nothing else.

An approval is bound to digests of the mapping, both schemas, the plugins and the
settings. When any of them changes it is void, and the stage that needs it says which.
"""

import getpass
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

import orjson
from pydantic import BaseModel

from transload._pipeline.transform import own_columns
from transload._reports import Column, Report, Table, Tone, Verdict
from transload._stages.bench import Bench
from transload._stages.gates import require, require_finished, require_not_before
from transload._stages.reporting import report_of
from transload.errors import ConfigError, StageRefusedError
from transload.mapping import Mapping as MappingDocument
from transload.mapping import digest_mappings
from transload.values import ColumnType, SourceSchema, TableName, TargetColumn, TargetSchema

CUT_OVER = "cut_over_at"
"""Ledger fact: when the cut-over was approved; the 72 hours of rollback start there."""


def remember_plan(bench: Bench, documents: Mapping[str, MappingDocument]) -> None:
    """Keep the digests of what was planned, so that only that can be approved."""
    bench.summary["digests"] = digests(bench, documents)


def approve(bench: Bench, subject: str, name: str, note: str = "") -> Report:
    """Record that a person approves the mapping, the sample or the cut-over.

    Raises:
        StageRefusedError: What is to be approved does not exist or has changed.
        ConfigError: Nobody is named.
    """
    if not name.strip():
        raise ConfigError("an approval needs a name", 'Say who approves: `--by "Your Name"`.')
    current = digests(bench, bench.documents())
    if subject == "mapping":
        planned = require(bench, "plan").summary.get("digests")
        if changed := _changed(planned, current):
            reason = f"{', '.join(changed)} changed since the last plan"
            raise StageRefusedError("approve mapping", reason, "transload plan")
    else:
        if subject == "sample":
            require_finished(bench, "sample")
        else:
            go = require(bench, "reconcile")
            for stage in ("run", "delta", "rollback"):
                require_not_before(bench, go, stage)
        require_approval(bench, bench.documents())
    bench.ledger.notes.approve(subject, name, current, note)
    if subject == "cutover":
        bench.ledger.runs.set_fact(CUT_OVER, bench.context.clock().isoformat())
    following = {"mapping": "transload prepare", "sample": "transload run", "cutover": ""}[subject]
    verdict = Verdict(Tone.GOOD, f"{name} approved the {subject}", "Void as soon as anything below changes.", following)
    rows = [{"what": what, "digest": digest} for what, digest in current.items()]
    bench.summary["subject"] = subject
    report = report_of(
        bench, f"Approval of the {subject}", verdict,
        {"Approved by": name, "Account": _account(), "Note": note or "none",
         "Audit log so far": bench.ledger.audit_log.verify().head},
        tables=[Table("Bound to", [Column("what", "What"), Column("digest", "Digest")], rows)],
    )  # fmt: skip
    return replace(report, stage=f"approve-{subject}")  # each approval is kept beside the others


def require_approval(bench: Bench, documents: Mapping[str, MappingDocument]) -> None:
    """Let a stage go on only under a valid approval of the mapping.

    Raises:
        StageRefusedError: There is none, or something drifted since.
    """
    approval = bench.ledger.notes.approval("mapping")
    command = 'transload approve mapping --by "Your Name"'
    if approval is None:
        raise StageRefusedError(bench.context.stage, "nobody has approved the mapping", command)
    if changed := _changed(approval.digests, digests(bench, documents)):
        when = f"{approval.at:%Y-%m-%d %H:%M} UTC"
        reason = f"the approval by {approval.name} of {when} is void: {', '.join(changed)} changed since"
        raise StageRefusedError(bench.context.stage, reason, f"transload plan, then {command}")


def digests(bench: Bench, documents: Mapping[str, MappingDocument]) -> dict[str, str]:
    """Return a digest for everything that an approval is bound to."""
    versions = {info.name: f"{info.distribution} {info.version}" for info in bench.plugins.infos}
    settings = {_qualified(model): model.model_dump(mode="json") for model in bench.context.settings.values()}
    return {
        "mapping": digest_mappings(documents.values()),
        "source schema": _digest(_source_facts(bench.source())),
        "target schema": _digest(_target_facts(bench.target(documents), documents)),
        "plugins": _digest(versions),
        "settings": _digest(settings),
    }


def _source_facts(source: SourceSchema) -> object:
    return {
        "system": source.system,
        "account": source.account,
        "entities": {e.name: {f.name: f.type for f in e.fields.values()} for e in source.entities},
    }


def _target_facts(target: TargetSchema, documents: Mapping[str, MappingDocument]) -> object:
    """Return what a mapping relies on in the target, without what `prepare` adds to it."""
    facts: dict[str, object] = {"address": target.address}
    own = own_columns(documents.values())
    made = {document.table for document in documents.values() if document.new_table is not None}
    for document in documents.values():
        table = target.tables.get(TableName(document.table))
        if table is None or document.table in made:
            continue  # a table that is missing is named by whoever compiles the mapping
        used = {name for name, _ in document.rules()} - set(own[document.table])
        facts[document.entity] = {
            name: [
                c.type,
                None if c.type is ColumnType.FILE else c.max_length,
                c.precision,
                sorted(c.options),
                sorted(set(c.targets) - made),
                c.required,
            ]
            for name in sorted(used & set(table.columns))
            for c in [table.columns[name]]
        }
    return facts


def _length(column: TargetColumn) -> int | None:
    """Return how long a column is; `prepare` may raise what files may have."""
    return None if column.type is ColumnType.FILE else column.max_length


def _changed(before: object, now: Mapping[str, str]) -> list[str]:
    known = before if isinstance(before, Mapping) else {}
    return [f"the {what}" for what, digest in now.items() if known.get(what) != digest]


def _digest(facts: object) -> str:
    text = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=_plain)
    return blake2b(text, digest_size=16).hexdigest()


def _qualified(model: BaseModel) -> str:
    """Return a name that two plugins do not share, though both may call their model `Settings`."""
    return f"{type(model).__module__}.{type(model).__name__}"


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
