"""Duplicate detection: published rules are asked when the client wants it; the API does not by itself."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Stored, Table
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
    for conditions, matching in _published(environment, change.table):
        if not any(change.moved(str(each["baseattributename"])) for each in conditions):
            continue
        if any(
            found[matching.primary_id] != change.row_id
            for found in _matches(environment, conditions, matching, change.row)
        ):
            text = "A record was not created or updated because a duplicate of the current record already exists."
            raise ODataError(412, "0x80040333", text)


def find(environment: Environment, table: Table, row: Row, matching: Table) -> list[Row]:
    """Return the rows of a table that published rules take for duplicates of a row, by id; the row itself is none."""
    found: dict[str, Row] = {}
    for conditions, each in _published(environment, table):
        if each is matching:
            found |= {str(match[each.primary_id]): match for match in _matches(environment, conditions, each, row)}
    if matching is table:
        found.pop(str(row.get(table.primary_id)), None)
    return [found[row_id] for row_id in sorted(found)]


def _published(environment: Environment, table: Table) -> Iterator[tuple[list[Row], Table]]:
    """Yield the conditions of the published rules for rows of a table, and where each rule looks."""
    tables, store = environment.model.tables, environment.store
    for rule in store.find(tables["duplicaterule"], {"baseentityname": table.name, "statuscode": _PUBLISHED}):
        matching = tables.get(str(rule["matchingentityname"]))
        if matching is not None:
            conditions = {"regardingobjectid": rule["duplicateruleid"]}
            yield store.find(tables["duplicaterulecondition"], conditions), matching


def _matches(environment: Environment, conditions: list[Row], matching: Table, row: Row) -> list[Row]:
    values = _values(row, conditions)
    return environment.store.find(matching, values) if values else []


def _values(row: Row, conditions: list[Row]) -> dict[str, Stored] | None:
    """Return the values to look for; None when the rule does not concern the row."""
    values: dict[str, Stored] = {}
    for condition in conditions:
        value = row.get(str(condition["baseattributename"]))
        if value is None and condition["ignoreblankvalues"]:
            return None
        if condition["operatorcode"] == _EXACT:
            values[str(condition["matchingattributename"])] = value
    return values


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
