"""Records of the source that look like the same person or company: same e-mail, phone, or name and address."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from transload.values import EntityName, Record, RecordKey, Value

_EMAIL = re.compile(r"e[-_]?mail(_address)?$", re.IGNORECASE)
_PHONE = re.compile(r"(phone|mobile|cell)(_?number)?$", re.IGNORECASE)
_NAME = re.compile(r"^(full_?name|name|company_name)$", re.IGNORECASE)
_PLACE = re.compile(r"(^|_)(address|street|address_?1|line_?1|zip(_?code)?|postal_?code)$", re.IGNORECASE)
_LEAST_DIGITS = 7
_MOST_GROUPS = 200


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Records of an entity that share something.

    Attributes:
        by: What they share: ``e-mail``, ``phone``, ``name and address``.
        value: The shared value, normalised.
    """

    entity: EntityName
    by: str
    value: str
    keys: tuple[RecordKey, ...]


def find_duplicates(entity: EntityName, fields: Iterable[str], records: Iterable[Record]) -> list[Duplicates]:
    """Return the groups of records that share an e-mail, a phone number, or a name with an address.

    Args:
        entity: The entity; only one that has a name and an e-mail or a phone number can have duplicates.
        fields: Its fields.
        records: Its records, walked once.
    """
    roles = _roles(fields)
    if not roles["name"] or not (roles["e-mail"] or roles["phone"]):
        return []
    found: dict[tuple[str, str], list[RecordKey]] = {}
    for record in records:
        for mark in set(_marks(record.fields, roles)):
            found.setdefault(mark, []).append(record.key)
    groups = [Duplicates(entity, by, value, tuple(keys)) for (by, value), keys in found.items() if len(keys) > 1]
    return sorted(groups, key=lambda group: (-len(group.keys), group.by, group.value))


def most_groups(groups: list[Duplicates]) -> list[Duplicates]:
    """Return as many groups as a person would look at, the largest first."""
    return sorted(groups, key=lambda group: -len(group.keys))[:_MOST_GROUPS]


def _roles(fields: Iterable[str]) -> dict[str, list[str]]:
    names = list(fields)
    patterns = {"e-mail": _EMAIL, "phone": _PHONE, "name": _NAME, "place": _PLACE}
    return {role: [name for name in names if pattern.search(name)] for role, pattern in patterns.items()}


def _marks(fields: Mapping[str, Value], roles: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for name in roles["e-mail"]:
        if "@" in (text := _text(fields.get(name)).casefold().strip()):
            yield "e-mail", text
    for name in roles["phone"]:
        digits = re.sub(r"\D", "", _text(fields.get(name)))
        if len(digits) >= _LEAST_DIGITS:
            yield "phone", digits[-10:]
    names = sorted({folded for name in roles["name"] if (folded := _folded(_text(fields.get(name))))})
    places = [folded for name in roles["place"] if (folded := _folded(_text(fields.get(name))))]
    if places:
        yield from (("name and address", f"{name}, {', '.join(places)}") for name in names)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""


def _folded(text: str) -> str:
    """Return a text without case, accents, punctuation and double blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w\s]", " ", plain).split())
