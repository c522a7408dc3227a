"""Duplicate detection: published rules are asked when the client wants it; the API does not by itself."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Stored
from transload_sandbox.dataverse.wire import Response, no_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call
    from transload_sandbox.dataverse.writer import Writer

SHIPPED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "Accounts with the same Account Name": ("account", ("name",)),
    "Accounts with the same e-mail address": ("account", ("emailaddress1",)),
    "Contacts with the same e-mail address": ("contact", ("emailaddress1",)),
    "Contacts with the same first name and last name": ("contact", ("firstname", "lastname")),
    "Leads with the same e-mail address": ("lead", ("emailaddress1",)),
}
"""Rules that every organisation has: table and columns that must agree."""
_PUBLISHED = 2
_EXACT = 0


def check(writer: "Writer", change: Change) -> None:
    """Refuse a row that a published rule takes for a duplicate.

    Raises:
        ODataError: There is a matching row, the client asked for detection, and the organisation allows it.
    """
    environment = writer.environment
    if not environment.security.wants_duplicate_check or change.table.name.startswith("duplicaterule"):
        return
    if environment.organization()["isduplicatedetectionenabledforonlinecreateupdate"] == 0:
        return
    tables, store = environment.model.tables, environment.store
    rules = store.find(tables["duplicaterule"], {"baseentityname": change.table.name, "statuscode": _PUBLISHED})
    for rule in rules:
        conditions = store.find(tables["duplicaterulecondition"], {"regardingobjectid": rule["duplicateruleid"]})
        matching = tables.get(str(rule["matchingentityname"]))
        values = _values(change, conditions)
        if matching is None or values is None:
            continue
        for found in store.find(matching, values):
            if found[matching.primary_id] != change.row_id:
                text = "A record was not created or updated because a duplicate of the current record already exists."
                raise ODataError(412, "0x80040333", text)


def _values(change: Change, conditions: list[Row]) -> dict[str, Stored] | None:
    """Return the values to look for; None when the rule does not concern the row."""
    values: dict[str, Stored] = {}
    for condition in conditions:
        value = change.row.get(str(condition["baseattributename"]))
        if value is None and condition["ignoreblankvalues"]:
            return None
        if condition["operatorcode"] == _EXACT:
            values[str(condition["matchingattributename"])] = value
    changed = any(change.moved(str(each["baseattributename"])) for each in conditions)
    return values if values and changed else None


def publish(call: "Call") -> Response:
    """Answer PublishDuplicateRule with the job that does it, which is done at once."""
    call.expect(required=("DuplicateRuleId",))
    set_published(call.environment, call.fetch("duplicaterule", call.guid("DuplicateRuleId")), published=True)
    return call.result({"JobId": call.environment.new_id()})


def unpublish(call: "Call") -> Response:
    """Answer UnpublishDuplicateRule."""
    call.expect(required=("DuplicateRuleId",))
    set_published(call.environment, call.fetch("duplicaterule", call.guid("DuplicateRuleId")), published=False)
    return no_content()


def set_published(environment: Environment, rule: Row, *, published: bool) -> None:
    """Switch a rule on or off."""
    rule |= {"statecode": int(published), "statuscode": _PUBLISHED if published else 0}
    rule["versionnumber"] = environment.store.next_version()
    environment.store.update(environment.model.tables["duplicaterule"], [rule])
