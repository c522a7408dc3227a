"""Finds the part of a source's answer that is about one record: the element, or the object, with its id.

Knows XML and JSON and no system. A record that is made of others (an order of a job) has no part of its own.
"""

import json
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from transload._explain.parts import OwnExchange, Part, dumped
from transload._recording import KeptExchange
from transload.values import RecordKey

_ID = "id"
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")


def own_reading(exchanges: Iterable[KeptExchange], key: RecordKey) -> OwnExchange | None:
    """Return the exchange that a record was read from, with its own part of the answer; None when none shows it.

    An element that is called like the entity is taken before any other with the same id; of several that say something
    else none is.
    """
    others: dict[str, OwnExchange] = {}
    for exchange in exchanges:
        for name, text in _with_id(exchange, str(key.source_id)):
            own = OwnExchange(exchange, Part(""), Part(text))
            if _plain(name) == _plain(key.entity):
                return own
            others.setdefault(text, own)  # a page may be read twice
    return next(iter(others.values())) if len(others) == 1 else None


def _with_id(exchange: KeptExchange, source_id: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of everything in an answer that has an id of its own, and that one."""
    body = exchange.received.body if exchange.received is not None else b""
    if source_id.encode() not in body or any(word in body for word in _DECLARATIONS):
        return
    try:
        if body.lstrip().startswith(b"<"):
            yield from _elements(ElementTree.fromstring(body), source_id)
        else:
            yield from _objects("", json.loads(body), source_id)
    except (ElementTree.ParseError, ValueError):
        return


def _elements(root: ElementTree.Element, source_id: str) -> Iterator[tuple[str, str]]:
    for element in root.iter():
        if any(child.tag == _ID and (child.text or "").strip() == source_id for child in element):
            element.tail = None
            ElementTree.indent(element)
            yield element.tag, ElementTree.tostring(element, encoding="unicode")


def _objects(name: str, value: object, source_id: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for inner in value:
            yield from _objects(name, inner, source_id)
    elif isinstance(value, dict):
        if str(value.get(_ID)) == source_id:
            yield name, dumped(value)
        for inner_name, inner in value.items():
            yield from _objects(inner_name, inner, source_id)


def _plain(name: str) -> str:
    """Return a name without what distinguishes one of many from many, and one style of writing from another."""
    return name.rpartition("}")[2].lower().replace("-", "_").removesuffix("s")
