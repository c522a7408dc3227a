"""Finds out what an account's own fields are.

The account is asked, the operator's file has the last word. What the account said is kept
in the client's folder: the schema of a migration must be the same after the cut-over, when
nobody pays for the account any more.
"""

from collections.abc import Sequence
from pathlib import Path

import orjson

from transload.errors import RunError
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.slots import Definitions, define, merge, read_labels
from transload_kickserv_source.xml import Row


def read_definitions(reader: Reader, seen: Observations, memory: Path | None) -> Definitions:
    """Return what is known of the account's own fields.

    Args:
        reader: Asks the account.
        seen: Learns when it does not answer.
        memory: A file that keeps what the account said.

    Raises:
        LabelFileError: The operator's file cannot be used.
    """
    settings = reader.client.settings
    labels = read_labels(settings.labels) if settings.labels is not None else Definitions()
    return merge(define(_rows(reader, seen, memory)), labels)


def remember(memory: Path | None, met: Sequence[Row]) -> None:
    """Keep definitions that records nest, for accounts that list none. What is kept already wins."""
    if memory is None or not memory.parent.is_dir():
        return
    kept = {_name(row): row for row in (*met, *remembered(memory))}
    if met:
        _write(memory, list(kept.values()))


def _name(row: Row) -> tuple[str, str]:
    return str(row.get("applies_to")).lower(), str(row.get("id"))


def _rows(reader: Reader, seen: Observations, memory: Path | None) -> list[Row]:
    path = reader.client.settings.inferred.custom_fields_path
    if not path:
        return remembered(memory)
    try:
        rows = [row for page in reader.pages(path, "custom-fields") for row in page]
    except RunError as error:
        # Whatever it is, a later read meets it again and says so; the schema must not depend on it.
        seen.unavailable[path] = str(error)
        return remembered(memory)
    if memory is not None and memory.parent.is_dir():
        _write(memory, rows)
    return rows


def _write(memory: Path, rows: Sequence[Row]) -> None:
    memory.write_bytes(orjson.dumps(rows, default=str, option=orjson.OPT_INDENT_2))


def remembered(memory: Path | None) -> list[Row]:
    """Return the definitions that are kept; none without a file, or when it cannot be read."""
    try:
        found = orjson.loads(memory.read_bytes()) if memory is not None else []
    except (OSError, orjson.JSONDecodeError):
        return []
    return [{**row, "options": tuple(row.get("options") or ())} for row in found if isinstance(row, dict)]
