"""``$batch``: reads the multipart body, runs its parts in order, writes the multipart answer.

The format is strict: every line ends in CRLF, the parts of a change set carry a Content-ID, batches do not
nest.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import BatchFormatError, ODataError
from transload_sandbox.dataverse.wire import (
    Request,
    Response,
    build_request,
    error_response,
    resolve_content_id,
)

MAX_REQUESTS = 1000
CRLF = "\r\n"

Respond = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str | None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Requests that succeed or fail together."""

    parts: tuple[Part, ...]


class _BareLineFeedError(Exception):
    """A line of the batch does not end in CRLF."""


class BatchApi:
    """Runs batches; single requests are answered by a function that knows the user."""

    def __init__(self, environment: Environment, respond: Respond) -> None:
        self.environment = environment
        self.respond_to_part = respond

    def respond(self, request: Request) -> Response:
        """Answer a batch.

        Raises:
            ODataError: The batch cannot be read at all.
        """
        boundary = self.environment.new_id()
        try:
            items = parse_batch(request)
        except _BareLineFeedError:
            error = errors.payload("accounts", "System.ArgumentException: Stream was not readable.")
            return _multipart(400, boundary, [_render(self._error(error, request), None)])
        rendered: list[str] = []
        goes_on = "odata.continue-on-error" in request.preferences()
        for item in items:
            status, text = (
                self._change_set(request, item) if isinstance(item, ChangeSet) else self._single(request, item)
            )
            rendered.append(text)
            if status >= 400 and not goes_on:
                return _multipart(status, boundary, rendered)
        return _multipart(200, boundary, rendered)

    def _single(self, request: Request, part: Part) -> tuple[int, str]:
        try:
            response = self.respond_to_part(_inner(request, part, None))
        except BatchFormatError:
            raise
        except ODataError as error:
            response = self._error(error, _inner(request, part, None))
        return response.status, _render(response, None)

    def _change_set(self, request: Request, change_set: ChangeSet) -> tuple[int, str]:
        content_ids: dict[str, str] = {}
        rendered = []
        part = change_set.parts[0]
        try:
            with self.environment.transaction():
                for part in change_set.parts:
                    response = self.respond_to_part(_inner(request, part, content_ids))
                    entity = response.header("OData-EntityId")
                    if part.content_id and entity:
                        content_ids[part.content_id] = entity
                    rendered.append(_render(response, part.content_id))
        except BatchFormatError:
            raise
        except ODataError as error:
            response = self._error(error, replace(request, headers=part.headers))
            return response.status, _render(response, None)
        name = f"changesetresponse_{self.environment.new_id()}"
        inner = "".join(f"--{name}{CRLF}{text}{CRLF}" for text in rendered)
        head = f"Content-Type: multipart/mixed; boundary={name}{CRLF}{CRLF}"
        return 200, f"{head}{inner}--{name}--"

    def _error(self, error: ODataError, request: Request) -> Response:
        response = error_response(error, request)
        return replace(response, headers=(("REQ_ID", self.environment.new_id()), *response.headers))


def parse_batch(request: Request) -> list[Part | ChangeSet]:
    """Read the parts of a batch.

    Raises:
        BatchFormatError: Not a batch, too many requests, or a change set that is malformed.
        _BareLineFeedError: A line does not end in CRLF.
    """
    boundary = _boundary(request.headers.get("content-type", ""))
    items = [_parse_item(*_split_headers(part)) for part in _split_parts(request.body, boundary)]
    if sum(len(item.parts) if isinstance(item, ChangeSet) else 1 for item in items) > MAX_REQUESTS:
        raise BatchFormatError(f"The batch contains more than the maximum number of {MAX_REQUESTS} requests.")
    return items


def _boundary(content_type: str) -> str:
    match = re.search(r'multipart/mixed\s*;.*?boundary="?([^";\s]+)', content_type)
    if not match:
        raise BatchFormatError("The Content-Type of a batch must be multipart/mixed with a boundary.")
    return match.group(1)


def _split_parts(body: bytes, boundary: str) -> list[bytes]:
    mark = b"--" + boundary.encode()
    if b"\n" in body.replace(b"\r\n", b"") or not body.endswith(b"\r\n"):
        raise _BareLineFeedError
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise BatchFormatError("The batch does not end with its boundary.")
    return [piece.removeprefix(b"\r\n") for piece in pieces[1:-1]]


def _split_headers(part: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = part.partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode().split(CRLF):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, body


def _parse_item(headers: Mapping[str, str], body: bytes) -> Part | ChangeSet:
    content_type = headers.get("content-type", "")
    if content_type.startswith("multipart/mixed"):
        # The closing boundary of the change set may be the last line of its part.
        inner = body if body.endswith(b"\r\n") else body + b"\r\n"
        parts = [_parse_change(*_split_headers(part)) for part in _split_parts(inner, _boundary(content_type))]
        if not parts:
            raise BatchFormatError("A change set must contain requests.")
        return ChangeSet(tuple(parts))
    return _parse_part(headers, body)


def _parse_change(headers: Mapping[str, str], body: bytes) -> Part:
    part = _parse_part(headers, body)
    if part.content_id is None:
        raise BatchFormatError("Content-ID header is missing in a change set part.")
    if part.method == "GET":
        raise BatchFormatError("A change set cannot contain GET requests.")
    return part


def _parse_part(headers: Mapping[str, str], body: bytes) -> Part:
    if not headers.get("content-type", "").startswith("application/http"):
        raise BatchFormatError("A part of a batch must be of type application/http or multipart/mixed.")
    line, _, rest = body.partition(b"\r\n")
    match = re.fullmatch(r"([A-Z]+) (.+) HTTP/1\.1", line.decode())
    if not match:
        raise BatchFormatError(f"The request line '{line.decode()}' of a part is malformed.")
    if rest.startswith(b"\r\n"):
        rest = b"\r\n" + rest
    inner_headers, inner_body = _split_headers(rest)
    return Part(match.group(1), match.group(2), inner_headers, inner_body, headers.get("content-id"))


def _inner(request: Request, part: Part, content_ids: Mapping[str, str] | None) -> Request:
    """Return a part as a request of its own."""
    target = part.target
    if content_ids is not None:
        target = resolve_content_id(target, content_ids)
    if target.startswith("/api/"):
        target = urlsplit(request.base)._replace(path="", query="").geturl() + target
    base = re.match(r"https?://[^/]+/api/data/v9\.\d/", target)
    inherited = {name: value for name, value in request.headers.items() if name.startswith(("mscrm", "callerobjectid"))}
    built = build_request(
        part.method,
        base.group() if base else request.base,
        target[base.end() :] if base else target.lstrip("/"),
        {**inherited, **part.headers},
        part.body,
    )
    if built.path == "$batch":
        raise BatchFormatError("A batch cannot contain a batch.")
    return replace(built, content_ids=content_ids)


def _render(response: Response, content_id: str | None) -> str:
    head = f"Content-Type: application/http{CRLF}Content-Transfer-Encoding: binary{CRLF}"
    if content_id is not None:
        head += f"Content-ID: {content_id}{CRLF}"
    entity = response.header("OData-EntityId")
    location = (("Location", entity),) if entity else ()
    ordered = (*response.headers[:1], *location, *response.headers[1:])
    headers = "".join(f"{name}: {value}{CRLF}" for name, value in ordered)
    status = f"HTTP/1.1 {response.status} {response.reason}{CRLF}"
    return f"{head}{CRLF}{status}{headers}{CRLF}{response.body.decode()}"


def _multipart(status: int, boundary: str, parts: list[str]) -> Response:
    name = f"batchresponse_{boundary}"
    body = "".join(f"--{name}{CRLF}{part}{CRLF}" for part in parts) + f"--{name}--{CRLF}"
    headers = (("Content-Type", f"multipart/mixed; boundary={name}"), ("OData-Version", "4.0"))
    return Response(status, headers, body.encode())
