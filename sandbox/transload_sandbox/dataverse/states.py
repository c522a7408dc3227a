"""State machines: which state and status a change leads to, and who may change it.

Facts: the state model of each table is in the schema; the transitions that need a message and the tables
    whose closed rows are read-only are Microsoft's documented rules for sales documents, cases and
    activities.
"""

from collections.abc import Set

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table

_LOCKED: dict[str, frozenset[int]] = {
    "incident": frozenset({1, 2}),
    "lead": frozenset({1}),
    "opportunity": frozenset({1, 2}),
    "quote": frozenset({1, 2, 3}),
    "salesorder": frozenset({2, 3, 4}),
    "invoice": frozenset({1, 2, 3}),
}
_CLOSED_ACTIVITY = frozenset({1, 2})

_MESSAGE_ONLY: dict[tuple[str, int], tuple[str, str]] = {
    ("opportunity", 1): ("0x80100005", "Win"),
    ("opportunity", 2): ("0x80100005", "Lost"),
    ("incident", 1): ("0x80040203", "CloseIncidentRequest"),
    ("quote", 2): ("0x80040203", "WinQuoteRequest"),
    ("quote", 3): ("0x80040203", "CloseQuoteRequest"),
    ("salesorder", 2): ("0x80040203", "CancelSalesOrderRequest"),
    ("salesorder", 3): ("0x80040203", "FulfillSalesOrderRequest"),
}

_FROM: dict[tuple[str, int], tuple[frozenset[int], str, str]] = {
    ("quote", 1): (
        frozenset({0}),
        "0x80100003",
        "The quote cannot be activated because it is not in draft state.",
    ),
    ("invoice", 2): (
        frozenset({0}),
        "0x80100000",
        "The invoice cannot be paid because it is not in active state.",
    ),
    ("invoice", 3): (
        frozenset({0, 2}),
        "0x80100001",
        "The invoice cannot be canceled because it is not in active or paid state.",
    ),
}

_ONLY_FROM: dict[tuple[str, int], frozenset[int]] = {
    ("quote", 0): frozenset(),
    ("quote", 1): frozenset({0}),
    ("salesorder", 4): frozenset({0, 1, 3}),
    ("invoice", 1): frozenset({0}),
    ("product", 2): frozenset({1, 3}),
    ("product", 3): frozenset({0}),
}
"""Other states that can only be reached from certain ones; from the rest the refusal is 0x80040233."""

_ALWAYS_WRITABLE = frozenset({"ownerid", "ownerid__type", "statecode", "statuscode"})


def begin(table: Table, row: Row, assigned: Set[str]) -> None:
    """Give a new row its state; rows are born in the initial one whatever was sent.

    Raises:
        ODataError: The status reason that was sent belongs to another state.
    """
    if not table.states:
        return
    initial = table.initial_state
    if "statecode" in assigned and row["statecode"] in table.states:
        # Few tables let a create choose the state; on all others the column never gets here.
        initial = int(str(row["statecode"]))
    row["statecode"] = initial
    if row["statuscode"] is None:
        row["statuscode"] = table.states[initial].default_status
    elif row["statuscode"] not in table.states[initial].statuses:
        raise _mismatch(table, row)


def change(table: Table, row: Row, former: Row, assigned: Set[str], *, by_message: bool) -> None:
    """Check the state of a changed row and complete it with the state's default status.

    Args:
        table: The row's table.
        row: The row as it shall become.
        former: The row as it is.
        assigned: The storage columns that the request sets.
        by_message: Whether an action asks, which may do what a plain update may not.

    Raises:
        ODataError: Closed row, forbidden transition, or status and state do not belong together.
    """
    if not table.states:
        return
    before, after = former["statecode"], row["statecode"]
    locked = _CLOSED_ACTIVITY if table.is_activity else _LOCKED.get(table.name, frozenset())
    if not by_message and before in locked and after in locked and not assigned <= _ALWAYS_WRITABLE:
        raise errors.read_only(table.name)
    if after not in table.states:
        raise errors.invalid_argument(f"The state code of {table.name} cannot be empty.")
    asked_again = "statecode" in assigned and (table.name, after) in _FROM
    if not by_message and asked_again:
        _check_transition(table, int(str(before)), int(str(after)))
    if before != after:
        if not by_message and not asked_again:
            _check_transition(table, int(str(before)), int(str(after)))
        if "statuscode" not in assigned or row["statuscode"] is None:
            row["statuscode"] = table.states[int(str(after))].default_status
    if row["statuscode"] not in table.states[int(str(after))].statuses:
        raise _mismatch(table, row)


def _check_transition(table: Table, before: int, after: int) -> None:
    label = table.states[after].label
    if (table.name, after) in _MESSAGE_ONLY:
        code, message = _MESSAGE_ONLY[table.name, after]
        raise ODataError(
            400,
            code,
            f"This message can not be used to set the state of {table.name} to {label}. In order to set "
            "state of "
            f"{table.name} to {label}, use the {message} message instead.",
        )
    if (table.name, after) in _FROM:
        allowed, code, text = _FROM[table.name, after]
        if before not in allowed:
            raise ODataError(400, code, text)
    starts = _ONLY_FROM.get((table.name, after))
    if starts is not None and before not in starts:
        former = table.states[before].label
        raise ODataError(400, "0x80040233", f"A {table.name} cannot go from the state {former} to {label}.")
    if table.name == "lead" and {before, after} == {1, 2}:
        raise ODataError(400, "0x80040519", "The lead is already closed.")


def allows(table: Table, before: int, after: int, *, by_message: bool = False) -> bool:
    """Tell whether a row may go from one state to another."""
    if before == after or by_message:
        return True
    try:
        _check_transition(table, before, after)
    except ODataError:
        return False
    return True


def _mismatch(table: Table, row: Row) -> ODataError:
    state = table.states[int(str(row["statecode"]))].label.replace(" ", "")
    return ODataError(
        400,
        "0x80048408",
        f"{row['statuscode']} is not a valid status code for state code {table.schema_name}State.{state} on "
        f"{table.name} with Id {row[table.primary_id]}.",
    )
