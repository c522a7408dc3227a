"""New rows that start from another: InitializeFrom.

An organisation can map columns to be copied along. None are mapped here, so what comes back is the reference to the
row that the new one starts from; the documentation shows that answer for an organisation without mappings.
"""

from collections.abc import Mapping

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import invalid_argument
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.parameters import text_of, unbound_parameters
from transload_sandbox.dataverse.retrieval import referenced_row
from transload_sandbox.dataverse.wire import Request, Response, json_response

_PREFERRED = ("parent{}id", "parentcustomerid", "customerid", "{}id", "regardingobjectid")


def initialize_from(environment: Environment, request: Request) -> Response:
    """Answer with the start of a new row.

    Raises:
        ODataError: The row or the table does not exist, or the table has no lookup to the row's.
    """
    given = unbound_parameters(request)
    source, row = referenced_row(environment, given.get("EntityMoniker", "{}"))
    target = environment.model.tables.get(text_of(given, "TargetEntityName"))
    if target is None:
        raise invalid_argument("TargetEntityName does not name a table.")
    bind = {f"{_navigation(target, source)}@odata.bind": f"{source.entity_set}({row[source.primary_id]})"}
    body: Mapping[str, object] = {
        "@odata.context": f"{request.base}$metadata#{target.entity_set}/$entity",
        "@odata.type": f"#Microsoft.Dynamics.CRM.{target.name}",
        **bind,
    }
    return json_response(body, 200, ("Preference-Applied", "return=representation"))


def _navigation(target: Table, source: Table) -> str:
    """Return the navigation property by which a new row points to the one it starts from."""
    for pattern in _PREFERRED:
        column = target.columns.get(pattern.format(source.name))
        if column is not None and column.valid_for_create and source.name in column.targets:
            return next(name for name, kind in column.navigations() if kind == source.name)
    raise invalid_argument(f"There is no mapping from '{source.name}' to '{target.name}'.")
