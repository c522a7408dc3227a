"""The grammar of ``$filter``: text to a small tree.

odata-query's grammar was judged and left: Dataverse's query functions take JSON lists and parameter aliases
(``In(PropertyName=@p1,PropertyValues=["a"])``), enum literals carry a type name, and keywords are
case-sensitive.
"""

import json
import re
from collections.abc import Mapping

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.syntax import (
    Call,
    Compare,
    Lambda,
    Literal,
    Logic,
    Node,
    Not,
    Path,
    QueryFunction,
    Value,
)

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<enum>[A-Za-z_][\w.]*\.[A-Za-z_]\w*'(?:[^']|'')*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
  | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<list>\[(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\]"'])*\])
  | (?P<alias>@\w+)
  | (?P<name>[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*)
  | (?P<mark>[(),=:])
    )""",
    re.VERBOSE,
)
_BROKEN_LIST = (
    "Invalid JSON. A comma character ',' was expected in scope 'Array'. Every two elements in an array and properties "
    "of an object must be separated by commas."
)
_Token = tuple[str, str, int]
"""Kind, text and the position behind it."""

_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_CALLS = frozenset({"contains", "startswith", "endswith"})
_NAMESPACE = "Microsoft.Dynamics.CRM."


def parse_filter(text: str, aliases: Mapping[str, str]) -> Node:
    """Read a filter.

    Args:
        text: The decoded value of ``$filter``.
        aliases: All query options of the request; ``@name`` ones stand for literals.

    Raises:
        ODataError: The text is no filter that the service understands.
    """
    parser = _Parser(_tokens(text), text, aliases)
    node = parser.disjunction()
    parser.expect_end()
    return node


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if not match or match.lastgroup is None:
            rest = text[position:].lstrip()
            if rest.startswith("'"):
                message = f"There is an unterminated literal at position {end} in '{text}'."
                raise ODataError(400, "0x0", message)
            if rest.startswith("["):
                # An apostrophe inside single quotes ends the value.
                raise ODataError(400, "0x0", _BROKEN_LIST)
            raise _syntax_error(text, position)
        tokens.append((match.lastgroup, match.group(match.lastgroup), match.end()))
        position = match.end()
    return tokens


def _syntax_error(text: str, position: int = 0) -> ODataError:
    return ODataError(400, "0x0", f"Syntax error at position {position} in '{text}'.")


def _literal(kind: str, text: str) -> Literal:
    if kind == "text":
        return Literal("text", text[1:-1].replace("''", "'"))
    if kind == "number":
        return Literal("number", float(text) if re.search(r"[.eE]", text) else int(text))
    if kind == "list":
        return Literal("list", _list(text))
    if kind == "enum":
        return Literal("enum", text[text.index("'") + 1 : -1])
    if kind == "name" and text in {"true", "false"}:
        return Literal("boolean", text == "true")
    if kind == "name" and text == "null":
        return Literal("null", None)
    if kind in {"guid", "time"}:
        return Literal(kind, text.lower() if kind == "guid" else text)
    raise _syntax_error(text)


def _list(text: str) -> list[object]:
    if "'" in text and '"' not in text:
        text = re.sub(r"'((?:[^']|'')*)'", lambda match: json.dumps(match.group(1).replace("''", "'")), text)
    try:
        values: list[object] = json.loads(text)
    except ValueError as error:
        raise ODataError(400, "0x0", _BROKEN_LIST) from error
    return values


class _Parser:
    """Recursive descent, one method per level of precedence."""

    def __init__(self, tokens: list[_Token], text: str, aliases: Mapping[str, str]) -> None:
        self._tokens, self._text, self._aliases = tokens, text, aliases
        self._position = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._position][:2] if self._position < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._position += 1
        return token

    def _refusal(self) -> ODataError:
        index = min(self._position, len(self._tokens)) - 1
        return _syntax_error(self._text, self._tokens[index][2] if index >= 0 else 0)

    def _accept(self, text: str) -> bool:
        if self._peek()[1] == text and self._peek()[0] in {"name", "mark"}:
            self._position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._refusal()

    def expect_end(self) -> None:
        """Refuse anything left over."""
        if self._peek()[0] != "end":
            raise self._refusal()

    def disjunction(self) -> Node:
        """Read terms joined by ``or``."""
        operands = [self._conjunction()]
        while self._accept("or"):
            operands.append(self._conjunction())
        return operands[0] if len(operands) == 1 else Logic("or", tuple(operands))

    def _conjunction(self) -> Node:
        operands = [self._negation()]
        while self._accept("and"):
            operands.append(self._negation())
        return operands[0] if len(operands) == 1 else Logic("and", tuple(operands))

    def _negation(self) -> Node:
        if self._accept("not"):
            operand = self._negation()
            if isinstance(operand, QueryFunction):
                raise errors.unsupported("Not operator along with the Custom Named Condition operators is not allowed")
            return Not(operand)
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._operand()
        kind, text = self._peek()
        if kind == "name" and text in _COMPARISONS:
            self._position += 1
            return Compare(text, left, self._operand())
        return left

    def _operand(self) -> Node:
        kind, text = self._next()
        if kind == "mark" and text == "(":
            node = self.disjunction()
            self._expect(")")
            return node
        if kind == "alias":
            return self._alias(text)
        if kind == "name" and text not in {"true", "false", "null"}:
            return self._name(text)
        if kind in {"end", "mark"}:
            raise self._refusal()
        return _literal(kind, text)

    def _alias(self, name: str) -> Literal | Path:
        """Read what a parameter alias stands for; one without a value is null."""
        text = self._aliases.get(name, "null")
        tokens = _tokens(text)
        if len(tokens) != 1:
            raise _syntax_error(text)
        kind, token, _ = tokens[0]
        if kind == "name" and token not in {"true", "false", "null"}:
            return Path(tuple(token.split("/")))
        return _literal(kind, token)

    def _name(self, text: str) -> Node:
        if not self._accept("("):
            return Path(tuple(text.split("/")))
        if text.startswith(_NAMESPACE):
            return QueryFunction(text[len(_NAMESPACE) :], self._parameters())
        collection, _, operator = text.rpartition("/")
        if operator in {"any", "all"} and collection:
            return self._lambda(operator, Path(tuple(collection.split("/"))))
        if text not in _CALLS:
            raise ODataError(400, "0x0", f"An unknown function with name '{text}' was found.")
        arguments = [self.disjunction()]
        while self._accept(","):
            arguments.append(self.disjunction())
        self._expect(")")
        return Call(text, tuple(arguments))

    def _lambda(self, operator: str, path: Path) -> Lambda:
        if self._accept(")"):
            return Lambda(operator, path, "", None)
        variable = self._next()[1]
        self._expect(":")
        condition = self.disjunction()
        self._expect(")")
        return Lambda(operator, path, variable, condition)

    def _parameters(self) -> dict[str, Value]:
        parameters: dict[str, Value] = {}
        while not self._accept(")"):
            name = self._next()[1]
            self._expect("=")
            kind, text = self._next()
            value = self._alias(text) if kind == "alias" else _literal(kind, text)
            if isinstance(value, Path):
                raise self._refusal()
            parameters[name] = value.value
            if not self._accept(",") and self._peek()[1] != ")":
                raise self._refusal()
        return parameters
