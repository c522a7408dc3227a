"""Functions about metadata: many definitions in one answer, and which tables relationships can have."""

from collections.abc import Callable, Mapping, Sequence

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.definitions import Definitions, cast_name
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.labels import Json
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.parameters import json_of
from transload_sandbox.dataverse.wire import Request, Response, json_response

_NAMESPACE = "Microsoft.Dynamics.CRM."
_QUERIES = {"Attributes": "AttributeQuery", "Keys": "KeyQuery", "Relationships": "RelationshipQuery"}


class MetadataChangesApi:
    """Serves the functions."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._definitions = Definitions(environment)
        tables = environment.model.tables
        self._functions: Mapping[str, Callable[[Request], Json]] = {
            "RetrieveMetadataChanges": self._retrieve,
            "GetValidManyToMany": lambda _: {"EntityNames": _names(tables.values())},
            "GetValidReferencedEntities": lambda _: {"EntityNames": _names(tables.values())},
            "GetValidReferencingEntities": lambda _: {"EntityNames": _names(tables.values())},
        }
        self._actions = {name: name for name in ("CanBeReferenced", "CanBeReferencing", "CanManyToMany")}

    def respond(self, request: Request, name: str) -> Response | None:
        """Answer a function; None when there is none of that name."""
        if name in self._functions and request.method == "GET":
            facts = self._functions[name](request)
        elif name in self._actions and request.method == "POST":
            table = self.environment.model.tables.get(str(request.json(name).get("EntityName")))
            facts = {name: table is not None and not table.is_intersect}
        else:
            return None
        return json_response({"@odata.context": f"{request.base}$metadata#{_NAMESPACE}{name}Response", **facts})

    def _retrieve(self, request: Request) -> Json:
        alias = request.path.partition("Query=")[2].partition(",")[0].rstrip(")")
        query = json_of(request.query.get(alias, alias) or "{}")
        if not isinstance(query, dict):
            raise errors.invalid_argument("The Query of RetrieveMetadataChanges must be an object.")
        tables = [
            self._shown(table, query)
            for table in self.environment.model.tables.values()
            if _fits(query.get("Criteria"), self._definitions.table(table))
        ]
        stamp = f"{self.environment.model.version}!{self.environment.fixed_id('stamp')}"
        return {"ServerVersionStamp": stamp, "EntityMetadata": tables, "DeletedMetadata": None}

    def _shown(self, table: Table, query: Json) -> Json:
        body = self._definitions.table(table)
        attributes = [
            {
                "@odata.type": f"#{_NAMESPACE}Complex{cast_name(column)}",
                **self._definitions.column(table, column),
                "OptionSet": self._definitions.option_set(table, column) if column.options else None,
            }
            for column in table.columns.values()
        ]
        lists: dict[str, list[Json]] = {
            "Attributes": [_pruned(each) for each in attributes],
            "Keys": [self._definitions.key(table, key) for key in table.keys.values()],
            "OneToManyRelationships": list(self._definitions.one_to_many(table)),
            "ManyToOneRelationships": list(self._definitions.many_to_one(table)),
            "ManyToManyRelationships": list(self._definitions.many_to_many(table)),
        }
        wanted = _wanted(query)
        shown = {name: body[name] for name in body if wanted is None or name in wanted or name == "MetadataId"}
        for name, each in lists.items():
            if wanted is None or name in wanted:
                part = query.get(_QUERIES["Relationships" if "Relationships" in name else name])
                shown[name] = _selected(each, part if isinstance(part, dict) else {})
        return {**shown, "HasChanged": None}


def _pruned(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "OptionSet" or value is not None}


def _selected(bodies: Sequence[Json], part: Json) -> list[Json]:
    wanted = _wanted(part)
    found = [body for body in bodies if _fits(part.get("Criteria"), body)]
    if wanted is None:
        return found
    kept = ("@odata.type", "MetadataId")
    return [{name: body[name] for name in body if name in wanted or name in kept} for body in found]


def _wanted(part: Json) -> list[str] | None:
    """Return the properties that a query asks for, None for all."""
    properties = part.get("Properties")
    if not isinstance(properties, dict) or properties.get("AllProperties") is True:
        return None
    names = properties.get("PropertyNames")
    return [str(name) for name in names] if isinstance(names, list) else []


def _fits(criteria: object, body: Json) -> bool:
    """Return whether a definition fits a MetadataFilterExpression.

    Raises:
        ODataError: An operator that is not supported.
    """
    if not isinstance(criteria, dict):
        return True
    results = [_holds(each, body) for each in criteria.get("Conditions") or []]
    results += [_fits(each, body) for each in criteria.get("Filters") or []]
    if criteria.get("FilterOperator") == "Or" and results:
        return any(results)
    return all(results)


def _holds(condition: Json, body: Json) -> bool:
    held = body.get(str(condition.get("PropertyName")))
    held = held.get("Value", held) if isinstance(held, dict) else held
    raw = condition.get("Value")
    value = raw.get("Value") if isinstance(raw, dict) else raw
    listed = value if isinstance(value, list) else str(value).split(",")
    operator = condition.get("ConditionOperator")
    if operator not in {"Equals", "NotEquals", "In", "NotIn"}:
        raise errors.unsupported(f"The metadata condition operator '{operator}' is not supported.")
    same = {str(held).lower()} & ({str(each).lower() for each in listed} if "In" in operator else {str(value).lower()})
    return bool(same) == (not operator.startswith("Not"))


def _names(tables: object) -> list[str]:
    return [table.name for table in tables if not table.is_intersect] if hasattr(tables, "__iter__") else []
