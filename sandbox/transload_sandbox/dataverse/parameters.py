"""Parameters of functions: named in brackets, given there or by alias in the query."""

import re
from collections.abc import Mapping

import orjson

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.wire import Request

_PARAMETER = re.compile(r"\s*(\w+)\s*=\s*(@\w+|'(?:[^']|'')*'|\{[^}]*\}|\[[^\]]*\]|[^,]+)\s*(?:,|$)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'((?:[^\'\\]|\\.|\'\')*)\'')


def parse_parameters(request: Request, text: str) -> dict[str, str]:
    """Return the parameters of a call by name, as the client wrote their values.

    Args:
        request: The request, whose query holds the values of aliases.
        text: What stands between the brackets.
    """
    found = _PARAMETER.findall(text)
    return {name: request.query.get(value, "") if value.startswith("@") else value.strip() for name, value in found}


def unbound_parameters(request: Request) -> dict[str, str]:
    """Return the parameters of a call that is bound to nothing."""
    return parse_parameters(request, request.segments()[0].partition("(")[2].removesuffix(")"))


def text_of(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter that is text, without its quotes; empty when it was not sent or is null."""
    value = parameters.get(name, "")
    return value[1:-1].replace("''", "'") if value[:1] == "'" else ""


def json_of(text: str) -> object:
    """Read a value that is JSON; as the service's own reader does, take texts in single quotes too.

    Raises:
        ODataError: It is no JSON.
    """
    try:
        return orjson.loads(_STRING.sub(_quoted, text))
    except orjson.JSONDecodeError as error:
        raise errors.invalid_argument(f"'{text}' is not valid JSON.") from error


def _quoted(match: re.Match[str]) -> str:
    inner = match.group(1)
    return match.group() if inner is None else orjson.dumps(inner.replace("''", "'")).decode()
