"""Numbers that the platform gives to documents, cases and work orders, and the rule for quote numbers."""

from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError, duplicate_row

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

NUMBERED = {
    "incident": ("ticketnumber", "CAS", 1000),
    "quote": ("quotenumber", "QUO", 1000),
    "salesorder": ("ordernumber", "ORD", 1000),
    "invoice": ("invoicenumber", "INV", 1000),
}
"""Table to its number, the prefix and the first number."""
_OPEN_QUOTE = frozenset({0, 1})


def next_number(environment: Environment, name: str, first: int) -> int:
    """Give out the next number of a series."""
    number = int(str(environment.store.get_meta(f"number {name}") or first))
    environment.store.put_meta(f"number {name}", number + 1)
    return number


def number(writer: "Writer", change: Change) -> None:
    """Number a new row that came without a number."""
    environment = writer.environment
    column, prefix, first = NUMBERED[change.table.name]
    if change.former is None and change.row[column] is None:
        count = next_number(environment, change.table.name, first)
        change.row[column] = f"{prefix}-{count:05d}-{environment.new_id()[:6].upper()}"


def check_quote(writer: "Writer", change: Change) -> None:
    """Check that no other open quote has the number, and none the number and the revision.

    Raises:
        ODataError: There is one.
    """
    if change.former is not None:
        return
    row = change.row
    row["revisionnumber"] = int(str(row["revisionnumber"] or 0))
    others = writer.environment.store.find(change.table, {"quotenumber": row["quotenumber"]})
    if any(other["statecode"] in _OPEN_QUOTE for other in others):
        raise ODataError(
            400,
            "0x80048d00",
            "Quote cannot be revised as there already exists another quote in Draft/Active state and with same "
            "quote number.",
        )
    if any(other["revisionnumber"] == row["revisionnumber"] for other in others):
        raise duplicate_row()
