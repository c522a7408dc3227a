"""Creates, changes and deletes rows as the platform does: checks, system columns, computed columns, cascades.

One `Writer` serves one operation of one user. It turns bodies into whole rows first, checks every reference
they make in one go, and writes them with one statement: a bulk message and a single create take the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transload_sandbox.dataverse import errors, rules, states
from transload_sandbox.dataverse.business import appending, ownership
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.environment import Environment, Ignored
from transload_sandbox.dataverse.errors import ODataError, UniqueError
from transload_sandbox.dataverse.links import Links
from transload_sandbox.dataverse.lookups import Lookups
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.plan import Binding, Plan, Property
from transload_sandbox.dataverse.references import cascade
from transload_sandbox.dataverse.relationships import Collection, OneToMany

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


class Writer:
    """Writes on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str, *, by_platform: bool = False) -> None:
        """Write for a user.

        Args:
            environment: The organisation.
            caller_id: The user.
            by_platform: Whether the platform itself writes what follows from a request: no privileges are asked for.
        """
        self.environment = environment
        self.caller_id = caller_id
        self.by_platform = by_platform
        self.now = environment.now()
        self.lookups = Lookups(environment)
        self.links = Links(self)
        self._peeked: dict[tuple[str, Stored], Row | None] = {}

    # -- what rules ask for

    def peek(self, table: str, row_id: Stored) -> Row | None:
        """Return a row that the rules look at, None when there is none; remembered until something is written."""
        if row_id is None:
            return None
        key = (table, row_id)
        if key not in self._peeked:
            found = self.environment.store.fetch(self.environment.model.tables[table], [str(row_id)])
            self._peeked[key] = found.get(str(row_id))
        return self._peeked[key]

    def forget(self) -> None:
        """Drop what `peek` remembers."""
        self._peeked.clear()

    def follow_up(self, table: str, body: Body, preset: Mapping[str, Stored]) -> Row:
        """Create a row that the platform makes because of another one."""
        writer = Writer(self.environment, self.caller_id, by_platform=True)
        [row] = writer.create(self.environment.model.tables[table], [body], [preset])
        return row

    def carry_on(self, table: str, row: Row, body: Body) -> Row:
        """Change a row as the platform does because of another one."""
        writer = Writer(self.environment, self.caller_id, by_platform=True)
        [changed] = writer.update(self.environment.model.tables[table], [(row, body)], by_message=True)
        return changed

    # -- create

    def create(self, table: Table, bodies: Sequence[Body], presets: Sequence[Mapping[str, Stored]] = ()) -> list[Row]:
        """Create rows.

        Args:
            table: Where the rows belong.
            bodies: What the client sent, one per row.
            presets: Storage values that stand unless the body has its own, one per row; empty for none.

        Returns:
            The rows as stored, in the order of the bodies.

        Raises:
            ODataError: One of the rows is refused. The caller rolls the whole operation back.
        """
        plan = self.environment.plan(table)
        if not self.by_platform:
            self.environment.security.check(table, "Create")
        drafts = [self._new(plan, body, presets[index] if presets else {}) for index, body in enumerate(bodies)]
        self.lookups.check()
        self._check_rights(plan, drafts)
        rows = [draft.row for draft in drafts]
        try:
            self.environment.store.insert(table, rows)
        except UniqueError as error:
            raise self._taken(table, error, len(rows)) from error
        for draft in drafts:
            self._fill_collections(table, draft)
        rules.after_write(self, [Change(table, draft.row, None, draft.assigned) for draft in drafts])
        return rows

    def _new(self, plan: Plan, body: Body, preset: Mapping[str, Stored]) -> Draft:
        table = plan.table
        draft = Draft({**plan.template, **preset}, set(preset))
        self._apply(plan, body, draft, creating=True)
        row = draft.row
        if row[table.primary_id] is None:
            row[table.primary_id] = self.environment.new_id()
        self.lookups.announce(table, str(row[table.primary_id]))
        states.begin(table, row, draft.assigned)
        self._stamp_new(row)
        self._finish(plan, row, None, draft.assigned)
        for name in plan.required:
            if row[name] is None:
                raise _required(table, name)
        return draft

    def _stamp_new(self, row: Row) -> None:
        row["versionnumber"] = self.environment.store.next_version()
        if "modifiedon" in row:
            row["modifiedon"] = self.now
        if "createdon" in row:
            row["createdon"] = self.now
            if row.get("overriddencreatedon"):
                self.environment.security.demand("prvOverrideCreatedOnCreatedBy")
                row["createdon"], row["overriddencreatedon"] = row["overriddencreatedon"], self.now
        impersonator = self.environment.security.impersonator_id
        for name in ("createdby", "modifiedby"):
            if name in row:
                row[name] = self.caller_id
        if impersonator is not None:
            row |= {name: impersonator for name in ("createdonbehalfby", "modifiedonbehalfby") if name in row}
        if "organizationid" in row and row["organizationid"] is None:
            row["organizationid"] = self.environment.fixed_id("organization")
        if "ownerid" in row:
            self._stamp_owner(row)

    def _stamp_owner(self, row: Row) -> None:
        if row["ownerid"] is None:
            row["ownerid"], row["ownerid__type"] = self.caller_id, "systemuser"
        ownership.derive(self.environment, row)

    # -- update

    def update(self, table: Table, changes: Sequence[tuple[Row, Body]], *, by_message: bool = False) -> list[Row]:
        """Change rows.

        Args:
            table: Where the rows belong.
            changes: Each row as it is, with what the client sent.
            by_message: Whether an action asks, which may change states that an update may not.

        Returns:
            The rows as stored, in order.

        Raises:
            ODataError: One of the changes is refused. The caller rolls the whole operation back.
        """
        plan = self.environment.plan(table)
        if not self.by_platform:
            self.environment.security.check(table, "Write", *(former for former, _ in changes))
        drafts = [self._changed(plan, former, body, by_message=by_message) for former, body in changes]
        rows = [draft.row for draft in drafts]
        self.lookups.check()
        self._check_rights(plan, drafts)
        try:
            self.environment.store.update(table, rows)
        except UniqueError as error:
            raise self._taken(table, error, len(rows)) from error
        for draft in drafts:
            self._replace_collections(table, draft)
        written = zip(drafts, changes, strict=True)
        rules.after_write(self, [Change(table, draft.row, former, draft.assigned) for draft, (former, _) in written])
        return rows

    def _changed(self, plan: Plan, former: Row, body: Body, *, by_message: bool) -> Draft:
        table = plan.table
        draft = Draft(former.copy(), set())
        self._apply(plan, body, draft, creating=False)
        row = draft.row
        states.change(table, row, former, draft.assigned, by_message=by_message)
        if not draft.assigned.isdisjoint(plan.required):
            for name in plan.required:
                if row[name] is None and name in draft.assigned:
                    raise _required(table, name)
        row["versionnumber"] = self.environment.store.next_version()
        if "modifiedon" in row:
            row["modifiedon"] = self.now
        if "modifiedby" in row:
            row["modifiedby"] = self.caller_id
        if "modifiedonbehalfby" in row:
            row["modifiedonbehalfby"] = self.environment.security.impersonator_id
        if "ownerid" in draft.assigned:
            self._stamp_owner(row)
        self._finish(plan, row, former, draft.assigned)
        return draft

    def _check_rights(self, plan: Plan, drafts: Sequence[Draft]) -> None:
        """Check that the rows may point where they do, and that whoever shall own them may read them."""
        if self.by_platform:
            return
        for draft in drafts:
            appending.check(self, plan.table, draft.row, draft.assigned)
            if "ownerid" in draft.assigned:
                ownership.check_owner(self.environment, plan.table, draft.row)

    # -- delete

    def delete(self, table: Table, row_id: str) -> None:
        """Delete a row with everything that the relationships take along.

        Raises:
            ODataError: A restricting relationship or a rule of the table keeps the row.
        """
        row = self.environment.store.fetch(table, [row_id]).get(row_id)
        if row is not None:
            if not self.by_platform:
                self.environment.security.check(table, "Delete", row)
            rules.before_delete(self, table, row)
        cascade(self.environment, table, [row_id])
        self.forget()
        if row is not None:
            rules.after_delete(self, table, row)

    def delete_alone(self, table: Table, row_id: str) -> None:
        """Delete a row inside a longer transaction, so that a refusal takes back nothing but itself.

        Raises:
            ODataError: A restricting relationship or a rule of the table keeps the row.
        """
        with self.environment.store.savepoint():
            self.delete(table, row_id)

    # -- bodies

    def _apply(self, plan: Plan, body: Body, draft: Draft, *, creating: bool) -> None:
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
            self.environment.ignored.append(Ignored(table.name, column, "create" if creating else "update"))

    def _apply_navigation(self, plan: Plan, name: str, value: object, draft: Draft, *, creating: bool) -> None:
        """Take a property that is no plain column: a navigation property, a collection, or a mistake."""
        binding = plan.bindings.get(name)
        if binding and value is None:
            self._set_lookup(plan, binding, None, draft, creating=creating)
        elif binding and isinstance(value, Mapping) and len(binding.targets) == 1:
            target = self.environment.model.tables.get(binding.targets[0])
            if target is None:
                raise errors.unknown_property(plan.table.name, name)
            [created] = self.create(target, [value])
            reference = (target.name, str(created[target.primary_id]))
            self._set_lookup(plan, binding, reference, draft, creating=creating)
        elif isinstance(value, list) and (found := self.links.find(plan.table, name)):
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

    def _fill_collections(self, table: Table, draft: Draft) -> None:
        row_id = str(draft.row[table.primary_id])
        for collection, bodies in draft.children:
            self.links.create(collection, table, row_id, bodies)
        for collection, references in draft.links:
            for reference in references:
                self.links.associate(collection, table, row_id, *self.links.resolve(collection, reference))

    def _replace_collections(self, table: Table, draft: Draft) -> None:
        """Put new parties in place; an update can do nothing else to a collection."""
        for collection, bodies in draft.children:
            if not isinstance(collection, OneToMany):
                raise errors.unsupported(f"The collection '{collection.name}' cannot be changed by an update.")
            self.links.replace(collection, table, str(draft.row[table.primary_id]), bodies)

    # -- lookups

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
        reference = self.lookups.resolve(value, binding.targets)
        self._set_lookup(plan, binding, reference, draft, creating=creating)

    def _bind_collection(self, plan: Plan, name: str, value: object, draft: Draft, *, creating: bool) -> None:
        collection = self.links.find(plan.table, name)
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

    # -- computed columns

    def _finish(self, plan: Plan, row: Row, former: Row | None, assigned: set[str]) -> None:
        rules.complete(self, plan, Change(plan.table, row, former, assigned))
        if not self.environment.security.skips_plugins:
            self.environment.before_save(plan.table.name, row)

    def _taken(self, table: Table, error: UniqueError, rows: int) -> ODataError:
        if error.columns == (table.primary_id,):
            if rows > 1:
                return ODataError(412, "0x80040237", "Cannot insert duplicate key.")
            return errors.duplicate_row()
        label = next((key.label for key in table.keys.values() if key.columns == error.columns), "")
        values = "".join(f"<{name}>{(error.row or {}).get(name)}</{name}>" for name in error.columns)
        return ODataError(
            412,
            "0x80060892",
            f"Entity Key {label} violated. A record with the same value for {label} already exists. A "
            "duplicate record "
            "cannot be created. Select one or more unique values and try again.",
            annotations={
                "ErrorDetails.0": label,
                "ErrorDetails.1": label,
                "ErrorDetails.DuplicateAttributes": f"<DuplicateAttributes>{values}</DuplicateAttributes>",
            },
        )


def _required(table: Table, name: str) -> ODataError:
    return errors.invalid_argument(f"Required field '{name}' is missing on record of type '{table.name}'.")


def _check_type(table: Table, name: object) -> None:
    """Refuse a body that says it is a row of another table; a base type of the table will do."""
    kind = str(name).rpartition(".")[2]
    if kind not in {table.name, "activitypointer" if table.is_activity else "", "crmbaseentity"}:
        raise errors.payload(
            table.entity_set,
            f"Microsoft.OData.ODataException: A type named '{name}' was found, which is not assignable to the "
            f"expected type 'Microsoft.Dynamics.CRM.{table.name}'.",
        )
