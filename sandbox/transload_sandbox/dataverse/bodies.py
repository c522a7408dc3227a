"""What clients send about a row, and the row in the making that it goes into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Ignored
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.plan import Binding, Plan, Property
from transload_sandbox.dataverse.relationships import Collection

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

Body = Mapping[str, object]


@dataclass(slots=True)
class Draft:
    """A row in the making."""

    row: Row
    assigned: set[str]
    """Storage columns that the request sets."""
    children: list[tuple[Collection, list[Body]]] = field(default_factory=list)
    """Rows of collections that come with the body."""
    links: list[tuple[Collection, list[str]]] = field(default_factory=list)
    """References to rows that shall be in collections."""


class Bodies:
    """Reads the bodies of one operation."""

    def __init__(self, writer: "Writer") -> None:
        self._writer = writer
        self._environment = writer.environment

    def apply(self, plan: Plan, body: Body, draft: Draft, *, creating: bool) -> None:
        """Take what a body says into a row in the making.

        Args:
            plan: Of the row's table.
            body: What the client sent.
            draft: The row.
            creating: Whether the row is new.

        Raises:
            ODataError: The body says something that its table does not know or take.
        """
        properties: Mapping[str, Property] = plan.create if creating else plan.update
        row, assigned = draft.row, draft.assigned
        for name, value in body.items():
            if name in properties:
                entry = properties[name]
                if entry is None:
                    self._ignore(plan.table, name, creating=creating)
                    continue
                column, parse = entry
                row[column] = None if value is None else parse(value)
                assigned.add(column)
            elif name.endswith("@odata.bind"):
                self._bind(plan, name[: -len("@odata.bind")], value, draft, creating=creating)
            elif name == "@odata.type":
                _check_type(plan.table, value)
            elif "@" not in name:
                self._apply_navigation(plan, name, value, draft, creating=creating)

    def _ignore(self, table: Table, column: str, *, creating: bool) -> None:
        if column != table.primary_id:
            self._environment.ignored.append(Ignored(table.name, column, "create" if creating else "update"))

    def _apply_navigation(self, plan: Plan, name: str, value: object, draft: Draft, *, creating: bool) -> None:
        """Take a property that is no plain column: a navigation property, a collection, or a mistake."""
        binding = plan.bindings.get(name)
        if binding and value is None:
            self._set_lookup(plan, binding, None, draft, creating=creating)
        elif binding and isinstance(value, Mapping) and len(binding.targets) == 1:
            target = self._environment.model.tables.get(binding.targets[0])
            if target is None:
                raise errors.unknown_property(plan.table.name, name)
            [created] = self._writer.create(target, [value])
            reference = (target.name, str(created[target.primary_id]))
            self._set_lookup(plan, binding, reference, draft, creating=creating)
        elif isinstance(value, list) and (found := self._writer.links.find(plan.table, name)):
            draft.children.append((found, value))
        elif name in plan.lookups:
            raise ODataError(
                400,
                "0x0",
                "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
            )
        elif binding:
            raise errors.payload(
                plan.table.entity_set,
                "Microsoft.OData.ODataException: A node of type 'PrimitiveValue' was read from the JSON "
                "reader when "
                f"trying to read the contents of the property '{name}'; however, a 'StartObject' node was "
                "expected.",
            )
        else:
            raise errors.unknown_property(plan.table.name, name)

    def _bind(self, plan: Plan, name: str, value: object, draft: Draft, *, creating: bool) -> None:
        binding = plan.bindings.get(name)
        if binding is None:
            self._bind_collection(plan, name, value, draft, creating=creating)
            return
        if value is None:
            self._set_lookup(plan, binding, None, draft, creating=creating)
            return
        if not isinstance(value, str):
            raise errors.payload(plan.table.entity_set, f"'{name}@odata.bind' must be a reference to a row.")
        reference = self._writer.lookups.resolve(value, binding.targets)
        self._set_lookup(plan, binding, reference, draft, creating=creating)

    def _bind_collection(self, plan: Plan, name: str, value: object, draft: Draft, *, creating: bool) -> None:
        collection = self._writer.links.find(plan.table, name)
        if collection is None:
            raise errors.undeclared_navigation(plan.table.entity_set, name)
        if not creating or not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise errors.payload(
                plan.table.entity_set, f"'{name}@odata.bind' takes a list of references, when a row is created."
            )
        draft.links.append((collection, value))

    def _set_lookup(
        self, plan: Plan, binding: Binding, reference: tuple[str, str] | None, draft: Draft, *, creating: bool
    ) -> None:
        column = binding.column
        if not (binding.create if creating else binding.update):
            self._ignore(plan.table, column.name, creating=creating)
            return
        draft.row[column.name] = reference[1] if reference else None
        if column.type_column:
            draft.row[column.type_column] = reference[0] if reference else None
        draft.assigned.add(column.name)


def _check_type(table: Table, name: object) -> None:
    """Refuse a body that says it is a row of another table; a base type of the table will do."""
    kind = str(name).rpartition(".")[2]
    if kind not in {table.name, "activitypointer" if table.is_activity else "", "crmbaseentity"}:
        raise errors.payload(
            table.entity_set,
            f"Microsoft.OData.ODataException: A type named '{name}' was found, which is not assignable to the "
            f"expected type 'Microsoft.Dynamics.CRM.{table.name}'.",
        )
