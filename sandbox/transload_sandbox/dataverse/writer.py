"""Creates, changes and deletes rows as the platform does: checks, system columns, computed columns, cascades.

One `Writer` serves one operation of one user. It turns bodies into whole rows first, checks every reference
they make in one go, and writes them with one statement: a bulk message and a single create take the same way.
"""

from collections.abc import Mapping, Sequence

from transload_sandbox.dataverse import errors, rules, stamps, states
from transload_sandbox.dataverse.bodies import Bodies, Body, Draft
from transload_sandbox.dataverse.business import appending, ownership
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError, UniqueError
from transload_sandbox.dataverse.links import Links
from transload_sandbox.dataverse.lookups import Lookups
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.plan import Plan
from transload_sandbox.dataverse.references import cascade
from transload_sandbox.dataverse.relationships import OneToMany


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
        self._bodies = Bodies(self)
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
        self._bodies.apply(plan, body, draft, creating=True)
        row = draft.row
        if row[table.primary_id] is None:
            row[table.primary_id] = self.environment.new_id()
        self.lookups.announce(table, str(row[table.primary_id]))
        states.begin(table, row, draft.assigned)
        stamps.stamp_new(self, row)
        self._finish(plan, row, None, draft.assigned)
        for name in plan.required:
            if row[name] is None:
                raise _required(table, name)
        return draft

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
        self._bodies.apply(plan, body, draft, creating=False)
        row = draft.row
        states.change(table, row, former, draft.assigned, by_message=by_message)
        if not draft.assigned.isdisjoint(plan.required):
            for name in plan.required:
                if row[name] is None and name in draft.assigned:
                    raise _required(table, name)
        stamps.stamp_changed(self, row)
        if "ownerid" in draft.assigned:
            stamps.stamp_owner(self, row)
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

    # -- collections

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
