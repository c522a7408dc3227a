"""Carries files to the environment and reads back what arrived.

A small file of a note or an attachment travels in base64 inside its row. A larger one follows its
row in blocks, a file column always by requests of its own. Nothing is held in memory beyond one
block or one small file; what arrived is known only by reading it back.
"""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote

import httpx
import orjson

from transload import FileRef, RecordKey, RunContext, TargetTable
from transload.errors import MissingFileError, RecordError, UnfitValueError
from transload.files import FileStore, digest_of
from transload.values import Cell
from transload_dynamics_sink.batch import MOST_REPEATS, check_stopping
from transload_dynamics_sink.client import Dataverse, Json, open_dataverse, query
from transload_dynamics_sink.columns import FILE_BODIES, Carrier, FileColumn
from transload_dynamics_sink.errors import DUPLICATE, Act, Refusal, read_refusal
from transload_dynamics_sink.metadata import Table
from transload_dynamics_sink.values import dump_row, with_file

INLINE_BYTES = 3 * 1024 * 1024
"""Largest file inside a row: 4 MB in base64, beyond which the documentation advises blocks."""
BLOCK_BYTES = 4 * 1024 * 1024
"""Most bytes of a block."""
_TYPE = "Microsoft.Dynamics.CRM"
_NAMED = frozenset({Carrier.NOTE, Carrier.ATTACHMENT})
_BINARY = "application/octet-stream"
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Attached:
    """A file on its way to a column.

    Attributes:
        column: The column.
        target: How files travel to it.
        file: Which bytes.
        name: What the file is called in the target.
        media_type: Its type.
    """

    column: str
    target: FileColumn
    file: FileRef
    name: str
    media_type: str

    @property
    def is_inline(self) -> bool:
        """Whether it travels inside its row."""
        if self.target.carrier in _NAMED:
            return self.file.size <= INLINE_BYTES
        # Only the body of its row takes an image, whatever its size.
        return self.target.carrier is Carrier.IMAGE

    @property
    def makes_row(self) -> bool:
        """Whether the upload itself creates the row: attachments in blocks do."""
        return self.target.carrier is Carrier.ATTACHMENT and not self.is_inline

    @property
    def encoded_size(self) -> int:
        """Bytes that it takes in base64."""
        return 4 * ((self.file.size + 2) // 3)

    def labels(self) -> Json:
        """Return what the row says of it, where the row has columns for that."""
        return {"filename": self.name, "mimetype": self.media_type} if self.target.carrier in _NAMED else {}


class Files:
    """Moves files between the client's folder and the environment; safe to use from several threads."""

    def __init__(self, dataverse: Dataverse, store: FileStore) -> None:
        self._dataverse, self._store = dataverse, store

    def attached(self, table: Table, key: RecordKey, columns: Mapping[str, Cell]) -> list[Attached]:
        """Return the files among the cells of a row.

        Raises:
            RecordError: The environment does not take a file of this size or type, or its bytes are gone.
        """
        found = []
        for name, cell in columns.items():
            if isinstance(cell, FileRef) and (target := table.files.get(name)) is not None:
                label = str(columns.get("filename") or cell.name or "file")
                media_type = str(columns.get("mimetype") or cell.media_type or _BINARY)
                each = Attached(name, target, cell, label, media_type)
                self._check(table, key, each)
                self._store.open(cell.digest).close()
                found.append(each)
        return found

    @staticmethod
    def check_replacing(key: RecordKey, attached: Sequence[Attached]) -> None:
        """Check that files can take the place of others.

        Raises:
            RecordError: One comes with its row only.
        """
        for each in attached:
            if each.makes_row:
                raise _unfit(
                    key,
                    each,
                    f"cannot take {each.name} in place of another file: it is too large for that",
                    "Delete the attachment in Dynamics, then run `transload retry`: it is made anew.",
                )

    def has(self, file: FileRef) -> bool:
        """Whether the bytes of a file are in the client's folder."""
        try:
            self._store.open(file.digest).close()
        except MissingFileError:
            return False
        return True

    def encode(self, file: FileRef) -> bytes:
        """Return a small file in base64."""
        with self._store.open(file.digest) as stream:
            return base64.b64encode(stream.read())

    def upload(self, table: Table, row_id: str, attached: Attached, row: Json) -> Refusal | None:
        """Send a file that does not travel inside its row, and return why it was refused.

        Args:
            table: The row's table.
            row_id: The row; it is there, unless the upload makes it.
            attached: The file.
            row: Properties of the row, for an upload that makes it.
        """
        match attached.target.carrier:
            case Carrier.NOTE:
                refusal = self._upload_blocks("Annotation", table, row_id, attached, attached.labels())
            case Carrier.ATTACHMENT:
                refusal = self._upload_blocks("Attachment", table, row_id, attached, row)
            case _:
                refusal = self._upload_column(table, row_id, attached)
        if refusal is not None and self._has_arrived(table, row_id, attached, refusal):
            return None
        return refusal

    def clear(self, table: Table, row_id: str, column: str) -> Refusal | None:
        """Empty a file column."""
        answer = self._send("DELETE", f"{table.entity_set}({row_id})/{column}")
        refusal = _refusal(answer)
        return None if refusal is None or refusal.status == 404 else refusal

    def read(self, table: Table, row_id: str, column: str) -> FileRef | None:
        """Return digest and size of what a column holds now; None when it holds no file."""
        carrier = table.files[column].carrier
        found: list[FileRef] = []

        def take(parts: Iterator[bytes]) -> None:
            found[:] = [digest_of(io.BufferedReader(_Parts(_decoded(parts) if carrier in _NAMED else parts)))]

        size = "?size=full" if carrier is Carrier.IMAGE else ""
        path = f"{table.entity_set}({row_id})/{column}/$value{size}"
        there = self._dataverse.download(path, f"hand out a file of {table.name}", take)
        return found[0] if there else None

    @property
    def largest(self) -> int:
        """Most bytes of a note's or an attachment's file, now: `prepare` may just have raised it."""
        return self._read_limits()[0]

    @cached_property
    def _limits(self) -> tuple[int, frozenset[str]]:
        return self._read_limits()

    def _read_limits(self) -> tuple[int, frozenset[str]]:
        """Return the most bytes of a note's or an attachment's file, and the extensions that are blocked."""
        path = query("organizations", select="maxuploadfilesize,blockedattachments")
        [found] = self._dataverse.get(path, "show its settings")["value"]
        blocked = str(found.get("blockedattachments") or "").lower().split(";")
        return int(found["maxuploadfilesize"]), frozenset(filter(None, blocked))

    def _check(self, table: Table, key: RecordKey, attached: Attached) -> None:
        largest, blocked = self._limits
        limit, setting = attached.target.limit, f"the largest size of the column {table.name}.{attached.column}"
        if limit is None:
            limit, setting = largest, "the largest file size of the environment (Organization.maxuploadfilesize)"
        extension = attached.name.rpartition(".")[2].lower()
        if attached.file.size > limit:
            shown = f"{attached.file.size / _MEGABYTE:.1f} MB, and {limit / _MEGABYTE:.1f} MB are allowed"
            raise _unfit(
                key,
                attached,
                f"cannot take {attached.name}: it has {shown}",
                f"Raise {setting}, in the admin centre under Email > Maximum file size or on the column; or let the "
                "mapping leave the file out.",
            )
        if "." in attached.name and extension in blocked:
            raise _unfit(
                key,
                attached,
                f"cannot take {attached.name}: the environment blocks files of type .{extension}",
                "Take the type off the blocked attachments (Organization.blockedattachments) in the admin centre under "
                "Privacy + Security, or let the mapping leave the file out.",
            )

    def _upload_blocks(self, kind: str, table: Table, row_id: str, attached: Attached, row: Json) -> Refusal | None:
        target = {
            "@odata.type": f"{_TYPE}.{table.name}",
            table.shape.id_column: row_id,
            **row,
            **attached.labels(),
        }
        answer = self._send("POST", f"Initialize{kind}BlocksUpload", dump_row({"Target": target}))
        if (refusal := _refusal(answer)) is not None:
            return refusal
        token: str = orjson.loads(answer.content)["FileContinuationToken"]
        blocks: list[str] = []
        for part in self._parts(attached.file):
            blocks.append(base64.b64encode(f"block-{len(blocks):06d}".encode("ascii")).decode("ascii"))
            block = dump_row({"BlockId": blocks[-1], "FileContinuationToken": token})
            body = with_file(block, "BlockData", base64.b64encode(part))
            if (refusal := _refusal(self._send("POST", "UploadBlock", body))) is not None:
                return refusal
        whole = {"Target": target, "BlockList": blocks, "FileContinuationToken": token}
        return _refusal(self._send("POST", f"Commit{kind}BlocksUpload", dump_row(whole)))

    def _upload_column(self, table: Table, row_id: str, attached: Attached) -> Refusal | None:
        path = f"{table.entity_set}({row_id})/{attached.column}?x-ms-file-name={quote(attached.name, safe='')}"
        if attached.file.size <= BLOCK_BYTES:
            with self._store.open(attached.file.digest) as stream:
                return _refusal(self._send("PATCH", path, stream.read(), {"Content-Type": _BINARY}))
        answer = self._send("PATCH", path, None, {"x-ms-transfer-mode": "chunked"})
        if (refusal := _refusal(answer)) is not None:
            return refusal
        session, start = answer.headers["Location"], 0
        size = min(int(answer.headers.get("x-ms-chunk-size") or BLOCK_BYTES), BLOCK_BYTES)
        for part in self._parts(attached.file, size):
            span = f"bytes {start}-{start + len(part) - 1}/{attached.file.size}"
            headers = {"Content-Type": _BINARY, "Content-Range": span}
            if (refusal := _refusal(self._send("PATCH", session, part, headers))) is not None:
                return refusal
            start += len(part)
        return None

    def _has_arrived(self, table: Table, row_id: str, attached: Attached, refusal: Refusal) -> bool:
        """Whether the file is there although its upload was refused: the answer to its last request was lost."""
        if refusal.code != DUPLICATE and refusal.act is not Act.DATA:
            return False
        found = self.read(table, row_id, attached.column)
        return found is not None and found.digest == attached.file.digest

    def _parts(self, file: FileRef, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        with self._store.open(file.digest) as stream:
            while part := stream.read(size):
                yield part

    def _send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a request, again when it met a lock."""
        for times in range(1, MOST_REPEATS + 2):
            answer = self._dataverse.write(method, path, body, headers=headers)
            refusal = _refusal(answer)
            if refusal is not None:
                check_stopping(refusal, self._dataverse)
            if refusal is None or refusal.act is not Act.RETRY or times > MOST_REPEATS:
                break
            self._dataverse.pause(times)
        return answer


class _Parts(io.RawIOBase):
    """Parts of a file, as a stream."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = (part for part in parts if part)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        if not self._rest:
            self._rest = memoryview(next(self._parts, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def with_file_limit(shape: TargetTable, context: RunContext) -> TargetTable:
    """Return a table whose columns for files in notes and attachments say how large those may be."""
    bodies = {name: column for name, column in shape.columns.items() if (shape.name, name) in FILE_BODIES}
    if not bodies:
        return shape
    largest = context.resource(open_files).largest
    sized = {name: replace(column, max_length=largest) for name, column in bodies.items()}
    return replace(shape, columns={**shape.columns, **sized})


def open_files(context: RunContext) -> Files:
    """Return the files of the run; use it as ``context.resource(open_files)``."""
    return Files(context.resource(open_dataverse), context.files)


def _decoded(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Return what base64 stands for, part by part."""
    rest = b""
    for part in parts:
        text = rest + part
        whole = len(text) // 4 * 4
        yield base64.b64decode(text[:whole])
        rest = text[whole:]
    if rest:
        yield base64.b64decode(rest + b"=" * (-len(rest) % 4))


def _refusal(answer: httpx.Response) -> Refusal | None:
    return None if answer.is_success else read_refusal(answer.status_code, answer.content)


def _unfit(key: RecordKey, attached: Attached, reason: str, remedy: str) -> RecordError:
    error = UnfitValueError(key, attached.column, reason)
    error.remedy = remedy
    return error
