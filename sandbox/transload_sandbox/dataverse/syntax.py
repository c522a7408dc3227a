"""What a ``$filter`` says, as a small tree."""

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | bool | None | list[object]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; ``kind`` tells text, number, boolean, null, guid, time, enum and list apart."""

    kind: str
    value: Value


@dataclass(frozen=True, slots=True)
class Path:
    """A property, reached over navigation properties."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: eq, ne, gt, ge, lt, le."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logic:
    """``and`` or ``or`` over two and more terms; flat, since clients send hundreds of terms."""

    operator: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    operand: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A built-in function: contains, startswith, endswith."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class QueryFunction:
    """A function of the namespace Microsoft.Dynamics.CRM with named parameters."""

    name: str
    parameters: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Lambda:
    """``any`` or ``all`` over a collection."""

    operator: str
    path: Path
    variable: str
    condition: "Node | None"


Node = Literal | Path | Compare | Logic | Not | Call | QueryFunction | Lambda
