"""LIKE patterns of the service's database, which know sets of characters that SQLite does not."""

import re
from functools import cache

from transload_sandbox.dataverse.model import Stored


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Turn a LIKE pattern of the service's database into a regular expression."""
    parts: list[str] = []
    for match in re.finditer(r"\[(\^?)([^\]]+)\]|.", text, re.DOTALL):
        if match.group(2):
            inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", match.group(2))
            parts.append(f"[{match.group(1)}{inner}]")
        else:
            parts.append({"%": ".*", "_": "."}.get(match.group(), re.escape(match.group())))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def like(text: Stored, pattern: str) -> bool:
    """Return whether a text fits a LIKE pattern with sets of characters in brackets."""
    return text is not None and _pattern(pattern).fullmatch(str(text)) is not None
