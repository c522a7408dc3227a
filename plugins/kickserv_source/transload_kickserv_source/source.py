"""Reads the entities of an account, one after the other, and keeps what later reads need.

A page of customers or jobs brings its contacts and notes along (``include``), so that
an account is read in as many requests as it has pages. Where Kickserv does not answer
an association, its own endpoint is asked, record by record if need be.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from transload import RunContext
from transload.errors import NotOfferedError
from transload.values import EntityName, Record
from transload_kickserv_source.client import (
    GoneError,
    KickservClient,
    ServerFaultError,
    open_client,
)
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.paging import id_of, walk
from transload_kickserv_source.records import (
    CONTACT,
    CUSTOMER,
    EMPLOYEE,
    JOB,
    NOTE,
    note_of,
    record_of,
    unfold_customer,
    unfold_job,
)
from transload_kickserv_source.xml import Document, NotXmlError, Row

_WINDOW = 64
"""Parents whose notes are asked for together, so that few answers wait in memory."""


class KickservSource:
    """The records of one account.

    Args:
        client: Asks the account. It is closed with the source.
    """

    def __init__(self, client: KickservClient) -> None:
        self.client, self.seen = client, Observations()
        self._inferred = client.settings.inferred
        self._walked: set[EntityName] = set()
        self._readers: Mapping[EntityName, Callable[[], Iterator[Record]]] = {
            EMPLOYEE: self._employees,
            CUSTOMER: self._customers,
            CONTACT: self._contacts,
            JOB: self._jobs,
            NOTE: self._notes,
        }

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def read(self, entity: EntityName) -> Iterator[Record] | None:
        """Return the records of an entity, those nested in them included; None for a strange entity.

        Notes of parents that did not bring them along are known only once those parents
        have been read by the same object.
        """
        reader = self._readers.get(entity)
        return reader() if reader is not None else None

    def _employees(self) -> Iterator[Record]:
        # Not paged: page 2 would be the same list again.
        for row in self._rows(self.client.get_list("employees.xml", "employees")):
            record = record_of(EMPLOYEE, row)
            self.seen.employees.add(record.fields["id"])
            yield record

    def _customers(self) -> Iterator[Record]:
        """Walk the list; a sub-customer's row wins over the copy that its parent nests."""
        self._walked.add(CUSTOMER)
        listed: set[str] = set()
        nested: dict[str, Row] = {}
        includes = ",".join(self._inferred.customer_includes)
        for row in walk(self._pages("customers.xml", "customers", includes)):
            listed.add(key := id_of(row))
            nested.pop(key, None)
            for child in unfold_customer(row).children:
                if id_of(child) not in listed:
                    nested[id_of(child)] = child
            yield from self._customer(row)
        while nested:
            key, row = nested.popitem()
            listed.add(key)
            nested.update(
                (id_of(child), child) for child in unfold_customer(row).children if id_of(child) not in listed
            )
            yield from self._customer(row)

    def _customer(self, row: Row) -> Iterator[Record]:
        unfolded = unfold_customer(row)
        self.seen.customers.add(unfolded.record.fields["id"])
        self.seen.note_authors(unfolded)
        self.seen.note_contacts(unfolded.contacts)
        self.seen.note_notes(unfolded.record, row.get("customer_number"), unfolded.notes)
        yield from unfolded

    def _jobs(self) -> Iterator[Record]:
        self._walked.add(JOB)
        for row in walk(self._pages("jobs.xml", "jobs", ",".join(self._inferred.job_includes))):
            unfolded = unfold_job(row)
            number = row.get("job_number")
            if isinstance(number, int):
                self.seen.job_numbers.add(number)
            if (customer := row.get("customer_id")) is not None:
                self.seen.job_customers[customer] += 1
            self.seen.note_authors(unfolded)
            self.seen.note_notes(unfolded.record, number, unfolded.notes)
            yield from unfolded

    def _contacts(self) -> Iterator[Record]:
        """Read the list of contacts that nobody promises; one found with its customer is known already."""
        if not self._inferred.contacts:
            return
        path = self._inferred.contacts_path
        pages = self._pages(path, "contacts", "")
        try:
            first = pages(1)
        except (NotOfferedError, NotXmlError, ServerFaultError) as error:
            self.seen.unavailable[path] = str(error)
            return
        ahead = {1: first}
        for row in walk(lambda page: ahead.pop(page, None) or pages(page)):
            if id_of(row) not in self.seen.contacts:
                yield record_of(CONTACT, row)

    def _notes(self) -> Iterator[Record]:
        """Ask for the notes of each parent that did not bring them along."""
        for entity, resource in ((CUSTOMER, "customers"), (JOB, "jobs")):
            if entity not in self._walked and not self._brings_notes(resource):
                # A run that was taken up again: the parents were read before it stopped.
                yield from self._readers[entity]()
            waiting = iter(list(self.seen.without_notes.get(entity, {}).items()))
            with ThreadPoolExecutor(self.client.settings.connections) as pool:
                while window := list(islice(waiting, _WINDOW)):
                    paths = [f"{resource}/{number}/notes.xml" for number, _ in window]
                    for (_, parent), document in zip(window, pool.map(self._notes_at, paths), strict=True):
                        for row in self._rows(document):
                            yield note_of(entity, parent, row)

    def _brings_notes(self, resource: str) -> bool:
        """Whether the first page of a list brings its records' notes along."""
        includes = self._inferred.customer_includes if resource == "customers" else self._inferred.job_includes
        return all("notes" in row for row in self._pages(f"{resource}.xml", resource, ",".join(includes))(1))

    def _notes_at(self, path: str) -> Document:
        try:
            return self.client.get_list(path, "notes")
        except GoneError:
            return Document((), {})

    def _pages(self, path: str, root: str, includes: str) -> Callable[[int], tuple[Row, ...]]:
        params = {"include": includes} if includes else {}

        def read_page(page: int) -> tuple[Row, ...]:
            return self._rows(self.client.get_list(path, root, {"page": str(page), **params}))

        return read_page

    def _rows(self, document: Document) -> tuple[Row, ...]:
        self.seen.oddities.update(document.oddities)
        return tuple(document.rows)


def open_source(context: RunContext) -> KickservSource:
    """Make the source of a run, for :meth:`transload.RunContext.resource`."""
    return KickservSource(open_client(context))
