"""What was seen of an account while it was read, for the audit and for later reads."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from transload.values import Record, Value
from transload_kickserv_source.nesting import number_or_text
from transload_kickserv_source.xml import Row


@dataclass(slots=True)
class Observations:
    """Grows while a run extracts; lives as long as the run.

    Attributes:
        unavailable: Reads that were not answered, with the reason.
        oddities: Places whose content could not be read as its type says, with how often.
        withheld: Places whose name sounds like a secret, and which were left out, with how often.
        employees: Ids of the employees.
        limited: Names of the employees who see only what is assigned to them.
        authors: Employee ids that records name in ``created_by``, with how often.
        customers: Ids of the customers.
        parents: The parent of each customer that has one, by ids as text.
        job_customers: Customer ids that jobs name, with how often.
        job_numbers: Numbers of jobs and opportunities.
        contacts: Ids of contacts that were found with their customer.
        without_contacts: How many customers did not say what contacts they have.
        tasks_due: How many events each job should have, by its id, where it is any.
        tasks_found: How many it has.
        marks: What the audit reports record by record: a code, then a record's key with a detail.
    """

    unavailable: dict[str, str] = field(default_factory=dict)
    oddities: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    employees: set[Value] = field(default_factory=set)
    limited: set[str] = field(default_factory=set)
    authors: Counter[Value] = field(default_factory=Counter)
    customers: set[Value] = field(default_factory=set)
    parents: dict[str, str] = field(default_factory=dict)
    job_customers: Counter[Value] = field(default_factory=Counter)
    job_numbers: set[int] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    without_contacts: int = 0
    tasks_due: dict[Value, int] = field(default_factory=dict)
    tasks_found: Counter[Value] = field(default_factory=Counter)
    marks: dict[str, dict[str, str | Decimal]] = field(default_factory=dict)

    def mark(self, code: str, key: object, detail: str | Decimal = "") -> None:
        """Remember something about one record; the same again counts once."""
        self.marks.setdefault(code, {})[str(key)] = detail

    def unmark(self, code: str, key: object) -> None:
        """Forget it: a newer version of the record is in order."""
        self.marks.get(code, {}).pop(str(key), None)

    def note_document(self, row: Row, entity: str, *, with_files: bool) -> None:
        """Remember the number of a job or an opportunity, whose it is, and what it does not say of what hangs on it."""
        if isinstance(number := number_or_text(row.get("job_number")), int):
            self.job_numbers.add(number)
        if entity == "job" and isinstance(customer := number_or_text(row.get("customer_id")), str | int):
            self.job_customers[customer] += 1
        if isinstance(due := number_or_text(row.get("tasks_count")), int):
            self.tasks_due[str(row["id"])] = due
        for child in ("job_charges", "payments", "time_entries", "notes", "attachments"):
            if child in row or (child == "attachments" and not with_files):
                self.unmark(f"without_{child}", row["id"])
            else:
                self.mark(f"without_{child}", row["id"])

    def note_sync_error(self, entity: str, fields: Mapping[str, Value]) -> None:
        """Remember a record that QuickBooks refused, with what it said."""
        if isinstance(error := fields.get("qb_error"), str) and error.strip():
            self.mark("quickbooks_errors", f"{entity} {fields.get('id')}", error.strip())

    def note_authors(self, records: Iterable[Record]) -> None:
        """Remember who created records."""
        authors = (record.fields.get("created_by") for record in records)
        self.authors.update(author for author in authors if isinstance(author, str | int))

    def note_contacts(self, contacts: Sequence[Record] | None) -> None:
        """Remember the contacts of a customer, or that it did not say."""
        if contacts is None:
            self.without_contacts += 1
        else:
            self.contacts.update(contact.key.source_id for contact in contacts)
