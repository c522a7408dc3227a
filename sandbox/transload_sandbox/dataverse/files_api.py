"""Requests to file and image columns: upload in one piece or in chunks, download, removal.

A chunked upload is a session: the first request returns its address in ``Location``, and every chunk says by
``Content-Range`` which part it is.
"""

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.files import DEFAULT_KILOBYTES, Content, Contents, check_content
from transload_sandbox.dataverse.model import Column, Row, Table
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content
from transload_sandbox.dataverse.writer import Writer

CHUNK_BYTES = 4_194_304
MAX_SINGLE_BYTES = 134_217_728
_SESSIONS_KEPT = 1000
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_WANTED = re.compile(r"bytes=(\d+)-(\d*)")
BINARY = "application/octet-stream"


@dataclass(slots=True)
class Session:
    """A chunked upload that is under way."""

    table: str
    row_id: str
    column: str
    name: str
    data: bytearray = field(default_factory=bytearray)


class FilesApi:
    """Serves file columns on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self._contents = Contents(environment)

    def respond(self, request: Request, table: Table, row: Row, column: Column) -> Response:
        """Answer a request to a file column.

        Raises:
            ODataError: The content is refused, or the request does not fit.
        """
        if request.method == "GET":
            raw = self.download(request, row, column)
            if raw.status not in {200, 206}:
                return raw
            context = f"{request.base}$metadata#{table.entity_set}({row[table.primary_id]})/{column.name}"
            headers = [each for each in raw.headers if each[0] not in {"Content-Type", "OData-Version"}]
            body = {"@odata.context": context, "value": base64.b64encode(raw.body).decode()}
            return json_response(body, raw.status, *headers)
        if request.method == "DELETE":
            with self.environment.transaction():
                self.clear(table, row, column)
            return no_content()
        if request.method not in {"PATCH", "PUT"}:
            raise ODataError(405, "0x0", f"The requested resource does not support http method '{request.method}'.")
        if "sessiontoken" in request.query:
            return self._chunk(request, table, row, column)
        if request.headers.get("x-ms-transfer-mode", "").lower() == "chunked":
            return self._begin(request, table, row, column)
        if len(request.body) > MAX_SINGLE_BYTES:
            raise ODataError(413, "0x80040203", "A file above 128 MB must be uploaded in chunks.")
        with self.environment.transaction():
            self.keep(table, row, column, Content(_file_name(request), BINARY, request.body))
        return no_content()

    def upload_image(self, request: Request, table: Table, row: Row, column: Column) -> Response:
        """Answer an upload to an image column.

        Raises:
            ODataError: The image is refused.
        """
        check_content(self.environment, _file_name(request), len(request.body), limit_of(column))
        encoded = base64.b64encode(request.body).decode()
        with self.environment.transaction():
            Writer(self.environment, self.caller_id).update(table, [(row, {column.name: encoded})])
        return no_content()

    def download(self, request: Request, row: Row, column: Column) -> Response:
        """Answer with the bytes of a file or an image, or with the part of them that the client asks for."""
        content = self._content(row, column)
        if content is None:
            return no_content()
        size = len(content.data)
        headers = (
            ("Content-Type", content.mimetype),
            ("Content-Disposition", f"attachment; filename={quote(content.name)}"),
            ("x-ms-file-name", quote(content.name)),
            ("x-ms-file-size", str(size)),
            ("mimetype", content.mimetype),
            ("Access-Control-Expose-Headers", "x-ms-file-size; x-ms-file-name; x-ms-chunk-size; mimetype"),
            ("OData-Version", "4.0"),
        )
        wanted = _WANTED.fullmatch(request.headers.get("range", ""))
        if not wanted:
            return Response(200, headers, content.data)
        start = int(wanted.group(1))
        end = min(int(wanted.group(2) or size - 1), size - 1)
        if start > end:
            return Response(416, (("Content-Range", f"bytes */{size}"),))
        span = (
            ("Content-Range", f"bytes {start}-{end}/{size}"),
            ("x-ms-chunk-size", str(CHUNK_BYTES)),
            # Clients that read a column as JSON, without /$value, ask for the next part here.
            ("Location", f"{request.base}{request.target}"),
        )
        return Response(206, (*headers, *span), content.data[start : end + 1])

    # -- contents of rows

    def keep(self, table: Table, row: Row, column: Column, content: Content) -> str:
        """Put a file into a column of a row and return its id.

        Raises:
            ODataError: Too large, of a blocked type, or the row cannot be changed.
        """
        check_content(self.environment, content.name, len(content.data), limit_of(column))
        file_id = self.environment.new_id()
        if row[column.name] is not None:
            self._contents.delete([str(row[column.name])])
        self._contents.put(file_id, content)
        self._point(table, row, column, file_id, content.name)
        return file_id

    def clear(self, table: Table, row: Row, column: Column) -> None:
        """Empty a file column of a row."""
        if row[column.name] is not None:
            self._contents.delete([str(row[column.name])])
            self._point(table, row, column, None, None)

    def _point(self, table: Table, row: Row, column: Column, file_id: str | None, name: str | None) -> None:
        changed = {**row, column.name: file_id, f"{column.name}_name": name}
        Writer(self.environment, self.caller_id).update(table, [(changed, {})])

    def _content(self, row: Row, column: Column) -> Content | None:
        value = row[column.name]
        if value is None:
            return None
        if column.type == "Image":
            return Content(f"{column.name}.jpg", BINARY, base64.b64decode(str(value)))
        return self._contents.get(str(value))

    # -- chunks

    def _begin(self, request: Request, table: Table, row: Row, column: Column) -> Response:
        name = _file_name(request)
        check_content(self.environment, name, 0, limit_of(column))
        sessions = self.environment.uploads
        while len(sessions) >= _SESSIONS_KEPT:
            sessions.pop(next(iter(sessions)))
        with self.environment.transaction():
            token = self.environment.new_id()
        sessions[token] = Session(table.name, str(row[table.primary_id]), column.name, name)
        location = f"{request.base}{quote(request.path, safe='()=,/')}?sessiontoken={token}"
        headers = (
            ("Accept-Ranges", "bytes"),
            ("Location", location),
            ("x-ms-chunk-size", str(CHUNK_BYTES)),
            ("Access-Control-Expose-Headers", "x-ms-chunk-size"),
            ("OData-Version", "4.0"),
        )
        return Response(200, headers)

    def _chunk(self, request: Request, table: Table, row: Row, column: Column) -> Response:
        token = request.query["sessiontoken"]
        session = self.environment.uploads.get(token)
        named = (table.name, str(row[table.primary_id]), column.name)
        if not isinstance(session, Session) or (session.table, session.row_id, session.column) != named:
            raise errors.invalid_argument("The session token is not valid.")
        match = _RANGE.fullmatch(request.headers.get("content-range", ""))
        if not match:
            raise errors.invalid_argument("A chunk needs the header Content-Range.")
        start, end, total = (int(part) for part in match.groups())
        if len(request.body) != end - start + 1 or len(request.body) > CHUNK_BYTES or end >= total:
            raise errors.invalid_argument("The Content-Range does not fit the chunk.")
        if start != len(session.data):
            raise errors.invalid_argument(f"The next chunk must start at byte {len(session.data)}.")
        check_content(self.environment, session.name, total, limit_of(column))
        session.data += request.body
        if end + 1 < total:
            return Response(206, (("x-ms-chunk-size", str(CHUNK_BYTES)), ("OData-Version", "4.0")))
        with self.environment.transaction():
            self.keep(table, row, column, Content(session.name, BINARY, bytes(session.data)))
        del self.environment.uploads[token]
        return no_content()


def limit_of(column: Column) -> int:
    """Return the most bytes that a file or image column holds."""
    return (column.max_kilobytes or DEFAULT_KILOBYTES) * 1024


def _file_name(request: Request) -> str:
    name = request.query.get("x-ms-file-name") or unquote(request.headers.get("x-ms-file-name", ""))
    if not name:
        raise errors.invalid_argument("The name of the file is missing: send the header x-ms-file-name.")
    return name
