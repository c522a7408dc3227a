"""Errors, grouped by what the run does next.

::

    TransloadError
    ├── ConfigError        stop before the first request; nothing was written
    │   ├── ProjectFileError, PluginError, MappingError, WorkbookError
    │   └── StageRefusedError   an earlier stage has not passed
    ├── RunError           stop the run; the checkpoint stands
    │   ├── AuthenticationError, UnreachableError, ProtocolError, NotOfferedError
    │   ├── LedgerError, FolderError, PluginDefectError
    │   └── CutShortError
    └── RecordError        set this record aside; the run goes on
        ├── UnresolvedLookupError, UnknownValueError, UnfitValueError, MissingFileError
        └── RefusedError
            └── LockedError     the row belongs to one that is closed

Each class builds its message from typed parts and carries a remedy: what a tired
person should do. The command line and the JSON output render the same object.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transload.values import RecordKey


class TransloadError(Exception):
    """Base of every error that transload raises on purpose."""

    remedy = "Read the message; nothing more is known."

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy

    @property
    def code(self) -> str:
        """A stable name for machines: the class name without ``Error``, in snake case."""
        name = type(self).__name__.removesuffix("Error")
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class ConfigError(TransloadError):
    """Stop before the first request; nothing was written."""

    remedy = "Correct the project, then run the command again."


class ProjectFileError(ConfigError):
    """The project file is missing, unreadable, or has mistakes."""

    def __init__(self, path: str, mistakes: Sequence[str]) -> None:
        listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
        super().__init__(
            f"{path} has {len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}:\n{listing}",
            f"Correct {path}; `transload doctor` checks it.",
        )
        self.path, self.mistakes = path, tuple(mistakes)


class PluginError(ConfigError):
    """A listed plugin is missing, broken, or offered twice."""

    remedy = "Install or repair the plugin, or take it off the `plugins` list of transload.toml."


class MappingError(ConfigError):
    """A mapping document has mistakes, or does not fit the live schemas."""

    def __init__(self, place: str, mistakes: Sequence[str]) -> None:
        listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
        super().__init__(
            f"{place} has {len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}:\n{listing}",
            "Correct the mapping file, then run `transload plan --check`.",
        )
        self.place, self.mistakes = place, tuple(mistakes)


class WorkbookError(ConfigError):
    """A workbook of the plan has entries that cannot be taken over; nothing was changed."""

    def __init__(self, path: str, mistakes: Sequence[str]) -> None:
        listing = "\n".join(f"  - {mistake}" for mistake in mistakes)
        counted = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        super().__init__(
            f"nothing was changed, because {path} has {counted}:\n{listing}",
            "Correct these cells, save the workbook, then run the same command again.",
        )
        self.path, self.mistakes = path, tuple(mistakes)


class StageRefusedError(ConfigError):
    """A stage cannot start because one it depends on has not passed."""

    def __init__(self, stage: str, reason: str, command: str) -> None:
        super().__init__(f"`transload {stage}` refuses to start: {reason}", f"Run `{command}` first.")
        self.stage, self.reason, self.command = stage, reason, command


class RunError(TransloadError):
    """Stop the run; what is written stays written and is known."""

    remedy = "Remove the cause, then run the same command again: it goes on where it stopped."


class AuthenticationError(RunError):
    """A system refused the credentials."""


class UnreachableError(RunError):
    """A system does not answer, after all retries."""


class ProtocolError(RunError):
    """A system answered something that is not what its interface promises."""


class NotOfferedError(RunError):
    """A system does not offer what was asked for: no such endpoint, table or right."""


class LedgerError(RunError):
    """The ledger cannot be opened, read or written."""


class FolderError(RunError):
    """A file of the client's folder cannot be written."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} cannot be written: {reason}",
            "Make room on its disk, or see that you may write there, then run the same command again.",
        )
        self.path = path


class PluginDefectError(RunError):
    """A plugin raised something that no hook may raise: a bug in it."""

    def __init__(self, plugin: str, error: Exception) -> None:
        super().__init__(
            f"a defect in {plugin}: {type(error).__name__}: {error}",
            "Run the command again with --traceback and report that to the author of the plugin; what was "
            "written is recorded, and the same command goes on when the plugin is repaired.",
        )
        self.plugin = plugin


class CutShortError(RunError):
    """A person stopped the run."""

    remedy = "Run the same command again: it goes on where it stopped."

    def __init__(self, stage: str) -> None:
        super().__init__(f"`transload {stage}` was stopped; what was sent is recorded, or settled by the next call")


class RecordError(TransloadError):
    """Set this record aside; the run goes on."""

    remedy = "Correct the record or its mapping, then run `transload run` again."


class UnresolvedLookupError(RecordError):
    """A record refers to a parent that no pass has loaded."""

    def __init__(self, child: "RecordKey", column: str, parent: str) -> None:
        super().__init__(f"{child}: {column} refers to {parent}, which is not in the target")
        self.child, self.column, self.parent = child, column, parent
        self.remedy = (
            f"Find out why {parent} was not loaded (`transload explain {parent}`), or let the rule of "
            f"{column} say `missing: empty` or `missing: fallback`."
        )


class UnknownValueError(RecordError):
    """A value map has no entry for what the source holds."""

    def __init__(self, key: "RecordKey", field: str, value: str, known: Sequence[str]) -> None:
        super().__init__(f"{key}: {field} is {value!r}, and the value map knows {', '.join(known)}")
        self.field, self.value = field, value
        self.remedy = f"Add {value!r} to the values of {field} in the mapping, then plan and approve again."


class UnfitValueError(RecordError):
    """A value does not fit its column and the rule does not say what to do."""

    def __init__(self, key: "RecordKey", column: str, reason: str) -> None:
        super().__init__(f"{key}: {column} {reason}")
        self.column = column
        self.remedy = f"Change the rule of {column}: a converter, another column, or `on_overflow: ledger`."


class MissingFileError(RecordError):
    """A file that a record names is not in the client's folder any more."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read: {reason}",
            "Run `transload audit`, which fetches it anew, then the same command again. If the source has lost it too, "
            "put the client's `files` folder back from a backup.",
        )
        self.path = path


class RefusedError(RecordError):
    """The target refused a write.

    Attributes:
        target_code: The target's own error code.
    """

    def __init__(self, subject: str, target_code: str, message: str, remedy: str | None = None) -> None:
        super().__init__(f"{subject}: the target refused it ({target_code}): {message}")
        self.subject, self.target_code, self.target_message = subject, target_code, message
        self.remedy = remedy or "Correct the data or the mapping, then run `transload run` again."


class LockedError(RefusedError):
    """The target refused a write because the row, or the one that it belongs to, is closed.

    A rollback waits with such a row until the one that it belongs to is gone.
    """
