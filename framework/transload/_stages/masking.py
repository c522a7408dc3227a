"""How the audit shows values of the source: as their shape, as they are, or not at all."""

import re
from dataclasses import dataclass
from typing import Literal

_LIKE_CONTACT = re.compile(r"@|(?:\d[\s().+-]*){7}")
"""What an e-mail address or a phone number has in it."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The choice of ``[audit] samples``."""

    mode: Literal["masked", "plain", "none"]

    @property
    def shown(self) -> bool:
        """Whether values are shown at all."""
        return self.mode != "none"

    def of(self, text: str) -> str:
        """Return a value of a record as the report may show it."""
        if not self.shown:
            return ""
        return text if self.mode == "plain" else mask(text)

    def of_choice(self, text: str) -> str:
        """Return a value that many records share: a status stays readable, an address or a number does not."""
        return self.of(text) if self.mode != "masked" or _LIKE_CONTACT.search(text) else text


def mask(text: str) -> str:
    """Return the shape of a text: ``Ada@Example.com`` becomes ``Xxx@Xxxxxxx.xxx``."""
    return "".join(
        "9" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c if c.isascii() else "?" for c in text
    )
