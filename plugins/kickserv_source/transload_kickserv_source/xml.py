"""Reads Kickserv's XML: bytes in, plain typed values out.

Faithful before all else: a null is not an empty text, a decimal keeps its digits, a
time keeps its own offset, an element or attribute that nobody documented is kept. What
cannot be read as its type says stays text and is counted, so that the audit can show it.
What sounds like a secret is left out, and named unless it is known for one.

A single customer stands under the plural root, without ``type="array"``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lxml import etree

from transload.errors import ProtocolError
from transload.values import Value
from transload_kickserv_source.elements import ElementReader, name_of
from transload_kickserv_source.mending import mended
from transload_kickserv_source.secrets import mask

Row: TypeAlias = Mapping[str, Value]
"""The fields of one record, underscored, as the answer holds them."""

_EXCERPT = 200
_DECLARATION = re.compile(rb"<\?xml[^>]*\?>\s*")
_UTF_8_MARK, _UTF_16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


class NotXmlError(ProtocolError):
    """The answer is no XML at all: a web page, plain text, nothing."""


class WrongRootError(ProtocolError):
    """The answer is another document than the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Document:
    """One answer.

    Attributes:
        rows: Its records: one, unless it is a list.
        oddities: How often something could not be read as its type says, by place.
        withheld: How often an element was left out that nobody knows and that sounds like a secret, by place.
    """

    rows: Sequence[Row]
    oddities: Mapping[str, int] = field(default_factory=dict)
    withheld: Mapping[str, int] = field(default_factory=dict)


def read_list(body: bytes, *roots: str) -> Document:
    """Read a list document. A single record in its place is a list of one.

    Args:
        body: The answer.
        roots: Names that its root element may have, dashed: ``job-charges``.

    Raises:
        ProtocolError: The answer is cut, is no XML, or is something else.
    """
    reader = ElementReader()
    element = _parse(body, reader)
    items = reader.children(element, roots[0])
    is_array = element.get("type") == "array"
    # Old versions of the framework behind Kickserv name an empty list after the class of nil.
    if name_of(element) == "nil_classes" and is_array and not items:
        return Document(())
    if element.tag not in roots:
        raise _wrong_root(body, roots[0])
    if not is_array and any(item.tag == "id" for item in items):
        return Document((reader.record(element, roots[0]),), reader.oddities, reader.withheld)
    if not is_array and len({item.tag for item in items}) > 1:
        raise _wrong_root(body, f"{roots[0]} as a list")
    rows = tuple(reader.record(item, name_of(item)) for item in items)
    return Document(rows, reader.oddities, reader.withheld)


def read_record(body: bytes, *roots: str) -> Document:
    """Read a document that holds a single record.

    Args:
        body: The answer.
        roots: Names that its root element may have, dashed: ``customer``, ``customers``.

    Raises:
        ProtocolError: The answer is cut, is no XML, or is something else.
    """
    reader = ElementReader()
    element = _parse(body, reader)
    if element.tag not in roots or element.get("type") == "array":
        raise _wrong_root(body, " or ".join(roots))
    return Document((reader.record(element, roots[0]),), reader.oddities, reader.withheld)


def read_errors(body: bytes) -> tuple[str, ...]:
    """Return the messages of an error document; empty when the body is none."""
    try:
        element = _parse(body, ElementReader())
    except ProtocolError:
        return ()
    if element.tag != "errors":
        return ()
    return tuple((item.text or "").strip() for item in element)


def excerpt(body: bytes, *secrets: str) -> str:
    """Return the beginning of an answer on one line, without secrets, for a message."""
    text = mask(body[: 20 * _EXCERPT].decode("utf-8", errors="replace"), *secrets)
    return " ".join(text.split())[:_EXCERPT]


def _parse(body: bytes, reader: ElementReader) -> etree._Element:
    """Return the root of an answer; what had to be taken out before it could be read is counted."""
    start = _DECLARATION.sub(b"", body.removeprefix(_UTF_8_MARK).lstrip()[:400].lower(), count=1)
    is_markup = start.startswith(b"<") or body.startswith(_UTF_16_MARKS)
    if not is_markup or start.startswith((b"<!doctype html", b"<html")):
        raise _no_xml(body)
    try:
        element = _root_of(body)
    except (etree.XMLSyntaxError, ValueError) as error:
        clean, taken_out = mended(body)
        try:
            element = _root_of(clean if taken_out else body)
        except (etree.XMLSyntaxError, ValueError):
            raise ProtocolError(
                f"Kickserv's answer of {len(body)} bytes cannot be read as XML ({error}); it begins {excerpt(body)!r}",
                "The answer was cut or damaged on its way. Run the same command again; if it stays, ask for "
                "fewer associations (`inferred.customer_includes`, `inferred.job_includes`).",
            ) from error
        reader.oddities[f"{name_of(element)}: characters that no XML may hold, taken out"] += taken_out
    if name_of(element).lower() == "html":
        raise _no_xml(body)
    if element.getroottree().docinfo.internalDTD is not None:
        raise ProtocolError(
            f"Kickserv's answer declares a document type, which it never does: {excerpt(body)!r}",
            "Check that base_url is Kickserv's own address and that no proxy changes its answers.",
        )
    return element


def _root_of(body: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=True,  # a text may be longer than ten million letters; entities are refused anyway
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(body, parser)


def _no_xml(body: bytes) -> NotXmlError:
    return NotXmlError(
        f"Kickserv answered with something that is not XML: {excerpt(body) or 'nothing at all'!r}",
        "Open the address in a browser: a maintenance or login page means to wait or to check base_url "
        "and account. Then run the same command again.",
    )


def _wrong_root(body: bytes, expected: str) -> WrongRootError:
    return WrongRootError(
        f"Kickserv answered with another document than {expected}: {excerpt(body)!r}",
        "Check base_url, account and api_prefix. If they are right, Kickserv has changed its interface.",
    )
