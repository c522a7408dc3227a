"""What every operation needs: metadata, rows, the clock, and a few facts that are asked for all the time."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from transload_sandbox.dataverse.errors import row_missing
from transload_sandbox.dataverse.model import Key, Model, Row, Table, parse_column
from transload_sandbox.dataverse.plan import Plan, compile_plan
from transload_sandbox.dataverse.store import Store
from transload_sandbox.dataverse.values import new_guid, timestamp


@dataclass(frozen=True, slots=True)
class Currency:
    """What arithmetic needs to know about a currency."""

    currency_id: str
    precision: int
    rate: float


@dataclass(frozen=True, slots=True)
class Ignored:
    """A property that was sent and dropped, because the column cannot be written that way."""

    table: str
    column: str
    operation: str


class Environment:
    """Metadata and rows of one organisation, with what is derived from them."""

    def __init__(self, store: Store, clock: Callable[[], float], seed: str, key_index_seconds: float) -> None:
        """Open an environment.

        Args:
            store: Where rows are kept.
            clock: Returns epoch seconds.
            seed: Makes generated ids differ between organisations and agree between runs.
            key_index_seconds: How long the index of a new alternate key takes.
        """
        self.store = store
        self.clock = clock
        self.seed = seed
        self.key_index_seconds = key_index_seconds
        self.model = Model()
        self.ignored: deque[Ignored] = deque(maxlen=10_000)
        self.before_save: Callable[[str, Row], None] = lambda _table, _row: None
        self._plans: dict[str, Plan] = {}
        self._currencies: dict[str, Currency] = {}
        self._units: dict[str, str] = {}
        self._pending_keys: set[tuple[str, str]] = set()
        self._load_customizations()

    # -- time and ids

    def now(self) -> str:
        """Return the time as the wire shows it."""
        return timestamp(self.clock())

    def new_id(self) -> str:
        """Return a fresh id, the same one in every run that does the same things."""
        return new_guid(hashlib.blake2b(f"{self.seed}/{self.store.next_version()}".encode()).digest())

    def fixed_id(self, name: str) -> str:
        """Return the id of something that exists from the start."""
        return new_guid(hashlib.blake2b(f"{self.seed}:{name}".encode()).digest())

    # -- metadata

    def plan(self, table: Table) -> Plan:
        """Return the write plan of a table as it stands now."""
        known = self._plans.get(table.name)
        if known is None or known.table is not table:
            known = self._plans[table.name] = compile_plan(table)
        return known

    def settle_keys(self) -> None:
        """Move the indexes of new alternate keys on; called at the start of every request."""
        if not self._pending_keys:
            return
        with self.store.transaction():
            for table_name, key_name in sorted(self._pending_keys):
                self._settle_key(self.model.tables[table_name], self.model.tables[table_name].keys[key_name])

    def _settle_key(self, table: Table, key: Key) -> None:
        age = self.clock() - key.requested_at
        if age < self.key_index_seconds / 2:
            return
        if age < self.key_index_seconds:
            self.put_key(table, replace(key, status="InProgress"))
            return
        built = self.store.create_index(table, key)
        self.put_key(table, replace(key, status="Active" if built else "Failed"))

    def put_key(self, table: Table, key: Key) -> None:
        """Add or replace a key and remember it."""
        self.model.put_key(table.name, key)
        self._note_pending(table.name, key)
        self.save_customizations()

    def remove_key(self, table: Table, key: Key) -> None:
        """Remove a key with its index."""
        self.store.drop_index(table, key)
        self.model.remove_key(table.name, key.name)
        self._pending_keys.discard((table.name, key.name))
        self.save_customizations()

    def _note_pending(self, table: str, key: Key) -> None:
        if key.status in {"Pending", "InProgress"}:
            self._pending_keys.add((table, key.name))
        else:
            self._pending_keys.discard((table, key.name))

    def customizations(self) -> dict[str, Any]:
        """Return columns and keys that are not shipped, in a form that can be stored and compared."""
        columns = [
            {"table": table.name, **_column_definition(column)}
            for table in self.model.tables.values()
            for column in table.columns.values()
            if column.metadata_id
        ]
        keys = [
            {
                "table": table.name,
                "name": key.name,
                "schema_name": key.schema_name,
                "label": key.label,
                "columns": list(key.columns),
                "metadata_id": key.metadata_id,
                "status": key.status,
                "requested_at": key.requested_at,
            }
            for table in self.model.tables.values()
            for key in table.keys.values()
        ]
        return {"columns": columns, "keys": keys}

    def save_customizations(self) -> None:
        """Write the customisations down, so that they survive with the rows."""
        self.store.put_customizations(self.customizations())

    def _load_customizations(self) -> None:
        saved: dict[str, Any] = self.store.get_customizations()
        for column in saved.get("columns", []):
            self.model.add_column(column["table"], parse_column(column))
        for raw in saved.get("keys", []):
            key = Key(
                raw["name"],
                raw["schema_name"],
                raw["label"],
                tuple(raw["columns"]),
                raw["metadata_id"],
                raw["status"],
                raw["requested_at"],
            )
            self.model.put_key(raw["table"], key)
            self._note_pending(raw["table"], key)

    # -- facts

    def forget_facts(self) -> None:
        """Drop what was remembered about currencies, users and teams; called when one of them changes."""
        self._currencies.clear()
        self._units.clear()

    def organization(self) -> Row:
        """Return the one row of the organisation table."""
        return self.store.iterate(self.model.tables["organization"])[0]

    def currency(self, currency_id: str | None) -> Currency:
        """Return a currency, the organisation's own when there is no id.

        Raises:
            ODataError: There is no such currency.
        """
        wanted = currency_id or self.fixed_id("currency")
        if wanted not in self._currencies:
            table = self.model.tables["transactioncurrency"]
            row = self.store.fetch(table, [wanted]).get(wanted)
            if row is None:
                raise row_missing(table.name, wanted)
            self._currencies[wanted] = Currency(
                wanted, int(str(row["currencyprecision"] or 0)), float(str(row["exchangerate"] or 1))
            )
        return self._currencies[wanted]

    def business_unit(self, owner_table: str, owner_id: str) -> str | None:
        """Return the business unit of a user or team, None when there is no such owner."""
        if owner_id not in self._units:
            row = self.store.fetch(self.model.tables[owner_table], [owner_id]).get(owner_id)
            if row is None:
                return None
            self._units[owner_id] = str(row["businessunitid"])
        return self._units[owner_id]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all rows or none; remembered facts are dropped when it fails."""
        try:
            with self.store.transaction():
                yield
        except BaseException:
            self.forget_facts()
            raise


def _column_definition(column: Any) -> dict[str, Any]:
    flags = (("c", column.valid_for_create), ("r", column.valid_for_read), ("u", column.valid_for_update))
    definition: dict[str, Any] = {
        "name": column.name,
        "schema_name": column.schema_name,
        "type": column.type,
        "valid": "".join(letter for letter, valid in flags if valid),
        "required": column.required,
        "custom": True,
        "label": column.label,
        "metadata_id": column.metadata_id,
        "targets": list(column.targets),
        "options": {str(value): label for value, label in column.options.items()},
    }
    optional = {
        "max_length": column.max_length,
        "min": column.minimum,
        "max": column.maximum,
        "precision": column.precision,
        "precision_source": column.precision_source,
        "format": column.format,
        "behavior": column.behavior,
        "default": column.default,
    }
    return definition | {name: value for name, value in optional.items() if value is not None}
