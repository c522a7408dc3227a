"""The generated records of one company, block by block, the last few hundred blocks kept at hand."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from transload_sandbox.kickserv import _children, _plan
from transload_sandbox.kickserv._customers import generate_customers
from transload_sandbox.kickserv._jobs import generate_jobs
from transload_sandbox.kickserv._plan import Plan
from transload_sandbox.kickserv._table import Table
from transload_sandbox.kickserv.wire import Row, Value

_BLOCKS_KEPT = 512
Rows = Mapping[int, Row]
Index = Mapping[tuple[Value, ...], Sequence[int]]
"""Keys of the records of a block by what they belong to."""


class Generated:
    """Computes the blocks of a plan; a block that does not exist is empty."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        keep = lru_cache(_BLOCKS_KEPT)
        self.customers: Callable[[int], Rows] = keep(self._customers)
        self.jobs: Callable[[int], Rows] = keep(self._jobs)
        self.contacts: Callable[[int], Rows] = keep(self._contacts)
        self.notes: Callable[[int], Rows] = keep(self._notes)
        self.children_index: Callable[[int], Index] = keep(lambda block: _index(self.customers(block), "parent_id"))
        self.jobs_index: Callable[[int], Index] = keep(lambda block: _index(self.jobs(block), "customer_id"))
        self.contacts_index: Callable[[int], Index] = keep(lambda block: _index(self.contacts(block), "customer_id"))
        self.notes_index: Callable[[int], Index] = keep(
            lambda block: _index(self.notes(block), "noteable_type", "noteable_id")
        )
        self.charges: Callable[[int], Mapping[int, list[Row]]] = keep(self._charges)

    def tables(self) -> tuple[Table, Table, Table, Table]:
        """Return tables of customers and jobs by number, contacts and notes by id."""
        return (
            self._table(self.customers, _plan.block_of_customer, self.plan.customer_numbers),
            self._table(self.jobs, _plan.block_of_job, self.plan.kept_job_numbers),
            self._table(self.contacts, _plan.block_of_contact, self.plan.contact_ids),
            self._table(self.notes, _plan.block_of_note, self.plan.note_ids),
        )

    def _table(
        self,
        rows: Callable[[int], Rows],
        block_of: Callable[[int], int],
        keys_of: Callable[[int], Iterable[int]],
    ) -> Table:
        def keys() -> Iterator[int]:
            return (key for block in range(self.plan.blocks) for key in keys_of(block))

        return Table(lambda key: rows(block_of(key)).get(key), keys)

    def _exists(self, block: int) -> bool:
        return 0 <= block < self.plan.blocks

    def _earlier(self, block: int) -> Rows:
        return self.customers(block // 2) if block else {}

    def _customers(self, block: int) -> Rows:
        return generate_customers(self.plan, block, self._earlier(block)) if self._exists(block) else {}

    def _jobs(self, block: int) -> Rows:
        if not self._exists(block):
            return {}
        return generate_jobs(self.plan, block, self.customers(block), self._earlier(block), self.charges(block))

    def _contacts(self, block: int) -> Rows:
        return _children.generate_contacts(self.plan, block, self.customers(block)) if self._exists(block) else {}

    def _notes(self, block: int) -> Rows:
        if not self._exists(block):
            return {}
        return _children.generate_notes(self.plan, block, self.customers(block), self.jobs(block))

    def _charges(self, block: int) -> Mapping[int, list[Row]]:
        return _children.generate_charges(self.plan, block) if self._exists(block) else {}


def _index(rows: Rows, *names: str) -> Index:
    index: dict[tuple[Value, ...], list[int]] = {}
    for key, row in rows.items():
        index.setdefault(tuple(row.get(name) for name in names), []).append(key)
    return index
