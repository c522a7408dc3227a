"""A chart as the page draws it: how long each bar is, and what stands beside it.

Bars lie, so that labels of any length are read without turning the head, and every number
stands beside its bar: nothing is to be guessed from a length or a colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from transload._reports.model import Chart, ChartKind, Series

COLOURS = 6
"""Colours that the style sheet knows for series without a tone; after that they begin again."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, or a part of one.

    Attributes:
        style: Its colour, as a class of the style sheet.
        percent: Its length, of the longest bar.
        below: Whether its number is negative.
        title: What it says when pointed at.
    """

    style: str
    percent: str
    below: bool
    title: str


@dataclass(frozen=True, slots=True)
class Group:
    """What belongs to one label: its bars and its numbers."""

    label: str
    bars: Sequence[Bar]
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart ready for the template.

    Attributes:
        keys: Style and name of each series, where that says something.
    """

    chart: Chart
    groups: Sequence[Group]
    keys: Sequence[tuple[str, str]]

    @property
    def stacked(self) -> bool:
        """Whether the bars of a label make one."""
        return self.chart.kind is ChartKind.STACKED


def draw(chart: Chart) -> Drawing:
    """Arrange a chart for the page."""
    styles = [series.tone or f"c{place % COLOURS + 1}" for place, series in enumerate(chart.series)]
    longest = _longest(chart)
    groups = [
        Group(
            label,
            [_bar(series, style, place, longest) for series, style in zip(chart.series, styles, strict=True)],
            [f"{series.values[place]:,}" for series in chart.series],
        )
        for place, label in enumerate(chart.labels)
    ]
    names = [series.label for series in chart.series]
    keyed = len(names) > 1 or chart.kind is ChartKind.STACKED
    return Drawing(chart, groups, list(zip(styles, names, strict=True)) if keyed else [])


def share(part: object, whole: object) -> float | None:
    """Return what part of a whole a number is, from 0 to 1; None when that says nothing."""
    if not isinstance(part, int | Decimal) or not isinstance(whole, int | Decimal) or whole <= 0:
        return None
    return min(1.0, max(0.0, float(Decimal(part) / Decimal(whole))))


def _longest(chart: Chart) -> Decimal:
    longest = Decimal(0)
    for place in range(len(chart.labels)):
        sizes = [abs(Decimal(series.values[place])) for series in chart.series]
        longest = max(longest, sum(sizes, Decimal(0)) if chart.kind is ChartKind.STACKED else max(sizes))
    return longest or Decimal(1)


def _bar(series: Series, style: str, place: int, longest: Decimal) -> Bar:
    value = series.values[place]
    return Bar(style, f"{float(abs(Decimal(value)) / longest):.2%}", value < 0, f"{series.label}: {value:,}")
