"""Tables that come, change and go."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from transload_sandbox.dataverse import components, errors, privileges, seed
from transload_sandbox.dataverse.columns import parse_definition
from transload_sandbox.dataverse.components import in_use, is_managed
from transload_sandbox.dataverse.custom_columns import CustomColumns, currency_columns
from transload_sandbox.dataverse.definitions import Definitions
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.labels import read_label
from transload_sandbox.dataverse.model import Column, Row, State, Table
from transload_sandbox.dataverse.references import cascade
from transload_sandbox.dataverse.shipped import shipped_tables
from transload_sandbox.dataverse.wire import Request

Json = Mapping[str, object]

_LABELS = ("DisplayName", "DisplayCollectionName", "Description")
FACTS = (
    "HasActivities",
    "HasNotes",
    "HasFeedback",
    "ChangeTrackingEnabled",
    "IsAuditEnabled",
    "IsConnectionsEnabled",
    "IsDuplicateDetectionEnabled",
    "IsMailMergeEnabled",
    "IsQuickCreateEnabled",
    "IsValidForQueue",
    "IsValidForAdvancedFind",
    "IsAvailableOffline",
    "IsVisibleInMobile",
    "IsOptimisticConcurrencyEnabled",
    "IsDocumentManagementEnabled",
    "EntityColor",
    "ExternalName",
    "ActivityTypeMask",
    "IconVectorName",
)
"""Properties that are kept as sent."""
_OWNERSHIPS = {"UserOwned": "User", "OrganizationOwned": "Organization", "None": "None"}
_TEMPLATE, _ACTIVITY_TEMPLATE, _BASE = "msdyn_functionallocation", "letter", "activitypointer"
_SYSTEM = frozenset(
    {
        "createdby",
        "createdon",
        "createdonbehalfby",
        "importsequencenumber",
        "modifiedby",
        "modifiedon",
        "modifiedonbehalfby",
        "overriddencreatedon",
        "statecode",
        "statuscode",
        "timezoneruleversionnumber",
        "utcconversiontimezonecode",
        "versionnumber",
    }
)
_OWNER = frozenset({"ownerid", "owningbusinessunit", "owningteam", "owninguser"})
_ROW_STATES = {0: State(0, "Active", {1: "Active"}, 1), 1: State(1, "Inactive", {2: "Inactive"}, 2)}
_ACTIVITY_STATES = {
    0: State(0, "Open", {1: "Open"}, 1),
    1: State(1, "Completed", {2: "Completed"}, 2),
    2: State(2, "Canceled", {3: "Canceled"}, 3),
    3: State(3, "Scheduled", {4: "Scheduled"}, 4),
}


class CustomTables:
    """Changes the tables of an environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.columns = CustomColumns(environment)
        self.components = self.columns.components
        self._definitions = Definitions(environment)

    def create(self, request: Request, body: Json) -> Table:
        """Add a table.

        Raises:
            ODataError: The definition is refused, or the name is taken.
        """
        schema_name = self.components.check_name(body.get("SchemaName"))
        name = schema_name.lower()
        if name in self.environment.model.tables:
            raise ODataError(400, "0x8004700b", f"An entity with the name {name} already exists.")
        solution = self.components.solution(request, body.get("SolutionUniqueName"))
        is_activity = body.get("IsActivity") is True
        ownership = _OWNERSHIPS.get(str(body.get("OwnershipType") or "UserOwned"))
        if ownership in {None, "None"} or (is_activity and ownership != "User"):
            raise errors.invalid_argument(f"OwnershipType {body.get('OwnershipType')} cannot be given to a table.")
        missing = next((each for each in _LABELS[:2] if not isinstance(body.get(each), Mapping)), None)
        if missing:
            raise errors.invalid_argument(f"Required member '{missing}' missing for field 'Entity'.")
        primary_id = "activityid" if is_activity else f"{name}id"
        made = dict(self._made_columns(body, solution, is_activity=is_activity))
        primary_name = "subject" if is_activity else next(iter(made))
        system = {
            each.name: each for each in _system_columns(name, schema_name, str(ownership), is_activity=is_activity)
        }
        currency = {each.name: each for each in currency_columns(system, made.values())}
        labels = {
            each: read_label(body[each], self.environment.languages) for each in _LABELS if body.get(each) is not None
        }
        table = Table(
            name=name,
            schema_name=schema_name,
            entity_set=str(body.get("EntitySetName") or plural(name)),
            primary_id=primary_id,
            primary_name=primary_name,
            ownership=str(ownership),
            solution="custom",
            is_activity=is_activity,
            is_custom=True,
            has_bulk_messages=True,
            columns=dict(sorted({**made, **system, **currency}.items())),
            states=_ACTIVITY_STATES if is_activity else _ROW_STATES,
            keys={},
            links=(),
            metadata_id=self.environment.new_id(),
            facts={**labels, **{each: body[each] for each in FACTS if body.get(each) is not None}},
        )
        if table.entity_set in self.environment.model.by_set:
            raise errors.invalid_argument(f"The EntitySetName '{table.entity_set}' is taken.")
        self.environment.model.replace(table)
        self._open_collections(table)
        seed.insert_messages(self.environment, table)
        privileges.open_table(self.environment, table)
        self.components.add(solution, components.TABLE, table.metadata_id)
        return table

    def _made_columns(self, body: Json, solution: Row | None, *, is_activity: bool) -> Iterator[tuple[str, Column]]:
        """Yield the columns that come with a table, the one that names its rows first."""
        raw = body.get("Attributes")
        attributes = [each for each in raw if isinstance(each, Mapping)] if isinstance(raw, list) else []
        named = [each for each in attributes if each.get("IsPrimaryName") is True]
        if not named and len(attributes) == 1:
            named = attributes
        if len(named) != 1 or not str(named[0].get("@odata.type")).endswith("StringAttributeMetadata"):
            raise errors.invalid_argument("A table needs one String column with IsPrimaryName.")
        for each in [*named, *(each for each in attributes if each is not named[0])]:
            schema_name = str(each.get("SchemaName"))
            if is_activity and each is named[0]:
                continue
            self.components.check_name(schema_name)
            for column in parse_definition(self.columns.draft(each, schema_name, solution)):
                yield column.name, column

    def change(self, request: Request, table: Table, body: Json) -> None:
        """Put a definition in place of a table's former one.

        Raises:
            ODataError: A name, an ownership or a switch that cannot change.
        """
        for fact, value in (("LogicalName", table.name), ("SchemaName", table.schema_name)):
            if body.get(fact, value) != value:
                raise errors.invalid_argument(f"The {fact} of '{table.name}' cannot be changed.")
        former = self._definitions.table(table)
        for switch in ("ChangeTrackingEnabled", "HasNotes", "HasActivities"):
            if former.get(switch) is True and body.get(switch) is False:
                raise errors.invalid_argument(f"{switch} cannot be turned off for '{table.name}'.")
        merge = request.headers.get("mscrm.mergelabels", "").lower() == "true"
        labels = {
            each: read_label(body[each], self.environment.languages, former[each], merge=merge)
            for each in _LABELS
            if body.get(each) is not None
        }
        kept = {each: body[each] for each in FACTS if body.get(each) is not None and body[each] != former.get(each)}
        self.environment.model.amend(table.name, facts={**table.facts, **labels, **kept})
        if table.metadata_id:
            self._open_collections(self.environment.model.tables[table.name])

    def delete(self, table: Table) -> None:
        """Remove a custom table with its rows.

        Raises:
            ODataError: It is shipped, or relationships of other tables need it.
        """
        if not table.metadata_id:
            raise is_managed("entity", table.name)
        model, store = self.environment.model, self.environment.store
        others = [other for other in model.tables.values() if other.name != table.name]
        pointing = (column for other in others for column in other.lookups())
        if table.links or any(table.name in column.relations for column in pointing):
            raise in_use("entity", table.name)
        if table.name in store.existing:
            cascade(self.environment, table, [str(row[table.primary_id]) for row in store.iterate(table)])
        for other in others:
            for column in list(other.lookups()):
                if table.name in column.targets:
                    model.put_column(other.name, without_target(column, table.name))
        for key in list(table.keys.values()):
            self.columns.delete_key(table, key)
        for column in table.columns.values():
            self.components.remove(column.metadata_id or "-")
        self.components.remove(table.metadata_id)
        seed.remove_messages(self.environment, table)
        privileges.close_table(self.environment, table)
        store.layout.drop_table(table)
        model.remove(table.name)

    def _open_collections(self, table: Table) -> None:
        """Let notes and activities point to the rows of a table that asks for them."""
        model = self.environment.model
        if table.facts.get("HasNotes") is True:
            notes = model.tables["annotation"].columns["objectid"]
            model.put_column("annotation", with_target(notes, table.name, f"objectid_{table.name}"))
        if table.facts.get("HasActivities") is True:
            for activity in [each for each in model.tables.values() if each.is_activity]:
                regarding = activity.columns.get("regardingobjectid")
                if regarding is not None:
                    suffix = "" if activity.name == _BASE else f"_{activity.name}"
                    navigation = f"regardingobjectid_{table.name}{suffix}"
                    model.put_column(activity.name, with_target(regarding, table.name, navigation))


def with_target(column: Column, target: str, navigation: str) -> Column:
    """Return a lookup that also points to another table."""
    if target in column.targets:
        return column
    return replace(
        column,
        targets=(*column.targets, target),
        navigation={**column.navigation, target: navigation},
        on_delete={**column.on_delete, target: "Cascade"},
        on_assign={**column.on_assign, target: "Cascade"},
    )


def without_target(column: Column, target: str) -> Column:
    """Return a lookup that no longer points to a table."""
    return replace(
        column,
        targets=tuple(each for each in column.targets if each != target),
        navigation={each: name for each, name in column.navigation.items() if each != target},
        on_delete={each: name for each, name in column.on_delete.items() if each != target},
        on_assign={each: name for each, name in column.on_assign.items() if each != target},
        relations={each: relation for each, relation in column.relations.items() if each != target},
    )


def plural(name: str) -> str:
    """Return the entity set name that the platform makes of a logical name."""
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in {"a", "e", "i", "o", "u", ""}:
        return f"{name[:-1]}ies"
    return f"{name}s"


def _system_columns(name: str, schema_name: str, ownership: str, *, is_activity: bool) -> Iterator[Column]:
    """Yield the columns that the platform gives to every new table."""
    shipped = shipped_tables()
    template = shipped[_ACTIVITY_TEMPLATE if is_activity else _TEMPLATE]
    states = _ACTIVITY_STATES if is_activity else _ROW_STATES
    if is_activity:
        wanted = set(shipped[_BASE].columns)
    else:
        wanted = set(_SYSTEM | _OWNER) if ownership == "User" else set(_SYSTEM)
        yield Column(
            f"{name}id",
            f"{schema_name}Id",
            "Uniqueidentifier",
            valid_for_update=False,
            required="SystemRequired",
            label=schema_name,
        )
    if ownership == "Organization":
        yield shipped["territory"].columns["organizationid"]
    for column in template.columns.values():
        if column.name not in wanted:
            continue
        navigation = {
            target: each.removesuffix(f"_{_ACTIVITY_TEMPLATE}") + f"_{name}"
            if each.endswith(f"_{_ACTIVITY_TEMPLATE}")
            else each
            for target, each in column.navigation.items()
        }
        options = column.options
        if column.name == "statecode":
            options = {state.value: state.label for state in states.values()}
        elif column.name == "statuscode":
            options = {value: text for state in states.values() for value, text in state.statuses.items()}
        default = 0 if column.name == "statecode" else column.default
        yield replace(column, navigation=navigation, options=options, default=default, custom=False)
