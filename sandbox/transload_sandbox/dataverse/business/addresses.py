"""Addresses as text: the parts in the order that the country has.

Fact: the two orders are those of the documentation's examples of FormatAddress.
"""

from collections.abc import Sequence

_BREAK = "\r\n"


def format_address(lines: Sequence[str], city: str, state: str, postal_code: str, country: str) -> str:
    """Return an address as text, one line each; parts that are empty are left out."""
    if country.upper() == "JAPAN":
        parts = [postal_code, state, city, *reversed(lines), country]
    else:
        place = ", ".join(part for part in (city, state) if part)
        parts = [*lines, " ".join(part for part in (place, postal_code) if part), country]
    return _BREAK.join(part for part in parts if part)
