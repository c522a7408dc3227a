"""Checks an audit log that `transload audit-log export` has written. Needs Python 3.9 or later, and nothing else.

    python verify_audit_log.py audit-log.jsonl [HEAD ...]

Each line is one entry of the log. Its `hash` covers what it says and the hash of the entry before it, so an entry
that was changed, removed, slipped in or moved shows. When the end of the file was cut off, the rest is whole in
itself: only a head that was kept elsewhere tells. The reports of approvals print such heads ("Audit log so far");
give them behind the file.

Ends with 0 when the log is whole, 1 when it is not, 2 when the file cannot be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

GENESIS = "0" * 64
"""What stands in place of a hash before the first entry."""
_KINDS = {"seq": int, "at": str, "event": str, "previous": str, "hash": str}
_BODY = b',"body":'
MOST_SHOWN = 20


def entry_hash(previous: str, seq: int, at: str, event: str, body: bytes) -> str:
    """Return the hash of an entry: its number, moment, event and body, behind the hash of the entry before."""
    start = f"{previous}\n{seq}\n{at}\n{event}\n".encode()
    return blake2b(start + body, digest_size=32).hexdigest()


def entry_line(head: dict[str, object], body: bytes) -> bytes:
    """Return an entry as its line: the head in compact JSON, then the body exactly as it was hashed."""
    return json.dumps(head, separators=(",", ":"))[:-1].encode() + _BODY + body + b"}\n"


@dataclass
class Findings:
    """What a check has found.

    Attributes:
        entries: How many entries are sound, from the first one on.
        head: The hash of the last of them.
        problems: Line and reason of everything that is wrong, in the order of the file.
    """

    entries: int = 0
    head: str = GENESIS
    problems: list[tuple[int, str]] = field(default_factory=list)


def check(lines: Iterable[bytes], heads: Iterable[str] = ()) -> Findings:
    """Check the lines of an export, and that each of the heads stands among its entries."""
    found, expected, previous, number = Findings(), 1, GENESIS, 0
    sought = {head.strip().lower(): None for head in heads}
    for number, line in enumerate(lines, 1):
        try:
            seq, after, claimed, computed = _read(line)
        except (KeyError, TypeError, ValueError):
            found.problems.append((number, "this is not an entry as it was exported"))
            continue
        if seq < expected:
            found.problems.append((number, f"entry {seq} is out of place: slipped in, moved or repeated"))
        else:
            if seq > expected:
                lost = f"entry {expected} is" if seq == expected + 1 else f"entries {expected} to {seq - 1} are"
                found.problems.append((number, f"{lost} missing before entry {seq}, or moved to another place"))
            elif after != previous:
                found.problems.append((number, f"entry {seq} does not follow the one before it: one was replaced"))
            expected, previous = seq + 1, claimed
        if claimed != computed:
            found.problems.append((number, f"entry {seq} was changed"))
        else:
            sought.pop(claimed, None)
        if not found.problems:
            found.entries, found.head = seq, claimed
    for head in sought:
        reason = f"the head {head} is not among the entries: the end was cut off, or the log was written anew"
        found.problems.append((number + 1, reason))
    return found


def _read(line: bytes) -> tuple[int, str, str, str]:
    """Return the number of an entry, the hash it follows, the hash it claims, and the hash that it has."""
    start, _, rest = line.partition(_BODY)
    head, body = json.loads(start + b"}"), rest[: -len(b"}\n")]
    kinds = {name: type(value) for name, value in head.items()}
    if list(kinds.items()) != list(_KINDS.items()) or entry_line(head, body) != line:
        raise ValueError("it says something that is not hashed")
    computed = entry_hash(head["previous"], head["seq"], head["at"], head["event"], body)
    return head["seq"], head["previous"], head["hash"], computed


def main(arguments: list[str]) -> int:
    """Check the file that the first argument names, tell what was found, and return the exit code."""
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        with open(arguments[0], "rb") as file:  # noqa: PTH123 - one import less for whoever reads this
            found = check(file, arguments[1:])
    except OSError as error:
        sys.stderr.write(f"{arguments[0]} cannot be read: {error.strerror}\n")
        return 2
    for number, reason in found.problems[:MOST_SHOWN]:
        sys.stdout.write(f"line {number}: {reason}\n")
    if len(found.problems) > MOST_SHOWN:
        sys.stdout.write(f"and {len(found.problems) - MOST_SHOWN} more\n")
    verdict = "NOT WHOLE. Sound from the first line on" if found.problems else "Whole"
    sys.stdout.write(f"{verdict}: {found.entries} entries, the last with the hash {found.head}\n")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
