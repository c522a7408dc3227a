"""Writes files that a crash cannot leave half written."""

import os
from collections.abc import Iterable
from pathlib import Path

from transload.errors import FolderError


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, making its folder if need be.

    Raises:
        FolderError: It cannot be written: a full disk, missing rights.
    """
    stream_file(path, [content])


def stream_file(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file part by part, whole or not at all, making its folder if need be.

    Raises:
        FolderError: It cannot be written: a full disk, missing rights.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as stream:
                stream.writelines(parts)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise FolderError(str(path), error.strerror or str(error)) from error
