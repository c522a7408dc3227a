"""Requests and answers as the service sees them, whether they came alone or as a part of a batch."""

import re
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote, unquote_plus

import orjson

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError

JSON_TYPE = "application/json; odata.metadata=minimal"

_SEGMENT = re.compile(r"(?:[^/('\"]|'(?:[^']|'')*'|\((?:[^'()]|'(?:[^']|'')*'|\([^()]*\))*\)|[('\"])+")
_PREFERENCE = re.compile(r'\s*([^=,;\s]+)\s*(?:=\s*("[^"]*"|[^,;\s]*))?\s*')


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the Web API."""

    method: str
    base: str
    """Address of the API as the client wrote it, ending in ``/api/data/v9.2/``."""
    path: str
    """Resource path below the base, percent-decoded, without a leading slash."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Query options, decoded; parameter aliases included."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers by lower-case name."""
    body: bytes = b""
    target: str = ""
    """Path and query below the base as the client wrote them, still percent-encoded."""
    content_ids: Mapping[str, str] | None = None
    """Inside a change set: address of each row that an earlier part declared."""

    @property
    def url(self) -> str:
        """Return the address without the query."""
        return self.base + self.path

    def segments(self) -> list[str]:
        """Split the path at slashes that stand outside brackets and quotes."""
        return _SEGMENT.findall(self.path)

    def preferences(self) -> dict[str, str]:
        """Return the client's preferences; a value-less one maps to an empty text."""
        return {
            name.lower(): (value or "").strip('"')
            for name, value in _PREFERENCE.findall(self.headers.get("prefer", ""))
            if name
        }

    def json(self, entity_set: str) -> dict[str, object]:
        """Read the body as one JSON object, with references to earlier parts of a change set resolved.

        Raises:
            ODataError: The body is no JSON object.
        """
        try:
            body = orjson.loads(self.body.removeprefix(BOM_UTF8))
        except orjson.JSONDecodeError as error:
            raise errors.payload(entity_set, f"System.Text.Json.JsonException: {error}") from error
        if not isinstance(body, dict):
            raise errors.payload(entity_set, "Microsoft.OData.ODataException: An object was expected.")
        if self.content_ids is not None:
            _resolve_content_ids(body, self.content_ids)
        return body


def _resolve_content_ids(value: dict[str, object], content_ids: Mapping[str, str]) -> None:
    for name, each in value.items():
        if name.endswith(("@odata.bind", "@odata.id")):
            if isinstance(each, str):
                value[name] = resolve_content_id(each, content_ids)
            elif isinstance(each, list):
                value[name] = [resolve_content_id(item, content_ids) for item in each]
        elif isinstance(each, dict):
            _resolve_content_ids(each, content_ids)
        elif isinstance(each, list):
            for item in each:
                if isinstance(item, dict):
                    _resolve_content_ids(item, content_ids)


def resolve_content_id(text: str, content_ids: Mapping[str, str]) -> str:
    """Replace a leading ``$n`` by the address of the row of part n.

    Raises:
        ODataError: No earlier part declared that id.
    """
    match = re.match(r"/?\$([\w.-]+)", text) if isinstance(text, str) else None
    if not match:
        return text
    if match.group(1) not in content_ids:
        raise errors.BatchFormatError(f"Content-ID Reference: '${match.group(1)}' does not exist in the batch context.")
    return content_ids[match.group(1)] + text[match.end() :]


def parse_query(text: str) -> dict[str, str]:
    """Split a raw query string; ``+`` means a space."""
    pairs = (part.partition("=") for part in text.split("&") if part)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def build_request(method: str, base: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Build a request from the part of an address that follows the base, still percent-encoded."""
    path, _, query = target.partition("?")
    return Request(method, base, unquote(path), parse_query(query), headers, body, target)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @property
    def reason(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def header(self, name: str) -> str | None:
        """Return one header of the answer."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)


def no_content(*headers: tuple[str, str]) -> Response:
    """Answer 204."""
    return Response(204, (("OData-Version", "4.0"), *headers))


def json_response(body: object, status: int = 200, *headers: tuple[str, str]) -> Response:
    """Answer with a JSON body."""
    return Response(status, (("Content-Type", JSON_TYPE), ("OData-Version", "4.0"), *headers), orjson.dumps(body))


def error_response(error: ODataError, request: Request) -> Response:
    """Answer with an error body, annotated when the client asked for annotations."""
    body: dict[str, str] = {"code": error.code, "message": error.message}
    if request.preferences().get("odata.include-annotations"):
        body |= {f"@Microsoft.PowerApps.CDS.{name}": text for name, text in error.annotations.items()}
    return json_response({"error": body}, error.status, *error.headers.items())
