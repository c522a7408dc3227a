"""Files in blocks: messages that move a note, an attachment or a file column piece by piece.

An upload begins with a target and ends with the list of blocks that make the file; a download begins with a
target and reads spans of it. The continuation token stands for what was begun.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.files import Content, Contents, check_content
from transload_sandbox.dataverse.files_api import BINARY, CHUNK_BYTES, FilesApi, limit_of
from transload_sandbox.dataverse.model import Column, Row, Table
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response, no_content
from transload_sandbox.dataverse.writer import Writer

Json = Mapping[str, object]

_NAMESPACE = "Microsoft.Dynamics.CRM."
_BODIES = {"annotation": "documentbody", "activitymimeattachment": "body"}
MAX_BLOCK_ID_BYTES = 64


@dataclass(slots=True)
class Upload:
    """Blocks that have arrived."""

    table: str
    target: Json
    column: str
    name: str
    blocks: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Download:
    """A file that is being read."""

    data: bytes


State = TypeVar("State", Upload, Download)


class BlocksApi:
    """Serves the messages on behalf of one user."""

    def __init__(self, environment: Environment, caller_id: str) -> None:
        self.environment = environment
        self.caller_id = caller_id
        self._actions: Mapping[str, Callable[[Request, Json], Response]] = {
            "InitializeFileBlocksUpload": self._begin_file,
            "InitializeAnnotationBlocksUpload": lambda request, body: self._begin(request, body, "annotation"),
            "InitializeAttachmentBlocksUpload": lambda request, body: self._begin(
                request, body, "activitymimeattachment"
            ),
            "UploadBlock": self._upload,
            "CommitFileBlocksUpload": self._commit_file,
            "CommitAnnotationBlocksUpload": lambda request, body: self._commit(request, body, "annotation"),
            "CommitAttachmentBlocksUpload": lambda request, body: self._commit(request, body, "activitymimeattachment"),
            "InitializeFileBlocksDownload": self._read_file,
            "InitializeAnnotationBlocksDownload": lambda request, body: self._read(request, body, "annotation"),
            "InitializeAttachmentBlocksDownload": lambda request, body: self._read(
                request, body, "activitymimeattachment"
            ),
            "DownloadBlock": self._download,
            "DeleteFile": self._delete,
        }

    def respond(self, request: Request, name: str) -> Response | None:
        """Answer a message; None when there is none of that name."""
        if name not in self._actions:
            return None
        if request.method != "POST":
            raise errors.no_such_method(request.url)
        body = request.json(name)
        with self.environment.transaction():
            return self._actions[name](request, body)

    # -- upload

    def _begin_file(self, request: Request, body: Json) -> Response:
        table, target = self._target(body)
        column = self._file_column(table, body)
        self._row(table, target)
        name = _text(body, "FileName")
        check_content(self.environment, name, 0, limit_of(column))
        return self._started(request, Upload(table.name, target, column.name, name))

    def _begin(self, request: Request, body: Json, table: str) -> Response:
        _, target = self._target(body, table)
        name = str(target.get("filename") or "")
        check_content(self.environment, name, 0)
        return self._started(request, Upload(table, target, _BODIES[table], name))

    def _started(self, request: Request, state: Upload | Download, **facts: object) -> Response:
        token = base64.b64encode(self.environment.new_id().encode()).decode()
        self.environment.uploads[token] = state
        return _answer(request, {"FileContinuationToken": token, **facts})

    def _upload(self, _request: Request, body: Json) -> Response:
        upload = self._state(body, Upload)
        block_id, raw = _text(body, "BlockId"), _text(body, "BlockData")
        try:
            decoded, data = base64.b64decode(block_id, validate=True), base64.b64decode(raw, validate=True)
        except binascii.Error as error:
            raise errors.invalid_argument("BlockId and BlockData must be base64.") from error
        if not 0 < len(decoded) <= MAX_BLOCK_ID_BYTES:
            raise errors.invalid_argument(f"A BlockId has at most {MAX_BLOCK_ID_BYTES} bytes.")
        if any(len(known) != len(block_id) for known in upload.blocks):
            raise errors.invalid_argument("All BlockIds of a file must have the same length.")
        if len(data) > CHUNK_BYTES:
            raise errors.invalid_argument("A block has at most 4 MB.")
        upload.blocks[block_id] = data
        return no_content()

    def _assemble(self, body: Json) -> tuple[Upload, bytes]:
        upload = self._state(body, Upload)
        listed = body.get("BlockList")
        if not isinstance(listed, list) or any(block not in upload.blocks for block in listed):
            raise errors.invalid_argument("The BlockList names blocks that were not uploaded.")
        return upload, b"".join(upload.blocks[block] for block in listed)

    def _commit_file(self, request: Request, body: Json) -> Response:
        upload, data = self._assemble(body)
        table = self.environment.model.tables[upload.table]
        row, column = self._row(table, upload.target), table.columns[upload.column]
        content = Content(str(body.get("FileName") or upload.name), str(body.get("MimeType") or BINARY), data)
        file_id = FilesApi(self.environment, self.caller_id).keep(table, row, column, content)
        self._forget(body)
        return _answer(request, {"FileId": file_id, "FileSizeInBytes": len(data)})

    def _commit(self, request: Request, body: Json, name: str) -> Response:
        upload, data = self._assemble(body)
        table, target = self._target(body, name)
        if upload.table != name:
            raise errors.invalid_argument("The FileContinuationToken belongs to another upload.")
        values = {key: value for key, value in target.items() if not key.startswith("@") and key != table.primary_id}
        values |= {upload.column: base64.b64encode(data).decode()}
        row_id = parse_guid(target.get(table.primary_id))
        writer = Writer(self.environment, self.caller_id)
        former = self.environment.store.fetch(table, [row_id]).get(row_id) if row_id else None
        if former is not None and name == "annotation":
            writer.update(table, [(former, values)])
        else:
            # An attachment is only ever created; one whose id is taken is refused by the store.
            [created] = writer.create(table, [values], [{table.primary_id: row_id}] if row_id else [])
            row_id = str(created[table.primary_id])
        self._forget(body)
        fact = "AnnotationId" if name == "annotation" else "ActivityMimeAttachmentId"
        return _answer(request, {fact: row_id, "FileSizeInBytes": len(data)})

    # -- download

    def _read_file(self, request: Request, body: Json) -> Response:
        table, target = self._target(body)
        column = self._file_column(table, body)
        value = self._row(table, target)[column.name]
        content = Contents(self.environment).get(str(value)) if value is not None else None
        if content is None:
            raise errors.invalid_argument(f"No file attachment found for attribute: {column.name}")
        facts = {"FileName": content.name, "FileSizeInBytes": len(content.data), "IsChunkingSupported": True}
        return self._started(request, Download(content.data), **facts)

    def _read(self, request: Request, body: Json, name: str) -> Response:
        table, target = self._target(body, name)
        row = self._row(table, target)
        data = base64.b64decode(str(row[_BODIES[name]] or ""))
        return self._started(request, Download(data), FileName=row["filename"], FileSizeInBytes=len(data))

    def _download(self, request: Request, body: Json) -> Response:
        download = self._state(body, Download)
        offset, length = body.get("Offset", 0), body.get("BlockLength", CHUNK_BYTES)
        if not isinstance(offset, int) or not isinstance(length, int) or not 0 < length <= CHUNK_BYTES or offset < 0:
            raise errors.invalid_argument("Offset and BlockLength must lie within the file, 4 MB at a time.")
        data = download.data[offset : offset + length]
        return _answer(request, {"Data": base64.b64encode(data).decode()})

    def _delete(self, _request: Request, body: Json) -> Response:
        file_id = parse_guid(body.get("FileId"))
        for table in self.environment.model.tables.values():
            for column in table.columns.values():
                if column.type == "File" and table.name in self.environment.store.existing:
                    for row in self.environment.store.find(table, {column.name: file_id}, 1):
                        FilesApi(self.environment, self.caller_id).clear(table, row, column)
                        return no_content()
        raise errors.row_missing("fileattachment", str(body.get("FileId")))

    # -- parameters

    def _target(self, body: Json, name: str | None = None) -> tuple[Table, Json]:
        target = body.get("Target")
        if not isinstance(target, Mapping):
            raise errors.invalid_argument("Required parameter 'Target' is missing.")
        kind = str(target.get("@odata.type", "")).removeprefix("#").removeprefix(_NAMESPACE)
        table = self.environment.model.tables.get(kind)
        if table is None or (name is not None and kind != name):
            raise errors.payload(
                "Target", f"Microsoft.OData.ODataException: A type named '{_NAMESPACE}{kind}' does not fit the Target."
            )
        return table, target

    def _row(self, table: Table, target: Json) -> Row:
        row_id = parse_guid(target.get(table.primary_id))
        row = self.environment.store.fetch(table, [row_id]).get(row_id) if row_id else None
        if row is None:
            raise errors.row_missing(table.name, str(target.get(table.primary_id)))
        return row

    def _file_column(self, table: Table, body: Json) -> Column:
        column = table.columns.get(_text(body, "FileAttributeName"))
        if column is None or column.type != "File":
            raise errors.invalid_argument(f"'{body['FileAttributeName']}' is no file column of {table.name}.")
        return column

    def _state(self, body: Json, kind: type[State]) -> State:
        state = self.environment.uploads.get(_text(body, "FileContinuationToken"))
        if not isinstance(state, kind):
            raise errors.invalid_argument("The FileContinuationToken is not valid.")
        return state

    def _forget(self, body: Json) -> None:
        self.environment.uploads.pop(_text(body, "FileContinuationToken"), None)


def _text(body: Json, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise errors.invalid_argument(f"Required parameter '{name}' is missing.")
    return value


def _answer(request: Request, facts: Json) -> Response:
    name = request.path.partition("(")[0]
    return json_response({"@odata.context": f"{request.base}$metadata#{_NAMESPACE}{name}Response", **facts})
