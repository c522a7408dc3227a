"""Employees and customers that only the records of others name: no list shows them.

An employee left long ago, or a customer is out of the token's sight. What a job or an event
says of them is all that there is, and better than a number that leads nowhere.
"""

from collections.abc import Iterator, Mapping

from transload.values import Record
from transload_kickserv_source.account import Account
from transload_kickserv_source.nesting import key_text, name_in, named, rows_in
from transload_kickserv_source.people import customer_of, employee_of
from transload_kickserv_source.registry import Registry
from transload_kickserv_source.xml import Row


def met_in(row: Row, registry: Registry, account: Account) -> Iterator[Record]:
    """Yield the strangers that a row of a job, an opportunity or an event nests, each once in a run."""
    for nested in rows_in(row.get("employees")):
        key = key_text(nested)
        if key is not None and name_in(nested) and key not in registry.employees():
            registry.employees()[key] = name_in(nested)
            account.seen.mark("unlisted_employees", key, str(name_in(nested)))
            yield employee_of(named(nested), listed=False)
    customer = row.get("customer")
    key = key_text(customer) if isinstance(customer, Mapping) and name_in(customer) else None
    if key is not None and isinstance(customer, Mapping) and key not in registry.customers().ids:
        registry.customers().ids.add(key)
        account.seen.mark("unlisted_customers", key, str(name_in(customer)))
        yield from customer_of(named(customer), account)
