"""Reads and replaces a JSON file whole, so that a process that is killed leaves the old one or the new one.

``Any`` in this package is JSON: what orjson takes and gives.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson


def read_json(file: Path) -> dict[str, Any]:
    """Return the content of the file; empty when there is none."""
    if not file.exists():
        return {}
    content: dict[str, Any] = orjson.loads(file.read_bytes())
    return content


def write_json(file: Path, content: Mapping[str, object]) -> None:
    """Replace the file. Without a flush to disk: it need not survive a power cut, and tests are to be quick."""
    draft = file.with_name(f"{file.name}.part")
    draft.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    draft.replace(file)
