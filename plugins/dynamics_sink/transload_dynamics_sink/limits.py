"""How much Dataverse takes: its published defaults, and times that others have measured.

Service protection counts by user and web server. The entitlement of application users is a
pool of the tenant: 500,000 requests a day, and 5,000 more for each licence of Sales. A row of
a bulk message counts as one. The server's time for a row comes from published bulk loads of
standard tables without plug-ins of one's own; with some it is longer.
"""

from decimal import Decimal

from transload.values import TargetLimits

LIMITS = TargetLimits(
    window=300,
    requests=6000,
    execution=1200,
    in_flight=52,
    daily=500_000,
    row_seconds=Decimal("0.0227"),
    request_seconds=Decimal("0.1"),
    row_bytes=4000,
    most_rows=1000,
)
