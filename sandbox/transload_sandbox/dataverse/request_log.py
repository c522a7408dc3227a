"""What the organisation itself remembers of the requests it answered."""

from dataclasses import dataclass

MAX_REQUESTS_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """What became of one request."""

    method: str
    path: str
    """Path and query below the API's base, as the client sent them."""
    status: int
    """0 when the connection was cut before an answer."""
    seconds: float
    user: str | None
    """Client id of the application, None without a valid token."""
