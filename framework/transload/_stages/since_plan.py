"""What the last plan was, kept in the ledger, and what is different now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import orjson
from pydantic import BaseModel, ConfigDict

from transload._ledger import Ledger
from transload._stages.completion import Fields
from transload._workbook.lines import block_rules
from transload.mapping import Mapping as MappingDocument
from transload.mapping import Proposal
from transload.values import EntityName

_FACT = "plan"


class _KeptProposal(BaseModel):
    model_config = ConfigDict(frozen=True)

    entity: str
    field: str
    column: str
    confidence: float
    reason: str


class KeptPlan(BaseModel):
    """What is kept of a plan.

    Attributes:
        fields: The source's fields, by entity.
        rules: What each line of a document says, by entity and by block and name.
        proposals: What was proposed and not taken up yet.
        workbook: The digest of the workbook that was written.
    """

    model_config = ConfigDict(frozen=True)

    fields: dict[str, list[str]] = {}
    rules: dict[str, dict[str, str]] = {}
    proposals: list[_KeptProposal] = []
    workbook: str = ""


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """One thing that is not as it was when the plan was made before."""

    entity: str
    what: str
    name: str
    before: str = ""
    now: str = ""


def last_plan(ledger: Ledger) -> KeptPlan | None:
    """Return what is kept of the last plan; None when there was none."""
    kept = ledger.runs.fact(_FACT)
    return KeptPlan.model_validate_json(kept) if kept is not None else None


def keep_plan(
    ledger: Ledger,
    documents: Mapping[str, MappingDocument],
    fields: Fields,
    proposals: Sequence[Proposal],
    workbook: str,
) -> None:
    """Keep a plan, in place of the last one."""
    kept = KeptPlan(
        fields={entity: sorted(its) for entity, its in fields.items()},
        rules={entity: dict(told_rules(document)) for entity, document in documents.items()},
        proposals=[_KeptProposal(**asdict(proposal)) for proposal in proposals],
        workbook=workbook,
    )
    ledger.runs.set_fact(_FACT, kept.model_dump_json())


def open_proposals(
    kept: KeptPlan | None, fresh: Sequence[Proposal], documents: Mapping[str, MappingDocument]
) -> list[Proposal]:
    """Return the proposals of this plan, and those of the last one that can still be accepted.

    That is so as long as the field has no rule of its own, and the column none at all.
    """
    waiting = {
        (document.source_entity, rule.sources[0])
        for document in documents.values()
        for rule in document.fields.values()
        if rule.custom is not None and len(rule.sources) == 1
    }
    taken = {(document.source_entity, name) for document in documents.values() for name in document.fields}
    proposals = {(proposal.entity, proposal.field, proposal.column): proposal for proposal in fresh}
    for old in kept.proposals if kept is not None else ():
        if (old.entity, old.field) in waiting and (old.entity, old.column) not in taken:
            again = Proposal(EntityName(old.entity), old.field, old.column, old.confidence, old.reason)
            proposals.setdefault((again.entity, again.field, again.column), again)
    return sorted(proposals.values(), key=lambda proposal: -proposal.confidence)


def differences(kept: KeptPlan, documents: Mapping[str, MappingDocument], fields: Fields) -> list[PlanDifference]:
    """Return what changed since: fields that are new or gone, documents and rules that are new, gone or edited."""
    found: list[PlanDifference] = []
    for entity in sorted(fields.keys() | kept.fields.keys()):
        before, now = set(kept.fields.get(entity, ())), set(fields.get(entity, ()))
        found += [PlanDifference(entity, "field is new", name) for name in sorted(now - before)]
        found += [PlanDifference(entity, "field is gone", name) for name in sorted(before - now)]
    for entity in sorted(documents.keys() | kept.rules.keys()):
        old = kept.rules.get(entity, {})
        new = dict(told_rules(documents[entity])) if entity in documents else {}
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                what = "new" if name not in old else "gone" if name not in new else "edited"
                found.append(PlanDifference(entity, f"rule is {what}", name, old.get(name, ""), new.get(name, "")))
    return found


def told_rules(document: MappingDocument) -> Iterator[tuple[str, str]]:
    """Yield what each line of a document says, as compact JSON, by block and name."""
    blocks = {"fields", "activate", "finish", "closing", "computed", "link", "dropped", "entity"}
    rest = document.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=blocks)
    yield from ((name, _json(value)) for name, value in rest.items())
    yield from ((f"{block} {name}", _told(rule)) for block, name, rule in block_rules(document))
    yield from ((f"dropped {name}", document.dropped_rule(name).reason) for name in document.dropped)


def _told(rule: BaseModel) -> str:
    return _json(rule.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def _json(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
