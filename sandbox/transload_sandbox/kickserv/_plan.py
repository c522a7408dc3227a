"""How many records a company has, how they are numbered, and when they were made.

Records come in blocks: twenty customers and what belongs to them. A block is computed from the seed and its
place alone, so record n of a huge company costs no more than record n of a small one. Half of the jobs of
block b are for customers of block b // 2: repeat business, further apart the larger the company grows, and
still found both ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from transload_sandbox.kickserv._draw import Draw
from transload_sandbox.kickserv.wire import names

BLOCK = 20
JOBS_A_CUSTOMER = 3
NOTES_A_CUSTOMER = 2
FIRST_CONTACT, FIRST_NOTE = 2001, 6001
CONTACT_OWNERS = (3, 3, 6, 1, 11, None, 16, 16, 5, 18, 8, 0)
"""Place in the block of each contact's customer; None is a contact whose customer is missing."""
CONTACTS_A_BLOCK = len(CONTACT_OWNERS)
OPENED = datetime(2012, 3, 5, 14, 0, tzinfo=UTC)
CLOSED = datetime(2025, 10, 24, 20, 0, tzinfo=UTC)
"""Newest moment in which a generated record was made."""
CHANGE_LAG = timedelta(days=54)
"""Longer than any generated job or customer goes on changing after the end of its block."""

GONE = "gone"
OPPORTUNITIES = frozenset({"new", "lost"})
_STATUSES = names(
    "complete scheduled canceled new complete unscheduled in_progress on_hold complete lost complete "
    "complete gone complete scheduled complete new complete canceled complete complete scheduled complete "
    "unscheduled complete new complete complete canceled complete complete on_hold complete scheduled "
    "complete gone complete complete unscheduled complete complete in_progress complete scheduled new "
    "complete complete lost complete complete canceled complete unscheduled complete complete scheduled "
    "complete new gone complete"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The measure of one company."""

    seed: int
    customers: int

    @property
    def blocks(self) -> int:
        """Number of blocks; the last may be short."""
        return -(-self.customers // BLOCK)

    def size(self, block: int) -> int:
        """Return the number of customers in a block."""
        return min(BLOCK, self.customers - block * BLOCK)

    def customer_numbers(self, block: int) -> range:
        """Return the customer numbers of a block."""
        first = block * BLOCK + 1
        return range(first, first + self.size(block))

    def job_numbers(self, block: int) -> range:
        """Return the numbers that a block uses up for jobs, opportunities and what was deleted."""
        first = block * BLOCK * JOBS_A_CUSTOMER + 1
        return range(first, first + self.size(block) * JOBS_A_CUSTOMER)

    def job_statuses(self, block: int) -> Sequence[str]:
        """Return what became of each job number of a block; `GONE` leaves a gap."""
        few = _STATUSES[: self.size(block) * JOBS_A_CUSTOMER]
        return Draw(self.seed, "statuses", block).shuffled(few)

    def kept_job_numbers(self, block: int) -> list[int]:
        """Return the numbers of a block that jobs and opportunities hold."""
        pairs = zip(self.job_numbers(block), self.job_statuses(block), strict=True)
        return [number for number, status in pairs if status != GONE]

    def contact_ids(self, block: int) -> list[int]:
        """Return the ids of a block's contacts; a short block has those whose customers it has."""
        first = FIRST_CONTACT + CONTACTS_A_BLOCK * block
        size = self.size(block)
        return [
            first + place for place, owner in enumerate(CONTACT_OWNERS) if (place if owner is None else owner) < size
        ]

    def note_ids(self, block: int) -> range:
        """Return the ids of a block's notes."""
        first = FIRST_NOTE + NOTES_A_CUSTOMER * BLOCK * block
        return range(first, first + NOTES_A_CUSTOMER * self.size(block))

    def moment(self, block: int, share: float) -> datetime:
        """Return a moment inside a block's part of the company's life; share 0 is its start, 1 its end."""
        life = (CLOSED - OPENED) / self.blocks
        return OPENED + life * block + timedelta(seconds=int(life.total_seconds() * share))

    def last_change(self, block: int, share: float) -> datetime:
        """Return a moment in which records of a block were changed last, later than anything in their lives.

        These windows follow each other like the blocks, so an order by last change needs no look at all records.
        """
        return self.moment(block, 0.02 + 0.96 * share) + CHANGE_LAG

    def block_of_change(self, moment: datetime) -> int:
        """Return the block whose records were changed last at a moment; below 0 or past the end there is none."""
        return (moment - CHANGE_LAG - OPENED) // ((CLOSED - OPENED) / self.blocks)

    def job_count(self, block: int, *, listed: bool) -> int:
        """Return how many jobs a block has, or how many opportunities, without looking at them."""
        return _job_count(self.size(block) * JOBS_A_CUSTOMER, listed)

    def related_blocks(self, block: int) -> list[int]:
        """Return the blocks that may hold children or jobs of a block's customers."""
        return sorted({candidate for candidate in (block, 2 * block, 2 * block + 1) if candidate < self.blocks})


@cache
def _job_count(numbers: int, listed: bool) -> int:
    return sum(status != GONE and (status not in OPPORTUNITIES) is listed for status in _STATUSES[:numbers])


def block_of_customer(number: int) -> int:
    """Return the block of a customer number."""
    return (number - 1) // BLOCK


def block_of_job(number: int) -> int:
    """Return the block of a job number."""
    return (number - 1) // (BLOCK * JOBS_A_CUSTOMER)


def block_of_contact(ident: int) -> int:
    """Return the block of a contact id."""
    return (ident - FIRST_CONTACT) // CONTACTS_A_BLOCK


def block_of_note(ident: int) -> int:
    """Return the block of a note id."""
    return (ident - FIRST_NOTE) // (NOTES_A_CUSTOMER * BLOCK)


@dataclass(frozen=True, slots=True)
class Ids:
    """How the ids of what hangs on jobs are made: a few for each job number.

    A customer's own tasks and files use the places that are left of job number three times its own.
    """

    base: int
    step: int

    def of(self, number: int, place: int) -> int:
        """Return the id of a job's record; places begin at 0 and end below the step."""
        return self.base + self.step * number + place

    def block(self, ident: int) -> int:
        """Return the block of an id."""
        return block_of_job((ident - self.base) // self.step)


CHARGE, TIME_ENTRY, PAYMENT = Ids(90_000, 4), Ids(7_000, 8), Ids(5_000, 2)
TASK, ATTACHMENT = Ids(8_000, 4), Ids(3_000, 8)

_CUSTOMER_BASE, _JOB_BASE, _JOB_STEP = 4_714_792, 4_714_800, 7
"""Ids of customers and jobs overlap on purpose: a note's ``noteable-id`` does not say what it hangs on."""


def customer_id(number: int) -> int:
    """Return the internal id of a customer number."""
    return _CUSTOMER_BASE + number


def customer_number(ident: int) -> int:
    """Return the customer number of an internal id, whether or not such a customer exists."""
    return ident - _CUSTOMER_BASE


def job_id(number: int) -> int:
    """Return the internal id of a job number."""
    return _JOB_BASE + _JOB_STEP * number


def job_number(ident: int) -> int:
    """Return the job number of an internal id; 0, which no job has, when the id cannot be a job's."""
    number, rest = divmod(ident - _JOB_BASE, _JOB_STEP)
    return 0 if rest else number
