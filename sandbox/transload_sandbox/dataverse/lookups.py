"""References that bodies make to rows: resolved one by one, checked all at once."""

from collections.abc import Iterable, Mapping

from transload_sandbox.dataverse import addressing, errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Stored, Table
from transload_sandbox.dataverse.values import parse_guid


class Lookups:
    """The references of one operation."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._wanted: dict[str, set[str]] = {}
        self._fresh: dict[str, set[str]] = {}
        self._found: dict[tuple[object, ...], str] = {}

    def announce(self, table: Table, row_id: str) -> None:
        """Note that the operation itself creates a row, which references may name before it is written."""
        self._fresh.setdefault(table.name, set()).add(row_id)

    def resolve(self, text: str, targets: Iterable[str]) -> tuple[str, str]:
        """Turn a reference into target table and row id.

        That a row with this id exists is checked later, together with all others of the operation.

        Raises:
            ODataError: No such entity set, a table that the lookup cannot point to, or no row with this key.
        """
        split = addressing.split_reference(text)
        if split is None:
            raise errors.invalid_argument(f"'{text}' is not a reference to a row.")
        entity_set, key_text = split
        table = self.environment.model.find_set(entity_set)
        if table is None:
            return self._resolve_external(entity_set, key_text, targets)
        if table.name not in targets:
            raise errors.payload(
                entity_set,
                "Microsoft.OData.ODataException: The reference does not fit the navigation property, which "
                "points to "
                f"{' or '.join(sorted(targets))}.",
            )
        guid = parse_guid(key_text)
        if guid is None:
            key = addressing.parse_key(table, key_text)
            guid = key.row_id or self._find_by_key(table, key.values)
        self._wanted.setdefault(table.name, set()).add(guid)
        return table.name, guid

    def _resolve_external(self, entity_set: str, key_text: str, targets: Iterable[str]) -> tuple[str, str]:
        name = self.environment.model.external_sets.get(entity_set)
        if name is None or name not in targets:
            raise errors.not_found(entity_set)
        # The table is known but empty here, so no row can exist.
        raise errors.row_missing(name, key_text)

    def _find_by_key(self, table: Table, values: Mapping[str, Stored]) -> str:
        name = (table.name, *values.items())
        if name not in self._found:
            row_id = self.environment.store.find_id(table, values)
            if row_id is None:
                raise errors.key_row_missing(table.name)
            self._found[name] = row_id
        return self._found[name]

    def check(self) -> None:
        """Check that every row exists that was referred to by its id.

        Raises:
            ODataError: One of them does not.
        """
        for name, ids in self._wanted.items():
            unknown = ids - self._fresh.get(name, set())
            if not unknown:
                continue
            missing = self._missing(name, unknown)
            if missing:
                raise errors.row_missing(name, min(missing))
        self._wanted.clear()

    def _missing(self, name: str, ids: set[str]) -> set[str]:
        tables = self.environment.model.tables
        if name != "activitypointer":
            return self.environment.store.missing(tables[name], ids)
        for table in tables.values():
            if table.is_activity:
                ids = self.environment.store.missing(table, ids)
        return ids
