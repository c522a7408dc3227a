"""Pages: cookies that remember where one ended, and conditions that find where the next begins.

A cookie holds the sort values of the last row, as the platform's own do, so that a page starts right behind
that row whatever was inserted or deleted meanwhile. Clients may only hand it back.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Stored
from transload_sandbox.dataverse.scope import Expression
from transload_sandbox.dataverse.values import parse_guid

MAX_PAGE = 5000


@dataclass(frozen=True, slots=True)
class Sort:
    """One thing that a query sorts by."""

    name: str
    """Of the value in cookies."""
    key: str
    """Of the value in the rows that are read."""
    expression: Expression
    descends: bool = False
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts."""

    page: int
    last: Mapping[str, str | None]
    """Sort values of the row before; null stays null. Empty where only the number of the page is known."""
    first: Mapping[str, str | None]
    tracks: bool = False
    """Whether changes are tracked."""
    version: int = 0
    """Row version at which tracking began."""


def render_cookie(position: Position) -> str:
    """Return the inner cookie, as XML."""
    root = ET.Element("cookie", page=str(position.page))
    for name, value in position.last.items():
        first = position.first.get(name)
        ET.SubElement(
            root,
            name,
            {
                **({"last": value} if value is not None else {"lastnull": "1"}),
                **({"first": first} if first is not None else {"firstnull": "1"}),
            },
        )
    return ET.tostring(root, encoding="unicode")


def render_token(position: Position, encodings: int = 1) -> str:
    """Return what wraps the cookie: for ``$skiptoken``, or with two encodings the annotation of FetchXML answers."""
    inner = render_cookie(position)
    for _ in range(encodings):
        inner = re.sub("%..", lambda match: match.group().lower(), quote(inner, safe=""))
    tracking = f' trackingversion="{position.version}"' if position.tracks else ""
    return (
        f'<cookie pagenumber="{position.page + 1}" pagingcookie="{inner}" istracking="{position.tracks}"{tracking} />'
    )


def parse_token(text: str) -> Position:
    """Read a ``$skiptoken``, which has a cookie in it or else nothing but the number of a page.

    Raises:
        ODataError: It is neither.
    """
    try:
        outer = ET.fromstring(text)
        if "pagingcookie" not in outer.attrib:
            # Clients that want one page of many write such tokens themselves.
            return Position(int(outer.attrib["pagenumber"]) - 1, {}, {})
        tracks = outer.get("istracking") == "True"
        position = parse_cookie(unquote(outer.attrib["pagingcookie"]))
        return Position(position.page, position.last, {}, tracks, int(outer.get("trackingversion", "0")))
    except (ET.ParseError, KeyError, ValueError) as error:
        raise _malformed() from error


def parse_cookie(text: str) -> Position:
    """Read the inner cookie.

    Raises:
        ODataError: The client made it up.
    """
    try:
        root = ET.fromstring(text)
        return Position(int(root.attrib["page"]), {each.tag: _bare(each.get("last")) for each in root}, {})
    except (ET.ParseError, KeyError, ValueError) as error:
        raise _malformed() from error


def _malformed() -> ODataError:
    return errors.unsupported("Malformed XML in the paging cookie.")


def position_after(page: int, sorts: Sequence[Sort], rows: Sequence[Row]) -> Position:
    """Return where the page behind these rows starts."""
    first, last = ({each.name: _text(row[each.key]) for each in sorts} for row in (rows[0], rows[-1]))
    return Position(page, last, first)


def _text(value: Stored) -> str | None:
    """Return a value as cookies hold it: ids in capitals and braces."""
    if value is None:
        return None
    return f"{{{value.upper()}}}" if isinstance(value, str) and parse_guid(value) else str(value)


def _bare(text: str | None) -> str | None:
    return parse_guid(text[1:-1]) or text if text else text


def beyond(sorts: Sequence[Sort], position: Position) -> sa.ColumnElement[bool]:
    """Return the condition that a row comes behind a position; nulls sort first, as the database has it.

    Raises:
        ODataError: The cookie is one of another query.
    """
    if {each.name for each in sorts} != position.last.keys():
        raise _malformed()
    alternatives: list[sa.ColumnElement[bool]] = []
    equal: list[sa.ColumnElement[bool]] = []
    for each in sorts:
        value = position.last[each.name]
        alternatives.append(sa.and_(*equal, _behind(each, value)))
        equal.append(each.expression.is_(None) if value is None else each.expression == _typed(each, value))
    return sa.or_(*alternatives)


def _behind(sort: Sort, value: str | None) -> sa.ColumnElement[bool]:
    if value is None:
        return sa.false() if sort.descends else sort.expression.is_not(None)
    if sort.descends:
        return sa.or_(sort.expression < _typed(sort, value), sort.expression.is_(None))
    return sort.expression > _typed(sort, value)


def _typed(sort: Sort, value: str) -> sa.ColumnElement[Stored]:
    return sa.literal(float(value) if sort.is_number else value)


def ordered(sorts: Sequence[Sort]) -> list[sa.UnaryExpression[Stored]]:
    """Return what a query is ordered by."""
    return [each.expression.desc() if each.descends else each.expression.asc() for each in sorts]
