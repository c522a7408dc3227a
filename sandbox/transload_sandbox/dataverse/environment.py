"""What every operation needs: metadata, rows, the clock, and a few facts that are asked for all the time."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from transload_sandbox.dataverse import privileges
from transload_sandbox.dataverse.catalog import Model
from transload_sandbox.dataverse.customizing import dump_customizations, load_customizations
from transload_sandbox.dataverse.errors import row_missing
from transload_sandbox.dataverse.metadata_cache import MetadataCache
from transload_sandbox.dataverse.model import Key, Row, Table
from transload_sandbox.dataverse.plan import Plan, compile_plan
from transload_sandbox.dataverse.security import Security
from transload_sandbox.dataverse.store import Store
from transload_sandbox.dataverse.values import new_guid, timestamp


@dataclass(frozen=True, slots=True)
class Currency:
    """What arithmetic needs to know about a currency."""

    currency_id: str
    precision: int
    rate: float
    symbol: str = "$"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A property that was sent and dropped, because the column cannot be written that way."""

    table: str
    column: str
    operation: str


class Environment:
    """Metadata and rows of one organisation, with what is derived from them."""

    def __init__(
        self, store: Store, model: Model, clock: Callable[[], float], seed: str, key_index_seconds: float
    ) -> None:
        """Open an environment.

        Args:
            store: Where rows are kept.
            model: The metadata as shipped; customisations that the store remembers are added.
            clock: Returns epoch seconds.
            seed: Makes generated ids differ between organisations and agree between runs.
            key_index_seconds: How long the index of a new alternate key takes.
        """
        self.store = store
        self.clock = clock
        self.seed = seed
        self.key_index_seconds = key_index_seconds
        self.model = model
        self.ignored: deque[Ignored] = deque(maxlen=10_000)
        self.before_save: Callable[[str, Row], None] = lambda _table, _row: None
        self.security = Security(
            store, lambda: self.model, self.fixed_id, lambda role_ids: privileges.granted(self, role_ids)
        )
        self.metadata_cache = MetadataCache(clock)
        self.jobs: list[str] = []
        """Ids of jobs that have not run yet."""
        self._organization: Row | None = None
        self._currencies: dict[str, Currency] = {}
        self._units: dict[str, str] = {}
        self._pending_keys: set[tuple[str, str]] = set()
        self.languages: tuple[int, ...] = (1033,)
        """Provisioned languages, the base language first."""
        self.uploads: dict[str, object] = {}
        """File transfers that are under way, by the token that their clients hold."""
        self._load_customizations()
        self.store.layout.show_activities(self.model.tables["activitypointer"])

    # -- time and ids

    def now(self) -> str:
        """Return the time as the wire shows it."""
        return timestamp(self.clock())

    def new_id(self) -> str:
        """Return a fresh id, the same one in every run that does the same things."""
        return new_guid(hashlib.blake2b(f"{self.seed}/{self.store.next_version()}".encode()).digest())

    def fixed_id(self, name: str) -> str:
        """Return the id of something that exists from the start."""
        return _fixed_id(self.seed, name)

    # -- metadata

    def plan(self, table: Table) -> Plan:
        """Return the write plan of a table as it stands now."""
        return compile_plan(table)

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
        built = self.store.layout.create_index(table, key)
        self.put_key(table, replace(key, status="Active" if built else "Failed"))

    def put_key(self, table: Table, key: Key) -> None:
        """Add or replace a key and remember it."""
        self.model.put_key(table.name, key)
        self._note_pending(table.name, key)
        self.save_customizations()

    def remove_key(self, table: Table, key: Key) -> None:
        """Remove a key with its index."""
        self.store.layout.drop_index(table, key)
        self.model.remove_key(table.name, key.name)
        self._pending_keys.discard((table.name, key.name))
        self.save_customizations()

    def _note_pending(self, table: str, key: Key) -> None:
        if key.status in {"Pending", "InProgress"}:
            self._pending_keys.add((table, key.name))
        else:
            self._pending_keys.discard((table, key.name))

    def customizations(self) -> dict[str, Any]:
        """Return what is not shipped or not as it is shipped, in a form that can be stored and compared."""
        return dump_customizations(self.model)

    @contextmanager
    def customizing(self) -> Iterator[None]:
        """Change metadata: everything that happens inside is kept, or nothing."""
        bring_back = self.model.remember()
        try:
            with self.transaction():
                yield
                self.save_customizations()
        except BaseException:
            bring_back()
            raise

    def save_customizations(self) -> None:
        """Write the customisations down, so that they survive with the rows."""
        self.store.put_customizations(self.customizations())

    def _load_customizations(self) -> None:
        load_customizations(self.model, self.store.get_customizations())
        for table in self.model.tables.values():
            for key in table.keys.values():
                self._note_pending(table.name, key)

    # -- facts

    def forget_facts(self) -> None:
        """Drop what was remembered about settings, currencies, users and teams; called when one of them changes."""
        self._organization = None
        self.security.forget()
        self._currencies.clear()
        self._units.clear()

    def organization(self) -> Row:
        """Return the one row of the organisation table."""
        if self._organization is None:
            self._organization = self.store.iterate(self.model.tables["organization"])[0]
        return self._organization

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
                wanted,
                int(str(row["currencyprecision"] or 0)),
                float(str(row["exchangerate"] or 1)),
                str(row["currencysymbol"] or ""),
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


@lru_cache(20_000)
def _fixed_id(seed: str, name: str) -> str:
    return new_guid(hashlib.blake2b(f"{seed}:{name}".encode()).digest())
