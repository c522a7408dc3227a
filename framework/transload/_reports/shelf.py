"""The reports that a folder holds, read back from their JSON files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transload._reports.document import ReportHead
from transload._reports.journey import STAGES, position


@dataclass(frozen=True, slots=True)
class Entry:
    """A report in the folder, under the name its files share."""

    stem: str
    report: ReportHead


@dataclass(frozen=True, slots=True)
class Stop:
    """A place of the journey: a stage with the reports it has left, often none yet."""

    number: int
    stage: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Shelf:
    """All reports of a folder.

    Attributes:
        unreadable: Names of files that look like reports and are none.
    """

    entries: Sequence[Entry]
    unreadable: Sequence[str]

    @property
    def latest(self) -> Entry | None:
        """The newest report: where the migration stands."""
        return max(self.entries, key=lambda entry: (entry.report.made_at, entry.stem), default=None)

    @property
    def stops(self) -> list[Stop]:
        """Every stage in order; last, when there are any, the reports that no stage wrote."""
        last = len(STAGES) + 1
        by_place = {
            place: [e for e in self.entries if position(e.report.stage) == place] for place in range(1, last + 1)
        }
        stops = [Stop(place, stage, by_place[place]) for place, stage in enumerate(STAGES, start=1)]
        return [*stops, Stop(last, "other", by_place[last])] if by_place[last] else stops


def read_shelf(folder: Path) -> Shelf:
    """Read the heads of all reports in a folder; a file that is no report is named, not skipped."""
    entries, unreadable = [], []
    for path in sorted(folder.glob("[0-9][0-9]-*.json")):
        try:
            entries.append(Entry(path.stem, ReportHead.model_validate_json(path.read_bytes())))
        except ValueError:  # bad JSON, or pydantic's verdict on it
            unreadable.append(path.name)
    return Shelf(entries, unreadable)
