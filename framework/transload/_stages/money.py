"""Money: what amounts come to by object and month, in the source and in the target's own columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from transload._pipeline.transform import CompiledMapping
from transload._reports import Chart, Column, Series, Table, Tone
from transload.values import Cell, ColumnType, EntityName

_NO_MONTH = "no date"
_MONTHS_SHOWN = 24


@dataclass(slots=True)
class _Sum:
    source: Decimal = Decimal(0)
    target: Decimal = Decimal(0)
    amounts: int = 0


@dataclass(slots=True)
class MoneyTotals:
    """Sums by entity, column and month.

    Attributes:
        tolerance: By how much the sums of a month may differ.
        dated_by: The column of each entity whose month counts: the first with a date in its mapping.
    """

    tolerance: Decimal
    dated_by: dict[EntityName, str] = field(default_factory=dict)
    _totals: set[tuple[EntityName, str]] = field(default_factory=set)
    """The columns that the target computes."""
    _sums: dict[tuple[EntityName, str, str], _Sum] = field(default_factory=dict)

    def take(self, mapper: CompiledMapping, wanted: Mapping[str, Cell], actual: Mapping[str, Cell] | None) -> None:
        """Add the amounts of one row.

        Args:
            mapper: The mapping of its entity.
            wanted: What the source says that it should hold.
            actual: What it holds; None when it is not there.
        """
        columns = mapper.table.columns
        money = [name for name in wanted if name in columns and columns[name].type is ColumnType.MONEY]
        if not money:
            return
        self._totals.update((mapper.entity, name) for name in money if name in mapper.computed)
        month = _month(wanted.get(self._dated_by(mapper)))
        for name in money:
            total = self._sums.setdefault((mapper.entity, name, month), _Sum())
            total.source += _amount(wanted[name])
            total.target += _amount(actual.get(name)) if actual is not None else 0
            total.amounts += 1

    def different(self) -> list[str]:
        """Return the sums that differ by more than the tolerance, each as ``invoice totalamount 2026-03``."""
        return [
            " ".join(place) for place, total in sorted(self._sums.items()) if not self._is_right(total)
        ]  # fmt: skip

    def _is_right(self, total: _Sum) -> bool:
        return abs(total.source - total.target) <= self.tolerance

    def tables(self) -> Iterator[Table]:
        """Yield the table of all sums, when there are any."""
        if not self._sums:
            return
        rows = [
            {
                "entity": entity, "column": column, "month": month, "by": self.dated_by.get(entity, ""),
                "amounts": total.amounts, "source": _cents(total.source), "target": _cents(total.target),
                "difference": _cents(total.target - total.source),
                "tone": Tone.GOOD if self._is_right(total) else Tone.BAD,
            }
            for (entity, column, month), total in sorted(self._sums.items())
        ]  # fmt: skip
        yield Table(
            "Money by month",
            [Column("entity", "Entity"), Column("column", "Column"), Column("month", "Month"), Column("by", "Month of"),
             Column("amounts", "Amounts", numeric=True), Column("source", "In the source", numeric=True),
             Column("target", "In the target", numeric=True), Column("difference", "Difference", numeric=True)],
            rows,
            "Every amount that the mapping carries, and every total that the target computes.",
            tone_key="tone", filterable=True, filters=("entity", "column"), compare=("source", "target"),
        )  # fmt: skip

    def charts(self) -> Iterator[Chart]:
        """Yield both sides by month of the totals that the target computes, and of every column that differs."""
        wrong = {(entity, column) for (entity, column, _), total in self._sums.items() if not self._is_right(total)}
        for entity, column in sorted(self._totals | wrong):
            months = sorted(m for e, c, m in self._sums if (e, c) == (entity, column))[-_MONTHS_SHOWN:]
            totals = [self._sums[entity, column, month] for month in months]
            if not any(total.source or total.target for total in totals):
                continue
            sides = [
                Series("in the source", [_cents(total.source) for total in totals]),
                Series("in the target", [_cents(total.target) for total in totals]),
            ]
            yield Chart(f"{entity}: {column} by month", months, sides)

    def _dated_by(self, mapper: CompiledMapping) -> str:
        if mapper.entity not in self.dated_by:
            columns = mapper.table.columns
            dated = (
                name for name, _ in mapper.document.rules()
                if name in columns and columns[name].type in {ColumnType.DATE, ColumnType.DATETIME}
            )  # fmt: skip
            self.dated_by[mapper.entity] = next(dated, "")
        return self.dated_by[mapper.entity]


def _amount(cell: Cell) -> Decimal:
    return Decimal(cell) if isinstance(cell, int | Decimal) and not isinstance(cell, bool) else Decimal(0)


def _cents(amount: Decimal) -> Decimal:
    """Return an amount with two digits, or with as many as it needs."""
    exponent = amount.normalize().as_tuple().exponent
    return amount.quantize(Decimal(1).scaleb(min(-2, exponent if isinstance(exponent, int) else -2)))


def _month(cell: Cell) -> str:
    return f"{cell:%Y-%m}" if isinstance(cell, date | datetime) else _NO_MONTH
