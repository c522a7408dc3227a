"""What somebody else does in the middle of a run: an administrator, a licence sync, a security officer.

An interruption waits until a number of matching requests have been answered, and then happens once, before the
next one: a test that scripts it sees it at the same place every time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transload_sandbox.dataverse.org import DataverseOrg

Deed = Callable[["DataverseOrg"], None]


@dataclass(slots=True)
class Interruption:
    """Something that is still to happen."""

    deed: Deed
    after: int = 0
    """How many matching requests pass before it."""
    method: str = "*"
    path: str = "*"
    """Pattern for the path below ``/api/data/v9.2/``; ``*`` and ``?`` as in file names."""


class Interruptions:
    """Everything that is still to happen, in the order in which it was scripted."""

    def __init__(self) -> None:
        self._waiting: list[Interruption] = []

    def add(self, interruption: Interruption) -> None:
        """Script an interruption."""
        self._waiting.append(interruption)

    def count(self) -> int:
        """Return how many have not happened yet."""
        return len(self._waiting)

    def before(self, org: "DataverseOrg", method: str, path: str) -> None:
        """Let happen what is due before a request is answered."""
        for each in list(self._waiting):
            if each.method not in {"*", method} or not fnmatchcase(path, each.path):
                continue
            if each.after > 0:
                each.after -= 1
                continue
            self._waiting.remove(each)
            each.deed(org)
