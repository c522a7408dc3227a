"""What the lists of an account have shown, for everything that refers to them.

Reading a list fills this in. A run that was taken up again has staged some lists before it
stopped and does not read them again: they are asked for when somebody needs them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from transload.values import Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.inferred import CLOSED_JOBS
from transload_kickserv_source.nesting import name_in, number_or_text
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.opportunities import Opportunities
from transload_kickserv_source.people import primary_contact
from transload_kickserv_source.reading import REFUSALS, Reader
from transload_kickserv_source.xml import Document, Row

_IDS = "id,job_number,customer_id,status,updated_at"


@dataclass(slots=True)
class Ids:
    """Which jobs, or opportunities, a list has shown."""

    ids: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    closed: dict[str, str] = field(default_factory=dict)
    """The status of those on which nothing is left to do."""

    def add(self, rows: Iterable[Row]) -> None:
        """Remember rows."""
        for row in rows:
            self.ids.add(ident := str(row["id"]))
            if (status := row.get("status")) in CLOSED_JOBS:
                self.closed[ident] = str(status)
            if isinstance(number := number_or_text(row.get("job_number")), int):
                self.numbers.add(number)


@dataclass(slots=True)
class Customers:
    """Which customers there are, and the primary contact of each that has one, by id as text."""

    ids: set[str] = field(default_factory=set)
    primary: dict[str, Value] = field(default_factory=dict)


class Registry:
    """Which records the lists of one account have shown.

    Args:
        reader: Reads it.
        seen: Learns which numbers were left out, and what was not answered.
        account: Gives what everything that takes rows apart knows of it.
    """

    def __init__(self, reader: Reader, seen: Observations, account: Callable[[], Account]) -> None:
        self._reader, self._seen, self._account = reader, seen, account
        self.opportunity_list = Opportunities(reader, seen, lambda: self.jobs().numbers)
        self._jobs: Ids | None = None
        self._opportunities: Ids | None = None
        self._customers: Customers | None = None
        self._employees: dict[str, str | None] | None = None

    def begin_jobs(self) -> Ids:
        """Forget which jobs there are, and return where those that are read now go."""
        self._jobs = Ids()
        return self._jobs

    def begin_customers(self) -> Customers:
        """Forget which customers there are, and return where those that are read now go."""
        self._customers = Customers()
        return self._customers

    def begin_employees(self) -> dict[str, str | None]:
        """Forget which employees there are, and return where the names of those that are read now go, by id."""
        self._employees = {}
        return self._employees

    def keep_opportunities(self, known: Ids) -> None:
        """Remember which opportunities there are."""
        self._opportunities = known

    def jobs(self) -> Ids:
        """Return which jobs there are."""
        if self._jobs is None:
            known = Ids()
            for page in self._reader.pages("jobs.xml", "jobs", params={"only": _IDS}):
                known.add(page)
            self._jobs = known
        return self._jobs

    def opportunities(self) -> Ids:
        """Return which opportunities there are."""
        if self._opportunities is None:
            known = Ids()
            for found in self.opportunity_list.pages((), _IDS):
                known.add(found.rows)
            self._opportunities = known
        return self._opportunities

    def customers(self) -> Customers:
        """Return which customers there are; none where they are not listed."""
        if self._customers is None:
            known, account = Customers(), self._account()
            for page in self._reader.offered_pages("customers.xml", "customers", ("contacts",)) or ():
                for row in page:
                    known.ids.add(str(row["id"]))
                    if (contact := primary_contact(row, account)) is not None:
                        known.primary[str(row["id"])] = contact
            self._customers = known
        return self._customers

    def buyers(self) -> set[str]:
        """Return the ids of customers that have a job or an opportunity."""
        found: set[str] = set()
        for page in self._reader.pages("jobs.xml", "jobs", params={"only": "id,customer_id"}):
            found.update(str(row.get("customer_id")) for row in page)
        for pages in self.opportunity_list.pages((), "id,customer_id"):
            found.update(str(row.get("customer_id")) for row in (*pages.rows, *pages.jobs))
        return found

    def employees(self) -> dict[str, str | None]:
        """Return the names of the employees, by id as text; none where they are not listed."""
        if self._employees is None:
            rows = self._reader.rows(employee_list(self._reader.client, self._seen))
            self._employees = {str(row.get("id")): name_in(row) for row in rows}
        return self._employees


def employee_list(client: KickservClient, seen: Observations) -> Document:
    """Read the list of employees, which is not paged: page 2 would be the same again. Empty when it is refused."""
    try:
        return client.get_list("employees.xml", "employees")
    except REFUSALS as error:
        seen.unavailable["employees.xml"] = str(error)
        return Document(())
