"""Accounts whose answers have other shapes than anybody has seen: read to their end, whatever they hold."""

import copy
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from lxml import etree

from transload_kickserv_source.audit import findings
from transload_kickserv_source.schema import ENTITIES
from transload_kickserv_source.source import KickservSource

DATA = Path(__file__).parent.parent / "data" / "kickserv"
LISTS = {
    "customers.xml": "inferred/customers.list.include.xml",
    "opportunities.xml": "inferred/opportunities.list.xml",
    "employees.xml": "inferred/employees.list.xml",
    "tasks.xml": "inferred/tasks.list.xml",
    "items.xml": "inferred/items.list.which-all.xml",
    "tags.xml": "inferred/tags.list.xml",
    "custom_fields.xml": "inferred/custom_fields.list.xml",
}
JUNK = ("", "x", "12", "1.5", "true", "2017-08-04", "2017-08-04T08:16:22-04:00", "$100", "1e400", "NaN", "-1", 30 * "9")
KINDS = ("integer", "decimal", "float", "boolean", "dateTime", "date", "array", "Foo", "string")
NAMES = ("id", "name", "notes", "job", "total", "tags", "item", "children", "employees")


def document(path: str) -> etree._Element:
    return etree.fromstring((DATA / path).read_bytes())


def jobs() -> etree._Element:
    """Return a list with one job that nests everything."""
    job, more = (document(f"inferred/jobs.show.include-{part}.xml") for part in ("documented", "undocumented"))
    for part in more:
        if part.tag in {"tags", "payments"}:
            job.append(part)
    found = etree.Element("jobs", type="array")
    found.append(job)
    return found


def disturb(root: etree._Element, draw: Random, share: float) -> str:
    """Return a document in which elements are missing, doubled, renamed, retyped, or hold something else."""
    for element in list(root.iter()):
        parent = element.getparent()
        if parent is not None and draw.random() < share:
            change(element, parent, draw)
    return etree.tostring(root, encoding="unicode")


def change(element: etree._Element, parent: etree._Element, draw: Random) -> None:
    match draw.choice(("drop", "junk", "nil", "type", "nest", "double", "rename")):
        case "drop":
            parent.remove(element)
        case "junk":
            element[:] = []
            element.text = draw.choice(JUNK)
        case "nil":
            element[:] = []
            element.text = None
            element.set("nil", "true")
        case "type":
            element.set("type", draw.choice(KINDS))
        case "nest":
            etree.SubElement(element, draw.choice(NAMES)).text = draw.choice(JUNK)
        case "double":
            parent.append(copy.deepcopy(element))
        case "rename":
            element.tag = draw.choice(NAMES)


@pytest.mark.parametrize("seed", range(24))
def test_an_account_of_odd_shapes_is_read_to_its_end(scripted_source: Callable[..., KickservSource], seed: int) -> None:
    draw = Random(seed)
    share = draw.choice((0.02, 0.1, 0.4))
    answers = {name: disturb(document(path), draw, share) for name, path in LISTS.items()}
    answers["jobs.xml"] = disturb(jobs(), draw, share)
    source = scripted_source(answers, gap_limit=3)

    records = [record for entity in ENTITIES for record in source.read(entity) or ()]

    assert all(record.key.source_id for record in records)
    assert {"customer", "employee"} <= {str(record.key.entity) for record in records}
    assert list(findings(source.seen))
