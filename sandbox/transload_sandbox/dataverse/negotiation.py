"""How much control information an answer carries: ``odata.metadata`` of the Accept header."""

import re
from collections.abc import Mapping

from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.shapes import Shape
from transload_sandbox.dataverse.values import edm_type
from transload_sandbox.dataverse.wire import Request

_KEPT = ("@odata.nextLink", "@odata.deltaLink", "@odata.count")
_INFERRED = frozenset({"Edm.String", "Edm.Boolean", "Edm.Int32", "Edm.Double"})

Json = dict[str, object]


def metadata_level(request: Request) -> str:
    """Return none, minimal or full."""
    wanted = re.search(r"odata\.metadata=(none|minimal|full)", request.headers.get("accept", ""))
    return wanted.group(1) if wanted else "minimal"


def bare(body: Mapping[str, object]) -> Json:
    """Return an answer without control information; links to further rows and counts stay."""
    shown: Json = {}
    for name, value in body.items():
        if "@odata." in name and not name.endswith(_KEPT):
            continue
        if isinstance(value, dict):
            shown[name] = bare(value)
        elif isinstance(value, list):
            shown[name] = [bare(each) if isinstance(each, dict) else each for each in value]
        else:
            shown[name] = value
    return shown


def decorated(base: str, shape: Shape, row: Row, shown: Json) -> Json:
    """Return a row with all that can be known about it: its type, its addresses, the types of its values."""
    table = shape.table
    address = f"{base}{table.entity_set}({row.get(table.primary_id)})"
    full: Json = {
        "@odata.type": f"#Microsoft.Dynamics.CRM.{table.name}",
        "@odata.id": address,
        "@odata.editLink": address,
    }
    for name, value in shown.items():
        column = shape.columns.get(name)
        if column is not None and edm_type(column) not in _INFERRED and value is not None:
            full[f"{name}@odata.type"] = f"#{edm_type(column).removeprefix('Edm.')}"
        full[name] = value
    for column in shape.columns.values():
        for navigation in sorted({each for each, _ in column.navigations()}):
            full[f"{navigation}@odata.associationLink"] = f"{address}/{navigation}/$ref"
            full[f"{navigation}@odata.navigationLink"] = f"{address}/{navigation}"
    return full
