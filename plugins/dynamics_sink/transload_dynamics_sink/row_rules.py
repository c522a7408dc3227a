"""What single tables refuse, said before or after the fact in words that help."""

from transload import TableName, Upsert
from transload.errors import RefusedError
from transload_dynamics_sink.client import Dataverse
from transload_dynamics_sink.errors import CLOSED_CODES, ROW_MISSING, Refusal
from transload_dynamics_sink.lifecycles import LINES
from transload_dynamics_sink.metadata import Table

_USER = TableName("systemuser")
_DISABLED = "isdisabled"
_DELETED = "Somebody deleted the row in the target since it was loaded: restore it there, then run `transload run`."
_USERS_COME = (
    "Users come from Microsoft Entra ID: add the person and a licence in the Microsoft 365 admin centre, wait until "
    "the user shows up in the environment, then run `transload run`; or map the employee to another user."
)
_USERS_GO = (
    "A user who is synchronised from Microsoft Entra ID, holds a licence that the environment needs, or is the only "
    "administrator is not disabled from here. Block the sign-in or take the licence away in the Microsoft 365 admin "
    "centre, or leave the user enabled."
)


def check_row(dataverse: Dataverse, table: Table, write: Upsert) -> None:
    """Check what needs no request to be known.

    Raises:
        RefusedError: The row can only be refused, or its change would lock us out.
    """
    if table.name != _USER:
        return
    if not write.exists and "applicationid" not in write.columns:
        raise RefusedError(str(write.key), "users", "users cannot be created through the API", _USERS_COME)
    if write.columns.get(_DISABLED) is True and write.row_id == dataverse.own_user:
        raise RefusedError(
            str(write.key),
            "users",
            "it is the application user that transload signs in as, and would disable itself",
            "Map the employee to another user, or take `isdisabled` out of the mapping for this one.",
        )


def row_error(write: Upsert, refusal: Refusal) -> RefusedError:
    """Return the error of a row that the environment refused."""
    error = refusal.error(str(write.key))
    if write.exists and refusal.code == ROW_MISSING and write.row_id in refusal.message.lower():
        error.remedy = _DELETED
    elif refusal.code in CLOSED_CODES and write.table in LINES:
        error.remedy = LINES[write.table].remedy
    elif write.table == _USER and _DISABLED in write.columns:
        error.remedy = _USERS_GO
    return error
