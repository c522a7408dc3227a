"""Which definitions a query finds, and what it shows of them."""

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.labels import Json
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.syntax import Call, Compare, Literal, Logic, Node, Not, Path


def select(body: Json, options: Options) -> Json:
    """Return the selected properties; the id and expanded properties always come."""
    if options.select is None:
        return body
    kept = ["@odata.type", *options.select, "MetadataId", *(expand.name for expand in options.expand)]
    return {name: body[name] for name in dict.fromkeys(kept) if name in body}


def matches(node: Node | None, body: Json) -> bool:
    """Return whether a definition fits a filter.

    Raises:
        ODataError: A form of filter that definitions do not support.
    """
    if node is None:
        return True
    if isinstance(node, Logic):
        results = (matches(operand, body) for operand in node.operands)
        return all(results) if node.operator == "and" else any(results)
    if isinstance(node, Not):
        return not matches(node.operand, body)
    if isinstance(node, Compare):
        return _compare(node, body)
    if isinstance(node, Call):
        text, part = (str(_value(argument, body) or "").lower() for argument in node.arguments)
        return {
            "contains": part in text,
            "startswith": text.startswith(part),
            "endswith": text.endswith(part),
        }[node.name]
    if isinstance(node, Path):
        return _value(node, body) is True
    raise errors.unsupported("Metadata can be filtered by comparisons, contains, startswith and endswith only.")


def _compare(node: Compare, body: Json) -> bool:
    left, right = _value(node.left, body), _value(node.right, body)
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()
    if node.operator in {"eq", "ne"}:
        return (left == right) == (node.operator == "eq")
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return False
    return {"gt": left > right, "ge": left >= right, "lt": left < right, "le": left <= right}[node.operator]


def _value(node: Node, body: Json) -> object:
    if isinstance(node, Literal):
        return node.value
    if not isinstance(node, Path):
        raise errors.unsupported("Metadata can be compared with values only.")
    value: object = body
    for name in node.names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
