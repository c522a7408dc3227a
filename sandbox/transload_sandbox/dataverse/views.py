"""Saved views that every organisation has; ids, names and columns are those of the platform."""

from collections.abc import Callable

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row

_VIEWS = (
    (
        "00000000-0000-0000-00aa-000010001002",
        "Active Accounts",
        "account",
        ("name", "primarycontactid", "telephone1", "address1_city", "accountid"),
        "name",
    ),
    (
        "00000000-0000-0000-00aa-000010001004",
        "Active Contacts",
        "contact",
        ("fullname", "parentcustomerid", "telephone1", "emailaddress1", "contactid"),
        "fullname",
    ),
)
"""Id, name, table, columns and order."""


def insert_views(environment: Environment, insert: Callable[[Environment, str, Row], None]) -> None:
    """Insert the views of those tables that are installed."""
    for row_id, name, table, columns, order in _VIEWS:
        attributes = "".join(f'<attribute name="{column}"/>' for column in columns)
        fetch = (
            f'<fetch version="1.0" output-format="xml-platform" mapping="logical"><entity name="{table}">{attributes}'
            f'<order attribute="{order}" descending="false"/><filter type="and">'
            '<condition attribute="statecode" operator="eq" value="0"/></filter></entity></fetch>'
        )
        values: Row = {"savedqueryid": row_id, "name": name, "returnedtypecode": table, "querytype": 0}
        insert(environment, "savedquery", values | {"fetchxml": fetch, "isdefault": 1})
