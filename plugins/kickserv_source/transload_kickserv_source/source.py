"""Reads the entities of an account, one after the other, and keeps what later reads need.

A page of customers, jobs or opportunities brings along what hangs on its records
(``include``), so that an account is read in as many requests as it has pages. What does
not come along is asked for record by record. All that hangs on a record is yielded with
it; the entities that are read by themselves are those that have lists of their own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

from transload import RunContext, StagedRecords
from transload.files import FileStore
from transload.values import EntityName, Record, RecordKey, SourceId
from transload_kickserv_source.account import Account
from transload_kickserv_source.attachments import Attachments
from transload_kickserv_source.catalogue import CATEGORY, ITEM, JOB_STATUS, JOB_TYPE, SHARED, TAG, TAX_ENTITY, Catalogue
from transload_kickserv_source.changes import Changes
from transload_kickserv_source.client import KickservClient, open_client
from transload_kickserv_source.definitions import read_definitions, remember
from transload_kickserv_source.documents import ESTIMATE, JOB, estimate_records, is_opportunity, job_records
from transload_kickserv_source.downloads import Downloads
from transload_kickserv_source.events import Events, Lacking, all_of
from transload_kickserv_source.nesting import children_in, key_text, name_in, named, owned, parts_of, rows_in
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.people import CONTACT, CUSTOMER, EMPLOYEE, contact_of, customer_of, employee_of
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.registry import Ids, Registry, employee_list
from transload_kickserv_source.schema import ENTITIES
from transload_kickserv_source.slots import Definitions, definitions_in
from transload_kickserv_source.strangers import met_in
from transload_kickserv_source.visits import EVENT
from transload_kickserv_source.xml import Row

_WINDOW = 64


class KickservSource:
    """The records of one account.

    Args:
        client: Asks the account. It is closed with the source.
        files: Where the account's files are kept; without it none are read.
        downloads: Fetches them; made from the client's settings when left out.
        memory: A file that keeps what the account's own fields are.
    """

    def __init__(
        self,
        client: KickservClient,
        files: FileStore | None = None,
        downloads: Downloads | None = None,
        memory: Path | None = None,
    ) -> None:
        self.client, self.seen = client, Observations()
        self._inferred, self._memory = client.settings.inferred, memory
        self._reader = Reader(client, self.seen)
        self._registry = Registry(self._reader, self.seen, lambda: self.account)
        self._nested_jobs: dict[str, Row] = {}
        self._met_fields: dict[tuple[str, str], Row] = {}
        self._attachments: Attachments | None = None
        if files is not None and client.settings.attachments:
            self._attachments = Attachments(self._reader, downloads or Downloads(client.settings), files)
        self._readers: Mapping[EntityName, Callable[[], Iterator[Record]]] = {
            EMPLOYEE: self._employees,
            **{one: partial(self._listed, one) for one in (ITEM, JOB_TYPE, JOB_STATUS, TAX_ENTITY, TAG)},
            CUSTOMER: self._customers,
            CONTACT: self._contacts,
            JOB: self._jobs,
            ESTIMATE: self._estimates,
            EVENT: self._events,
        }

    def close(self) -> None:
        """Close all connections."""
        self.client.close()
        if self._attachments is not None:
            self._attachments.close()

    def read(self, entity: EntityName) -> Iterator[Record] | None:
        """Return the records of an entity, with those that hang on them; None for a strange entity.

        What hangs on a record came with it, so an entity without a list of its own gives none.
        """
        if entity not in ENTITIES:
            return None
        reader = self._readers.get(entity)
        return self._remembering(reader()) if reader is not None else iter(())

    def _remembering(self, records: Iterator[Record]) -> Iterator[Record]:
        """Yield records, and keep what they told of the account's own fields."""
        yield from records
        remember(self._memory, list(self._met_fields.values()))

    def read_changes(
        self, entity: EntityName, staged: StagedRecords, since: datetime
    ) -> Iterator[Record | RecordKey] | None:
        """Return what may have changed of an entity, and what is as it was; None when it is read in full.

        Args:
            entity: The entity.
            staged: The records as they were read last.
            since: Jobs that were finished after this moment are read anew.
        """
        changes = Changes(self._reader, staged, since)
        readers: Mapping[EntityName, Callable[[Changes], Iterator[Record | RecordKey]]] = {
            **{one: partial(self._listed_changes, one) for one in (ITEM, JOB_TYPE, JOB_STATUS, TAX_ENTITY, TAG)},
            CUSTOMER: self._customer_changes,
            CONTACT: self._contact_changes,
            JOB: self._job_changes,
            ESTIMATE: self._estimate_changes,
            EVENT: lambda changes: self._events(changes.lacking_events),
        }
        reader = readers.get(entity)
        return reader(changes) if reader is not None else None

    @cached_property
    def definitions(self) -> Definitions:
        """The account's own fields, as far as they are known."""
        return read_definitions(self._reader, self.seen, self._memory)

    @cached_property
    def account(self) -> Account:
        """What everything that takes rows apart knows of the account."""
        paths = {JOB_TYPE: self._inferred.job_types_path, JOB_STATUS: self._inferred.job_statuses_path}
        catalogue = Catalogue(self._reader, {**paths, TAG: self._inferred.tags_path})
        return Account(
            self.client.settings,
            self.seen,
            catalogue,
            self.definitions,
            self._with_sales(),
            primary_contacts=lambda: self._registry.customers().primary,
            employees=self._registry.employees,
        )

    def _listed(self, entity: EntityName) -> Iterator[Record]:
        return self.account.catalogue.listed(entity)

    def _employees(self) -> Iterator[Record]:
        names = self._registry.begin_employees()
        for row in self._reader.rows(employee_list(self.client, self.seen)):
            if key_text(row) is None:
                self.seen.oddities["employees: a record without an id"] += 1
            record = employee_of(named(row))
            names[record.key.source_id] = name_in(row)
            self.seen.employees.add(record.fields["id"])
            if record.fields.get("limit_access_to_assignments") is True and record.fields.get("active") is not False:
                self.seen.limited.add(str(record.fields.get("name") or record.key.source_id))
            yield record

    def _customers(self) -> Iterator[Record]:
        """Walk the list; a sub-customer's row wins over the copy that its parent nests."""
        self.seen.without_contacts = 0
        listed = self._registry.begin_customers().ids
        nested: dict[str, Row] = {}
        for page in self._reader.pages("customers.xml", "customers", self._wanted(self._inferred.customer_includes)):
            for row in page:
                listed.add(key := str(row["id"]))
                nested.pop(key, None)
                nested.update(children_in(row, listed))
            yield from self._customer_page(page)
        while nested:
            page = list(nested.values())[:_WINDOW]
            listed.update(str(row["id"]) for row in page)
            for row in page:
                nested.update(children_in(row, listed))
            nested = {key: row for key, row in nested.items() if key not in listed}
            yield from self._customer_page(page)

    def _customer_page(self, page: list[Row]) -> Iterator[Record]:
        rows = self._reader.complete("customers", page, self._wanted(self._inferred.customer_children))
        for row in rows:
            customer = customer_of(row, self.account)
            self._learn("customer", row)
            if (contact := customer.record.fields["primary_contact_id"]) is not None:
                self._registry.customers().primary[str(row["id"])] = contact
            for job in rows_in(row.get("jobs")):
                nested = named(owned(job, customer_id=row["id"]))
                self._nested_jobs[str(nested["id"])] = nested
            self.seen.customers.add(customer.record.fields["id"])
            self.seen.note_sync_error("customer", customer.record.fields)
            self.seen.note_authors(customer)
            self.seen.note_contacts(customer.contacts)
            yield from parts_of(customer.record.key, customer, SHARED)
        yield from self._files("customer", "customers", rows)

    def _contacts(self) -> Iterator[Record]:
        """Read the list of contacts that nobody promises; one found with its customer is known already."""
        for page in self._reader.offered_pages(self._inferred.contacts_path, "contacts") or ():
            yield from (contact_of(row, self.account) for row in page if str(row["id"]) not in self.seen.contacts)

    def _jobs(self) -> Iterator[Record]:
        known = self._registry.begin_jobs()
        for page in self._reader.pages("jobs.xml", "jobs", self._wanted(self._inferred.job_includes)):
            known.add(page)
            yield from self._document_page("job", page)
        yield from self._unlisted("job", known)

    def _unlisted(self, entity: str, known: Ids) -> Iterator[Record]:
        """Yield jobs, or opportunities, that customers nest and their own list does not show."""
        rows = [
            row
            for key, row in self._nested_jobs.items()
            if key not in known.ids and ("status" in row and is_opportunity(row)) is (entity == "estimate")
        ]
        known.add(rows)
        yield from self._document_page(entity, rows)

    def _estimates(self) -> Iterator[Record]:
        jobs = self._registry.jobs()
        known = Ids()
        for found in self._registry.opportunity_list.pages(self._wanted(self._inferred.job_includes)):
            own = [row for row in found.rows if str(row["id"]) not in jobs.ids]
            known.add(own)
            yield from self._document_page("estimate", own)
            yield from self._estimates_of_jobs(found.rows, jobs)
            yield from self._document_page("job", found.jobs)
        yield from self._unlisted("estimate", known)
        self._registry.keep_opportunities(known)

    def _estimates_of_jobs(self, rows: list[Row], jobs: Ids) -> Iterator[Record]:
        """Yield opportunities that the list of jobs shows as well: parts of the jobs that they became."""
        for row in rows:
            if str(row["id"]) in jobs.ids:
                owner = RecordKey(JOB, SourceId(str(row["id"])))
                yield from parts_of(owner, estimate_records(row, self.account, is_job=True), SHARED)

    def _document_page(self, entity: str, page: list[Row]) -> Iterator[Record]:
        """Yield jobs, or opportunities, with all that hangs on them."""
        children = [child for child in self._wanted(self._inferred.job_children) if child != "tasks"]
        rows = self._reader.complete("jobs", page, children)
        unfold = job_records if entity == "job" else estimate_records
        for row in rows:
            self.seen.note_document(row, entity, with_files=self._attachments is not None)
            records = list(unfold(row, self.account))
            self._learn(entity, row)
            self.seen.note_authors(records)
            for one in records:
                self.seen.note_sync_error(one.key.entity, one.fields)
            owner = RecordKey(EntityName(entity), SourceId(str(row["id"])))
            yield from parts_of(owner, [*records, *met_in(row, self._registry, self.account)], SHARED)
        yield from self._files(entity, "jobs", rows)

    def _learn(self, entity: str, row: Row) -> None:
        """Remember the fields of the account's own that a row defines, where no list does."""
        if self._inferred.custom_fields_path in ("", *self.seen.unavailable):
            for one in definitions_in(entity, row):
                self._met_fields[str(one["applies_to"]), str(one["id"])] = one

    def _events(self, lacking: Lacking = all_of) -> Iterator[Record]:
        return Events(self._reader, self._registry, self.account, lacking).records()

    def _listed_changes(self, entity: EntityName, changes: Changes) -> Iterator[Record | RecordKey]:
        """Read a list. What it does not show was found with another record, which may not come this time."""
        listed: set[RecordKey] = set()
        for one in self._listed(entity):
            listed.add(one.key)
            yield one
        yield from (key for key in changes.unlisted(entity, CATEGORY) if key not in listed)

    def _customer_changes(self, changes: Changes) -> Iterator[Record | RecordKey]:
        known = self._registry.begin_customers()
        includes = self._wanted(self._inferred.customer_includes)
        for found in changes.customers(includes, self.account.with_sales):
            if isinstance(found, list):
                known.ids.update(str(row["id"]) for row in found)
                yield from self._customer_page(found)
                continue
            known.ids.add(found.key.source_id)
            if (contact := found.fields.get("primary_contact_id")) is not None:
                known.primary[found.key.source_id] = contact
            yield found.key

    def _contact_changes(self, changes: Changes) -> Iterator[Record]:
        for page in self._reader.offered_pages(self._inferred.contacts_path, "contacts") or ():
            for row, owner in changes.contacts([row for row in page if str(row["id"]) not in self.seen.contacts]):
                yield replace(contact_of(row, self.account), part_of=owner)

    def _job_changes(self, changes: Changes) -> Iterator[Record | RecordKey]:
        known = self._registry.begin_jobs()
        for found in changes.jobs(self._wanted(self._inferred.job_includes), known.add):
            if isinstance(found, list):
                yield from self._document_page("job", found)
            else:
                yield found.key

    def _estimate_changes(self, changes: Changes) -> Iterator[Record | RecordKey]:
        jobs, known = self._registry.jobs(), Ids()
        found = changes.estimates(self._wanted(self._inferred.job_includes), jobs.ids, known.add)
        if found is None:
            yield from self._estimates()
            return
        for one in found:
            if isinstance(one, list):
                yield from self._document_page("estimate", [row for row in one if str(row["id"]) not in jobs.ids])
                yield from self._estimates_of_jobs(one, jobs)
            else:
                yield one.key
        self._registry.keep_opportunities(known)

    def _files(self, parent: str, resource: str, rows: list[Row]) -> Iterator[Record]:
        if self._attachments is not None:
            for file in self._attachments.records(parent, resource, rows, self.account):
                owner = RecordKey(EntityName(parent), SourceId(str(file.fields["parent_id"])))
                yield replace(file, part_of=owner)

    def _wanted(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name != "attachments" or self._attachments is not None)

    def _with_sales(self) -> set[str] | None:
        """Return the ids of customers that have a job or an opportunity, when the mappings must know."""
        if self.client.settings.individuals != "contact":
            return None
        return self._registry.buyers()


def open_source(context: RunContext) -> KickservSource:
    """Make the source of a run, for :meth:`transload.RunContext.resource`."""
    client = open_client(context)
    return KickservSource(client, context.files, memory=context.folder / "kickserv-fields.json")
