"""Sends operations as one ``$batch``, each on its own, and tells what became of each.

The format is multipart/mixed around HTTP messages. Every line ends in CRLF: the
service refuses bare line feeds with "Stream was not readable".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from transload.errors import ProtocolError
from transload.http import excerpt
from transload_dynamics_sink.client import API, Dataverse
from transload_dynamics_sink.errors import Act, Refusal, read_refusal, stopping_error, unexpected

MOST_OPERATIONS = 100
"""Operations of one batch. The service takes 1,000; beyond a hundred little is won."""
MOST_BYTES = 6_000_000
"""Bytes of one request: the largest file inside a row fits. Each worker has several copies of a request in memory; the
service's limit is not documented, 16 MB are known to pass."""
MOST_REPEATS = 4
"""How often an operation that met a lock or a timeout is sent again."""
_CRLF = b"\r\n"
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a batch; sending it twice must do what sending it once does.

    Attributes:
        method: ``PATCH``, ``POST``, ``DELETE``.
        path: Below the Web API: ``accounts(...)``.
        body: JSON on one line.
        headers: Beside the usual ones.
    """

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one operation."""

    status: int
    body: bytes = b""

    @property
    def refusal(self) -> Refusal | None:
        """Why the operation failed, or None when it did not."""
        return None if self.status < 300 else read_refusal(self.status, self.body)


def send_operations(dataverse: Dataverse, operations: Sequence[Operation]) -> list[Reply]:
    """Send operations, in order and in as few batches as fit, and return a reply for each.

    Operations that met a lock, a deadlock or a timeout are sent again a few times.

    Raises:
        RunError: The environment refuses the credentials, or answers nonsense.
    """
    replies: list[Reply | None] = [None] * len(operations)
    open_ones = list(range(len(operations)))
    for times in range(MOST_REPEATS + 1):
        if times:
            dataverse.pause(times)
        for chunk in _chunks(operations, open_ones):
            answered = _send_chunk(dataverse, [operations[index] for index in chunk])
            for index, reply in zip(chunk, answered, strict=True):
                replies[index] = reply
        open_ones = [index for index in open_ones if _passing(replies[index])]
        if not open_ones:
            break
    return [reply for reply in replies if reply is not None]


def build_batch(operations: Sequence[Operation], headers: Mapping[str, str]) -> tuple[str, bytes]:
    """Return the content type and the body of a batch.

    Args:
        operations: What to do, in order.
        headers: What every operation carries.
    """
    digest = blake2b(digest_size=12)
    parts: list[tuple[bytes, bytes]] = []
    for operation in operations:
        lines = [f"{operation.method} {API}/{operation.path} HTTP/1.1"]
        carried = {**headers, **operation.headers}
        if operation.body is not None:
            carried["Content-Type"] = "application/json; type=entry"
        lines += [f"{name}: {value}" for name, value in carried.items()]
        head, body = _CRLF.join([*(line.encode("ascii") for line in lines), b"", b""]), operation.body or b""
        digest.update(head)
        digest.update(body)
        parts.append((head, body))
    boundary = f"batch_{digest.hexdigest()}"
    opening = (f"--{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n").encode(
        "ascii"
    )
    # Bodies may hold files: they are copied once, not part by part.
    pieces = [piece for head, body in parts for piece in (opening, head, body, _CRLF)]
    return f'multipart/mixed; boundary="{boundary}"', b"".join([*pieces, f"--{boundary}--\r\n".encode("ascii")])


def parse_batch(content_type: str, body: bytes) -> list[Reply]:
    """Return the replies of a batch, in order; an empty list when the answer is no batch at all.

    Args:
        content_type: Of the answer, with the boundary.
        body: Of the answer.
    """
    found = _BOUNDARY.search(content_type)
    if found is None or not content_type.lower().startswith("multipart/mixed"):
        return []
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(found[1].encode("ascii")), body)
    replies = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        status = _STATUS.search(piece)
        if status is None:
            break
        _, _, content = piece[status.end() :].replace(b"\r\n", b"\n").partition(b"\n\n")
        replies.append(Reply(int(status[1]), content.strip()))
    return replies


def _send_chunk(dataverse: Dataverse, operations: Sequence[Operation]) -> list[Reply]:
    """Send a chunk until every operation is answered, even by a server that stops at the first error."""
    replies: list[Reply] = []
    while len(replies) < len(operations):
        rest = operations[len(replies) :]
        content_type, body = build_batch(rest, dataverse.write_headers)
        answer = dataverse.write(
            "POST",
            "$batch",
            body,
            headers={"Content-Type": content_type, "Prefer": "odata.continue-on-error"},
        )
        answered = parse_batch(answer.headers.get("Content-Type", ""), answer.content)
        if answered:
            replies += answered[: len(rest)]
            continue
        if answer.is_success:
            raise ProtocolError(f"Dataverse answered a batch with something else: {excerpt(answer)}")
        refusal = read_refusal(answer.status_code, answer.content)
        if refusal.act is Act.SMALLER and len(rest) > 1:
            half = len(rest) // 2
            return [
                *replies,
                *_send_chunk(dataverse, rest[:half]),
                *_send_chunk(dataverse, rest[half:]),
            ]
        if refusal.act is Act.SMALLER:
            replies.append(Reply(answer.status_code, answer.content))
            continue
        raise unexpected(refusal, "take a batch")
    return replies


def check_stopping(refusal: Refusal, dataverse: Dataverse) -> None:
    """Raise when a refusal is not about one record but about us.

    Raises:
        RunError: Credentials, membership or our own privileges are at fault.
    """
    own_user = dataverse.own_user if refusal.status == 403 else ""
    if (error := stopping_error(refusal, own_user)) is not None:
        raise error


def _chunks(operations: Sequence[Operation], indexes: Sequence[int]) -> list[list[int]]:
    chunks: list[list[int]] = []
    room = 0
    for index in indexes:
        size = len(operations[index].body or b"") + 500
        if not chunks or len(chunks[-1]) == MOST_OPERATIONS or size > room:
            chunks.append([])
            room = MOST_BYTES
        chunks[-1].append(index)
        room -= size
    return chunks


def _passing(reply: Reply | None) -> bool:
    refusal = reply.refusal if reply is not None else None
    return refusal is not None and refusal.act in {Act.RETRY, Act.SMALLER} and refusal.status != 413
