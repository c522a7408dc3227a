"""What the audit should say about a Kickserv account."""

from collections import Counter
from collections.abc import Iterable, Iterator

from transload.values import Finding, Severity
from transload_kickserv_source.client import KickservClient
from transload_kickserv_source.marks import marked
from transload_kickserv_source.observations import Observations

_SHOWN = 5
_LIMITED = (
    "A token of an employee limited to own assignments sees only assigned customers and jobs, and Kickserv "
    "says nothing about it. Use the token of the account owner."
)

_INSTEAD = {
    "include=": "What did not come along is asked for record by record, as far as that is answered.",
    "employees.xml": "Employees are taken from the jobs and events that name them.",
    "customers.xml": "Jobs say no primary contact.",
    "jobs/NUMBER.xml": "Open and lost estimates are read from their own list, if there is one.",
    "contacts.xml": "Nothing is lost that hangs on a customer: contacts came with their customers.",
    "opportunities.xml": "Missing job numbers are asked for instead: opportunities answer to their number.",
    "payments.xml": "One payment is derived for each job, from what is owed no more.",
    "tasks.xml": "Events are taken from the customers and jobs, or from the jobs' own schedules.",
    "custom_fields.xml": "Write the labels of the account's own fields into a file, and name it in `labels`.",
    "attachments.xml": "Files must be fetched by hand, from Kickserv's pages.",
    "job_charges.xml": "Each document gets one line with its total.",
    "items.xml": "Items are taken from the charges that name them.",
    "job_types.xml": "Job types are taken from the jobs that name them.",
    "job_statuses.xml": "Job statuses are taken from the jobs that name them.",
    "tags.xml": "Tags are taken from the records that carry them.",
}


def check_access(client: KickservClient) -> list[Finding]:
    """Ask for the ids of the first customers, and say who answered.

    Raises:
        RunError: Kickserv refuses the token or does not answer.
    """
    page = client.get_list("customers.xml", "customers", {"page": "1", "only": "id"})
    account = client.settings.account
    if not page.rows:
        return [
            Finding(
                "kickserv.no_customers",
                Severity.WARNING,
                f"The Kickserv account {account} answers, but shows no customer",
                remedy=_LIMITED,
            )
        ]
    return [
        Finding(
            "kickserv.answers",
            Severity.INFO,
            f"The Kickserv account {account} answers at {client.settings.address}",
        )
    ]


def findings(seen: Observations) -> Iterator[Finding]:
    """Yield what a person should know after the account has been read."""
    for path, reason in seen.unavailable.items():
        yield Finding(
            "kickserv.unavailable", Severity.INFO, f"Kickserv does not offer {path}", reason, _instead_of(path)
        )
    yield from _unreadable(seen)
    yield from _contacts(seen)
    yield from _limits(seen)
    yield from _circles(seen)
    yield from _short_list(seen)
    yield from _authors(seen)
    yield from _gaps(seen)
    yield from marked(seen)
    yield from _missing_events(seen)
    if seen.oddities:
        yield Finding(
            "kickserv.unreadable_values",
            Severity.WARNING,
            "Some answers have another shape than they declare; what they hold was kept as it stands",
            _most(seen.oddities),
            "Look at these fields in Kickserv; correct them there, or map them to text columns.",
            sum(seen.oddities.values()),
        )
    if seen.withheld:
        yield Finding(
            "kickserv.withheld",
            Severity.INFO,
            "Elements whose names sound like secrets were not read",
            _most(seen.withheld),
            "Nothing to do, unless one of them is no secret: then write its values down by hand.",
            sum(seen.withheld.values()),
        )


def _instead_of(path: str) -> str:
    """Return what is read instead of something that is not offered."""
    known = next((text for part, text in _INSTEAD.items() if part in path), None)
    return known or "Nothing to do, unless findings on missing records say so."


def _unreadable(seen: Observations) -> Iterator[Finding]:
    """Say what nothing can be read in place of."""
    if "employees.xml" in seen.unavailable:
        yield Finding(
            "kickserv.no_employees",
            Severity.WARNING,
            "Kickserv does not give the list of employees",
            seen.unavailable["employees.xml"],
            "Without e-mail addresses no employee is matched to a user, and everything goes to the fallback owner. "
            "Use the token of the account owner.",
        )
    if "jobs/NUMBER.xml" in seen.unavailable and any(path.startswith("opportunities") for path in seen.unavailable):
        yield Finding(
            "kickserv.no_opportunities",
            Severity.WARNING,
            "Open and lost estimates cannot be read",
            seen.unavailable["jobs/NUMBER.xml"],
            "Kickserv offers no list of them and does not answer for a job's number. Compare with its own pages.",
        )


def _circles(seen: Observations) -> Iterator[Finding]:
    """Name customers that are ancestors of their own, which no hierarchy takes."""
    found: set[str] = set()
    settled: set[str] = set()
    for start in seen.parents:
        path: list[str] = []
        at = start
        while at in seen.parents and at not in settled:
            settled.add(at)
            path.append(at)
            at = seen.parents[at]
        if at in path:
            found.update(path[path.index(at) :])
    if found:
        yield Finding(
            "kickserv.parent_circles",
            Severity.WARNING,
            "Some customers are ancestors of their own",
            f"customer ids {_some(sorted(found))}",
            "Correct their parents in Kickserv: no hierarchy takes a circle, and who would close it is set aside.",
            len(found),
        )


def _missing_events(seen: Observations) -> Iterator[Finding]:
    if not seen.tasks_found and not any(seen.tasks_due.values()):
        return
    wrong = {job: due for job, due in seen.tasks_due.items() if seen.tasks_found[job] != due}
    if wrong:
        due, found = sum(wrong.values()), sum(seen.tasks_found[job] for job in wrong)
        yield Finding(
            "kickserv.events_missing",
            Severity.WARNING,
            "Some jobs have another number of events than they say",
            f"{due} announced, {found} found; job ids {_some(wrong)}",
            "Compare the calendar of some of these jobs before going on.",
            len(wrong),
        )


def _contacts(seen: Observations) -> Iterator[Finding]:
    if seen.without_contacts:
        yield Finding(
            "kickserv.contacts_missing",
            Severity.WARNING,
            "Kickserv did not say which contacts some customers have",
            remedy="Compare with the contacts of Kickserv's account export before going on.",
            count=seen.without_contacts,
        )


def _limits(seen: Observations) -> Iterator[Finding]:
    hidden = {customer: jobs for customer, jobs in seen.job_customers.items() if customer not in seen.customers}
    if hidden:
        yield Finding(
            "kickserv.hidden_customers",
            Severity.WARNING,
            "Jobs refer to customers that the token does not see",
            f"{sum(hidden.values())} jobs; customer ids {_some(hidden)}",
            _LIMITED,
            len(hidden),
        )


def _short_list(seen: Observations) -> Iterator[Finding]:
    """Say how sure it is that the token sees everything: Kickserv shortens lists without a word."""
    hidden = sum(customer not in seen.customers for customer in seen.job_customers)
    missing = max(seen.job_numbers, default=0) - len(seen.job_numbers)
    events = sum(max(0, due - seen.tasks_found[job]) for job, due in seen.tasks_due.items())
    signs = [
        text
        for count, text in (
            (hidden, f"{hidden} customers of jobs are not listed"),
            (
                missing * 2 > len(seen.job_numbers),
                f"{missing} of {max(seen.job_numbers, default=0)} numbers are missing",
            ),
            (events, f"{events} announced events were not found"),
        )
        if count
    ]
    if seen.limited and signs:
        yield Finding(
            "kickserv.short_list",
            Severity.WARNING,
            "The token may belong to an employee who sees only what is assigned to them",
            f"{'; '.join(signs)}. Limited employees: {_some(sorted(seen.limited))}",
            _LIMITED,
            len(signs),
        )


def _authors(seen: Observations) -> Iterator[Finding]:
    strangers = {author: times for author, times in seen.authors.items() if author not in seen.employees}
    if strangers and "employees.xml" not in seen.unavailable:
        yield Finding(
            "kickserv.unknown_employees",
            Severity.WARNING,
            "Records were created by employees that Kickserv no longer lists",
            f"{sum(strangers.values())} records; employee ids {_some(strangers)}",
            "Their records go to the fallback owner and are flagged.",
            len(strangers),
        )


def _gaps(seen: Observations) -> Iterator[Finding]:
    if not seen.job_numbers:
        return
    missing = max(seen.job_numbers) - len(seen.job_numbers)
    if missing > 0:
        yield Finding(
            "kickserv.job_number_gaps",
            Severity.WARNING,
            "Numbers are missing among jobs and opportunities",
            f"{missing} of the numbers up to {max(seen.job_numbers)}",
            "Jobs and opportunities share one sequence: these are deleted ones, or ones that the token does "
            'not see. estimate_source = "both" asks for each.',
            missing,
        )


def _most(places: Counter[str]) -> str:
    return ", ".join(f"{place} ({times} times)" for place, times in places.most_common(_SHOWN))


def _some(ids: Iterable[object]) -> str:
    texts = [str(one) for one in ids]
    return ", ".join(texts[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")
