"""``$metadata``: the model as CSDL, the XML by which OData clients generate their classes.

Types, keys, properties, both sides of every relationship, and the operations that are served here. Annotations say
which properties are computed and which tables track changes.
"""

from weakref import WeakKeyDictionary

from lxml import etree

from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.csdl_operations import add_operations
from transload_sandbox.dataverse.model import Column, Table
from transload_sandbox.dataverse.relationships import collections
from transload_sandbox.dataverse.values import edm_type
from transload_sandbox.dataverse.wire import Request, Response

EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
EDM = "http://docs.oasis-open.org/odata/ns/edm"
_NAMESPACE = "Microsoft.Dynamics.CRM"
_VOCABULARIES = {"Org.OData.Core.V1": "Core", "Org.OData.Capabilities.V1": "Capabilities"}
_BASE, _POINTER = "crmbaseentity", "activitypointer"

Element = etree._Element

_made: WeakKeyDictionary[Model, tuple[int, dict[bool, bytes]]] = WeakKeyDictionary()


def respond(model: Model, request: Request) -> Response:
    """Answer ``GET $metadata``."""
    annotated = request.query.get("annotations", "").lower() == "true"
    version, documents = _made.get(model, (0, {}))
    if version != model.version:
        documents = {}
        _made[model] = (model.version, documents)
    if annotated not in documents:
        documents[annotated] = build(model, annotated=annotated)
    return Response(200, (("Content-Type", "application/xml"), ("OData-Version", "4.0")), documents[annotated])


def build(model: Model, *, annotated: bool) -> bytes:
    """Return the whole document."""
    edmx = etree.Element(f"{{{EDMX}}}Edmx", {"Version": "4.0"}, nsmap={"edmx": EDMX})
    for name, alias in _VOCABULARIES.items():
        uri = f"http://vocabularies.odata.org/OData.Community.{alias}.V1"
        reference = etree.SubElement(edmx, f"{{{EDMX}}}Reference", {"Uri": uri})
        etree.SubElement(reference, f"{{{EDMX}}}Include", {"Namespace": name, "Alias": alias})
    services = etree.SubElement(edmx, f"{{{EDMX}}}DataServices")
    default: dict[None, str] = {None: EDM}
    facts = {"Namespace": _NAMESPACE, "Alias": "mscrm"}
    schema = etree.SubElement(services, f"{{{EDM}}}Schema", facts, nsmap=default)  # type: ignore[arg-type]  # None is lxml's name of the default namespace
    _child(schema, "EntityType", Name=_BASE, Abstract="true")
    pointed = _external_targets(model)
    for name in sorted(pointed):
        external = _child(schema, "EntityType", Name=name, BaseType=f"mscrm.{_BASE}")
        _child(_child(external, "Key"), "PropertyRef", Name=f"{name}id")
        _child(external, "Property", Name=f"{name}id", Type="Edm.Guid")
    for table in _in_order(model):
        _add_type(schema, model, table, pointed, annotated=annotated)
    add_operations(schema, model)
    _add_container(schema, model, pointed, annotated=annotated)
    return etree.tostring(edmx, xml_declaration=True, encoding="utf-8")


def _add_container(schema: Element, model: Model, pointed: frozenset[str], *, annotated: bool) -> None:
    """Add the sets and the unbound operations."""
    container = _child(schema, "EntityContainer", Name="System")
    for table in sorted(model.tables.values(), key=lambda each: each.entity_set):
        _add_set(container, model, table, annotated=annotated)
    for entity_set, name in sorted(model.external_sets.items()):
        if name in pointed:
            _child(container, "EntitySet", Name=entity_set, EntityType=f"{_NAMESPACE}.{name}")
    for operation in schema.iterfind(f"{{{EDM}}}Action"):
        if operation.get("IsBound") != "true":
            _child(
                container, "ActionImport", Name=operation.get("Name"), Action=f"{_NAMESPACE}.{operation.get('Name')}"
            )
    for operation in schema.iterfind(f"{{{EDM}}}Function"):
        if operation.get("IsBound") != "true":
            name = str(operation.get("Name"))
            _child(container, "FunctionImport", Name=name, Function=f"{_NAMESPACE}.{name}")


def _child(parent: Element, name: str, **attributes: str | None) -> Element:
    plain = {key: value for key, value in attributes.items() if value is not None}
    return etree.SubElement(parent, f"{{{EDM}}}{name}", plain)


def _in_order(model: Model) -> list[Table]:
    """Return the tables with the base type of activities before its kinds."""
    return sorted(model.tables.values(), key=lambda table: (table.name != _POINTER, table.name))


def _external_targets(model: Model) -> frozenset[str]:
    """Return tables that lookups point to and that have no definition here."""
    targets = {target for table in model.tables.values() for column in table.lookups() for target in column.targets}
    return frozenset(targets - model.tables.keys())


def _is_derived(table: Table) -> bool:
    return table.is_activity and table.name != _POINTER


def _add_type(schema: Element, model: Model, table: Table, pointed: frozenset[str], *, annotated: bool) -> None:
    base = f"mscrm.{_POINTER if _is_derived(table) else _BASE}"
    entity = _child(schema, "EntityType", Name=table.name, BaseType=base)
    inherited = model.tables[_POINTER] if _is_derived(table) else None
    if inherited is None:
        key = "ownerid" if table.name in {"systemuser", "team"} else table.primary_id
        _child(_child(entity, "Key"), "PropertyRef", Name=key)
        if key == "ownerid":
            _child(entity, "Property", Name="ownerid", Type="Edm.Guid")
    for column in table.columns.values():
        if inherited is None or column.name not in inherited.columns:
            _add_property(entity, table, column, annotated=annotated)
    names = {str(each.get("Name")) for each in entity}
    for column in table.lookups():
        for navigation, target in column.navigations():
            known = navigation in names or (inherited is not None and _has_navigation(inherited, navigation))
            if not known and (target in model.tables or target in pointed):
                names.add(navigation)
                _add_lookup(entity, model, table, column, navigation, target)
    _add_collections(entity, model, table, names)


def _has_navigation(table: Table, name: str) -> bool:
    return any(name == each for column in table.lookups() for each, _ in column.navigations())


def _add_property(entity: Element, table: Table, column: Column, *, annotated: bool) -> None:
    if not column.is_stored or not (column.valid_for_read or column.valid_for_create or column.valid_for_update):
        return
    if table.name in {"systemuser", "team"} and column.property_name == "ownerid":
        return
    kind = {"Image": "Edm.Binary", "File": "Edm.Guid"}.get(column.type, edm_type(column))
    facts: dict[str, str | None] = {"Name": column.property_name, "Type": kind}
    if kind in {"Edm.Decimal", "Edm.Double"} and column.precision is not None:
        facts["Scale"] = "Variable" if kind == "Edm.Decimal" else None
    element = _child(entity, "Property", **facts)
    if not annotated:
        return
    _child(element, "Annotation", Term="Org.OData.Core.V1.Description", String=column.label)
    if column.is_lookup or not (column.valid_for_create or column.valid_for_update):
        _child(element, "Annotation", Term="Org.OData.Core.V1.Computed", Bool="true")
        permissions = _child(element, "Annotation", Term="Org.OData.Core.V1.Permissions")
        _child(permissions, "EnumMember").text = "Org.OData.Core.V1.PermissionType/Read"


def _add_lookup(entity: Element, model: Model, table: Table, column: Column, navigation: str, target: str) -> None:
    many = sum(1 for name, _ in column.navigations() if name == navigation) > 1
    element = _child(
        entity,
        "NavigationProperty",
        Name=navigation,
        Type=f"mscrm.{_BASE if many else target}",
        Nullable="false" if column.required == "SystemRequired" else None,
        Partner=_partner(model, table, column, navigation, target),
    )
    if target in model.tables and not many:
        key = "ownerid" if target in {"systemuser", "team"} else model.tables[target].primary_id
        _child(element, "ReferentialConstraint", Property=column.property_name, ReferencedProperty=key)


def _partner(model: Model, table: Table, column: Column, navigation: str, target: str) -> str | None:
    if target not in model.tables or column.navigation.get(target, column.name) != navigation:
        return None
    for name, each in collections(model, model.tables[target]).items():
        if each.child.name == table.name and getattr(each, "column", None) is column:
            return name
    return None


def _add_collections(entity: Element, model: Model, table: Table, names: set[str]) -> None:
    for name, collection in sorted(collections(model, table).items()):
        if name not in names:
            names.add(name)
            kind = f"Collection(mscrm.{collection.child.name})"
            _child(entity, "NavigationProperty", Name=name, Type=kind)


def _add_set(container: Element, model: Model, table: Table, *, annotated: bool) -> None:
    element = _child(container, "EntitySet", Name=table.entity_set, EntityType=f"{_NAMESPACE}.{table.name}")
    for column in table.lookups():
        for navigation, target in column.navigations():
            if target in model.tables:
                _child(element, "NavigationPropertyBinding", Path=navigation, Target=model.tables[target].entity_set)
    if annotated:
        changes = _child(element, "Annotation", Term="Org.OData.Capabilities.V1.ChangeTracking")
        record = _child(changes, "Record")
        _child(record, "PropertyValue", Property="Supported", Bool="true")
