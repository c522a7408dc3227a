"""Finds the opportunities of an account: in their own list, or by the numbers that the list of jobs leaves out.

Jobs and opportunities share one sequence of numbers, and a job's address answers for
both. So where nobody lists opportunities, each missing number is asked for.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from itertools import islice

from transload_kickserv_source.client import GoneError, KickservClient
from transload_kickserv_source.documents import is_opportunity
from transload_kickserv_source.nesting import named, number_or_text
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.reading import REFUSALS, Reader
from transload_kickserv_source.xml import Row

_TOGETHER = 50
_ROOTS = ("job", "jobs", "opportunity")
_MOST_REFUSALS = 3
"""After how many refusals, and not a single answer, no more numbers are asked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of opportunities, and rows of jobs that the list of jobs does not show."""

    rows: list[Row]
    jobs: list[Row] = field(default_factory=list)


class Opportunities:
    """The opportunities of one account.

    Args:
        reader: Reads it.
        seen: Learns which numbers were left out.
        numbers: Gives the numbers of all jobs.
    """

    def __init__(self, reader: Reader, seen: Observations, numbers: Callable[[], Set[int]]) -> None:
        self._reader, self._seen, self._numbers = reader, seen, numbers
        self._gone: set[int] = set()
        self._answers, self._refusals = False, 0

    def pages(self, includes: tuple[str, ...], only: str = "") -> Iterator[Found]:
        """Yield what is found, some dozens at a time.

        Args:
            includes: Associations that should come along.
            only: The only fields wanted, where the account can choose.
        """
        client = self._reader.client
        way, path = client.settings.estimate_source, client.settings.inferred.opportunities_path
        numbers: set[int] = set()
        probe = way in {"gap_probe", "both"}
        if way in {"opportunities_endpoint", "both"}:
            params = {"only": only} if only else {}
            pages = self._reader.offered_pages(path, "opportunities", includes, params)
            probe = probe or pages is None
            for page in pages or ():
                given = (number_or_text(row.get("job_number")) for row in page)
                numbers.update(number for number in given if isinstance(number, int))
                yield Found(page)
        if probe:
            yield from self._probe(client, numbers | self._numbers(), includes)

    def _probe(self, client: KickservClient, known: Set[int], includes: tuple[str, ...]) -> Iterator[Found]:
        if not self._offered:
            return
        highest = max(known, default=0)
        gaps = highest - sum(1 for number in known if number > 0)
        missing = (number for number in range(1, highest) if number not in known)
        tried = list(islice(missing, min(gaps, client.settings.gap_limit)))
        include = ",".join(self._reader.agreed("jobs.xml", includes))
        open_ = [number for number in tried if number not in self._gone]
        for start in range(0, len(open_), _TOGETHER):
            rows = [row for number in open_[start : start + _TOGETHER] for row in self._one(client, number, include)]
            # Kickserv answers for a job that its list leaves out as well.
            yield Found([row for row in rows if is_opportunity(row)], [row for row in rows if not is_opportunity(row)])
        if self._offered and gaps > len(tried):
            self._seen.mark("gaps_left", "numbers", str(gaps - len(tried)))

    @property
    def _offered(self) -> bool:
        """Whether numbers are answered at all, as far as is known."""
        return self._answers or self._refusals < _MOST_REFUSALS

    def _one(self, client: KickservClient, number: int, include: str) -> tuple[Row, ...]:
        """Return the record of a number, if there is one. Which numbers are gone is remembered."""
        path, params = f"jobs/{number}.xml", {"include": include} if include else {}
        if not self._offered:
            return ()
        try:
            rows = tuple(map(named, self._reader.rows(client.get_record(path, *_ROOTS, params=params))))
        except GoneError:
            self._gone.add(number)
            rows = ()
        except REFUSALS as error:
            self._refusals += 1
            self._seen.mark("children", path, str(error))
            if not self._offered:
                self._seen.unavailable["jobs/NUMBER.xml"] = str(error)
            return ()
        self._answers = True
        return rows
