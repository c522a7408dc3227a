"""Periods of time that queries name: last month, the next 7 days, older than 3 weeks.

All of it is counted in UTC, with weeks that begin on Sunday and fiscal years that are calendar years of four
quarters, as a new organisation has it.
"""

import calendar
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

Period = tuple[datetime | None, datetime | None]
"""First moment and the moment after the last one; None where the period is open."""

_DAY = timedelta(days=1)


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _add_months(moment: datetime, months: int) -> datetime:
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _week(now: datetime, offset: int) -> Period:
    sunday = _midnight(now) - _DAY * ((now.weekday() + 1) % 7)
    start = sunday + timedelta(weeks=offset)
    return start, start + timedelta(weeks=1)


def _months(now: datetime, length: int, offset: int) -> Period:
    """Return the stretch of ``length`` months of the year that lies ``offset`` stretches from now."""
    first = (now.month - 1) // length * length + 1
    start = _add_months(_midnight(now).replace(month=first, day=1), offset * length)
    return start, _add_months(start, length)


def _day(now: datetime, offset: int) -> Period:
    start = _midnight(now) + _DAY * offset
    return start, start + _DAY


FIXED: Mapping[str, Callable[[datetime], Period]] = {
    "Today": lambda now: _day(now, 0),
    "Tomorrow": lambda now: _day(now, 1),
    "Yesterday": lambda now: _day(now, -1),
    "Last7Days": lambda now: (_midnight(now) - 7 * _DAY, now + timedelta(seconds=1)),
    "Next7Days": lambda now: (now, _midnight(now) + 8 * _DAY),
    "ThisWeek": lambda now: _week(now, 0),
    "LastWeek": lambda now: _week(now, -1),
    "NextWeek": lambda now: _week(now, 1),
    "ThisMonth": lambda now: _months(now, 1, 0),
    "LastMonth": lambda now: _months(now, 1, -1),
    "NextMonth": lambda now: _months(now, 1, 1),
    "ThisYear": lambda now: _months(now, 12, 0),
    "LastYear": lambda now: _months(now, 12, -1),
    "NextYear": lambda now: _months(now, 12, 1),
    "ThisFiscalPeriod": lambda now: _months(now, 3, 0),
    "LastFiscalPeriod": lambda now: _months(now, 3, -1),
    "NextFiscalPeriod": lambda now: _months(now, 3, 1),
    "ThisFiscalYear": lambda now: _months(now, 12, 0),
    "LastFiscalYear": lambda now: _months(now, 12, -1),
    "NextFiscalYear": lambda now: _months(now, 12, 1),
}
"""Periods without a parameter."""

_UNITS: Mapping[str, Callable[[datetime, int], datetime]] = {
    "Minutes": lambda now, count: now + timedelta(minutes=count),
    "Hours": lambda now, count: now + timedelta(hours=count),
    "Days": lambda now, count: now + _DAY * count,
    "Weeks": lambda now, count: now + timedelta(weeks=count),
    "Months": _add_months,
    "Years": lambda now, count: _add_months(now, 12 * count),
    "FiscalPeriods": lambda now, count: _months(now, 3, count)[0] or now,
    "FiscalYears": lambda now, count: _months(now, 12, count)[0] or now,
}


def _last(unit: str) -> Callable[[datetime, int], Period]:
    def period(now: datetime, count: int) -> Period:
        start = _UNITS[unit](now, -count)
        return (start if unit in {"Minutes", "Hours"} else _midnight(start)), now + timedelta(seconds=1)

    return period


def _next(unit: str) -> Callable[[datetime, int], Period]:
    def period(now: datetime, count: int) -> Period:
        if unit.startswith("Fiscal"):
            return _UNITS[unit](now, 1), _UNITS[unit](now, count + 1)
        end = _UNITS[unit](now, count)
        return now, (end if unit in {"Minutes", "Hours"} else _midnight(end) + _DAY)

    return period


def _older(unit: str) -> Callable[[datetime, int], Period]:
    return lambda now, count: (None, _UNITS[unit](now, -count))


COUNTED: Mapping[str, Callable[[datetime, int], Period]] = {
    **{f"LastX{unit}": _last(unit) for unit in _UNITS if unit != "Minutes"},
    **{f"NextX{unit}": _next(unit) for unit in _UNITS if unit != "Minutes"},
    **{f"OlderThanX{unit}": _older(unit) for unit in _UNITS if not unit.startswith("Fiscal")},
    "InFiscalYear": lambda now, year: (
        datetime(year, 1, 1, tzinfo=now.tzinfo),
        datetime(year + 1, 1, 1, tzinfo=now.tzinfo),
    ),
}
"""Periods with one number as their parameter."""


def fiscal_period(period: int, year: int) -> Period:
    """Return a quarter of a year."""
    start = datetime(year, 3 * min(max(period, 1), 4) - 2, 1, tzinfo=UTC)
    return start, _add_months(start, 3)
