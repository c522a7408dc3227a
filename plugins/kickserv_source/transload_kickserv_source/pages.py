"""Where people see records in Kickserv's own pages.

The web pages have the numbers in their addresses that people know, not the internal ids:
``https://app.kickserv.com/{account}/jobs/{job_number}``, the address of the resource without
its ending. Jobs and opportunities share one sequence of numbers, and one address.
"""

from collections.abc import Mapping, Sequence

from transload import Record
from transload.values import RecordKey
from transload_kickserv_source.settings import KickservSettings

_PAGES = (("job_number", "jobs"), ("customer_number", "customers"))
"""Field with the number, and the page that it leads to. What belongs to a job says the job's number first."""


def pages_of(records: Sequence[Record], settings: KickservSettings) -> Mapping[RecordKey, str]:
    """Return the page of each record that says a number; a note or a payment is seen on the page of its job."""
    found: dict[RecordKey, str] = {}
    for record in records:
        for field, page in _PAGES:
            number = str(record.fields.get(field, ""))
            if number.isascii() and number.isdigit():
                found[record.key] = f"{settings.website}/{page}/{number}"
                break
    return found
