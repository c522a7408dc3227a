"""Turns XML elements into plain typed values, and counts what it could not read.

Facts of the format come from recorded answers of two accounts (2017, 2018): dashed
element names; ``type`` of integer, decimal, float, boolean, dateTime or array, none for
text; ``nil="true"`` for null; the class name of a nested record in ``type``; the same
element as float on one row and as integer on the next.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from xml.sax.saxutils import escape

from lxml import etree

from transload.values import Value
from transload_kickserv_source.scalars import knows_type, read_as
from transload_kickserv_source.secrets import is_known_secret, is_secret

_FORMAT = frozenset({"type", "nil", "encoding", "{http://www.w3.org/XML/1998/namespace}space"})
"""Attributes that say how an element is to be read. Any other one is content."""
_DEEPEST = 50
"""How deep records may nest each other. What is nested deeper stays text."""


def name_of(element: etree._Element) -> str:
    """Return an element's name, underscored."""
    return _underscored(str(element.tag))


@lru_cache(maxsize=4096)
def _underscored(name: str) -> str:
    return name.rpartition("}")[2].replace("-", "_")


class ElementReader:
    """Reads the elements of one document.

    Attributes:
        oddities: How often something could not be read as its type says, by place.
        withheld: How often an element was left out that nobody knows and that sounds like a secret, by place.
    """

    def __init__(self) -> None:
        self.oddities: Counter[str] = Counter()
        self.withheld: Counter[str] = Counter()
        self._depth = 0

    def children(self, element: etree._Element, place: str) -> list[etree._Element]:
        """Return the child elements that may be kept."""
        kept = []
        for child in element:
            if not is_secret(name := name_of(child)):
                kept.append(child)
            elif not is_known_secret(name):
                self.withheld[f"{place}.{name}"] += 1
        return kept

    def record(self, element: etree._Element, place: str) -> Mapping[str, Value]:
        """Return the fields of a record."""
        return self._fields(element, self.children(element, place), place)

    def _fields(self, element: etree._Element, children: list[etree._Element], place: str) -> Mapping[str, Value]:
        fields: dict[str, Value] = {}
        for child in children:
            name = name_of(child)
            value = self._value(child, f"{place}.{name}")
            if name in fields:
                self.oddities[f"{place}.{name}: more than once"] += 1
                earlier = fields[name]
                value = (*earlier, value) if isinstance(earlier, tuple) else (earlier, value)
            fields[name] = value
            if not _FORMAT.issuperset(child.keys()) and not isinstance(value, Mapping):
                self._add_attributes(fields, child, f"{name}_", place)
        if not _FORMAT.issuperset(element.keys()):
            self._add_attributes(fields, element, "", place)
        return fields

    def _add_attributes(self, fields: dict[str, Value], element: etree._Element, prefix: str, place: str) -> None:
        """Keep the attributes that are no matter of form, unless an element says the same."""
        for attribute, text in element.items():
            name = prefix + _underscored(str(attribute))
            if attribute in _FORMAT or name in fields:
                continue
            if is_secret(name):
                self.withheld[f"{place}.{name}"] += 1
            else:
                fields[name] = str(text)

    def _value(self, element: etree._Element, place: str) -> Value:
        text = element.text or ""
        if len(element):
            return self._nested(element, place)
        if element.get("nil") in {"true", "1"} and not text:
            return None
        if element.get("type") == "array" and not text.strip():
            return ()
        return self._scalar(text, element.get("type", ""), place)

    def _nested(self, element: etree._Element, place: str) -> Value:
        # A `type` other than array names the record's class here, not a type of data.
        if any((part or "").strip() for part in (element.text, *(child.tail for child in element))):
            self.oddities[f"{place}: text between elements"] += 1
            return self._markup(element, place)
        if self._depth == _DEEPEST:
            self.oddities[f"{place}: nested too deep"] += 1
            return self._markup(element, place)
        self._depth += 1
        try:
            return self._array_or_record(element, place)
        finally:
            self._depth -= 1

    def _array_or_record(self, element: etree._Element, place: str) -> Value:
        children = self.children(element, place)
        tags = [child.tag for child in children]
        if element.get("type") == "array" or (len(tags) > 1 and len(set(tags)) == 1):
            return tuple(self._value(child, f"{place}.{name_of(child)}") for child in children)
        return self._fields(element, children, place)

    def _markup(self, element: etree._Element, place: str) -> str:
        """Return what an element holds as it was written, without secrets."""
        for inner in list(element.iter()):
            for child in [child for child in inner if is_secret(name_of(child))]:
                self.withheld[f"{place}.{name_of(child)}"] += not is_known_secret(name_of(child))
                inner.remove(child)
        parts = [escape(element.text or ""), *(etree.tostring(child, encoding="unicode") for child in element)]
        return "".join(parts)

    def _scalar(self, text: str, kind: str, place: str) -> Value:
        if not text or not kind:
            return text
        if not knows_type(kind):
            self.oddities[f"{place}: unknown type {kind}"] += 1
            return text
        try:
            return read_as(kind, text)
        except ValueError:
            self.oddities[f"{place}: not a {kind}"] += 1
            return text
