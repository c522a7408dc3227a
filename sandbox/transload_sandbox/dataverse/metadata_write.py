"""Customisation: which definitions and messages change metadata, and who carries them out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from lxml import etree

from transload_sandbox.dataverse import components, errors
from transload_sandbox.dataverse.custom_columns import CustomColumns
from transload_sandbox.dataverse.custom_options import CustomOptions
from transload_sandbox.dataverse.custom_relations import CustomRelations
from transload_sandbox.dataverse.custom_tables import CustomTables
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.metadata_read import MetadataReader, Segment, split_keyed
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content

Json = Mapping[str, object]

_NAMESPACE = "Microsoft.Dynamics.CRM."


class MetadataWriter:
    """Carries customisations out."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._reader = MetadataReader(environment)
        self._tables = CustomTables(environment)
        self._columns = CustomColumns(environment)
        self._relations = CustomRelations(environment)
        self._options = CustomOptions(environment)
        self._components = components.Components(environment)
        self._actions: Mapping[str, Callable[[Request, Json], Response]] = {
            "PublishXml": _publish,
            "PublishAllXml": lambda _request, _body: no_content(),
            "ReactivateEntityKey": self._reactivate,
            "CreateEntities": self._create_entities,
            "CreateCustomerRelationships": self._create_customer,
            "CreatePolymorphicLookupAttribute": self._create_polymorphic,
            "InsertOptionValue": self._insert_option,
            "InsertStatusValue": self._insert_status,
            "UpdateOptionValue": lambda _request, body: self._done(self._options.update, body),
            "UpdateStateValue": lambda _request, body: self._done(self._options.update, body),
            "OrderOption": lambda _request, body: self._done(self._options.order, body),
            "DeleteOptionValue": lambda _request, body: self._done(self._options.delete_option, body),
            "AddSolutionComponent": self._add_component,
            "RemoveSolutionComponent": self._remove_component,
        }

    @contextmanager
    def _customizing(self, request: Request) -> Iterator[None]:
        """Change metadata: what was changed is kept when all of it succeeded, and taken back otherwise."""
        if request.content_ids is not None:
            raise errors.unsupported("Metadata cannot be changed inside a change set.")
        with self.environment.customizing():
            yield

    # -- messages

    def respond_action(self, request: Request, name: str) -> Response | None:
        """Answer an action of customisation; None when there is none of that name."""
        if name not in self._actions:
            return None
        if request.method != "POST":
            raise errors.no_such_method(request.url)
        body = request.json(name) if request.body else {}
        with self._customizing(request):
            return self._actions[name](request, body)

    def _done(self, change: Callable[[Json], None], body: Json) -> Response:
        change(body)
        return no_content()

    def _insert_option(self, request: Request, body: Json) -> Response:
        return _answer(request, "InsertOptionValue", {"NewOptionValue": self._options.insert(request, body)})

    def _insert_status(self, request: Request, body: Json) -> Response:
        return _answer(request, "InsertStatusValue", {"NewOptionValue": self._options.insert_status(request, body)})

    def _create_entities(self, request: Request, body: Json) -> Response:
        """Add several tables; the message of the platform's own clients."""
        raw = body.get("Entities")
        if not isinstance(raw, list) or not raw:
            raise errors.invalid_argument("Required parameter 'Entities' is missing.")
        tables = [self._tables.create(request, each) for each in raw if isinstance(each, Mapping)]
        ids = {
            "EntityIds": [table.metadata_id for table in tables],
            "AttributeIds": [
                column.metadata_id for table in tables for column in table.columns.values() if column.metadata_id
            ],
        }
        return _answer(request, "CreateEntities", ids)

    def _create_customer(self, request: Request, body: Json) -> Response:
        return self._create_lookup(request, body, "CreateCustomerRelationships", "Customer")

    def _create_polymorphic(self, request: Request, body: Json) -> Response:
        return self._create_lookup(request, body, "CreatePolymorphicLookupAttribute", "Lookup")

    def _create_lookup(self, request: Request, body: Json, message: str, kind: str) -> Response:
        raw = body.get("OneToManyRelationships")
        relationships = [each for each in raw if isinstance(each, Mapping)] if isinstance(raw, list) else []
        solution = self._components.solution(request, body.get("SolutionUniqueName"))
        column = self._relations.create_lookup(solution, relationships, body.get("Lookup"), kind)
        ids = [relation.metadata_id for relation in column.relations.values()]
        return _answer(request, message, {"RelationshipIds": ids, "AttributeId": column.metadata_id})

    def _reactivate(self, _request: Request, body: Json) -> Response:
        table = self._reader.find_table(Segment("", str(body.get("EntityLogicalName")), None))
        self._columns.reactivate(table, self._columns.find_key(table, str(body.get("EntityKeyLogicalName")), None))
        return no_content()

    def _add_component(self, request: Request, body: Json) -> Response:
        solution = self._components.solution(request, body.get("SolutionUniqueName"))
        component_id, kind = parse_guid(body.get("ComponentId")), body.get("ComponentType")
        if solution is None or component_id is None or not isinstance(kind, int):
            raise errors.invalid_argument("ComponentId, ComponentType and SolutionUniqueName are required.")
        membership = self._components.add(solution, kind, component_id)
        return _answer(request, "AddSolutionComponent", {"id": membership})

    def _remove_component(self, request: Request, body: Json) -> Response:
        solution = self._components.solution(request, body.get("SolutionUniqueName"))
        named = body.get("SolutionComponent")
        raw = named.get("solutioncomponentid") if isinstance(named, Mapping) else body.get("ComponentId")
        component_id = parse_guid(raw)
        if solution is None or component_id is None:
            raise errors.invalid_argument("SolutionComponent and SolutionUniqueName are required.")
        self._components.remove(component_id, solution)
        return _answer(request, "RemoveSolutionComponent", {"id": component_id})

    # -- definitions

    def respond(self, request: Request, segments: list[str]) -> Response:
        """Answer a change of a definition.

        Raises:
            ODataError: The change is refused.
        """
        first = split_keyed(segments[0])
        rest = [each for each in segments[1:] if not each.startswith(_NAMESPACE)]
        handlers: Mapping[tuple[str, int], Callable[[Request, Segment, list[str]], Response]] = {
            ("EntityDefinitions", 0): self._table,
            ("EntityDefinitions", 1): self._below_table,
            ("RelationshipDefinitions", 0): self._relationship,
            ("GlobalOptionSetDefinitions", 0): self._option_set,
        }
        handler = handlers.get((first.collection, len(rest)))
        if handler is None or request.method not in {"POST", "PUT", "DELETE"}:
            raise errors.unsupported(f"{request.method} is not supported on {request.path}.")
        with self._customizing(request):
            return handler(request, first, rest)

    def _table(self, request: Request, named: Segment, _rest: list[str]) -> Response:
        if request.method == "POST":
            created = self._tables.create(request, request.json("EntityDefinitions"))
            return _created(request, f"EntityDefinitions({created.metadata_id})")
        table = self._reader.find_table(named)
        if request.method == "PUT":
            self._tables.change(request, table, request.json("EntityDefinitions"))
        else:
            self._tables.delete(table)
        return no_content()

    def _below_table(self, request: Request, named: Segment, rest: list[str]) -> Response:
        table, child = self._reader.find_table(named), split_keyed(rest[0])
        handlers: Mapping[tuple[str, str], Callable[[Request, Table, Segment], Response]] = {
            ("POST", "Attributes"): self._create_column,
            ("PUT", "Attributes"): self._change_column,
            ("DELETE", "Attributes"): self._delete_column,
            ("POST", "Keys"): self._create_key,
            ("DELETE", "Keys"): self._delete_key,
        }
        handler = handlers.get((request.method, child.collection))
        if handler is None:
            raise errors.unsupported(f"{request.method} is not supported on {request.path}.")
        return handler(request, table, child)

    def _create_column(self, request: Request, table: Table, _child: Segment) -> Response:
        column = self._columns.create(request, table, request.json("EntityDefinitions"))
        path = f"EntityDefinitions(LogicalName='{table.name}')/Attributes({column.metadata_id})"
        return _created(request, path)

    def _change_column(self, request: Request, table: Table, child: Segment) -> Response:
        column, body = self._reader.find_column(table, child), request.json("EntityDefinitions")
        cast = request.segments()[-1]
        if cast.startswith(_NAMESPACE):
            # A client that gives the type in the address may leave it out of the body.
            body.setdefault("@odata.type", cast)
        self._columns.change(request, table, column, body)
        return no_content()

    def _delete_column(self, _request: Request, table: Table, child: Segment) -> Response:
        self._columns.delete(table, self._reader.find_column(table, child))
        return no_content()

    def _create_key(self, request: Request, table: Table, _child: Segment) -> Response:
        key = self._columns.create_key(request, table, request.json("EntityDefinitions"))
        return _created(request, f"EntityDefinitions(LogicalName='{table.name}')/Keys({key.metadata_id})")

    def _delete_key(self, _request: Request, table: Table, child: Segment) -> Response:
        self._columns.delete_key(table, self._columns.find_key(table, child.name, child.metadata_id))
        return no_content()

    def _relationship(self, request: Request, named: Segment, _rest: list[str]) -> Response:
        if request.method == "POST":
            body = request.json("RelationshipDefinitions")
            solution = self._components.solution(request)
            if str(body.get("@odata.type")).endswith("ManyToManyRelationshipMetadata"):
                made = self._relations.create_link(solution, body).metadata_id
            elif str(body.get("@odata.type")).endswith("OneToManyRelationshipMetadata"):
                column = self._relations.create_lookup(solution, [body], body.get("Lookup"))
                [made] = [relation.metadata_id for relation in column.relations.values()]
            else:
                raise errors.payload("RelationshipDefinitions", "The '@odata.type' of a relationship is missing.")
            return _created(request, f"RelationshipDefinitions({made})")
        metadata_id = str(self._reader.find_relationship(named)["MetadataId"])
        if request.method == "PUT":
            self._relations.change(metadata_id, request.json("RelationshipDefinitions"))
        else:
            self._relations.delete(metadata_id)
        return no_content()

    def _option_set(self, request: Request, named: Segment, _rest: list[str]) -> Response:
        if request.method == "POST":
            created = self._options.create(request, request.json("GlobalOptionSetDefinitions"))
            return _created(request, f"GlobalOptionSetDefinitions({created.metadata_id})")
        option_set = self._reader.find_option_set(named)
        if request.method == "PUT":
            self._options.change(request, option_set, request.json("GlobalOptionSetDefinitions"))
        else:
            self._options.delete(option_set)
        return no_content()


def _created(request: Request, path: str) -> Response:
    return no_content(("OData-EntityId", request.base + path))


def _answer(request: Request, name: str, facts: Json) -> Response:
    return json_response({"@odata.context": f"{request.base}$metadata#{_NAMESPACE}{name}Response", **facts})


def _publish(_request: Request, body: Json) -> Response:
    text = body.get("ParameterXml")
    if not isinstance(text, str):
        raise errors.invalid_argument("Required parameter 'ParameterXml' is missing.")
    try:
        etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise errors.invalid_argument("ParameterXml is not well-formed.") from error
    return no_content()
