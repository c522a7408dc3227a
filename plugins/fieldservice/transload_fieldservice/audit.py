"""What an administrator should know or decide before jobs become work orders."""

from collections.abc import Iterator

from transload import Finding, Severity, TableName, TargetSchema
from transload_fieldservice.settings import FieldServiceSettings

_ORDERS = TableName("msdyn_workorder")


def findings(target: TargetSchema, settings: FieldServiceSettings) -> Iterator[Finding]:
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
        Severity.INFO,
        "Field Service works along while bookings are loaded",
        "A completed booking may write a time entry of its own, and bookings change the status of their work order.",
        "Nothing to do: each command that loads bookings holds the strategy for time entries at Manual, and sets it "
        "back when it ends. Bookings that people complete at that time make no time entries either. The status of work "
        "orders is written last, after the bookings.",
    )
    if settings.invoiced_jobs == "posted":
        yield Finding(
            "fieldservice.posting",
            Severity.WARNING,
            "Work orders of completed jobs with an invoice are posted",
            "Posting is for good. It stamps who closed the work order and when: the migration, on the day of the load. "
            "It would also write an invoice and actuals of its own, beside the invoice that is migrated; the settings "
            "Work Order Invoice Creation and Generate Actuals are held off during the load, so it does not.",
            "Look at the posted work orders of the sample, and whether anything else came of them. Take "
            "`invoiced_jobs` out of [fieldservice] unless people need them posted.",
        )
