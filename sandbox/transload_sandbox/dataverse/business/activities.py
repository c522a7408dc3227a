"""Activities: their parties, their ends, and sending an email.

Facts: which parties each kind of activity has is Microsoft's documentation of the activityparty table.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.wire import Request, Response, no_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call
    from transload_sandbox.dataverse.writer import Writer

_SENDER, _TO, _REGARDING, _OWNER = 1, 2, 8, 9
MASKS: Mapping[str, frozenset[int]] = {
    "phonecall": frozenset({1, 2}),
    "email": frozenset({1, 2, 3, 4, 13}),
    "appointment": frozenset({5, 6, 7}),
    "letter": frozenset({1, 2, 4}),
    "fax": frozenset({1, 2}),
    "task": frozenset(),
}
"""Participation types that a client may set, by kind of activity; others are left alone."""
_COMPUTED = frozenset({_REGARDING, _OWNER})
_COMPLETED = 1
_SENT = 3


def check(writer: "Writer", change: Change) -> None:
    """Complete an activity: its kind, and when it ended."""
    row = change.row
    if change.former is None:
        row["activitytypecode"] = change.table.name
    elif row["statecode"] == _COMPLETED and change.moved("statecode") and row.get("actualend", "") is None:
        row["actualend"] = writer.now


def check_party(writer: "Writer", change: Change) -> None:
    """Check one party of an activity.

    Raises:
        ODataError: It names nobody, or plays a part that this kind of activity does not have.
    """
    row = change.row
    if row["participationtypemask"] in _COMPUTED:
        return
    if row["partyid"] is None and row["addressused"] is None:
        raise errors.invalid_argument("An activity party needs a 'partyid' or an 'addressused'.")
    found = _activity(writer, str(row["activityid"]))
    if found is None:
        return
    allowed = MASKS.get(found.name)
    mask = row["participationtypemask"]
    if allowed is not None and mask not in allowed:
        raise errors.invalid_argument(
            f"The participation type {mask} is not valid for an activity of type {found.name}."
        )
    if row["partyid"] is not None and row["partyidname"] is None:
        row["partyidname"] = _name(writer, str(row["partyid__type"]), str(row["partyid"]))


def _activity(writer: "Writer", activity_id: str) -> Table | None:
    tables = writer.environment.model.tables
    for name in (*MASKS, "activitypointer"):
        if name in tables and writer.peek(name, activity_id) is not None:
            return tables[name]
    return None


def check_senders(writer: "Writer", change: Change) -> None:
    """Check that an activity has one sender at most.

    Raises:
        ODataError: It has several.
    """
    wanted: Row = {"activityid": change.row["activityid"], "participationtypemask": _SENDER}
    if (
        change.row["participationtypemask"] == _SENDER
        and len(writer.environment.store.find(change.table, wanted, 2)) > 1
    ):
        raise errors.invalid_argument("An activity can have one sender only.")


def _name(writer: "Writer", table_name: str, row_id: str) -> str | None:
    table = writer.environment.model.tables.get(table_name)
    row = writer.peek(table_name, row_id) if table is not None else None
    return str(row[table.primary_name]) if row and table and table.primary_name and row[table.primary_name] else None


def gather_parties(writer: "Writer", change: Change) -> None:
    """Keep the parties that follow from the owner and the regarding row."""
    for lookup, mask in (("ownerid", _OWNER), ("regardingobjectid", _REGARDING)):
        if lookup in change.row and change.moved(lookup):
            _put_party(writer, change, lookup, mask)


def _put_party(writer: "Writer", change: Change, lookup: str, mask: int) -> None:
    store, table = writer.environment.store, writer.environment.model.tables["activityparty"]
    if change.former is not None:
        former = store.find(table, {"activityid": change.row_id, "participationtypemask": mask})
        store.delete(table, [str(row["activitypartyid"]) for row in former])
    if change.row[lookup] is None:
        return
    party: Row = {
        "activityid": change.row_id,
        "participationtypemask": mask,
        "partyid": change.row[lookup],
        "partyid__type": change.row[f"{lookup}__type"],
    }
    row: Row = {**writer.environment.plan(table).template, **{n: v for n, v in party.items() if n in _stored(table)}}
    row["activitypartyid"] = writer.environment.new_id()
    row["versionnumber"] = store.next_version()
    store.insert(table, [row])


def _stored(table: Table) -> set[str]:
    return {name for name, _ in table.storage_columns()}


def replace_parties(writer: "Writer", request: Request, table: Table, activity: Row) -> Response:
    """Answer PUT on the parties of an activity: the list that is sent takes the place of the former one.

    Raises:
        ODataError: The activity is closed, or one of the parties is refused.
    """
    value = request.json("activityparties").get("value")
    if not isinstance(value, list):
        raise errors.payload("activityparties", "Microsoft.OData.ODataException: A list 'value' was expected.")
    if activity["statecode"] in {1, 2}:
        raise errors.read_only(table.name)
    environment = writer.environment
    parties = environment.model.tables["activityparty"]
    activity_id = str(activity[table.primary_id])
    former = environment.store.find(parties, {"activityid": activity_id})
    gone = [str(row["activitypartyid"]) for row in former if row["participationtypemask"] not in _COMPUTED]
    with environment.transaction():
        environment.store.delete(parties, gone)
        preset: Row = {"activityid": activity_id}
        if parties.columns["activityid"].type_column:
            preset["activityid__type"] = table.name
        writer.create(parties, value, [preset] * len(value))
        writer.update(table, [(activity, {})])
    return no_content()


def send_email(call: "Call") -> Response:
    """Answer SendEmail: the email is completed as sent.

    Raises:
        ODataError: It is closed already, or has no recipient.
    """
    call.expect(optional=("IssueSend", "TrackingToken"))
    email = call.row
    assert email is not None
    if email["statecode"] != 0:
        raise errors.read_only("email")
    parties: Sequence[Row] = call.environment.store.find(
        call.environment.model.tables["activityparty"], {"activityid": email["activityid"]}
    )
    if not any(row["participationtypemask"] in {2, 3, 4} for row in parties):
        raise ODataError(400, "0x8004480f", "The e-mail must have at least one recipient before it can be sent.")
    call.writer.update(
        call.environment.model.tables["email"], [(email, {"statecode": 1, "statuscode": _SENT})], by_message=True
    )
    sent = call.fetch("email", str(email["activityid"]))
    sent["senton"] = call.writer.now
    call.environment.store.update(call.environment.model.tables["email"], [sent])
    return call.result({"Subject": email["subject"]})
