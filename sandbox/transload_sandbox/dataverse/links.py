"""Links between rows: collections that are filled with a new row, and links that come and go on their own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business import appending
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.relationships import Collection, ManyToMany, OneToMany, collections

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

Body = Mapping[str, object]


class Links:
    """Links rows on behalf of the user of a writer."""

    def __init__(self, writer: "Writer") -> None:
        self.writer = writer
        self.environment = writer.environment

    def find(self, table: Table, name: str) -> Collection | None:
        """Return a collection of a table by its case-sensitive name."""
        return collections(self.environment.model, table).get(name)

    def create(self, collection: Collection, table: Table, row_id: str, bodies: Sequence[Body]) -> list[Row]:
        """Create rows in a collection of a row.

        Raises:
            ODataError: One of the rows is refused.
        """
        child = collection.child
        if isinstance(collection, OneToMany):
            return self.writer.create(child, bodies, [_pointer(collection, row_id)] * len(bodies))
        rows = self.writer.create(child, bodies)
        for row in rows:
            self.associate(collection, table, row_id, child, str(row[child.primary_id]))
        return rows

    def replace(self, collection: OneToMany, table: Table, row_id: str, bodies: Sequence[Body]) -> None:
        """Put new parties in place of those that an activity has.

        Raises:
            ODataError: It is no list of parties, or one of the parties is refused.
        """
        child = collection.child
        if child.name != "activityparty" or collection.column.name != "activityid":
            raise errors.unsupported(
                f"The collection '{collection.name}' cannot be replaced; link its rows one by one."
            )
        store = self.environment.store
        former = store.find(child, {collection.column.name: row_id})
        store.delete(child, [str(row[child.primary_id]) for row in former])
        self.create(collection, table, row_id, bodies)

    def resolve(self, collection: Collection, reference: str) -> tuple[Table, str]:
        """Return table and id of a row that shall be, or is, in a collection.

        Raises:
            ODataError: No reference, a row of another table, or no such row.
        """
        tables, child = self.environment.model.tables, collection.child
        activities = [each.name for each in tables.values() if each.is_activity]
        targets = activities if child.name == "activitypointer" else [child.name]
        name, row_id = self.writer.lookups.resolve(reference, targets)
        self.writer.lookups.check()
        return tables[name], row_id

    def associate(self, collection: Collection, table: Table, row_id: str, other: Table, other_id: str) -> None:
        """Link two rows.

        Raises:
            ODataError: They are linked already, or a rule of the platform keeps them apart.
        """
        if isinstance(collection, OneToMany):
            self._point(collection, other, other_id, f"/{table.entity_set}({row_id})")
            return
        intersect = self.environment.model.tables[collection.link.intersect]
        appending.check_link(self.writer, intersect.name, table, row_id, other, other_id)
        values: Row = {collection.near: row_id, collection.far: other_id}
        store = self.environment.store
        if store.find_id(intersect, values):
            raise errors.duplicate_row()
        if intersect.name in appending.ROLE_LINKS:
            self._check_business_unit(table, row_id, other, other_id)
        version: Row = {intersect.primary_id: self.environment.new_id(), "versionnumber": store.next_version()}
        store.insert(intersect, [self.environment.plan(intersect).template | version | values])
        self.environment.forget_facts()

    def disassociate(self, collection: Collection, table: Table, row_id: str, other: Table, other_id: str) -> None:
        """Take a link away; a link that is not there is no error.

        Raises:
            ODataError: The lookup behind the link cannot be empty.
        """
        store = self.environment.store
        if isinstance(collection, OneToMany):
            row = store.fetch(other, [other_id])[other_id]
            if row[collection.column.name] == row_id:
                self._point(collection, other, other_id, None)
            return
        intersect = self.environment.model.tables[collection.link.intersect]
        appending.check_link(self.writer, intersect.name, table, row_id, other, other_id)
        found = store.find_id(intersect, {collection.near: row_id, collection.far: other_id})
        if found:
            store.delete(intersect, [found])
            self.environment.forget_facts()

    def related(self, collection: Collection, row_id: str) -> list[str]:
        """Return the ids of the rows in a collection of a row, in order."""
        store = self.environment.store
        if isinstance(collection, OneToMany):
            column, child = collection.column, collection.child
            kind: Row = {column.type_column: collection.parent} if column.type_column else {}
            return sorted(str(row[child.primary_id]) for row in store.find(child, {column.name: row_id, **kind}))
        intersect = self.environment.model.tables[collection.link.intersect]
        return sorted(str(row[collection.far]) for row in store.find(intersect, {collection.near: row_id}))

    def _point(self, collection: OneToMany, other: Table, other_id: str, reference: str | None) -> None:
        navigation = collection.column.navigation.get(collection.parent, collection.column.name)
        row = self.environment.store.fetch(other, [other_id])[other_id]
        self.writer.update(other, [(row, {f"{navigation}@odata.bind": reference})])

    def _check_business_unit(self, table: Table, row_id: str, other: Table, other_id: str) -> None:
        """Refuse a role of another business unit than the user's or the team's own."""
        store = self.environment.store
        owner, role = (
            ((table, row_id), (other, other_id)) if other.name == "role" else ((other, other_id), (table, row_id))
        )
        owner_unit = store.fetch(owner[0], [owner[1]])[owner[1]]["businessunitid"]
        role_unit = store.fetch(role[0], [role[1]])[role[1]]["businessunitid"]
        if owner_unit != role_unit:
            kind = "user" if owner[0].name == "systemuser" else "team"
            raise ODataError(
                400,
                "0x80041409",
                f"The {kind} with id={owner[1]} belongs to a different business unit={owner_unit} than the role with "
                f"roleId={role[1]} and rolebusinessUnit={role_unit}.",
            )


def _pointer(collection: OneToMany, row_id: str) -> Row:
    """Return the storage values by which a row of a collection points back."""
    pointer: Row = {collection.column.name: row_id}
    if collection.column.type_column:
        pointer[collection.column.type_column] = collection.parent
    return pointer


def remove_links(environment: Environment, table: Table, ids: Sequence[str]) -> None:
    """Remove the links of rows that are gone."""
    store, model = environment.store, environment.model
    for each in collections(model, table).values():
        if isinstance(each, ManyToMany) and each.link.intersect in store.existing:
            intersect = model.tables[each.link.intersect]
            found = store.find_in(intersect, each.near, list(ids))
            store.delete(intersect, [str(row[intersect.primary_id]) for row in found])


def relink(environment: Environment, table: Table, former_id: str, row_id: str) -> None:
    """Give the links of one row to another of the same table, which keeps those that it has already."""
    store, model = environment.store, environment.model
    for each in collections(model, table).values():
        if not isinstance(each, ManyToMany) or each.link.intersect not in store.existing:
            continue
        intersect = model.tables[each.link.intersect]
        for row in store.find(intersect, {each.near: former_id}):
            if store.find_id(intersect, {each.near: row_id, each.far: row[each.far]}):
                store.delete(intersect, [str(row[intersect.primary_id])])
            else:
                store.update(intersect, [row | {each.near: row_id, "versionnumber": store.next_version()}])
    environment.forget_facts()
