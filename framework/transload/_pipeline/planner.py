"""Orders the passes of a load from the graph of lookups.

Parents come before children; nobody types an order. A lookup that would close a
circle is deferred: the row is created without it, and a later pass fills it in. States
are written at the very end, children first, because a closed parent takes no children.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from transload.errors import MappingError
from transload.mapping import Mapping as MappingDocument
from transload.values import EntityName, Missing, Phase


@dataclass(frozen=True, slots=True)
class Pass:
    """One ordered sweep over the records of an entity."""

    number: int
    entity: EntityName
    phase: Phase

    def __str__(self) -> str:
        return f"{self.number} {self.entity} {self.phase}"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The passes, and the columns of each entity that wait for the links phase."""

    passes: tuple[Pass, ...]
    deferred: Mapping[str, frozenset[str]]

    @property
    def entities(self) -> tuple[EntityName, ...]:
        """The entities, parents first."""
        return tuple(dict.fromkeys(step.entity for step in self.passes))


def plan_load(documents: Iterable[MappingDocument]) -> LoadPlan:
    """Return the passes for a set of mappings.

    Raises:
        MappingError: A circle of lookups that none of them can wait for.
    """
    by_entity = {document.entity: document for document in documents}
    deferred: dict[str, set[str]] = {entity: set() for entity in by_entity}
    for entity, document in by_entity.items():
        # A record may point to one of its own kind: whoever comes first cannot point yet.
        for column, rule in document.fields.items():
            if entity in rule.entities or rule.late:
                deferred[entity].add(column)
    order = _order(by_entity, deferred)
    passes: list[tuple[str, Phase]] = []
    linking = [entity for entity in order if by_entity[entity].link is not None]
    for entity in order:
        if by_entity[entity].link is None:
            passes.append((entity, Phase.ROWS))
        if by_entity[entity].activate:
            passes.append((entity, Phase.ACTIVATE))
        # As soon as both ends are there: who is given rows needs the security role that a link gives.
        there = {entity for entity, _ in passes}
        ready = [link for link in linking if _ends(by_entity[link]) & by_entity.keys() <= there]
        passes += [(link, Phase.LINKS) for link in ready]
        linking = [link for link in linking if link not in ready]
    for entity in order:
        if deferred[entity]:
            passes.append((entity, Phase.LINKS))
            if by_entity[entity].activate:  # filling in a lookup may have opened the row again
                passes.append((entity, Phase.ACTIVATE))
    passes += [(entity, Phase.FINISH) for entity in reversed(order) if by_entity[entity].finish]
    return LoadPlan(
        tuple(Pass(n, EntityName(entity), phase) for n, (entity, phase) in enumerate(passes, start=1)),
        {entity: frozenset(columns) for entity, columns in deferred.items()},
    )


def _ends(document: MappingDocument) -> set[str]:
    """Return the entities that a link ties."""
    return {entity for _, rule in document.rules() for entity in rule.entities}


def _order(documents: Mapping[str, MappingDocument], deferred: dict[str, set[str]]) -> list[str]:
    """Sort entities, parents first; put lookups that close a circle into ``deferred``."""
    while True:
        graph = {
            entity: sorted(
                target
                for column, rule in document.fields.items()
                if column not in deferred[entity]
                for target in rule.entities
                if target in documents
            )
            for entity, document in sorted(documents.items())
        }
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle: list[str] = error.args[1]
        entity, column = _weakest_link(documents, deferred, circle)
        deferred[entity].add(column)


def _weakest_link(
    documents: Mapping[str, MappingDocument], deferred: Mapping[str, set[str]], circle: list[str]
) -> tuple[str, str]:
    """Return the lookup of a circle that can wait best: one that may stay empty."""
    members = set(circle)
    candidates = [
        (rule.missing is not Missing.EMPTY, entity, column)
        for entity in sorted(members)
        for column, rule in documents[entity].fields.items()
        if column not in deferred[entity] and members & set(rule.entities)
    ]
    waiting = [(entity, column) for must_exist, entity, column in sorted(candidates) if not must_exist]
    if not waiting:
        raise MappingError(
            "the mapping",
            [f"{' -> '.join(circle)} refer to each other; let one of these lookups say `missing: empty`"],
        )
    return waiting[0]
