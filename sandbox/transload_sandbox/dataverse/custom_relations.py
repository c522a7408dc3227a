"""Relationships that come, change and go: lookups with their collections, and many-to-many links."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from transload_sandbox.dataverse import components, errors
from transload_sandbox.dataverse.components import in_use, is_managed
from transload_sandbox.dataverse.custom_columns import CustomColumns
from transload_sandbox.dataverse.custom_tables import without_target
from transload_sandbox.dataverse.definitions import Definitions
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.labels import label_text, read_label
from transload_sandbox.dataverse.model import Column, Link, Relation, Row, Table

Json = Mapping[str, object]

_CASCADES = {
    "Assign": ("NoCascade", "Active", "Cascade", "UserOwned"),
    "Delete": ("RemoveLink", "Cascade", "Restrict", "NoCascade"),
    "Merge": ("NoCascade", "Cascade"),
    "Reparent": ("NoCascade", "Active", "Cascade", "UserOwned"),
    "Share": ("NoCascade", "Active", "Cascade", "UserOwned"),
    "Unshare": ("NoCascade", "Active", "Cascade", "UserOwned"),
}
"""What may follow, the default first."""
_CUSTOMERS = ("account", "contact")


class CustomRelations:
    """Changes the relationships of an environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.columns = CustomColumns(environment)
        self.components = self.columns.components
        self._definitions = Definitions(environment)

    # -- one-to-many

    def create_lookup(
        self, solution: Row | None, relationships: Sequence[Json], lookup: object, kind: str = "Lookup"
    ) -> Column:
        """Add a lookup with one relationship per table that it points to.

        Args:
            solution: Where the components go.
            relationships: The OneToManyRelationshipMetadata of each target.
            lookup: The LookupAttributeMetadata.
            kind: Type of the column.

        Raises:
            ODataError: A definition is refused, or a name is taken.
        """
        if not isinstance(lookup, Mapping) or not relationships:
            raise errors.invalid_argument("A one-to-many relationship needs a Lookup.")
        schema_name = self.components.check_name(lookup.get("SchemaName"))
        table = self._table(relationships[0].get("ReferencingEntity"))
        if schema_name.lower() in table.columns:
            raise ODataError(400, "0x80047013", "An attribute with the specified name already exists")
        targets = [self._table(each.get("ReferencedEntity")) for each in relationships]
        if kind == "Customer" and sorted(target.name for target in targets) != sorted(_CUSTOMERS):
            raise errors.invalid_argument("A customer column points to account and contact.")
        column = Column(schema_name.lower(), schema_name, kind, custom=True, metadata_id=self.environment.new_id())
        many = len(relationships) > 1
        for relationship, target in zip(relationships, targets, strict=True):
            if relationship.get("ReferencingEntity") not in {None, table.name}:
                raise errors.invalid_argument("All relationships of a lookup belong to one table.")
            column = self._with_relation(column, relationship, target, f"{schema_name}_{target.name}" if many else None)
        labels = {
            name: read_label(lookup[name], self.environment.languages)
            for name in ("DisplayName", "Description")
            if lookup.get(name) is not None
        }
        level = lookup.get("RequiredLevel")
        required = level.get("Value") if isinstance(level, Mapping) else None
        column = replace(
            column,
            label=label_text(labels.get("DisplayName")) or schema_name,
            required=str(required or "None"),
            facts={name: value for name, value in labels.items() if name == "Description"},
        )
        self.columns.put(table.name, column)
        self.components.add(solution, components.COLUMN, column.metadata_id)
        for relation in column.relations.values():
            self.components.add(solution, components.RELATIONSHIP, relation.metadata_id)
        return column

    def _with_relation(self, column: Column, raw: Json, target: Table, navigation: str | None) -> Column:
        schema_name = self._free_name(raw.get("SchemaName"))
        cascade = read_cascade(raw.get("CascadeConfiguration"))
        relation = Relation(
            schema_name,
            str(raw.get("ReferencedEntityNavigationPropertyName") or schema_name),
            self.environment.new_id(),
            cascade,
            raw.get("IsHierarchical") is True,
        )
        named = raw.get("ReferencingEntityNavigationPropertyName") or navigation or column.schema_name
        return replace(
            column,
            targets=(*column.targets, target.name),
            navigation={**column.navigation, target.name: str(named)},
            on_delete={**column.on_delete, target.name: cascade["Delete"]},
            on_assign={**column.on_assign, target.name: cascade["Assign"]},
            relations={**column.relations, target.name: relation},
        )

    # -- many-to-many

    def create_link(self, solution: Row | None, body: Json) -> Link:
        """Add a many-to-many relationship with its intersect table.

        Raises:
            ODataError: The definition is refused, or a name is taken.
        """
        schema_name = self._free_name(body.get("SchemaName"))
        intersect = self.components.check_name(body.get("IntersectEntityName") or schema_name).lower()
        if intersect in self.environment.model.tables:
            raise ODataError(400, "0x8004700b", f"An entity with the name {intersect} already exists.")
        first, second = (self._table(body.get(f"Entity{number}LogicalName")).name for number in (1, 2))
        columns = (f"{first}id", f"{second}id") if first != second else (f"{first}idone", f"{first}idtwo")
        navigation = [str(body.get(f"Entity{number}NavigationPropertyName") or schema_name) for number in (1, 2)]
        link = Link(
            schema_name,
            intersect,
            (first, second),
            columns,
            (navigation[0], navigation[1]),
            self.environment.new_id(),
        )
        self.environment.model.put_link(link)
        self.components.add(solution, components.RELATIONSHIP, link.metadata_id)
        return link

    # -- both

    def change(self, metadata_id: str, body: Json) -> None:
        """Put a definition in place of a relationship's former one; only what cascades can change.

        Raises:
            ODataError: No such relationship, or an unknown behaviour.
        """
        for table, column, target in self._lookups():
            if self._definitions.relationship_id(table, column, target) == metadata_id:
                cascade = read_cascade(body.get("CascadeConfiguration"))
                changed = replace(
                    column,
                    on_delete={**column.on_delete, target: cascade["Delete"]},
                    on_assign={**column.on_assign, target: cascade["Assign"]},
                )
                if target in column.relations:
                    former = column.relations[target]
                    tree = body.get("IsHierarchical", former.is_hierarchical) is True
                    relation = replace(former, cascade=cascade, is_hierarchical=tree)
                    changed = replace(changed, relations={**column.relations, target: relation})
                self.environment.model.put_column(table.name, changed)
                return

    def delete(self, metadata_id: str) -> None:
        """Remove a custom relationship: a lookup with its values, or all links.

        Raises:
            ODataError: It is shipped, or a key needs the lookup.
        """
        model = self.environment.model
        for table, column, target in self._lookups():
            if self._definitions.relationship_id(table, column, target) == metadata_id:
                if target not in column.relations:
                    raise is_managed("relationship", metadata_id)
                if any(column.name in key.columns for key in table.keys.values()):
                    raise in_use("relationship", column.relations[target].schema_name)
                if len(column.targets) == 1:
                    self.columns.delete(table, column)
                elif len(column.targets) > 2:
                    self.components.remove(metadata_id)
                    model.put_column(table.name, without_target(column, target))
                else:
                    raise in_use("relationship", column.relations[target].schema_name)
                return
        for link in list(self._links()):
            if self._definitions.link_id(link) == metadata_id:
                if not link.metadata_id:
                    raise is_managed("relationship", link.schema_name)
                self.environment.store.layout.drop_table(model.tables[link.intersect])
                model.remove_link(link)
                self.components.remove(metadata_id)
                return

    def _lookups(self) -> Iterator[tuple[Table, Column, str]]:
        for table in list(self.environment.model.tables.values()):
            for column in list(table.lookups()):
                for target in column.targets:
                    yield table, column, target

    def _links(self) -> Iterator[Link]:
        for table in self.environment.model.tables.values():
            yield from table.links

    def _table(self, name: object) -> Table:
        table = self.environment.model.tables.get(str(name))
        if table is None or table.is_intersect:
            raise errors.invalid_argument(f"Could not find an entity with name {name}.")
        return table

    def _free_name(self, value: object) -> str:
        # The platform's own clients name relationships after both tables, so no prefix has to come first.
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII):
            raise errors.invalid_argument("A schema name must consist of letters, digits and underscores.")
        name = value
        taken = {link.schema_name.lower() for link in self._links()} | {
            relation.schema_name.lower() for _, column, _ in self._lookups() for relation in column.relations.values()
        }
        if name.lower() in taken:
            raise ODataError(400, "0x8004432b", f"An entity relationship with the name {name} already exists.")
        return name


def read_cascade(value: object) -> dict[str, str]:
    """Return a CascadeConfiguration with its defaults.

    Raises:
        ODataError: An unknown behaviour.
    """
    raw = value if isinstance(value, Mapping) else {}
    found = {name: str(raw.get(name) or allowed[0]) for name, allowed in _CASCADES.items()}
    for name, behavior in found.items():
        if behavior not in _CASCADES[name]:
            raise errors.invalid_argument(f"'{behavior}' is no cascade behavior of {name}.")
    return found
