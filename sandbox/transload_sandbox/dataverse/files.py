"""File contents: kept beside the rows that own them, within the limits of column and organisation."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Table

DEFAULT_KILOBYTES = 32_768
"""Largest content of a file column that names no limit of its own."""
_TABLE = "CREATE TABLE IF NOT EXISTS _files (id TEXT PRIMARY KEY, name TEXT, mimetype TEXT, data BLOB) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Content:
    """One file."""

    name: str
    mimetype: str
    data: bytes


class Contents:
    """The files of an organisation by id."""

    def __init__(self, environment: Environment) -> None:
        self._store = environment.store
        self._store.execute(_TABLE)

    def put(self, file_id: str, content: Content) -> None:
        """Keep a file."""
        values = (file_id, content.name, content.mimetype, content.data)
        self._store.execute("INSERT OR REPLACE INTO _files VALUES (?, ?, ?, ?)", values)

    def get(self, file_id: str) -> Content | None:
        """Return a file, None when there is none."""
        found = self._store.execute("SELECT name, mimetype, data FROM _files WHERE id = ?", (file_id,))
        for name, mimetype, data in found:
            return Content(str(name), str(mimetype), data if isinstance(data, bytes) else b"")
        return None

    def delete(self, file_ids: Sequence[str]) -> None:
        """Forget files."""
        for file_id in file_ids:
            self._store.execute("DELETE FROM _files WHERE id = ?", (file_id,))

    def digests(self) -> dict[str, str]:
        """Return a digest of every file by id."""
        found = self._store.execute("SELECT id, name, mimetype, data FROM _files ORDER BY id")
        return {
            str(file_id): hashlib.blake2b(
                f"{name}\0{mimetype}\0".encode() + (data if isinstance(data, bytes) else b""), digest_size=16
            ).hexdigest()
            for file_id, name, mimetype, data in found
        }


def check_content(environment: Environment, name: str, size: int, limit: int | None = None) -> None:
    """Check a file before it is kept.

    Args:
        environment: The organisation, which blocks extensions and has a limit for notes and attachments.
        name: Name of the file.
        size: Bytes.
        limit: The column's own limit in bytes; the organisation's when absent.

    Raises:
        ODataError: Too large, or of a blocked type.
    """
    organization = environment.organization()
    if size > (limit if limit is not None else int(str(organization["maxuploadfilesize"]))):
        raise ODataError(400, "0x80044a02", "Attachment file size is too big.")
    extension = name.rpartition(".")[2].lower()
    if "." in name and extension in str(organization["blockedattachments"]).lower().split(";"):
        raise ODataError(400, "0x80043e09", "The attachment is either not a valid type or is too large.")


def remove_files(environment: Environment, table: Table, ids: Sequence[str]) -> None:
    """Remove the files of rows that are about to go."""
    columns = [column.name for column in table.columns.values() if column.type == "File"]
    if columns:
        rows = environment.store.fetch(table, ids).values()
        found = [str(row[name]) for row in rows for name in columns if row[name] is not None]
        Contents(environment).delete(found)
