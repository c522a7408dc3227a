"""Makes the bytes of files: real pictures, documents and videos of an exact length, the same for the same seed.

Each format has a small valid core, and a place that readers skip which is filled up to the length.
"""

import base64
import struct
import zlib
from collections.abc import Callable, Mapping
from random import Random

_JPEG = (
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0H\0H\0\0"
    + b"\xff\xdb\0\x43\0"
    + 64 * b"\1"  # all steps of the quantisation alike
    + b"\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0"  # one component of one by one pixel
    + b"\xff\xc4\0\x14\0\1"
    + 16 * b"\0"  # one code for the difference 0
    + b"\xff\xc4\0\x14\x10\1"
    + 16 * b"\0"  # one code for the end of a block
    + b"\xff\xda\0\x08\1\1\0\0\x3f\0\x3f\xff\xd9"
)
"""One grey pixel."""


def make_bytes(content_type: str, size: int, seed: object) -> bytes:
    """Return a file.

    Args:
        content_type: One of `CONTENT_TYPES`; anything else gives random bytes.
        size: Length in bytes; too short a length for a valid core gives the start of one.
        seed: The same seed gives the same bytes.
    """
    random = Random(str(seed))
    return _MAKERS.get(content_type, _noise)(random, size)[:size]


def _noise(random: Random, size: int) -> bytes:
    return random.randbytes(max(size, 0))


def _png(random: Random, size: int) -> bytes:
    rows = b"".join(b"\0" + random.randbytes(24 * 3) for _ in range(24))
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 24, 8, 2, 0, 0, 0))
    tail = _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")
    return head + _chunk(b"fiLl", _noise(random, size - len(head) - len(tail) - 12)) + tail


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg(random: Random, size: int) -> bytes:
    rest, comments = size - len(_JPEG), []
    while rest > 4:
        length = min(rest - 2, 65_535)
        if 0 < rest - 2 - length < 5:
            length -= 5  # the next comment needs room for its own head
        comments.append(b"\xff\xfe" + struct.pack(">H", length) + _noise(random, length - 2))
        rest -= length + 2
    return _JPEG[:2] + b"".join(comments) + _JPEG[2:] + b"\0" * rest


def _pdf(random: Random, size: int) -> bytes:
    text = b"BT /F1 18 Tf 40 100 Td (Proposal %d) Tj ET" % random.randrange(10_000)
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    document, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(bodies, start=1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%010d\n%%%%EOF\n"
    filler = base64.b64encode(_noise(random, size))[: max(size - len(document) - len(table) - len(end % 0) - 2, 0)]
    document += b"%" + filler + b"\n"
    return document + table + end % len(document)


def _text(random: Random, size: int) -> bytes:
    line = f"{random.randrange(1000)};Zoë;68 °F;ok\r\n".encode()
    return line * (size // len(line) + 1)


def _mp4(random: Random, size: int) -> bytes:
    head = struct.pack(">I", 24) + b"ftypisom\0\0\2\0isomiso2"
    return head + struct.pack(">I", max(size - len(head), 8)) + b"mdat" + _noise(random, size - len(head) - 8)


_MAKERS: Mapping[str, Callable[[Random, int], bytes]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "application/pdf": _pdf,
    "text/csv": _text,
    "text/plain": _text,
    "video/mp4": _mp4,
}
CONTENT_TYPES = frozenset(_MAKERS)
