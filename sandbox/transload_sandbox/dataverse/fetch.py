"""FetchXML as a tree of plain values."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError

MAX_LINKS = 15


@dataclass(frozen=True, slots=True)
class Attribute:
    """A column to return, a group or an aggregate."""

    name: str
    alias: str | None
    aggregate: str | None
    groups: bool
    dategrouping: str | None
    distinct: bool


@dataclass(frozen=True, slots=True)
class FetchCondition:
    """One condition."""

    attribute: str
    operator: str
    values: tuple[str, ...]
    valueof: str | None
    entityname: str | None


@dataclass(frozen=True, slots=True)
class FetchFilter:
    """Conditions and filters joined by and or by or, with links that only have to exist."""

    is_or: bool
    parts: "tuple[FetchCondition | FetchFilter | Entity, ...]"


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to sort by."""

    attribute: str | None
    alias: str | None
    entityname: str | None
    descends: bool


@dataclass(frozen=True, slots=True)
class Entity:
    """The table that is queried, or one that is linked to it."""

    name: str
    all_attributes: bool
    attributes: tuple[Attribute, ...]
    filters: tuple[FetchFilter, ...]
    orders: tuple[Order, ...]
    links: "tuple[Entity, ...]"
    alias: str | None = None
    from_column: str = ""
    """Links: column of the linked table."""
    to_column: str = ""
    """Links: column of the table outside."""
    link_type: str = "inner"
    intersect: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """A whole query."""

    entity: Entity
    top: int | None
    count: int | None
    page: int
    cookie: str | None
    distinct: bool
    aggregate: bool
    aggregate_limit: int | None
    total: bool
    """Whether the number of all rows is wanted."""


def parse_fetch(text: str) -> Fetch:
    """Read a query.

    Raises:
        ODataError: No well-formed XML, or elements that do not belong.
    """
    try:
        root = ET.fromstring(text.strip())
    except ET.ParseError as error:
        raise invalid(f"Invalid XML. {error}") from error
    entities = root.findall("entity")
    if root.tag != "fetch" or len(entities) != 1:
        raise invalid("The fetch element must have one entity element.")
    entity = _entity(entities[0])
    if sum(1 for _ in _links(entity)) > MAX_LINKS:
        raise ODataError(400, "0x8004430d", "Number of link entities in query exceeded maximum limit.")
    return Fetch(
        entity=entity,
        top=_number(root, "top"),
        count=_number(root, "count"),
        page=_number(root, "page") or 1,
        cookie=root.get("paging-cookie") or None,
        distinct=_flag(root, "distinct"),
        aggregate=_flag(root, "aggregate"),
        aggregate_limit=_number(root, "aggregatelimit"),
        total=_flag(root, "returntotalrecordcount"),
    )


def no_attribute(table: str, name: str) -> ODataError:
    """Return the refusal of a column that the table does not have."""
    return ODataError(
        400,
        "0x80041103",
        f"'{table}' entity doesn't contain attribute with Name = '{name}' and NameMapping = 'Logical'.",
    )


def invalid(message: str) -> ODataError:
    """Return the refusal of a query that is no FetchXML."""
    return ODataError(400, "0x8004111c", f"Invalid FetchXML: {message}")


def _links(entity: Entity) -> Iterator[Entity]:
    for link in entity.links:
        yield link
        yield from _links(link)


def _flag(element: ET.Element, name: str) -> bool:
    return element.get(name, "").lower() in {"true", "1"}


def _number(element: ET.Element, name: str) -> int | None:
    text = element.get(name)
    if text is None or text == "":
        return None
    if not text.isdigit() or int(text) < 1:
        raise invalid(f"The value '{text}' of {name} is no positive whole number.")
    return int(text)


def _required(element: ET.Element, name: str) -> str:
    value = element.get(name)
    if not value:
        raise invalid(f"The element {element.tag} needs the attribute '{name}'.")
    return value


def _entity(element: ET.Element) -> Entity:
    is_link = element.tag == "link-entity"
    return Entity(
        name=_required(element, "name"),
        all_attributes=element.find("all-attributes") is not None,
        attributes=tuple(_attribute(each) for each in element.findall("attribute")),
        filters=tuple(_filter(each) for each in element.findall("filter")),
        orders=tuple(_order(each) for each in element.findall("order")),
        links=tuple(_entity(each) for each in element.findall("link-entity")),
        alias=element.get("alias"),
        from_column=element.get("from", "") if is_link else "",
        to_column=element.get("to", "") if is_link else "",
        link_type=element.get("link-type", "inner"),
        intersect=_flag(element, "intersect"),
    )


def _attribute(element: ET.Element) -> Attribute:
    return Attribute(
        _required(element, "name"),
        element.get("alias"),
        element.get("aggregate"),
        _flag(element, "groupby"),
        element.get("dategrouping"),
        _flag(element, "distinct"),
    )


def _order(element: ET.Element) -> Order:
    attribute, alias, entity = (element.get(name) for name in ("attribute", "alias", "entityname"))
    return Order(attribute, alias, entity, _flag(element, "descending"))


def _filter(element: ET.Element) -> FetchFilter:
    parts: list[FetchCondition | FetchFilter | Entity] = []
    for child in element:
        if child.tag == "condition":
            parts.append(_condition(child))
        elif child.tag == "filter":
            parts.append(_filter(child))
        elif child.tag == "link-entity":
            parts.append(_entity(child))
        else:
            raise errors.unsupported(f"The element {child.tag} is not supported inside a filter.")
    return FetchFilter(element.get("type", "and") == "or", tuple(parts))


def _condition(element: ET.Element) -> FetchCondition:
    values = [(each.text or "").strip() for each in element.findall("value")]
    value = element.get("value")
    return FetchCondition(
        _required(element, "attribute"),
        element.get("operator", "eq"),
        tuple([value, *values] if value is not None else values),
        element.get("valueof"),
        element.get("entityname"),
    )
