"""What was seen of an account while it was read, for the audit and for later reads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from transload.values import EntityName, Record, Value


@dataclass(slots=True)
class Observations:
    """Grows while a run extracts; lives as long as the run.

    Attributes:
        unavailable: Reads that were not answered, with the reason.
        oddities: Places whose content could not be read as its type says, with how often.
        employees: Ids of the employees.
        authors: Employee ids that records name in ``created_by``, with how often.
        customers: Ids of the customers.
        job_customers: Customer ids that jobs name, with how often.
        job_numbers: Numbers of the jobs.
        contacts: Ids of contacts that were found with their customer.
        without_contacts: How many customers did not say what contacts they have.
        without_notes: Number and id of the records, by entity, that did not say what notes they have.
    """

    unavailable: dict[str, str] = field(default_factory=dict)
    oddities: Counter[str] = field(default_factory=Counter)
    employees: set[Value] = field(default_factory=set)
    authors: Counter[Value] = field(default_factory=Counter)
    customers: set[Value] = field(default_factory=set)
    job_customers: Counter[Value] = field(default_factory=Counter)
    job_numbers: set[int] = field(default_factory=set)
    contacts: set[str] = field(default_factory=set)
    without_contacts: int = 0
    without_notes: dict[EntityName, dict[str, Value]] = field(default_factory=dict)

    def note_authors(self, records: Iterable[Record]) -> None:
        """Remember who created records."""
        authors = (record.fields.get("created_by") for record in records)
        self.authors.update(author for author in authors if author is not None)

    def note_contacts(self, contacts: Sequence[Record] | None) -> None:
        """Remember the contacts of a customer, or that it did not say."""
        if contacts is None:
            self.without_contacts += 1
        else:
            self.contacts.update(contact.key.source_id for contact in contacts)

    def note_notes(self, record: Record, number: Value, notes: Sequence[Record] | None) -> None:
        """Remember whether a record said what notes it has."""
        missing = self.without_notes.setdefault(record.key.entity, {})
        if notes is None and number is not None:
            missing[str(number)] = record.fields["id"]
        else:
            missing.pop(str(number), None)
