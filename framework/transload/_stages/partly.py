"""Loads that do less than everything: one entity, or until too much was set aside."""

from decimal import Decimal

from transload._pipeline.planner import Pass
from transload._stages.bench import Bench, Machinery
from transload.errors import ConfigError, StageRefusedError
from transload.values import EntityName, Phase


def passes_of(bench: Bench, machinery: Machinery, only: EntityName) -> list[Pass]:
    """Return the passes of one entity, and those that recognise what it points to.

    States are left out: a closed row takes no children, and these may not be loaded yet.

    Raises:
        ConfigError: No document has this name.
        StageRefusedError: Entities that it points to have records and none is loaded.
    """
    if only not in machinery.mappings:
        known = ", ".join(machinery.plan.entities)
        raise ConfigError(f"no mapping document is called {only!r}", f"Use one of: {known}.")
    deferred = machinery.plan.deferred.get(only, frozenset())
    rules = machinery.mappings[only].document.rules()
    parents = {EntityName(name) for column, rule in rules if column not in deferred for name in rule.entities}
    parents &= machinery.mappings.keys() - {only}
    recognised = {name for name in parents if not machinery.mappings[name].document.writes_rows}
    for parent in sorted(parents - recognised):
        if machinery.records.count(parent) and not any(True for _ in bench.ledger.journal.mapped(parent)):
            reason = f"{only} points to {parent}, and no {parent} is loaded yet"
            raise StageRefusedError(f"run --only {only}", reason, f"transload run --only {parent}")
    return [
        step for step in machinery.plan.passes
        if step.entity in {only, *recognised} and step.phase is not Phase.FINISH
    ]  # fmt: skip


def error_budget(bench: Bench, total: int) -> int | None:
    """Return after how many records set aside a load of so many stops; None when it never does."""
    limit = bench.project.settings.run.stop_after_errors
    if not isinstance(limit, str):
        return limit
    return max(1, int(total * Decimal(limit.removesuffix("%")) / 100))
