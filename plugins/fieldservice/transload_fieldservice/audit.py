"""What an administrator should know or decide before jobs become work orders."""

from collections.abc import Iterator

from transload import Finding, Severity, TableName, TargetSchema

_ORDERS = TableName("msdyn_workorder")


def findings(target: TargetSchema) -> Iterator[Finding]:
    """Yield what is missing, and what Field Service would do by itself during the load."""
    if _ORDERS not in target.tables:
        yield Finding(
            "fieldservice.not_installed",
            Severity.BLOCKER,
            "The plugin fieldservice is on, and the environment has no Field Service",
            f"There is no table {_ORDERS}.",
            "Install Field Service, or take `fieldservice` off the list of plugins: jobs become cases then.",
        )
        return
    yield Finding(
        "fieldservice.automation",
        Severity.WARNING,
        "Field Service works along while bookings are loaded",
        "A completed booking may write a time entry of its own, and bookings change the status of their work order.",
        "In the Field Service settings set the strategy for time entries to Manual for the load, and back afterwards. "
        "The status is written last, after the bookings.",
    )
