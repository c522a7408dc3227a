"""Metadata as JSON: what the Web API says about tables, columns, keys and relationships."""

from collections.abc import Callable, Iterator

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Column, Key, Link, Table

Json = dict[str, object]

_CASTS = {
    "Uniqueidentifier": "UniqueIdentifier",
    "Owner": "Lookup",
    "Customer": "Lookup",
    "PartyList": "Lookup",
}
_OWNERSHIP = {
    "User": "UserOwned",
    "Organization": "OrganizationOwned",
    "BusinessUnit": "BusinessOwned",
    "None": "None",
}


def cast_name(column: Column) -> str:
    """Return the metadata type of a column without its namespace, for example StringAttributeMetadata."""
    return f"{_CASTS.get(column.type, column.type)}AttributeMetadata"


def label(text: str, is_managed: bool = True) -> Json:
    """Return a text in the one language that this environment has."""
    localized = {"Label": text, "LanguageCode": 1033, "IsManaged": is_managed, "HasChanged": None}
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


class Definitions:
    """Builds definitions of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def table(self, table: Table) -> Json:
        """Return an EntityMetadata."""
        return {
            "MetadataId": self.table_id(table),
            "LogicalName": table.name,
            "SchemaName": table.schema_name,
            "EntitySetName": table.entity_set,
            "LogicalCollectionName": table.entity_set,
            "PrimaryIdAttribute": table.primary_id,
            "PrimaryNameAttribute": table.primary_name,
            "OwnershipType": _OWNERSHIP[table.ownership],
            "IsActivity": table.is_activity,
            "IsCustomEntity": table.is_custom,
            "IsManaged": True,
            "ChangeTrackingEnabled": True,
            "IsOptimisticConcurrencyEnabled": True,
            "IsStateModelAware": bool(table.states),
            "EnforceStateTransitions": False,
            "IsIntersect": False,
            "IsValidForAdvancedFind": True,
            "DisplayName": label(table.schema_name),
            "DisplayCollectionName": label(table.schema_name + "s"),
            "IsAuditEnabled": _managed(False, "canmodifyauditsettings"),
            "IsCustomizable": _managed(True, "iscustomizable"),
            "CanCreateAttributes": _managed(True, "cancreateattributes"),
        }

    def table_id(self, table: Table) -> str:
        """Return the MetadataId of a table."""
        return self.environment.fixed_id(f"table {table.name}")

    def column_id(self, table: Table, column: Column) -> str:
        """Return the MetadataId of a column."""
        return column.metadata_id or self.environment.fixed_id(f"column {table.name}.{column.name}")

    def column(self, table: Table, column: Column) -> Json:
        """Return an AttributeMetadata of the column's own type."""
        kind = "Virtual" if column.type in {"MultiSelectPicklist", "Image"} else column.type
        common: Json = {
            "MetadataId": self.column_id(table, column),
            "LogicalName": column.name,
            "SchemaName": column.schema_name,
            "EntityLogicalName": table.name,
            "AttributeType": kind,
            "AttributeTypeName": {"Value": f"{column.type}Type"},
            "DisplayName": label(column.label, not column.metadata_id),
            "Description": {"LocalizedLabels": [], "UserLocalizedLabel": None},
            "IsPrimaryId": column.name == table.primary_id,
            "IsPrimaryName": column.name == table.primary_name,
            "IsValidForCreate": column.valid_for_create,
            "IsValidForRead": column.valid_for_read,
            "IsValidForUpdate": column.valid_for_update,
            "IsCustomAttribute": column.custom,
            "IsManaged": not column.metadata_id,
            "IsLogical": False,
            "AttributeOf": None,
            "SourceType": {"calculated": 1, "rollup": 2, "formula": 3}.get(column.source_type or "", 0),
            "RequiredLevel": {
                "Value": column.required,
                "CanBeChanged": column.required != "SystemRequired",
                "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
            },
            "IsAuditEnabled": _managed(True, "canmodifyauditsettings"),
            "IsSecured": False,
        }
        return common | _specifics(column)

    def option_set(self, table: Table, column: Column) -> Json:
        """Return the OptionSet of a choice column."""
        set_id = self.environment.fixed_id(f"options {table.name}.{column.name}")
        head: Json = {
            "MetadataId": set_id,
            "Name": f"{table.name}_{column.name}",
            "IsGlobal": False,
            "IsManaged": not column.metadata_id,
            "OptionSetType": column.type,
        }
        options = [self._option(table, column, value) for value in column.options]
        if column.type == "Boolean":
            by_value = {option["Value"]: option for option in options}
            return head | {"TrueOption": by_value.get(1), "FalseOption": by_value.get(0)}
        return head | {"Options": options}

    def _option(self, table: Table, column: Column, value: int) -> Json:
        option: Json = {
            "Value": value,
            "Color": None,
            "IsManaged": not column.metadata_id,
            "Label": label(column.options[value], not column.metadata_id),
        }
        if column.type == "State" and value in table.states:
            state = table.states[value]
            invariant = state.label.replace(" ", "")
            return {
                "@odata.type": "#Microsoft.Dynamics.CRM.StateOptionMetadata",
                **option,
                "DefaultStatus": state.default_status,
                "InvariantName": invariant,
            }
        if column.type == "Status":
            return {
                "@odata.type": "#Microsoft.Dynamics.CRM.StatusOptionMetadata",
                **option,
                "State": table.state_of(value),
                "TransitionData": None,
            }
        return option

    def key(self, table: Table, key: Key) -> Json:
        """Return an EntityKeyMetadata."""
        return {
            "SchemaName": key.schema_name,
            "LogicalName": key.name,
            "EntityLogicalName": table.name,
            "KeyAttributes": list(key.columns),
            "EntityKeyIndexStatus": key.status,
            "DisplayName": label(key.label, is_managed=False),
            "IsManaged": False,
            "IsSynchronous": False,
            "AsyncJob": None,
            "MetadataId": key.metadata_id,
        }

    # -- relationships

    def many_to_one(self, table: Table) -> Iterator[Json]:
        """Yield the relationships in which a table points to others."""
        for column in table.lookups():
            for target in column.targets:
                yield self._one_to_many(table, column, target)

    def one_to_many(self, table: Table) -> Iterator[Json]:
        """Yield the relationships in which others point to a table."""
        for other in self.environment.model.tables.values():
            for column in other.lookups():
                if table.name in column.targets:
                    yield self._one_to_many(other, column, table.name)

    def _one_to_many(self, table: Table, column: Column, target: str) -> Json:
        # The sources do not name the relationships of standard tables; the platform's usual pattern stands
        # in.
        name = f"{target}_{table.name}_{column.name}"
        referenced = self.environment.model.tables.get(target)
        delete = column.on_delete.get(target, "NoCascade")
        assign = column.on_assign.get(target, "NoCascade")
        return {
            "SchemaName": name,
            "RelationshipType": "OneToManyRelationship",
            "ReferencingEntity": table.name,
            "ReferencingAttribute": column.name,
            "ReferencedEntity": target,
            "ReferencedAttribute": referenced.primary_id if referenced else f"{target}id",
            "ReferencingEntityNavigationPropertyName": column.navigation.get(target, column.name),
            "ReferencedEntityNavigationPropertyName": name,
            "IsCustomRelationship": column.custom,
            "CascadeConfiguration": {
                "Assign": assign,
                "Delete": delete,
                "Merge": "NoCascade",
                "Reparent": assign,
                "Share": assign,
                "Unshare": assign,
            },
            "MetadataId": self.environment.fixed_id(f"relationship {name}"),
        }

    def many_to_many(self, table: Table) -> Iterator[Json]:
        """Yield the many-to-many relationships of a table."""
        for link in table.links:
            yield self._link(link)

    def _link(self, link: Link) -> Json:
        return {
            "SchemaName": link.schema_name,
            "RelationshipType": "ManyToManyRelationship",
            "IntersectEntityName": link.intersect,
            "Entity1LogicalName": link.tables[0],
            "Entity2LogicalName": link.tables[1],
            "Entity1IntersectAttribute": link.columns[0],
            "Entity2IntersectAttribute": link.columns[1],
            "Entity1NavigationPropertyName": link.navigation[0],
            "Entity2NavigationPropertyName": link.navigation[1],
            "MetadataId": self.environment.fixed_id(f"relationship {link.schema_name}"),
        }


def _managed(value: bool, name: str) -> Json:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def _specifics(column: Column) -> Json:
    """Return the properties that only columns of this type have."""
    builders: dict[str, Callable[[Column], Json]] = {
        "String": lambda each: {
            "MaxLength": each.max_length,
            "FormatName": {"Value": each.format or "Text"},
            "Format": each.format or "Text",
        },
        "Memo": lambda each: {"MaxLength": each.max_length, "Format": each.format or "TextArea"},
        "Integer": lambda each: {**_range(each, int), "Format": each.format or "None"},
        "BigInt": lambda _: {"MinValue": -(1 << 63), "MaxValue": (1 << 63) - 1},
        "Decimal": lambda each: {**_range(each, float), "Precision": each.precision},
        "Double": lambda each: {**_range(each, float), "Precision": each.precision},
        "Money": lambda each: {
            **_range(each, float),
            "Precision": each.precision,
            "PrecisionSource": each.precision_source,
            "IsBaseCurrency": each.name.endswith("_base"),
            "CalculationOf": each.name.removesuffix("_base") if each.name.endswith("_base") else None,
        },
        "DateTime": lambda each: {
            "Format": each.format,
            "DateTimeBehavior": {"Value": each.behavior},
            "MinSupportedValue": "1753-01-01T00:00:00Z",
        },
        "Boolean": lambda each: {"DefaultValue": bool(each.default)},
        "Picklist": lambda each: {"DefaultFormValue": -1 if each.default is None else each.default},
        "State": lambda each: {"DefaultFormValue": each.default},
        "Status": lambda _: {"DefaultFormValue": -1},
        "MultiSelectPicklist": lambda _: {"DefaultFormValue": -1},
    }
    if column.is_lookup:
        return {"Targets": list(column.targets), "Format": "None"}
    builder = builders.get(column.type)
    return builder(column) if builder else {}


def _range(column: Column, number: Callable[[float], object]) -> Json:
    return {
        "MinValue": None if column.minimum is None else number(column.minimum),
        "MaxValue": None if column.maximum is None else number(column.maximum),
    }
