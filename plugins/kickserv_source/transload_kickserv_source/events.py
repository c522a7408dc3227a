"""Reads the calendar: from its own list, else from customers and jobs, else from the jobs' own schedules."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from transload.values import EntityName, Record, RecordKey, SourceId, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.documents import ESTIMATE, JOB, employees_of
from transload_kickserv_source.nesting import ident_in, owned, rows_in
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.registry import Registry
from transload_kickserv_source.schema import settle
from transload_kickserv_source.strangers import met_in
from transload_kickserv_source.visits import EVENT, assignments_of, event_of, event_of_schedule
from transload_kickserv_source.xml import Row


def _with_assignments(event: Record, job: RecordKey | None = None) -> Iterator[Record]:
    """Yield an event with who is sent to it; found below a job, or made of it, they are parts of that."""
    for one in (event, *assignments_of(event)):
        yield replace(one, part_of=job)


Lacking = Callable[[EntityName, list[Row]], list[Row]]
"""Picks from rows of jobs, or of opportunities, those whose events must be read."""


def all_of(entity: EntityName, rows: list[Row]) -> list[Row]:
    """Pick all rows: the events of every job are read."""
    return rows


class Events:
    """The events of one account.

    Args:
        reader: Reads it.
        registry: Tells jobs from opportunities, and knows what they have become.
        account: The account.
        lacking: Picks the jobs whose events must be read where no list has them.
    """

    def __init__(self, reader: Reader, registry: Registry, account: Account, lacking: Lacking) -> None:
        self._reader, self._registry, self._account, self._lacking = reader, registry, account, lacking

    def records(self) -> Iterator[Record]:
        """Yield all events."""
        self._account.seen.tasks_found.clear()
        pages = self._reader.offered_pages(self._account.settings.inferred.tasks_path, "tasks")
        if pages is not None:
            for page in pages:
                for row in page:
                    yield from self._with_parts(row)
            return
        answered = yield from self._of_customers()
        yield from self._of_jobs(answered)

    def _with_parts(
        self, row: Row, owner: RecordKey | None = None, job: Value = None, customer: Value = None
    ) -> Iterator[Record]:
        """Yield an event with what it brings along, unless it was deleted; found below a job, it is part of that."""
        event = self._event(row, job, customer)
        if not self._account.is_deleted(EVENT, event.fields):
            yield from _with_assignments(event, owner)
        yield from (replace(one, part_of=owner) for one in met_in(row, self._registry, self._account))

    def _event(self, row: Row, job: Value = None, customer: Value = None) -> Record:
        """Return an event. What it says itself of its job and customer counts first, then where it was found."""
        own = owned(row, job_id=ident_in(row.get("job")), customer_id=ident_in(row.get("customer")))
        full = owned(own, job_id=job, customer_id=customer)
        job, customer = full["job_id"], full["customer_id"]
        parent: tuple[str | None, Value] = (None, None)
        if job is not None:
            parent = (self._which(job), job)
            self._account.seen.tasks_found[str(job)] += 1
        elif customer is not None:
            parent = ("customer", customer)
        closing = self._registry.jobs().closed.get(str(job)) if job is not None else None
        return event_of(full, self._account, parent, closing)

    def _which(self, ident: Value) -> EntityName:
        """Return whether an id is a job's or an opportunity's."""
        if str(ident) in self._registry.jobs().ids:
            return JOB
        return ESTIMATE if str(ident) in self._registry.opportunities().ids else JOB

    def _of_customers(self) -> Generator[Record, None, bool]:
        """Yield the events that customers bring along; return whether they bring any."""
        answered = False
        for page in self._reader.pages("customers.xml", "customers", ("tasks",)):
            for row in page:
                answered = answered or "tasks" in row
                for task in rows_in(row.get("tasks")):
                    yield from self._with_parts(task, customer=row.get("id"))
        return answered

    def _of_jobs(self, answered: bool) -> Iterator[Record]:
        """Ask below each job that should have more events than were found; else take its schedule."""
        children = ("tasks",) if "tasks" in self._account.settings.inferred.job_children else ()
        for entity, page in self._pages():
            short = self._lacking(entity, [row for row in page if self._lacks_events(row, answered)])
            for row in self._reader.complete("jobs", short, children):
                owner = RecordKey(entity, SourceId(str(row["id"])))
                if "tasks" in row:
                    self._account.seen.tasks_found[str(row["id"])] = 0
                    for task in rows_in(row["tasks"]):
                        yield from self._with_parts(task, owner, job=row["id"])
                elif not answered:
                    yield from self._of_schedule(row, entity)

    def _pages(self) -> Iterator[tuple[EntityName, list[Row]]]:
        """Yield the rows of all jobs and opportunities."""
        for page in self._reader.pages("jobs.xml", "jobs"):
            yield JOB, page
        for found in self._registry.opportunity_list.pages(()):
            yield ESTIMATE, [row for row in found.rows if self._which(row["id"]) == ESTIMATE]
            yield JOB, found.jobs

    def _lacks_events(self, row: Row, answered: bool) -> bool:
        due = row.get("tasks_count")
        if isinstance(due, int):
            return due > self._account.seen.tasks_found[str(row["id"])] or not answered
        return True

    def _of_schedule(self, row: Row, entity: EntityName) -> Iterator[Record]:
        fields = settle(entity, row)
        employees = employees_of(fields.get("job_allocations"), row.get("employees"))
        event = event_of_schedule(fields, employees, entity)
        if event is not None:
            yield from _with_assignments(event, RecordKey(entity, SourceId(str(row["id"]))))
