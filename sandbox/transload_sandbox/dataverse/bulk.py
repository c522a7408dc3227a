"""CreateMultiple, UpdateMultiple, UpsertMultiple: many rows of one table in one message, all or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from transload_sandbox.dataverse import addressing, errors
from transload_sandbox.dataverse.addressing import RowKey
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.rows_api import body_for_update, preset
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content
from transload_sandbox.dataverse.writer import Writer

NAMESPACE = "Microsoft.Dynamics.CRM."
Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Target:
    """One row of a bulk message."""

    key: RowKey
    body: Body


class BulkApi:
    """Serves the bulk messages on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id

    def respond(self, request: Request, table: Table, message: str) -> Response:
        """Answer ``POST <set>/Microsoft.Dynamics.CRM.<message>``.

        Raises:
            ODataError: One target is refused, and with it the whole message.
        """
        if message == "DeleteMultiple":
            raise ODataError(501, "0x80040203", "DeleteMultiple has not yet been implemented.")
        handlers = {
            "CreateMultiple": self._create,
            "UpdateMultiple": self._update,
            "UpsertMultiple": self._upsert,
        }
        if message not in handlers or not table.has_bulk_messages:
            raise errors.not_found(NAMESPACE + message)
        targets = self._targets(request, table)
        with self.environment.transaction():
            return handlers[message](request, table, targets)

    def _targets(self, request: Request, table: Table) -> list[Body]:
        targets = request.json(table.entity_set).get("Targets")
        if not isinstance(targets, list) or not targets:
            raise errors.invalid_argument("Required parameter 'Targets' is missing or empty.")
        expected = {NAMESPACE + table.name, f"#{NAMESPACE}{table.name}"}
        for target in targets:
            if not isinstance(target, dict) or target.get("@odata.type") not in expected:
                raise errors.payload(
                    table.entity_set,
                    "Microsoft.OData.ODataException: A type named in '@odata.type' is missing or does not "
                    "fit the "
                    f"collection; every target must be of type '{NAMESPACE}{table.name}'.",
                )
        return targets

    def _create(self, request: Request, table: Table, targets: list[Body]) -> Response:
        rows = Writer(self.environment, self.caller_id).create(table, targets)
        context = f"{request.base}$metadata#{NAMESPACE}CreateMultipleResponse"
        return json_response({"@odata.context": context, "Ids": [row[table.primary_id] for row in rows]})

    def _update(self, _request: Request, table: Table, targets: list[Body]) -> Response:
        parsed = [self._target(table, target) for target in targets]
        rows = self._existing(table, parsed)
        missing = [target.key.row_id for target, row in zip(parsed, rows, strict=True) if row is None]
        if missing:
            ids = ", ".join(str(row_id) for row_id in missing)
            raise ODataError(404, "0x80040217", f"{table.schema_name} With Ids = {ids} Do Not Exist")
        changes = [
            (row, body_for_update(table, target.key, target.body))
            for target, row in zip(parsed, rows, strict=True)
            if row is not None
        ]
        Writer(self.environment, self.caller_id).update(table, changes)
        return no_content()

    def _upsert(self, _request: Request, table: Table, targets: list[Body]) -> Response:
        parsed = [self._target(table, target) for target in targets]
        rows = self._existing(table, parsed)
        new: list[tuple[Body, dict[str, Stored]]] = []
        changes: list[tuple[Row, Body]] = []
        for target, row in zip(parsed, rows, strict=True):
            if row is not None:
                changes.append((row, body_for_update(table, target.key, target.body)))
            elif target.key.values.keys() & target.body.keys():
                # Observed: key columns both in @odata.id and in the target break the create branch.
                raise errors.invalid_argument("The key columns of an upsert target must not be repeated in its body.")
            else:
                new.append((target.body, preset(table, target.key)))
        writer = Writer(self.environment, self.caller_id)
        if new:
            writer.create(table, [body for body, _ in new], [values for _, values in new])
        if changes:
            writer.update(table, changes)
        return no_content()

    def _target(self, table: Table, target: Body) -> Target:
        reference = target.get("@odata.id")
        if isinstance(reference, str):
            split = addressing.split_reference(reference)
            if split is None or split[0] != table.entity_set:
                raise errors.invalid_argument(f"'{reference}' is not a reference to a row of {table.entity_set}.")
            key = addressing.parse_key(table, split[1])
        else:
            guid = parse_guid(target.get(table.primary_id))
            if guid is None:
                raise errors.invalid_argument(f"A target needs '{table.primary_id}' or '@odata.id'.")
            key = RowKey(guid, {})
        return Target(key, target)

    def _existing(self, table: Table, targets: list[Target]) -> list[Row | None]:
        """Return the row of each target; None where there is none.

        Raises:
            ODataError: Two targets name the same row, which ends in a deadlock.
        """
        store = self.environment.store
        by_id = store.fetch(table, [target.key.row_id for target in targets if target.key.row_id])
        by_key = self._by_key(table, targets)
        seen: set[object] = set()
        rows: list[Row | None] = []
        for target in targets:
            name = target.key.row_id or _folded(target.key.values)
            if name in seen:
                raise ODataError(
                    500,
                    "0x80044150",
                    "Sql error: Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 "
                    "Sql Number: 1205",
                )
            seen.add(name)
            row_id = target.key.row_id
            rows.append(by_id.get(row_id) if row_id else by_key.get(_folded(target.key.values)))
        return rows

    def _by_key(self, table: Table, targets: list[Target]) -> dict[tuple[Stored, ...], Row]:
        wanted: dict[tuple[str, ...], list[Mapping[str, Stored]]] = {}
        for target in targets:
            if target.key.values:
                wanted.setdefault(tuple(target.key.values), []).append(target.key.values)
        found: dict[tuple[Stored, ...], Row] = {}
        for columns, values in wanted.items():
            if len(columns) == 1:
                rows = self.environment.store.find_in(table, columns[0], [each[columns[0]] for each in values])
            else:
                rows = [row for each in values for row in self.environment.store.find(table, each, 1)]
            for row in rows:
                found[_folded({name: row[name] for name in columns})] = row
        return found


def _folded(values: Mapping[str, Stored]) -> tuple[Stored, ...]:
    """Return key values as the database compares them: without regard to case."""
    return tuple(value.lower() if isinstance(value, str) else value for value in values.values())
