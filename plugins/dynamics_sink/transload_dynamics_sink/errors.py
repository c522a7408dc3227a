"""What a refusal of Dataverse means for the run: error codes with what to do about them, as data.

Codes and meanings are those of Microsoft's listing "Web service error codes". The status
comes first, then the code; texts are for people only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import httpx
import orjson

from transload.errors import AuthenticationError, LockedError, NotOfferedError, ProtocolError, RefusedError, RunError
from transload.http import excerpt


class Act(StrEnum):
    """What to do about a refusal."""

    RETRY = "retry"
    """Send the same again later."""
    SMALLER = "smaller"
    """Send it again in smaller pieces."""
    ORDER = "order"
    """Something it depends on is missing or in the wrong state."""
    HAVE = "have"
    """The row or link is there already."""
    DATA = "data"
    """Mend the data or the mapping."""
    SETUP = "setup"
    """Mend privileges, settings or metadata."""
    STOP = "stop"
    """End the run."""


@dataclass(frozen=True, slots=True)
class Code:
    """One error code: what to do, and what to tell a person."""

    act: Act
    remedy: str


ROW_MISSING = "0x80040217"
KEY_ROW_MISSING = "0x80060891"
DUPLICATE = "0x80040237"
NOT_A_MEMBER = "0x80072560"
ORGANIZATION_DISABLED = "0x8004a104"
CLOSED_CODES = frozenset({"0x80043b09", "0x8004022e", "0x80040228"})
"""Refusals to change a closed row or what belongs to it; which of the two comes is not documented."""
_PRIVILEGES = frozenset({"0x80040220", "0x80040231", "0x80048306", "0x80040256", "0x80042f09", "0x80040225"})

_PARENT = "Load the row it refers to first; `transload explain` shows why it is missing."
_MAPPING = "Correct the value in the source, or the rule in the mapping, then run `transload run` again."
_CLOSED = "The row or its parent is closed in the target. Reopen it there, then run `transload retry`."
_ADMIN = "Ask the administrator of the environment, then run `transload retry`."
_OWNER = "Give the owner a security role with read access to the table, or map the employee to another user."
_TAKEN = (
    "Another row of the target has the same key. Find it by that value: delete or merge it, "
    "or let the mapping match it, then run `transload retry`."
)
_LATER = "Nothing is wrong with the record: run `transload retry` when the environment is less busy."
_CURRENCY = "Let the mapping set one currency for the row, its price list and its parent."

CODES: Mapping[str, Code] = {
    ROW_MISSING: Code(Act.ORDER, _PARENT),
    KEY_ROW_MISSING: Code(Act.ORDER, _PARENT),
    "0x80060890": Code(Act.SETUP, "Run `transload prepare`: the alternate key is missing or not active."),
    "0x8006089d": Code(Act.DATA, _TAKEN),
    DUPLICATE: Code(Act.HAVE, _TAKEN),
    "0x80060892": Code(Act.HAVE, _TAKEN),
    "0x80073002": Code(Act.HAVE, _TAKEN),
    "0x80040333": Code(Act.HAVE, "A duplicate detection rule of the environment matched; switch it off."),
    "0x80060882": Code(Act.RETRY, _LATER),
    "0x80040227": Code(Act.ORDER, "Rows that the migration did not make refer to it. Remove them or keep the row."),
    "0x80040228": Code(Act.DATA, _CLOSED),
    "0x80040203": Code(Act.DATA, _MAPPING),
    "0x80044331": Code(
        Act.DATA, "Shorten the text, or let its rule say `max` and `on_overflow: ledger`; then run again."
    ),
    "0x8004431a": Code(Act.DATA, "Map the value to an option that the column has, then run again."),
    "0x80044330": Code(Act.DATA, "The number is outside the column's range: convert it or use another column."),
    "0x80040278": Code(Act.DATA, "Remove control characters from the text in the source."),
    "0x8006088a": Code(Act.SETUP, "The environment lacks the table or message; check its edition and version."),
    "0x80040233": Code(Act.ORDER, _CLOSED),
    "0x80040205": Code(Act.ORDER, _PARENT),
    "0x8004022d": Code(Act.DATA, _PARENT),
    "0x80047004": Code(Act.DATA, "Break the circle of parents in the source, then run again."),
    "0x80048408": Code(Act.DATA, "Map the status to a status reason that belongs to the state."),
    "0x8004f00e": Code(Act.DATA, "The environment's status transition rules forbid it; map to another status."),
    "0x8004022e": Code(Act.ORDER, _CLOSED),
    "0x80043b09": Code(Act.ORDER, _CLOSED),
    "0x80040265": Code(
        Act.DATA,
        "A plug-in of the environment refused it, in its own words. Ask whoever maintains the plug-in.",
    ),
    "0x80043e09": Code(Act.DATA, "The environment blocks this file type: allow it, or drop the file."),
    "0x80044a02": Code(Act.DATA, "Raise the environment's largest file size, or drop the file."),
    "0x80100003": Code(Act.ORDER, _CLOSED),
    "0x80048d00": Code(Act.DATA, "Another open quote has this number: give this one another number."),
    "0x80100000": Code(Act.ORDER, _CLOSED),
    "0x80100001": Code(Act.ORDER, _CLOSED),
    "0x80100005": Code(
        Act.SETUP, "The state is reached by a message only: let the mapping set it under `finish`, not as a column."
    ),
    "0x80040515": Code(Act.HAVE, _CLOSED),
    "0x80040519": Code(Act.HAVE, _CLOSED),
    "0x8004440a": Code(Act.ORDER, "The case has open activities: complete or cancel them, then run `transload retry`."),
    "0x80044411": Code(Act.HAVE, _CLOSED),
    "0x8004f456": Code(Act.ORDER, "Close the case's child cases first, then run `transload retry`."),
    "0x80048cf6": Code(Act.DATA, _CURRENCY),
    "0x80048cee": Code(Act.DATA, _CURRENCY),
    "0x80048ced": Code(Act.DATA, _CURRENCY),
    "0x80048cef": Code(Act.DATA, _CURRENCY),
    "0x8004480e": Code(Act.ORDER, _CURRENCY),
    "0x80048479": Code(Act.ORDER, _CURRENCY),
    "0x80048cfb": Code(Act.DATA, _CURRENCY),
    "0x80048cec": Code(Act.DATA, "The amount is too large in the environment's base currency."),
    "0x80043afa": Code(Act.DATA, _MAPPING),
    "0x80043b0d": Code(Act.DATA, _MAPPING),
    "0x80043b12": Code(Act.DATA, "Let the mapping set a price list."),
    "0x80043b10": Code(Act.DATA, _MAPPING),
    "0x80043b0b": Code(Act.DATA, _MAPPING),
    "0x80043b08": Code(Act.HAVE, _TAKEN),
    "0x8004f908": Code(Act.ORDER, "Activate the product first, then run `transload retry`."),
    "0x80061009": Code(Act.ORDER, "Activate the product first, then run `transload retry`."),
    "0x8004f902": Code(Act.DATA, _MAPPING),
    "0x8004f909": Code(Act.ORDER, "Publish the product family that it belongs to, then run `transload retry`."),
    "0x8004f90a": Code(Act.ORDER, "Only drafts and products under revision are published; look at it in Dynamics."),
    "0x8004f915": Code(
        Act.ORDER,
        "Delete its price list items and take it out of active bundles in Dynamics, then run `transload retry`; or let "
        "the mapping leave it Active.",
    ),
    "0x80040220": Code(Act.SETUP, _OWNER),
    "0x80040231": Code(Act.SETUP, _OWNER),
    "0x80048306": Code(Act.SETUP, _ADMIN),
    "0x80040256": Code(Act.SETUP, _ADMIN),
    "0x80040276": Code(Act.SETUP, _ADMIN),
    "0x80042f09": Code(Act.SETUP, _OWNER),
    "0x8004d24b": Code(Act.SETUP, "The user has no licence: assign one, or map the employee to another user."),
    "0x80041409": Code(Act.SETUP, _ADMIN),
    "0x80040225": Code(Act.SETUP, "The user is disabled: enable it, or map the employee to another user."),
    "0x8004022b": Code(Act.SETUP, "The owner is disabled: enable it, or map the employee to another user."),
    "0x80040229": Code(Act.SETUP, "The owner does not exist: map the employee to another user."),
    "0x8004032d": Code(Act.SETUP, _ADMIN),
    "0x8004a110": Code(Act.SETUP, _ADMIN),
    NOT_A_MEMBER: Code(
        Act.STOP,
        "Create an application user for the client_id in the Power Platform admin centre, "
        "with the System Administrator role.",
    ),
    ORGANIZATION_DISABLED: Code(Act.STOP, "The environment is switched off: ask its administrator."),
    "0x80072321": Code(Act.RETRY, _LATER),
    "0x80072322": Code(Act.RETRY, _LATER),
    "0x80072326": Code(Act.RETRY, _LATER),
    "0x8005f103": Code(Act.RETRY, _LATER),
    "0x80044151": Code(Act.SMALLER, _LATER),
    "0x80044150": Code(Act.RETRY, _LATER),
    "0x80044339": Code(Act.RETRY, _LATER),
    "0x80081111": Code(Act.SMALLER, "A plug-in of the environment takes too long: ask whoever maintains it."),
    "0x80040216": Code(Act.RETRY, "The environment failed in an unexpected way; run `transload retry` once."),
    "0x80047013": Code(Act.HAVE, "A column of this name exists. Look at it in the maker portal."),
    "0x8004432b": Code(Act.HAVE, "A relationship of this name exists. Look at it in the maker portal."),
    "0x80060893": Code(Act.HAVE, "A key of this name exists. Look at it in the maker portal."),
    "0x80060894": Code(Act.HAVE, "A key with these columns exists. Look at it in the maker portal."),
    "0x80060897": Code(Act.ORDER, "The key's index is being built; run `transload prepare` again later."),
    "0x8004700b": Code(Act.HAVE, "A table of this name exists. Look at it in the maker portal."),
    "0x8004f01f": Code(
        Act.ORDER,
        "Something else in the environment uses it: a form, a view, a flow, another table. The maker portal lists it "
        "under Dependencies; remove it there, then run `transload rollback` again, or keep what is used.",
    ),
    "0x80044366": Code(Act.SETUP, "The name lacks the publisher's prefix: check publisher_prefix."),
    "0x80071151": Code(Act.RETRY, "Another solution operation is running; run `transload prepare` later."),
    "0x80048d19": Code(Act.DATA, "A value has the wrong type for its column: correct its rule in the mapping."),
    "0x0": Code(Act.DATA, _MAPPING),
}
_UNKNOWN = Code(Act.DATA, _MAPPING)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no, of a request or of one part of a batch."""

    status: int
    code: str
    message: str

    @property
    def act(self) -> Act:
        """What to do about it."""
        if self.status == 413:
            return Act.SMALLER
        known = CODES.get(self.code)
        if known is None and self.status in {429, 502, 503, 504}:
            return Act.RETRY
        return (known or _UNKNOWN).act

    def error(self, subject: str) -> RefusedError:
        """Return it as the error of one record."""
        shown = self.code or f"HTTP {self.status}"
        kind = LockedError if self.code in CLOSED_CODES else RefusedError
        return kind(subject, shown, self.message, CODES.get(self.code, _UNKNOWN).remedy)


def read_refusal(status: int, body: bytes) -> Refusal:
    """Read the body of a refusal; gateways send HTML or shapes of their own.

    Args:
        status: HTTP status of the request or of the part.
        body: JSON, HTML or nothing.
    """
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refusal(status, "", excerpt(httpx.Response(status, content=body)) or "no reason given")
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else {}
    if not isinstance(error, dict):
        error = {"message": error}
    code = str(error.get("code") or "").lower()
    message = error.get("message") or error.get("Message") or "no reason given"
    return Refusal(status, code, str(message))


def stopping_error(refusal: Refusal, own_user: str = "") -> RunError | None:
    """Return the error that ends the run, when a refusal is not about one record.

    Args:
        refusal: What came back.
        own_user: Id of the user we write as. A privilege that it lacks ends the run; one
            that the owner of a record lacks is that record's trouble.
    """
    text = f"Dataverse refuses ({refusal.code or refusal.status}): {refusal.message}"
    known = CODES.get(refusal.code)
    if refusal.status == 401:
        return AuthenticationError(text, "Check client_id and secret, and that the app has an application user.")
    if known is not None and known.act is Act.STOP:
        return AuthenticationError(text, known.remedy)
    if refusal.code in _PRIVILEGES and own_user and own_user in refusal.message.lower():
        return NotOfferedError(
            text, "Give the application user the System Administrator role for the time of the migration."
        )
    return None


def unexpected(refusal: Refusal, what: str) -> RunError:
    """Return the error for a refusal of something that no record asked for.

    Args:
        refusal: What came back.
        what: What we asked for, to be read after "Dataverse refused to".
    """
    if (stop := stopping_error(refusal)) is not None:
        return stop
    text = f"Dataverse refused to {what} ({refusal.code or refusal.status}): {refusal.message}"
    if refusal.status in {403, 404, 501}:
        return NotOfferedError(text, CODES.get(refusal.code, _UNKNOWN).remedy)
    return ProtocolError(text)
