"""What a stage has to say: one value that becomes a page, a JSON file and a terminal summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from transload.values import Finding


class Tone(StrEnum):
    """How something looks to the person who reads it. Worst first is the order of :attr:`rank`."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    PLAIN = "plain"

    @property
    def word(self) -> str:
        """The word that a badge carries, so that colour never speaks alone."""
        return {"good": "OK", "warn": "Check", "bad": "Problem", "plain": "Note"}[self.value]

    @property
    def rank(self) -> int:
        """0 for the tone to read first."""
        return ["bad", "warn", "plain", "good"].index(self.value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a :class:`Table`.

    Attributes:
        key: Where its value stands in a row.
        label: Its head.
        numeric: Right-aligned, thousands grouped.
        badge: Its text is shown as a badge in the tone of the row (see ``Table.tone_key``).
        link: Key of each row under which the address of its page stands, if it has one.
        of: Key of each row that holds the whole of which this number is a part: shown as a bar with a share.
        wordy: Whole sentences, which the terminal leaves to the page.
        exact: Its text is code or data, to be shown letter by letter.
    """

    key: str
    label: str
    numeric: bool = False
    badge: bool = False
    link: str = ""
    of: str = ""
    wordy: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads.

    Attributes:
        rows: Values by column key: text, int, bool, Decimal, datetime, date, None or Tone.
            Anything else is shown as its ``str``. An absent key reads as None.
        note: A sentence above the table.
        tone_key: The key in each row that holds its :class:`Tone`. The tone colours the columns
            marked ``badge``; without any, the column of this key, or else a column put first,
            shows the tone's own word.
        filterable: Whether the page offers a text filter and, with tones, a choice of tone.
        filters: Columns for each of whose values the page offers to show only these rows.
        brief: Whether the terminal shows the table too.
        lead: Whether the page shows it before the charts: what decides goes before what illustrates.
        identifier: Its name in JSON; by default the title in lower case with dashes.
        compare: Two column keys whose values ought to be equal, such as what was written and
            what was found. The page marks where they differ, and tells null from empty text.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Mapping[str, object]]
    note: str = ""
    tone_key: str | None = None
    filterable: bool = False
    filters: tuple[str, ...] = ()
    brief: bool = False
    lead: bool = False
    identifier: str = ""
    compare: tuple[str, str] | None = None

    def tone_of(self, row: Mapping[str, object]) -> Tone:
        """Return the tone of a row, plain when it has none."""
        tone = row.get(self.tone_key) if self.tone_key else None
        return tone if isinstance(tone, Tone) else Tone.PLAIN


class ChartKind(StrEnum):
    """How the numbers of a chart stand to each other."""

    BAR = "bar"
    STACKED = "stacked"
    """The series of a label are parts of one bar."""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind.

    Attributes:
        values: One for each label of the chart.
        tone: Its colour, when what it counts is good or bad; otherwise its place among the series decides.
    """

    label: str
    values: Sequence[int | Decimal]
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Numbers to look at: bars, with every number in text beside them.

    Attributes:
        labels: What each bar, or group of bars, is about, in the order in which they stand.
        unit: What the numbers count: records, USD.
        identifier: Its name in JSON; by default the title in lower case with dashes.
    """

    title: str
    labels: Sequence[str]
    series: Sequence[Series]
    kind: ChartKind = ChartKind.BAR
    unit: str = ""
    note: str = ""
    identifier: str = ""

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.labels):
                raise ValueError(f"{series.label} has {len(series.values)} values for {len(self.labels)} labels")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome in a sentence, and what to do next."""

    tone: Tone
    headline: str
    detail: str = ""
    next_command: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of a stage reports.

    Attributes:
        stage: The command that made it: ``audit``, ``plan``, ...
        client: The client's name, as the project file has it.
        made_at: When, with a zone.
        facts: A few short answers by short label: counts, names, durations.
        files: Files beside the page, by name, with what they are.
    """

    stage: str
    title: str
    client: str
    run_id: str
    made_at: datetime
    verdict: Verdict
    facts: Mapping[str, str]
    findings: Sequence[Finding] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    files: Mapping[str, str] = field(default_factory=dict)
