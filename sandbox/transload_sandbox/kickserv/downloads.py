"""Where the file of an attachment is, and who may fetch it there.

Kickserv's own host wants the token; the storage host wants a signed link and refuses a token, as such hosts do:
a client that carries its credentials along a redirect is found out.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from transload_sandbox.kickserv.service import KickservService
from transload_sandbox.kickserv.wire import Row

_KEY = b"FAKE-signing-key"


@dataclass(frozen=True, slots=True)
class Download:
    """A file to send."""

    content: bytes
    content_type: str
    file_name: str


class Downloads:
    """Links to the files of one account, and the files."""

    def __init__(self, service: KickservService, now: Callable[[], datetime]) -> None:
        self._service, self._now = service, now

    def url_of(self, attachment: Row, origin: str) -> str:
        """Return the ``url`` of an attachment's record.

        Args:
            attachment: Which.
            origin: Scheme and host of the request.
        """
        if self._place(attachment) == "storage":
            return self.signed_url(attachment)
        return f"{origin}/{self._service.account}/attachments/{attachment['id']}/download"

    def redirects(self, attachment: Row) -> bool:
        """Tell whether the file must be fetched from the storage host."""
        return self._place(attachment) != "kickserv"

    def signed_url(self, attachment: Row) -> str:
        """Return a link to the storage host that works for a while."""
        expires = int(self._now().timestamp()) + self._service.switches.link_seconds
        path = f"/{self._service.account}/{attachment['id']}/{quote(str(attachment['file_name']), safe='')}"
        query = urlencode({"expires": expires, "signature": _signature(int(str(attachment["id"])), expires)})
        return f"{self._service.storage_url}{path}?{query}"

    def is_valid(self, ident: int, expires: str, signature: str) -> bool:
        """Tell whether a link was signed here and is not too old."""
        if not expires.isdecimal() or int(expires) < self._now().timestamp():
            return False
        return hmac.compare_digest(signature, _signature(ident, int(expires)))

    def file(self, ident: int) -> Download | None:
        """Return the file of an attachment; None when the record or the file is gone."""
        company, switches = self._service.company, self._service.switches
        with company.lock:
            attachment = company.attachments.get(ident)
            if attachment is None or ident in switches.lost_files:
                return None
            content = company.content_of(attachment)
        if ident in switches.short_files:
            content = content[: len(content) // 2]
        return Download(content, str(attachment["content_type"]), str(attachment["file_name"]))

    def _place(self, attachment: Row) -> str:
        if not self._service.storage_url:
            return "kickserv"
        places = ("kickserv", "redirect", "storage")
        chosen = self._service.switches.files
        return places[int(str(attachment["id"])) % 3] if chosen == "mixed" else chosen


def _signature(ident: int, expires: int) -> str:
    return hmac.new(_KEY, f"{ident}/{expires}".encode(), hashlib.sha256).hexdigest()
