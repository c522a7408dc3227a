"""Reads Kickserv's XML: bytes in, plain typed values out.

Faithful before all else: a null is not an empty text, a decimal keeps its digits, a
time keeps its own offset, an element that nobody documented is kept. What cannot be
read as its type says stays text and is counted, so that the audit can show it.

Facts of the format come from recorded answers of two accounts (2017, 2018): dashed
element names; ``type`` of integer, decimal, float, boolean, dateTime or array, none for
text; ``nil="true"`` for null; the class name of a nested record in ``type``; a single
customer under the plural root, without ``type="array"``; the same element as float on
one row and as integer on the next.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from lxml import etree

from transload.errors import ProtocolError
from transload.values import Value
from transload_kickserv_source.secrets import is_secret, mask

Row: TypeAlias = Mapping[str, Value]
"""The fields of one record, underscored, as the answer holds them."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_EXCERPT = 200


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
    """

    rows: Sequence[Row]
    oddities: Mapping[str, int]


def read_list(body: bytes, root: str) -> Document:
    """Read a list document.

    Args:
        body: The answer.
        root: Name of its root element, dashed: ``job-charges``.

    Raises:
        ProtocolError: The answer is cut, is no XML, or is something else.
    """
    element, reader = _parse(body), _Reader()
    items = _children(element)
    is_array = element.get("type") == "array"
    # Old versions of the framework behind Kickserv name an empty list after the class of nil.
    if _name(element) == "nil_classes" and is_array and not items:
        return Document((), {})
    if element.tag != root:
        raise _wrong_root(body, root)
    if not is_array and len({item.tag for item in items}) > 1:
        raise _wrong_root(body, f"{root} as a list")
    rows = tuple(reader.record(item, _name(item)) for item in items)
    return Document(rows, reader.oddities)


def read_record(body: bytes, *roots: str) -> Document:
    """Read a document that holds a single record.

    Args:
        body: The answer.
        roots: Names that its root element may have, dashed: ``customer``, ``customers``.

    Raises:
        ProtocolError: The answer is cut, is no XML, or is something else.
    """
    element, reader = _parse(body), _Reader()
    if element.tag not in roots or element.get("type") == "array":
        raise _wrong_root(body, " or ".join(roots))
    return Document((reader.record(element, roots[0]),), reader.oddities)


def read_errors(body: bytes) -> tuple[str, ...]:
    """Return the messages of an error document; empty when the body is none."""
    try:
        element = _parse(body)
    except ProtocolError:
        return ()
    if element.tag != "errors":
        return ()
    return tuple((item.text or "").strip() for item in _children(element))


def excerpt(body: bytes, *secrets: str) -> str:
    """Return the beginning of an answer on one line, without secrets, for a message."""
    text = mask(body[: 20 * _EXCERPT].decode("utf-8", errors="replace"), *secrets)
    return " ".join(text.split())[:_EXCERPT]


def _parse(body: bytes) -> etree._Element:
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:100].lower()
    if not start.startswith(b"<") or start.startswith((b"<!doctype html", b"<html")):
        raise NotXmlError(
            f"Kickserv answered with something that is not XML: {excerpt(body) or 'nothing at all'!r}",
            "Open the address in a browser: a maintenance or login page means to wait or to check base_url "
            "and account. Then run the same command again.",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        element = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ProtocolError(
            f"Kickserv's answer of {len(body)} bytes cannot be read as XML ({error}); it begins {excerpt(body)!r}",
            "The answer was cut or damaged on its way. Run the same command again; if it stays, ask for "
            "fewer associations (`inferred.customer_includes`, `inferred.job_includes`).",
        ) from error
    if element.getroottree().docinfo.internalDTD is not None:
        raise ProtocolError(
            f"Kickserv's answer declares a document type, which it never does: {excerpt(body)!r}",
            "Check that base_url is Kickserv's own address and that no proxy changes its answers.",
        )
    return element


def _wrong_root(body: bytes, expected: str) -> WrongRootError:
    return WrongRootError(
        f"Kickserv answered with another document than {expected}: {excerpt(body)!r}",
        "Check base_url, account and api_prefix. If they are right, Kickserv has changed its interface.",
    )


def _children(element: etree._Element) -> list[etree._Element]:
    """Return the child elements that may be kept."""
    return [child for child in element if not is_secret(_name(child))]


def _name(element: etree._Element) -> str:
    return _field_of(element.tag)


@lru_cache(maxsize=4096)
def _field_of(tag: str) -> str:
    return tag.rpartition("}")[2].replace("-", "_")


class _Reader:
    """Turns elements into values, and counts what it could not read."""

    def __init__(self) -> None:
        self.oddities: Counter[str] = Counter()

    def record(self, element: etree._Element, place: str) -> Row:
        fields: dict[str, Value] = {}
        for child in _children(element):
            name = _name(child)
            value = self._value(child, f"{place}.{name}")
            if name in fields:
                self.oddities[f"{place}.{name}: more than once"] += 1
                earlier = fields[name]
                value = (*earlier, value) if isinstance(earlier, tuple) else (earlier, value)
            fields[name] = value
        return fields

    def _value(self, element: etree._Element, place: str) -> Value:
        children, text = _children(element), element.text or ""
        if len(element):
            return self._nested(element, children, place)
        if element.get("nil") in {"true", "1"} and not text:
            return None
        if element.get("type") == "array" and not text.strip():
            return ()
        return self._scalar(text, element.get("type", ""), place)

    def _nested(self, element: etree._Element, children: list[etree._Element], place: str) -> Value:
        # A `type` other than array names the record's class here, not a type of data.
        if any((part or "").strip() for part in (element.text, *(child.tail for child in element))):
            self.oddities[f"{place}: text between elements"] += 1
        tags = [child.tag for child in children]
        if element.get("type") == "array" or (len(tags) > 1 and len(set(tags)) == 1):
            return tuple(self._value(child, f"{place}.{_name(child)}") for child in children)
        return self.record(element, place)

    def _scalar(self, text: str, kind: str, place: str) -> Value:
        if not text or not kind:
            return text
        if kind.lower() not in _READERS:
            self.oddities[f"{place}: unknown type {kind}"] += 1
            return text
        try:
            return read_as(kind, text)
        except ValueError:
            self.oddities[f"{place}: not a {kind}"] += 1
            return text


def read_as(kind: str, text: str) -> Value:
    """Read a text as a value of a type, named as the ``type`` attribute names it.

    Raises:
        ValueError: The text is no such value.
    """
    try:
        return _READERS[kind.lower()](text)
    except (ArithmeticError, LookupError) as error:
        raise ValueError(f"{text!r} is not a {kind}") from error


def _read_number(text: str) -> Value:
    """Read an integer as int, anything else as a decimal with its digits."""
    text = text.strip()
    return int(text) if _INTEGER.fullmatch(text) else _read_decimal(text)


def _read_decimal(text: str) -> Value:
    if not _DECIMAL.fullmatch(text.strip()):
        raise ValueError(text)
    return Decimal(text.strip())


def _read_boolean(text: str) -> Value:
    return {"true": True, "1": True, "false": False, "0": False}[text.strip().lower()]


def _read_moment(text: str) -> Value:
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        raise ValueError("without an offset nobody knows which moment it is")
    return moment


def _read_day(text: str) -> Value:
    return date.fromisoformat(text.strip())


_READERS: Mapping[str, Callable[[str], Value]] = {
    "string": str,
    "integer": _read_number,
    "decimal": _read_decimal,
    "float": _read_decimal,
    "boolean": _read_boolean,
    "datetime": _read_moment,
    "date": _read_day,
}
