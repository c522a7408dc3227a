"""The rollback manifest: a file that a client can keep, of all that a rollback would take back.

A line of JSON for each row, in the order in which a rollback goes, after a head that says what
the file is. The audit log keeps its digest, so a kept copy proves what the ledger held. Values
stand in it as digests only: what a row held before is in the ledger.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import chain, count

import orjson

from transload._files import replace_file
from transload._ledger import UndoRow
from transload._ledger.codec import digest, encode
from transload._reports import Report
from transload._stages.bench import Bench

MANIFEST = "rollback-manifest.jsonl"
FORMAT = "transload.rollback-manifest/1"


def with_manifest(bench: Bench, report: Report) -> Report:
    """Write the manifest as the ledger stands, and return the report with the file and its digest.

    Raises:
        FolderError: The file cannot be written.
    """
    rows, content = bench.ledger.journal.undo_count(), sha256()
    head = {
        "format": FORMAT,
        "client": report.client,
        "run": report.run_id,
        "made_at": report.made_at,
        "rows": rows,
    }

    def lines() -> Iterator[bytes]:
        for line in chain([head], map(_line, count(1), bench.ledger.journal.undo_list())):
            text = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
            content.update(text)
            yield text

    replace_file(bench.project.reports / MANIFEST, lines())
    name = content.hexdigest()
    bench.ledger.audit_log.append("rollback manifest", {"run": report.run_id, "rows": rows, "sha256": name})
    return replace(
        report,
        facts={**report.facts, "Rollback manifest": f"{rows:,} rows, SHA-256 {name}"},
        files={**report.files, MANIFEST: "every row that a rollback would undo, in its order"},
    )


def _line(position: int, row: UndoRow) -> dict[str, object]:
    """Return a row of the manifest; ``before`` is a digest of BLAKE2b with 16 bytes, of canonical JSON."""
    state = dict(zip(("statecode", "statuscode"), row.before_state, strict=True)) if row.before_state else {}
    return {
        "order": position,
        "table": row.table,
        "row": row.row_id,
        "record": str(row.key),
        "origin": "created" if row.created else "changed",
        "before": None if row.created else digest(encode({**row.before, **state})),
        "links": len(row.links),
        "run": row.run_id,
        "first_write": row.order,
    }
