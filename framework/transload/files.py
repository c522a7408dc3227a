"""The bytes of the source's files, kept in the client's folder under their digest.

A source puts a file in as it reads it, a sink takes it out when it loads it: a crash
never fetches a file twice, and what arrived can be compared with what was sent.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

import orjson

from transload._files import replace_file
from transload.errors import FolderError, MissingFileError
from transload.values import FileRef

_PART = 1 << 20


class FileStore:
    """Files by digest: BLAKE2b, 16 bytes, in hexadecimal.

    Args:
        folder: Where the files stand; made when the first one comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, content: Iterable[bytes], name: str = "", media_type: str = "") -> FileRef:
        """Keep a file, whole or not at all, and return what a record says of it.

        Args:
            content: Its bytes, part by part; what it raises is raised here.
            name: The file's name in the source.
            media_type: Its type.

        Raises:
            FolderError: It cannot be written: a full disk, missing rights.
        """
        state, size = blake2b(digest_size=16), 0
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, draft_name = mkstemp(dir=self._folder, prefix=".", suffix=".part")
        draft, stream = Path(draft_name), os.fdopen(handle, "wb")
        try:
            for part in content:
                state.update(part)
                size += len(part)
                with self._writing():
                    stream.write(part)
            with self._writing():
                stream.flush()
                os.fsync(stream.fileno())
                place = self._place(state.hexdigest())
                place.parent.mkdir(exist_ok=True)
                draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
            with self._writing():
                stream.close()  # what could not be written is tried once more, and fails again
        return FileRef(state.hexdigest(), size, name, media_type)

    def open(self, digest: str) -> BinaryIO:
        """Open a kept file for reading.

        Raises:
            MissingFileError: It is not there any more. A sink answers with it for the record that names the file.
        """
        try:
            return self._place(digest).open("rb")
        except OSError as error:
            raise MissingFileError(str(self._place(digest)), error.strerror or str(error)) from error

    def remember(self, label: str, version: str, file: FileRef) -> None:
        """Note which file a source gave under a label, so that the same version need not be fetched again."""
        replace_file(self._note(label), orjson.dumps({"version": version, "file": asdict(file)}))

    def recall(self, label: str, version: str) -> FileRef | None:
        """Return the file that was remembered under a label, if it is of this version and still there, whole."""
        try:
            note = orjson.loads(self._note(label).read_bytes())
            file = FileRef(**note["file"])
            whole = self._place(file.digest).stat().st_size == file.size
        except (OSError, orjson.JSONDecodeError):
            return None
        return file if whole and note["version"] == version else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say of the store's own trouble where it is; the content has troubles of its own."""
        try:
            yield
        except OSError as error:
            raise FolderError(str(self._folder), error.strerror or str(error)) from error

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _note(self, label: str) -> Path:
        return self._folder / "fetched" / f"{blake2b(label.encode(), digest_size=16).hexdigest()}.json"


def digest_of(stream: BinaryIO) -> FileRef:
    """Return the digest and size of what a stream holds."""
    state, size = blake2b(digest_size=16), 0
    while part := stream.read(_PART):
        state.update(part)
        size += len(part)
    return FileRef(state.hexdigest(), size)
