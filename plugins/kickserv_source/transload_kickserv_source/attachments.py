"""The files of customers, jobs and estimates, each with its bytes kept in the client's folder."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from transload.files import FileStore
from transload.values import FileRef, Record, Value
from transload_kickserv_source.account import Account
from transload_kickserv_source.appendages import ATTACHMENT, attachment_of
from transload_kickserv_source.downloads import DownloadError, Downloads, safe_name
from transload_kickserv_source.nesting import record, rows_in
from transload_kickserv_source.reading import NUMBERS, REFUSALS, Reader
from transload_kickserv_source.xml import Row


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file to fetch, and where its address can be asked for anew."""

    fields: dict[str, Value]
    url: str
    resource: str
    number: Value

    @property
    def name(self) -> str:
        return safe_name(str(self.fields.get("file_name") or f"attachment-{self.fields['id']}"))

    @property
    def media_type(self) -> str:
        return str(self.fields.get("content_type") or "")

    @property
    def version(self) -> str:
        fields = self.fields
        return "|".join(str(fields.get(name)) for name in ("updated_at", "file_size", "file_name", "content_type"))

    def misses(self, file: FileRef) -> bool:
        """Return whether a file has another size than its record says."""
        size = self.fields.get("file_size")
        return isinstance(size, int) and size != file.size


class Attachments:
    """Makes records of attachments and fetches their files.

    Args:
        reader: Asks for an address anew when it has become too old.
        downloads: Fetches.
        files: Keeps.
    """

    def __init__(self, reader: Reader, downloads: Downloads, files: FileStore) -> None:
        self._reader, self._downloads, self._files = reader, downloads, files
        self._account_name = reader.client.settings.account

    def close(self) -> None:
        """Close all connections."""
        self._downloads.close()

    def records(self, parent: str, resource: str, rows: Sequence[Row], account: Account) -> Iterator[Record]:
        """Yield the attachments of some customers, jobs or opportunities.

        A file that cannot be fetched is reported, and its record says why.

        Args:
            parent: Entity of all rows.
            resource: ``customers`` or ``jobs``.
            rows: Their rows, each with its attachments.
            account: The account.
        """
        wanted = []
        for row in rows:
            account.count_strays(f"{parent}.attachments", row.get("attachments"))
            found = (attachment_of(parent, row["id"], nested, account) for nested in rows_in(row.get("attachments")))
            number = row.get(NUMBERS[resource])
            wanted += [_Wanted(one.fields, one.url, resource, number) for one in found if one is not None]
        if not wanted:
            return
        with ThreadPoolExecutor(account.settings.connections) as pool:
            for one, (file, problem) in zip(wanted, pool.map(self._file, wanted), strict=True):
                yield self._record(one, file, problem, account)

    def _record(self, wanted: _Wanted, file: FileRef | None, problem: str, account: Account) -> Record:
        key = str(wanted.fields["id"])
        if file is not None and wanted.misses(file):
            problem = f"{file.size} bytes arrived, and its record says {wanted.fields['file_size']}"
        if problem:
            account.seen.mark("files", key, f"{wanted.name}: {problem}")
        else:
            account.seen.unmark("files", key)
        content = asdict(file) if file is not None else None
        return record(ATTACHMENT, key, {**wanted.fields, "content": content, "content_error": problem or None})

    def _file(self, wanted: _Wanted) -> tuple[FileRef | None, str]:
        """Return a file, or why there is none. Runs on a thread of its own."""
        label = f"kickserv/{self._account_name}/attachment/{wanted.fields['id']}"
        known = self._files.recall(label, wanted.version)
        if known is not None:
            return known, ""
        try:
            file = self._fetch(wanted)
        except DownloadError as error:
            return None, str(error)
        if not wanted.misses(file):
            self._files.remember(label, wanted.version, file)
        return file, ""

    def _fetch(self, wanted: _Wanted) -> FileRef:
        try:
            return self._downloads.fetch(wanted.url, self._files, wanted.name, wanted.media_type)
        except DownloadError as error:
            if not error.stale or wanted.number is None:
                raise
            fresh = self._fresh_url(wanted)
            if fresh in ("", wanted.url):
                raise
        return self._downloads.fetch(fresh, self._files, wanted.name, wanted.media_type)

    def _fresh_url(self, wanted: _Wanted) -> str:
        """Return the present address of a file: links to a storage host work for a while only."""
        path = f"{wanted.resource}/{wanted.number}/attachments.xml"
        try:
            rows = self._reader.client.get_list(path, "attachments").rows
        except REFUSALS:
            return ""
        return next((str(row.get("url") or "") for row in rows if row.get("id") == wanted.fields["id"]), "")
