"""Generates attachments of jobs and customers."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from transload_sandbox.kickserv import _words as words
from transload_sandbox.kickserv._bytes import make_bytes
from transload_sandbox.kickserv._catalogue import EMPLOYEE_IDS, GHOST_EMPLOYEES
from transload_sandbox.kickserv._draw import Draw, later
from transload_sandbox.kickserv._plan import ATTACHMENT, JOBS_A_CUSTOMER, Plan
from transload_sandbox.kickserv.wire import Row

_NAMES = (
    ("before return vent.jpg", "image/jpeg"),
    ("after return vent.jpg", "image/jpeg"),
    ("IMG_{n}.JPG", "image/jpeg"),
    ("signed proposal #{n}.pdf", "application/pdf"),
    ("plan \u2013 étage 2 (final) 100%.png", "image/png"),
    ("readings & notes.csv", "text/csv"),
    ("walkthrough.mp4", "video/mp4"),
    ("thermostat config.js", "text/javascript"),
    ("no extension", "application/octet-stream"),
    ("заказ-" + 20 * "длинное имя " + "{n}.pdf", "application/pdf"),
)
_CUSTOMER_FILE = 5
"""Place of a customer's first file among the ids of a job's; a job has three at most."""


def generate_attachments(plan: Plan, jobs: Mapping[int, Row], customers: Mapping[int, Row]) -> Iterator[Row]:
    """Yield the files of a block: on a quarter of the jobs and an eighth of the customers."""
    for number, job in jobs.items():
        draw = Draw(plan.seed, "job files", number)
        if draw.chance(0.25):
            for place in range(1, draw.number(1, 3) + 1):
                yield {**_file(draw, ATTACHMENT.of(number, place), job), "job_id": job["id"]}
    for number, customer in customers.items():
        draw = Draw(plan.seed, "customer files", number)
        if draw.chance(0.125):
            first = ATTACHMENT.of(JOBS_A_CUSTOMER * number, _CUSTOMER_FILE)
            for place in range(draw.number(1, 2)):
                yield {**_file(draw, first + place, customer), "customer_id": customer["id"]}


def content_of(plan: Plan, attachment: Row) -> bytes:
    """Return the bytes of a generated attachment. Files called *before* are all alike, as copies are."""
    name, size = str(attachment["file_name"]), int(str(attachment["file_size"]))
    seed = (plan.seed, name, size) if name.startswith("before") else (plan.seed, "file", attachment["id"])
    return make_bytes(str(attachment["content_type"]), size, seed)


def _file(draw: Draw, ident: int, owner: Row) -> Row:
    name, content_type = draw.pick(_NAMES)
    born = owner["created_at"]
    made = later(born, hours=draw.number(1, 900)) if isinstance(born, datetime) else born
    return {
        "id": ident,
        "file_name": name.format(n=ident),
        "content_type": content_type,
        "file_size": _size(draw, content_type),
        "description": draw.pick(words.FILE_DESCRIPTIONS),
        "created_by": draw.pick((*EMPLOYEE_IDS, *GHOST_EMPLOYEES)),
        "created_at": made,
        "updated_at": made,
    }


def _size(draw: Draw, content_type: str) -> int:
    """Return a length in bytes: mostly some kilobytes, now and then nothing at all, rarely megabytes."""
    if content_type == "application/octet-stream":
        return draw.pick((0, 0, 1, 40_000))
    if draw.chance(0.01):
        return 6_500_000 if content_type == "video/mp4" else 2_600_000
    return draw.pick((2_600, 9_000, 18_431, 41_002, 90_122, 184_213))
