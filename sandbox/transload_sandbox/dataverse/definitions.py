"""Metadata as JSON: what the Web API says about tables, columns, keys and relationships."""

from collections.abc import Iterator

from transload_sandbox.dataverse import privileges
from transload_sandbox.dataverse.column_facts import column_facts, managed
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.labels import Json, label
from transload_sandbox.dataverse.model import Column, Key, Link, OptionSet, Table
from transload_sandbox.dataverse.relationships import collection_name, is_hierarchical
from transload_sandbox.dataverse.table_facts import table_facts

_CASTS = {
    "Uniqueidentifier": "UniqueIdentifier",
    "Owner": "Lookup",
    "Customer": "Lookup",
    "PartyList": "Lookup",
}


def cast_name(column: Column) -> str:
    """Return the metadata type of a column without its namespace, for example StringAttributeMetadata."""
    return f"{_CASTS.get(column.type, column.type)}AttributeMetadata"


class Definitions:
    """Builds definitions of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def table(self, table: Table) -> Json:
        """Return an EntityMetadata."""
        tables = self.environment.model.tables
        taken = {
            "HasNotes": table.name in tables["annotation"].columns["objectid"].targets,
            "HasActivities": table.name in tables["activitypointer"].columns["regardingobjectid"].targets,
        }
        facts = {**table_facts(table), **taken}
        return {"MetadataId": self.table_id(table), **facts, "Privileges": self._privileges(table)}

    def _privileges(self, table: Table) -> list[Json]:
        return [
            {
                "CanBeBasic": each.is_owned,
                "CanBeLocal": each.is_owned,
                "CanBeDeep": each.is_owned,
                "CanBeGlobal": True,
                "CanBeEntityReference": False,
                "CanBeParentEntityReference": False,
                "Name": each.name,
                "PrivilegeId": privileges.privilege_id(self.environment, each.name),
                "PrivilegeType": each.verb,
            }
            for each in privileges.of_table(table)
        ]

    def table_id(self, table: Table) -> str:
        """Return the MetadataId of a table."""
        return table.metadata_id or self.environment.fixed_id(f"table {table.name}")

    def column_id(self, table: Table, column: Column) -> str:
        """Return the MetadataId of a column."""
        return column.metadata_id or self.environment.fixed_id(f"column {table.name}.{column.name}")

    def column(self, table: Table, column: Column) -> Json:
        """Return an AttributeMetadata of the column's own type."""
        return {"MetadataId": self.column_id(table, column), **column_facts(table, column)}

    def option_set(self, table: Table, column: Column) -> Json:
        """Return the OptionSet of a choice column."""
        shared = self.environment.model.option_sets.get(column.option_set or "")
        if shared is not None:
            return self.global_option_set(shared)
        is_managed = not (column.metadata_id or table.metadata_id)
        head: Json = {
            "MetadataId": self.environment.fixed_id(f"options {table.name}.{column.name}"),
            "Name": f"{table.name}_{column.name}",
            "DisplayName": label(column.label, is_managed),
            "Description": label(None),
            "IsGlobal": False,
            "IsManaged": is_managed,
            "IsCustomOptionSet": not is_managed,
            "IsCustomizable": managed(True, "iscustomizable"),
            "OptionSetType": "Picklist" if column.type == "MultiSelectPicklist" else column.type,
            "IntroducedVersion": "1.0.0.0",
            "HasChanged": None,
        }
        options = [self._option(table, column, value) for value in column.options]
        if column.type == "Boolean":
            by_value = {option["Value"]: option for option in options}
            return head | {"TrueOption": by_value.get(1), "FalseOption": by_value.get(0)}
        return head | {"ParentOptionSetName": None, "Options": options}

    def option_set_id(self, option_set: OptionSet) -> str:
        """Return the MetadataId of a global choice."""
        return option_set.metadata_id or self.environment.fixed_id(f"option set {option_set.name}")

    def global_option_set(self, option_set: OptionSet) -> Json:
        """Return the OptionSetMetadata of a global choice."""
        is_managed = not option_set.metadata_id
        return {
            "MetadataId": self.option_set_id(option_set),
            "Name": option_set.name,
            "DisplayName": label(option_set.label, is_managed),
            "Description": label(None),
            "IsGlobal": True,
            "IsManaged": is_managed,
            "IsCustomOptionSet": not is_managed,
            "IsCustomizable": managed(True, "iscustomizable"),
            "OptionSetType": "Picklist",
            "ParentOptionSetName": None,
            "IntroducedVersion": "1.0.0.0",
            "HasChanged": None,
            "Options": [_plain_option(value, text, is_managed) for value, text in option_set.options.items()],
        } | dict(option_set.facts)

    def _option(self, table: Table, column: Column, value: int) -> Json:
        option = _plain_option(value, column.options[value], not (column.metadata_id or table.metadata_id))
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

    def relationship_id(self, table: Table, column: Column, target: str) -> str:
        """Return the MetadataId of a one-to-many relationship."""
        made = column.relations.get(target)
        return (
            made.metadata_id if made else self.environment.fixed_id(f"relationship {table.name}.{column.name}.{target}")
        )

    def _one_to_many(self, table: Table, column: Column, target: str) -> Json:
        made = column.relations.get(target)
        referenced = self.environment.model.tables.get(target)
        collection = (
            collection_name(table, column, referenced) if referenced else f"{target}_{table.name}_{column.name}"
        )
        assign = column.on_assign.get(target, "NoCascade")
        cascade: Json = {
            "Assign": assign,
            "Delete": column.on_delete.get(target, "NoCascade"),
            "Archive": column.on_delete.get(target, "NoCascade"),
            "Merge": "NoCascade",
            "Reparent": assign,
            "Share": assign,
            "Unshare": assign,
            "RollupView": "NoCascade",
        }
        return {
            "MetadataId": self.relationship_id(table, column, target),
            # The sources do not name the relationships of standard tables, but what their collections are called.
            "SchemaName": made.schema_name if made else collection,
            "RelationshipType": "OneToManyRelationship",
            "ReferencingEntity": table.name,
            "ReferencingAttribute": column.name,
            "ReferencedEntity": target,
            "ReferencedAttribute": referenced.primary_id if referenced else f"{target}id",
            "ReferencingEntityNavigationPropertyName": column.navigation.get(target, column.name),
            "ReferencedEntityNavigationPropertyName": collection,
            "EntityKey": None,
            "IsHierarchical": is_hierarchical(table, column, target),
            "IsRelationshipAttributeDenormalized": False,
            "RelationshipBehavior": 1 if assign != "NoCascade" else 0,
            "AssociatedMenuConfiguration": _menu(),
            "CascadeConfiguration": cascade | (dict(made.cascade) if made else {}),
            **_relationship_facts(is_custom=made is not None or column.custom, is_managed=made is None),
        }

    def many_to_many(self, table: Table) -> Iterator[Json]:
        """Yield the many-to-many relationships of a table."""
        for link in table.links:
            yield self._link(link)

    def link_id(self, link: Link) -> str:
        """Return the MetadataId of a many-to-many relationship."""
        return link.metadata_id or self.environment.fixed_id(f"relationship {link.schema_name}")

    def _link(self, link: Link) -> Json:
        return {
            "MetadataId": self.link_id(link),
            "SchemaName": link.schema_name,
            "RelationshipType": "ManyToManyRelationship",
            "IntersectEntityName": link.intersect,
            "Entity1LogicalName": link.tables[0],
            "Entity2LogicalName": link.tables[1],
            "Entity1IntersectAttribute": link.columns[0],
            "Entity2IntersectAttribute": link.columns[1],
            "Entity1NavigationPropertyName": link.navigation[0],
            "Entity2NavigationPropertyName": link.navigation[1],
            "Entity1AssociatedMenuConfiguration": _menu(),
            "Entity2AssociatedMenuConfiguration": _menu(),
            **_relationship_facts(is_custom=bool(link.metadata_id), is_managed=not link.metadata_id),
        }

    def relationships(self) -> Iterator[tuple[str, Json]]:
        """Yield every relationship with the name of its metadata type."""
        links: dict[str, Link] = {}
        for table in self.environment.model.tables.values():
            for each in self.many_to_one(table):
                yield "OneToManyRelationshipMetadata", each
            links |= {link.schema_name: link for link in table.links}
        for link in links.values():
            yield "ManyToManyRelationshipMetadata", self._link(link)


def _plain_option(value: int, text: str, is_managed: bool) -> Json:
    return {
        "Value": value,
        "Color": None,
        "IsManaged": is_managed,
        "IsHidden": False,
        "ExternalValue": "",
        "ParentValues": [],
        "Tag": None,
        "MetadataId": None,
        "HasChanged": None,
        "Label": label(text, is_managed),
        "Description": label(None),
    }


def _menu() -> Json:
    return {
        "Behavior": "UseCollectionName",
        "Group": "Details",
        "Order": 10000,
        "IsCustomizable": True,
        "Icon": None,
        "ViewId": None,
        "AvailableOffline": True,
        "MenuId": None,
        "QueryApi": None,
        "Label": label(None),
    }


def _relationship_facts(*, is_custom: bool, is_managed: bool) -> Json:
    return {
        "IsCustomRelationship": is_custom,
        "IsManaged": is_managed,
        "IsCustomizable": managed(True, "iscustomizable"),
        "IsValidForAdvancedFind": True,
        "SecurityTypes": "Append",
        "IntroducedVersion": "1.0.0.0",
        "HasChanged": None,
    }
