"""Where people see rows in a model-driven app of the environment.

The address is documented: ``main.aspx?pagetype=entityrecord&etn={table}&id={row id}`` opens
the form of a row in the app that the user has open or may choose; without a session, the
browser asks the user to sign in.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from transload import RowRef
from transload_dynamics_sink.settings import DynamicsSettings


def pages_of(rows: Sequence[RowRef], settings: DynamicsSettings) -> Mapping[RowRef, str]:
    """Return the page of each row."""
    return {row: f"{settings.address}/main.aspx?{_query(row)}" for row in rows}


def _query(row: RowRef) -> str:
    return urlencode({"pagetype": "entityrecord", "etn": row.table, "id": row.row_id})
