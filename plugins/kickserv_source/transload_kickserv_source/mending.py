"""Takes out of an answer what no XML may hold, for a second try at reading it.

People paste control characters into notes, and old rows hold bytes of another encoding:
one of them must not keep a whole account from being read. An answer that was cut stays cut.
"""

import re
import sys

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["'](?!utf-8["'])""", re.IGNORECASE)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SUSPECT = re.compile(f"{_FORBIDDEN.pattern}|&#(?:x[0-9a-fA-F]{{1,8}}|[0-9]{{1,8}});")
_LINE_BREAKS = {"\x0b": "\n", "\x0c": "\n"}


def mended(body: bytes) -> tuple[bytes, int]:
    """Return an answer without forbidden characters, and how many there were.

    A byte that is no UTF-8 is read as Windows would; a vertical tab or a form feed, which
    office software writes for a line break, is one. An answer that declares another
    encoding is left as it is.
    """
    if _DECLARED.match(body):
        return body, 0
    taken_out = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal taken_out
        kept = _allowed(found[0])
        taken_out += kept != found[0]
        return kept

    text = body.decode("utf-8", errors="surrogateescape")
    return _SUSPECT.sub(replace, text).encode(), taken_out


def _allowed(found: str) -> str:
    """Return what may stand in the place of a character, or of a reference to one by its number."""
    if found.startswith("&"):
        digits = found.strip("&#;")
        number = int(digits[1:], 16) if digits.startswith("x") else int(digits)
        character = chr(number) if number <= sys.maxunicode else "\0"
        return found if _FORBIDDEN.match(character) is None else _LINE_BREAKS.get(character, "")
    if "\udc80" <= found <= "\udcff":
        return bytes([ord(found) - 0xDC00]).decode("cp1252", errors="replace")
    return _LINE_BREAKS.get(found, "")
