"""Which jobs and opportunities there are, who bought, who is whose primary contact: walks with a few fields only."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from transload.values import Value
from transload_kickserv_source.inferred import CLOSED_JOBS
from transload_kickserv_source.nesting import number_or_text, rows_in
from transload_kickserv_source.opportunities import Opportunities
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.xml import Row

_IDS = "id,job_number,customer_id,status,updated_at"


@dataclass(slots=True)
class Roll:
    """Which records a list has shown."""

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


def call_jobs(reader: Reader) -> Roll:
    """Return which jobs there are."""
    roll = Roll()
    for page in reader.pages("jobs.xml", "jobs", params={"only": _IDS}):
        roll.add(page)
    return roll


def call_opportunities(opportunities: Opportunities) -> Roll:
    """Return which opportunities there are."""
    roll = Roll()
    for found in opportunities.pages((), _IDS):
        roll.add(found.rows)
    return roll


def call_primary_contacts(reader: Reader) -> dict[str, Value]:
    """Return each customer's primary contact, by the customer's id."""
    known: dict[str, Value] = {}
    for page in reader.pages("customers.xml", "customers", ("contacts",), {"only": "id"}):
        for row in page:
            found = (one.get("id") for one in rows_in(row.get("contacts")) if one.get("is_primary") is True)
            if (contact := next(found, None)) is not None:
                known[str(row["id"])] = contact
    return known


def call_buyers(reader: Reader, opportunities: Opportunities) -> set[str]:
    """Return the ids of customers that have a job or an opportunity."""
    found: set[str] = set()
    for page in reader.pages("jobs.xml", "jobs", params={"only": "id,customer_id"}):
        found.update(str(row.get("customer_id")) for row in page)
    for pages in opportunities.pages((), "id,customer_id"):
        found.update(str(row.get("customer_id")) for row in (*pages.rows, *pages.jobs))
    return found
