"""How a row looks on the wire: which properties, in which order, with which annotations."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Column, Row, Stored, Table
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.scope import property_column

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"


class Shape:
    """The selected columns of a table."""

    def __init__(self, table: Table, options: Options) -> None:
        """Work out which columns a query shows.

        Raises:
            ODataError: A selected name is no property of the table.
        """
        self.table = table
        self.columns: dict[str, Column] = {}
        self._extra: list[str] = []
        if options.select is None:
            for column in table.columns.values():
                if column.is_stored and column.valid_for_read:
                    self.columns[column.property_name] = column
        else:
            self._select(options)
        for expand in options.expand:
            lookup = _lookup_of(table, expand.name)
            if lookup:
                self._extra += [name for name in (lookup.name, lookup.type_column) if name]

    def _select(self, options: Options) -> None:
        navigations = {name for column in self.table.lookups() for name, _ in column.navigations()}
        for name in options.select or ():
            if name in navigations:
                continue
            column = property_column(self.table, name)
            self.columns[name] = column
        currency = self.table.columns.get("transactioncurrencyid")
        if currency and any(column.type == "Money" for column in self.columns.values()):
            self.columns.setdefault(currency.property_name, currency)
        for name in list(self.columns):
            composite = self.table.columns.get(f"{name.partition('_')[0]}_composite")
            if composite and name != composite.name:
                self.columns.setdefault(composite.name, composite)
        primary = self.table.columns[self.table.primary_id]
        self.columns.setdefault(primary.name, primary)

    def storage_columns(self) -> list[str]:
        """Return what must be read from the database."""
        names = [self.table.primary_id, "versionnumber"]
        for column in self.columns.values():
            names.append(column.name)
            if column.type_column:
                names.append(column.type_column)
        stored = {name for name, _ in self.table.storage_columns()}
        return [name for name in dict.fromkeys(names + self._extra) if name in stored]

    def add(self, column: Column) -> None:
        """Show a further column."""
        self.columns.setdefault(column.property_name, column)

    def show(self, row: Row, *, tagged: bool = True) -> dict[str, object]:
        """Return a row as the client sees it, with its entity tag unless told otherwise."""
        [shown] = self.show_all([row], tagged=tagged)
        return shown

    def show_all(self, rows: Sequence[Row], *, tagged: bool = True) -> list[dict[str, object]]:
        """Return rows as the client sees them; pages of five thousand rows are the hot path of reading."""
        names = list(self.columns)
        stored = [column.name for column in self.columns.values()]
        flags = [name for name, column in self.columns.items() if column.type == "Boolean"]
        # Users and teams are principals, whose key is called ownerid.
        is_principal = self.table.name in {"systemuser", "team"}
        shown: list[dict[str, object]] = []
        for row in rows:
            each: dict[str, object] = {"@odata.etag": etag(row)} if tagged else {}
            each.update(zip(names, [row[name] for name in stored], strict=True))
            for name in flags:
                if each[name] is not None:
                    each[name] = bool(each[name])
            if is_principal:
                each["ownerid"] = row[self.table.primary_id]
            shown.append(each)
        return shown


def etag(row: Row) -> str:
    """Return the entity tag of a row."""
    return f'W/"{row.get("versionnumber") or 0}"'


def _lookup_of(table: Table, navigation_name: str) -> Column | None:
    for column in table.lookups():
        if any(name == navigation_name for name, _ in column.navigations()):
            return column
    return None


class Annotator:
    """Adds the annotations that a client asked for."""

    def __init__(self, environment: Environment, wanted: str) -> None:
        self.environment = environment
        self.wanted = [pattern.strip() for pattern in wanted.split(",") if pattern.strip()]

    def wants(self, name: str) -> bool:
        """Whether an annotation was asked for, by name or by a prefix with a star."""
        return any(
            pattern == name or (pattern.endswith("*") and name.startswith(pattern[:-1])) for pattern in self.wanted
        )

    def annotate(
        self, shape: Shape, rows: Sequence[Row], shown: Sequence[dict[str, object]]
    ) -> list[dict[str, object]]:
        """Return rows with annotations in front of the values they belong to."""
        names = self._names(shape, rows) if self.wants(FORMATTED) else {}
        return [self._annotate(shape, row, each, names) for row, each in zip(rows, shown, strict=True)]

    def _annotate(
        self, shape: Shape, row: Row, shown: dict[str, object], names: Mapping[tuple[str, str], str]
    ) -> dict[str, object]:
        annotated: dict[str, object] = {}
        for name, value in shown.items():
            column = shape.columns.get(name)
            if column is not None and row.get(column.name) is not None:
                stored = row[column.name]
                target = target_of(column, row)
                formatted = names.get((target, str(stored))) if column.is_lookup else self._format(column, row)
                if formatted is not None and self.wants(FORMATTED):
                    annotated[f"{name}@{FORMATTED}"] = formatted
                if column.is_lookup and self.wants(NAVIGATION):
                    annotated[f"{name}@{NAVIGATION}"] = column.navigation.get(target, column.name)
                if column.is_lookup and self.wants(LOGICAL_NAME):
                    annotated[f"{name}@{LOGICAL_NAME}"] = target
            annotated[name] = value
        return annotated

    def _format(self, column: Column, row: Row) -> str | None:
        if column.type != "Money":
            return format_value(column, row[column.name])
        own = None if column.name.endswith("_base") else row.get("transactioncurrencyid")
        return format_value(column, row[column.name], self.environment.currency(str(own) if own else None).symbol)

    def _names(self, shape: Shape, rows: Sequence[Row]) -> dict[tuple[str, str], str]:
        """Look up the primary names of all rows that the lookups point to."""
        wanted: dict[str, set[str]] = {}
        for column in shape.columns.values():
            if column.is_lookup:
                for row in rows:
                    if row[column.name] is not None:
                        wanted.setdefault(target_of(column, row), set()).add(str(row[column.name]))
        names: dict[tuple[str, str], str] = {}
        for target, ids in wanted.items():
            table = self.environment.model.tables.get(target)
            if table and table.primary_name:
                for row_id, row in self.environment.store.fetch(table, sorted(ids)).items():
                    names[target, row_id] = str(row[table.primary_name] or "")
        return names


def target_of(column: Column, row: Row) -> str:
    """Return the table that a lookup of a row points to."""
    if column.type_column:
        return str(row[column.type_column])
    return column.targets[0] if column.targets else ""


def format_value(column: Column, value: Stored, symbol: str = "$") -> str | None:
    """Return a value as a user of the English language pack sees it; None for plain text and ids.

    Args:
        column: Where the value belongs.
        value: The value as it is stored.
        symbol: Of the currency that an amount is in.
    """
    if value is None:
        return None
    if column.options and column.type != "MultiSelectPicklist":
        return column.options.get(int(str(value)))
    if column.type == "MultiSelectPicklist":
        return "; ".join(column.options.get(int(part), part) for part in str(value).split(","))
    if column.type == "DateTime":
        moment = datetime.fromisoformat(str(value))
        day = f"{moment.month}/{moment.day}/{moment.year}"
        if column.format == "DateOnly" or column.behavior == "DateOnly":
            return day
        return f"{day} {moment.hour % 12 or 12}:{moment:%M} {'AM' if moment.hour < 12 else 'PM'}"
    if column.type == "Money":
        return f"{'-' if float(value) < 0 else ''}{symbol}{abs(float(value)):,.2f}"
    if column.type in {"Decimal", "Double"}:
        return f"{float(value):,.{column.precision or 2}f}"
    if column.type in {"Integer", "BigInt"}:
        return f"{int(value):,}"
    return None
