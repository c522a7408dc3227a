"""Collections: what a table is called from the other end of its lookups and links.

The names of standard relationships are facts of the platform's own (``schema/_collections.json``, from the
Web API entity type reference); everything else follows the patterns by which the platform and its solutions
name relationships.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from weakref import WeakKeyDictionary

import orjson

from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.model import Column, Link, Table

_ACTIVITIES = {
    "activitypointer": "ActivityPointers",
    "annotation": "Annotation",
    "appointment": "Appointments",
    "email": "Emails",
    "letter": "Letters",
    "phonecall": "Phonecalls",
    "task": "Tasks",
}
_OWNERS = {
    "owningbusinessunit": "business_unit",
    "owningteam": "team",
    "owninguser": "user",
    "ownerid": "owner",
}
_AUDIT = frozenset({"createdby", "modifiedby", "createdonbehalfby", "modifiedonbehalfby"})


_TREES = frozenset(
    {
        ("account", "parentaccountid"),
        ("businessunit", "parentbusinessunitid"),
        ("contact", "parentcustomerid"),
        ("incident", "parentcaseid"),
        ("msdyn_customerasset", "msdyn_parentasset"),
        ("msdyn_functionallocation", "msdyn_parentfunctionallocation"),
        ("product", "parentproductid"),
        ("subject", "parentsubject"),
        ("systemuser", "parentsystemuserid"),
        ("territory", "parentterritoryid"),
    }
)
"""Tables and lookups that are shipped as hierarchies."""


@dataclass(frozen=True, slots=True)
class OneToMany:
    """Rows of ``child`` whose ``column`` points to a row."""

    name: str
    child: Table
    column: Column
    parent: str
    """Table that the lookup must name where it can point to several."""


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """Rows of ``child`` that an intersect table links to a row."""

    name: str
    child: Table
    link: Link
    near: str
    """Column of the intersect table that holds the row's id."""
    far: str
    """Column of the intersect table that holds the id of the child."""


Collection = OneToMany | ManyToMany


@cache
def _known() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    raw: Mapping[str, Mapping[str, Mapping[str, str]]] = orjson.loads(
        (files(__package__) / "schema" / "_collections.json").read_bytes()
    )
    return raw


def is_hierarchical(table: Table, column: Column, target: str) -> bool:
    """Tell whether the rows of a table form a tree by a lookup: then no row may be its own ancestor."""
    made = column.relations.get(target)
    return target == table.name and (made.is_hierarchical if made else (table.name, column.name) in _TREES)


def tree_column(table: Table) -> str | None:
    """Return the lookup by which the rows of a table form a tree, None when they form none."""
    lookups = (column for column in table.lookups() if len(column.targets) == 1)
    return next((column.name for column in lookups if is_hierarchical(table, column, table.name)), None)


def collection_name(table: Table, column: Column, target: Table) -> str:
    """Return the collection-valued navigation property by which a target knows the rows that point to it."""
    made = column.relations.get(target.name)
    if made is not None:
        return made.collection
    known = _known().get(table.name, {}).get(column.name, {}).get(target.name)
    return known or _pattern(table, column, target)


def _pattern(table: Table, column: Column, target: Table) -> str:
    name = column.name
    if name in {"regardingobjectid", "objectid"}:
        plural = _ACTIVITIES.get(table.name) or f"{table.schema_name}s"
        own = target.schema_name.startswith("msdyn_") and table.name == "annotation"
        return f"{target.schema_name}_{plural}{'s' if own else ''}"
    if name == "partyid":
        return f"{target.name}_activity_parties"
    if name in _AUDIT:
        base = "" if table.is_activity or "_" in table.name else "base"
        return f"lk_{table.name}{base}_{name}"
    if name in _OWNERS:
        return f"{_OWNERS[name]}_{table.name}"
    if name == "transactioncurrencyid":
        prefix = "TransactionCurrency" if "_" in table.name else "transactioncurrency"
        return f"{prefix}_{table.name}"
    # Solutions of the platform's own put their prefix in front and drop it from the column.
    if column.schema_name.startswith("msdyn_"):
        return f"msdyn_{target.name}_{table.name}_{column.schema_name.removeprefix('msdyn_')}"
    return f"{target.name}_{table.name}_{column.schema_name}"


_remembered: WeakKeyDictionary[Model, tuple[int, dict[str, Mapping[str, Collection]]]] = WeakKeyDictionary()


def collections(model: Model, table: Table) -> Mapping[str, Collection]:
    """Return the collections of a table by navigation property."""
    version, known = _remembered.get(model, (0, {}))
    if version != model.version:
        known = {}
        _remembered[model] = (model.version, known)
    if table.name not in known:
        known[table.name] = {each.name: each for each in _iterate(model, table)}
    return known[table.name]


def _iterate(model: Model, table: Table) -> Iterator[Collection]:
    # An activity has the collections of its base type as well.
    names = {table.name, "activitypointer"} if table.is_activity else {table.name}
    for child in model.tables.values():
        for column in child.lookups():
            for target in names.intersection(column.targets):
                yield OneToMany(collection_name(child, column, model.tables[target]), child, column, target)
    if table.is_activity:
        parties = model.tables["activityparty"]
        name = f"{table.name}_activity_parties"
        yield OneToMany(name, parties, parties.columns["activityid"], "activitypointer")
    for link in table.links:
        for near, far in ((0, 1), (1, 0)):
            if link.tables[near] == table.name and link.tables[far] in model.tables:
                child = model.tables[link.tables[far]]
                yield ManyToMany(link.navigation[near], child, link, link.columns[near], link.columns[far])
