"""Image columns: the id, the time stamp and the address that come with an image.

Facts: the three columns beside an image column and their types are in the table reference; the address is the
documented download address, relative to the organisation's own.
"""

from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.model import Row

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer

_EPOCH_TICKS = 621_355_968_000_000_000
"""Ticks of 100 nanoseconds between the year 1 and 1970."""


def follow(writer: "Writer", change: Change) -> None:
    """Let what comes with an image follow it."""
    for column in change.table.columns.values():
        if column.type != "Image" or column.name not in change.assigned:
            continue
        row, name = change.row, column.name
        ticks = int(writer.environment.clock() * 10_000_000) + _EPOCH_TICKS
        is_there = row[name] is not None
        place = f"Entity={change.table.name}&Attribute={name}&Id={change.row_id}&Timestamp={ticks}"
        beside: Row = {
            f"{name}id": writer.environment.new_id(),
            f"{name}_timestamp": ticks,
            f"{name}_url": f"/Image/download.aspx?{place}",
        }
        row |= {each: value if is_there else None for each, value in beside.items() if each in row}
