"""Tells what changed in an account since it was read, so that only that is read again.

Kickserv has no question for it. A list can be walked with a few fields only, though, at a
thirtieth of the bytes: what shows the values that were staged is as it was, unless it is
of a kind that changes without showing it, above all a job that people still work on. The
others are read anew, by their numbers or with the list's pages, whichever asks less often.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial

from transload import StagedRecords
from transload.values import EntityName, Record, RecordKey, SourceId, Value
from transload_kickserv_source.client import GoneError
from transload_kickserv_source.documents import ESTIMATE, JOB, is_opportunity, stage_of
from transload_kickserv_source.inferred import CLOSED_JOBS, CUSTOMER_MARKS, FINISHED_ON, JOB_MARKS, UNPAID
from transload_kickserv_source.nesting import children_in, moment_in, named
from transload_kickserv_source.people import CONTACT, CUSTOMER
from transload_kickserv_source.reading import NUMBERS, Reader
from transload_kickserv_source.schema import settle
from transload_kickserv_source.visits import EVENT
from transload_kickserv_source.xml import Document, Row

_ROOTS = {"customers": ("customer", "customers"), "jobs": ("job", "jobs", "opportunity")}
_WINDOW = 64
"""Records that are asked for together, so that few answers wait in memory."""

Change = Record | list[Row]
"""A staged record that is as it was, or rows that were read anew."""
Note = Callable[[list[Row]], None]
Suspect = Callable[[Row, Record], bool]
"""Says of a row that shows what was staged whether its record may have changed all the same."""


@dataclass(slots=True)
class _Sieve:
    """Parts the rows of a list into those that are as they were and those to be read anew.

    Attributes:
        since: What changed after this moment is read anew: a stamp is a whole second, which two changes may share.
        pages: How many pages the list had.
        walked: The ids that it showed.
        wanted: The ids of what is to be read anew, each with its number.
    """

    entity: EntityName
    resource: str
    staged: StagedRecords
    since: datetime
    pages: int = 0
    walked: set[str] = field(default_factory=set)
    wanted: dict[str, Value] = field(default_factory=dict)

    def sift(self, page: Sequence[Row], suspect: Suspect) -> Iterator[Record]:
        """Yield the staged records of rows that are as they were; want the others."""
        self.pages += 1
        known = self.staged.find(_key(self.entity, row["id"]) for row in page)
        for row in page:
            self.walked.add(ident := str(row["id"]))
            before = known.get(_key(self.entity, ident))
            changed = moment_in(row.get("updated_at"))
            is_recent = changed is not None and changed >= self.since
            if before is not None and _is_same(before, row) and not is_recent and not suspect(row, before):
                yield before
            else:
                self.want(row)

    def want(self, row: Row) -> None:
        """Have a row read anew."""
        self.wanted[str(row["id"])] = row.get(NUMBERS[self.resource])

    def missing(self) -> list[Record]:
        """Return the staged records that the list does not show."""
        staged = (record for record in self.staged.walk(self.entity) if record.part_of is None)
        return [record for record in staged if record.key.source_id not in self.walked]

    def numbers_of(self, records: Sequence[Record]) -> list[Value]:
        """Return the numbers of records, as far as they have one."""
        numbers = (record.fields.get(NUMBERS[self.resource]) for record in records)
        return [number for number in numbers if number not in (None, "")]


@dataclass(frozen=True)
class Changes:
    """What changed in one account.

    Attributes:
        reader: Reads the account.
        staged: Its records as they were read last.
        since: What was changed or finished after this moment is read anew all the same.
    """

    reader: Reader
    staged: StagedRecords
    since: datetime

    def customers(self, includes: tuple[str, ...], with_sales: Collection[str] | None) -> Iterator[Change]:
        """Yield the customers.

        Args:
            includes: What should come along with those that are read anew.
            with_sales: Ids of the customers that anything was sold to; None when nobody asks.
        """

        def suspect(row: Row, before: Record) -> bool:
            return with_sales is not None and before.fields.get("has_sales") is not (str(row["id"]) in with_sales)

        sieve = _Sieve(CUSTOMER, "customers", self.staged, self.since)
        parents: set[Value] = set()
        for page in self.reader.pages("customers.xml", "customers", params={"only": CUSTOMER_MARKS}):
            yield from sieve.sift(page, suspect)
            parents.update(row.get("parent_id") for row in page if str(row["id"]) in sieve.wanted)
        missing = sieve.missing()
        parents.update(record.fields.get("parent_id") for record in missing)
        # A customer names its sub-customers, and need not show that one came or went.
        for parent in self.staged.find(_key(CUSTOMER, ident) for ident in parents).values():
            if parent.key.source_id in sieve.walked:
                sieve.want(parent.fields)
        nested: dict[str, Row] = {}
        for found in self._read(sieve, "customers.xml", "customers", includes):
            for row in found:
                nested.update(children_in(row, sieve.walked))
            yield found
        yield from self._numbered("customers", sieve.numbers_of(missing), includes)
        for record in missing:
            nested.pop(record.key.source_id, None)
        if nested:
            yield list(nested.values())

    def jobs(self, includes: tuple[str, ...], note: Note) -> Iterator[Change]:
        """Yield the jobs. One whose customer was read anew is, too: it holds the customer's address.

        Args:
            includes: What should come along with those that are read anew.
            note: Told of the jobs that there are.
        """
        sieve = _Sieve(JOB, "jobs", self.staged, self.since)
        for page in self.reader.pages("jobs.xml", "jobs", params={"only": JOB_MARKS}):
            unchanged = self.staged.find(_key(CUSTOMER, row.get("customer_id")) for row in page)
            yield from sieve.sift(page, partial(self._may_have_changed, unchanged))
            note(page)
        yield from self._read(sieve, "jobs.xml", "jobs", includes)
        for page in self._numbered("jobs", sieve.numbers_of(sieve.missing()), includes):
            if jobs := [row for row in page if not is_opportunity(row)]:
                note(jobs)
                yield jobs

    def estimates(self, includes: tuple[str, ...], jobs: Collection[str], note: Note) -> Iterator[Change] | None:
        """Return the opportunities; None when no list shows them, and only their numbers can be tried.

        Args:
            includes: What should come along with those that are read anew.
            jobs: Ids of the jobs. An opportunity that is one too is as it was when the job is.
            note: Told of the opportunities that are no jobs.
        """
        settings = self.reader.client.settings
        path, params = settings.inferred.opportunities_path, {"only": JOB_MARKS}
        if settings.estimate_source != "opportunities_endpoint":
            return None
        pages = self.reader.offered_pages(path, "opportunities", params=params)
        return None if pages is None else self._estimates(pages, includes, jobs, note)

    def _estimates(
        self,
        pages: Iterator[list[Row]],
        includes: tuple[str, ...],
        jobs: Collection[str],
        note: Note,
    ) -> Iterator[Change]:
        sieve = _Sieve(ESTIMATE, "jobs", self.staged, self.since)
        for page in pages:
            own = [row for row in page if str(row["id"]) not in jobs]
            yield from sieve.sift(
                own,
                lambda row, before: before.part_of is not None or self._is_in_work(row, stage_of(row) == "lost"),
            )
            both = [row for row in page if str(row["id"]) in jobs]
            unchanged = self.staged.find(_key(JOB, row["id"]) for row in both)
            note(own)
            for row in both:
                if _key(JOB, row["id"]) not in unchanged:
                    sieve.want(row)
        path = self.reader.client.settings.inferred.opportunities_path
        yield from self._read(sieve, path, "opportunities", includes)
        for found in self._numbered("jobs", sieve.numbers_of(sieve.missing()), includes):
            if rows := [row for row in found if is_opportunity(row)]:
                note(rows)
                yield rows

    def contacts(self, page: Sequence[Row]) -> Iterator[tuple[Row, RecordKey | None]]:
        """Yield the contacts of a page that did not come with a customer, or that changed since they did.

        Each comes with the customer that it is still part of.
        """
        known = self.staged.find(_key(CONTACT, row["id"]) for row in page)
        owners = self.staged.find(before.part_of for before in known.values() if before.part_of is not None)
        for row in page:
            before = known.get(_key(CONTACT, row["id"]))
            owner = before.part_of if before is not None and before.part_of in owners else None
            if before is None or owner is None or before.modified_at != moment_in(row.get("updated_at")):
                yield row, owner

    def unlisted(self, entity: EntityName, category: EntityName) -> Iterator[RecordKey]:
        """Yield the staged records of a list, each with the category that it is in, if it is in one."""
        for record in self.staged.walk(entity):
            yield record.key
            key = _key(category, record.fields.get("category"))
            yield from self.staged.find([key]) if record.fields.get("category") else ()

    def lacking_events(self, entity: EntityName, rows: list[Row]) -> list[Row]:
        """Return the rows of jobs whose events must be read: none that is as it was and has events below it."""
        keys = [_key(entity, row["id"]) for row in rows]
        known = self.staged.find(keys)
        return [
            row
            for key, row in zip(keys, rows, strict=True)
            if key not in known or (key not in self._with_events and row.get("tasks_count") != 0)
        ]

    @cached_property
    def _with_events(self) -> frozenset[RecordKey | None]:
        return frozenset(event.part_of for event in self.staged.walk(EVENT))

    def _may_have_changed(self, unchanged: Collection[RecordKey], job: Row, before: Record) -> bool:
        return self._is_in_work(job, _is_over(job)) or _key(CUSTOMER, job.get("customer_id")) not in unchanged

    def _is_in_work(self, row: Row, finished: bool) -> bool:
        """Return whether people may still add to a job or an opportunity without its saying so."""
        moments = [moment for name in FINISHED_ON if (moment := moment_in(row.get(name))) is not None]
        return not finished or not moments or max(moments) >= self.since

    def _read(self, sieve: _Sieve, path: str, root: str, includes: tuple[str, ...]) -> Iterator[list[Row]]:
        """Read what is wanted, with the pages of its list where those are fewer or a number is not known."""
        numbers = list(sieve.wanted.values())
        if len(numbers) <= sieve.pages and all(numbers):
            yield from self._numbered(sieve.resource, numbers, includes)
            return
        for page in self.reader.pages(path, root, includes):
            if rows := [row for row in page if str(row["id"]) in sieve.wanted]:
                yield rows

    def _numbered(self, resource: str, numbers: Sequence[Value], includes: tuple[str, ...]) -> Iterator[list[Row]]:
        """Read records by their numbers. What is gone by now is left out."""
        if not numbers:
            return
        client = self.reader.client
        agreed = self.reader.agree(f"{resource}.xml", resource, includes)
        params = {"include": ",".join(agreed)} if agreed else {}

        def read(number: Value) -> Document | None:
            try:
                return client.get_record(f"{resource}/{number}.xml", *_ROOTS[resource], params=params)
            except GoneError:
                return None

        with ThreadPoolExecutor(client.settings.connections) as pool:
            for start in range(0, len(numbers), _WINDOW):
                found = [document for document in pool.map(read, numbers[start : start + _WINDOW]) if document]
                if rows := [named(row) for document in found for row in self.reader.rows(document)]:
                    yield rows


def _key(entity: EntityName, ident: Value) -> RecordKey:
    return RecordKey(entity, SourceId(str(ident)))


def _is_over(job: Row) -> bool:
    return job.get("status") in CLOSED_JOBS and job.get("invoice_status") != UNPAID


def _is_same(before: Record, row: Row) -> bool:
    """Return whether a row says when it changed, and shows nothing but what was staged."""
    shown: Mapping[str, Value] = settle(before.key.entity, row)
    return moment_in(shown.get("updated_at")) is not None and all(
        before.fields.get(name) == value for name, value in shown.items()
    )
