"""Where people find, in the two systems' own pages, what a report is about."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from transload._pipeline.records import source_key
from transload._stages.bench import Bench, Machinery
from transload.context import RunContext
from transload.settings import secrets_in
from transload.values import RecordKey, RowRef

KeyT = TypeVar("KeyT")

_AT_ONCE = 500
_LONGEST = 2000
"""Characters; no browser's limit is lower."""


def record_links(bench: Bench, machinery: Machinery, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
    """Return where people find records in the source.

    Args:
        bench: The bench.
        machinery: Knows which record of the source each record of a document is.
        keys: Keys of documents' records.
    """
    found: dict[RecordKey, str] = {}
    for records in machinery.records.find(dict.fromkeys(keys)):
        if not records:
            continue
        document = machinery.mappings[records[0].key.entity].document
        under = {source_key(document, record.key): record.key for record in records}
        asked = [replace(record, key=key) for key, record in zip(under, records, strict=True)]
        links = bench.plugins.source_links(asked, bench.context)
        found |= {under[key]: link for key, link in links.items() if key in under}
    return safe_links(found, bench.context)


def row_links(bench: Bench, rows: Iterable[RowRef]) -> dict[RowRef, str]:
    """Return where people find rows in the target."""
    wanted = list(dict.fromkeys(row for row in rows if row.row_id))
    found: dict[RowRef, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        found |= bench.plugins.target_links(wanted[start : start + _AT_ONCE], bench.context)
    return safe_links(found, bench.context)


def safe_links(links: Mapping[KeyT, str], context: RunContext) -> dict[KeyT, str]:
    """Return the links that may stand in a report, which people pass on."""
    secrets = secrets_in(context.settings.values())
    return {
        key: link for key, link in links.items() if is_public(link) and not any(secret in link for secret in secrets)
    }


def is_public(link: str) -> bool:
    """Whether a link leads to an encrypted page and signs nobody in."""
    if len(link) > _LONGEST or not link.isprintable() or " " in link:
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
