"""Writes files that a crash cannot leave half written."""

import os
from collections.abc import Iterable
from pathlib import Path

from transload.errors import FolderError


def replace_file(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file whole or not at all, making its folder if need be.

    Args:
        path: The file.
        content: Its bytes, or its parts as they come: what is large need not be in memory at once.

    Raises:
        FolderError: It cannot be written: a full disk, missing rights.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as stream:
                stream.writelines([content] if isinstance(content, bytes) else content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise FolderError(str(path), error.strerror or str(error)) from error
