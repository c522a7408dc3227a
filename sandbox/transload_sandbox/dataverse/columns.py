"""New columns: reads the definition that a client posts."""

from collections.abc import Callable, Mapping

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Column

Json = Mapping[str, object]

_PREFIXES = ("#Microsoft.Dynamics.CRM.", "Microsoft.Dynamics.CRM.")
_FIRST_OPTION = 100_000_000
_LONGEST = {"String": 4000, "Memo": 1_048_576}
_LARGEST = {"Decimal": 100_000_000_000.0, "Double": 100_000_000_000.0, "Money": 922_337_203_685_477.0}
_MOST_DIGITS = {"Decimal": 10, "Double": 5, "Money": 4}
_BEHAVIORS = frozenset({"UserLocal", "DateOnly", "TimeZoneIndependent"})


def parse_definition(body: Json, schema_name: str, new_id: Callable[[], str]) -> list[Column]:
    """Read an AttributeMetadata.

    Args:
        body: The definition.
        schema_name: Its checked schema name.
        new_id: Gives MetadataIds.

    Returns:
        The column, followed by the one for its base value when it holds money.

    Raises:
        ODataError: A type that cannot be created, or limits that the platform does not allow.
    """
    kind = _kind(body)
    readers: dict[str, Callable[[Json, str], dict[str, object]]] = {
        "String": _text,
        "Memo": _text,
        "Integer": _integer,
        "BigInt": lambda _body, _kind: {},
        "Decimal": _number,
        "Double": _number,
        "Money": _number,
        "DateTime": _time,
        "Boolean": _boolean,
        "Picklist": _choice,
        "MultiSelectPicklist": _choice,
    }
    if kind not in readers:
        raise errors.invalid_argument(f"A column of type '{kind}' cannot be created this way.")
    common = {
        "name": schema_name.lower(),
        "schema_name": schema_name,
        "type": kind,
        "custom": True,
        "label": label_text(body.get("DisplayName")) or schema_name,
        "metadata_id": new_id(),
        "required": _value(body.get("RequiredLevel")) or "None",
    }
    column = _build(common | readers[kind](body, kind))
    if kind != "Money":
        return [column]
    base = _build(
        common
        | {
            "name": f"{column.name}_base",
            "schema_name": f"{schema_name}_Base",
            "label": f"{column.label} (Base)",
            "metadata_id": new_id(),
            "precision": 4,
            "precision_source": 2,
            "valid_for_create": False,
            "valid_for_update": False,
            "required": "None",
        }
    )
    return [column, base]


def _build(values: Mapping[str, object]) -> Column:
    return Column(**values)  # type: ignore[arg-type]  # names and types are those of the readers above


def _kind(body: Json) -> str:
    name = body.get("@odata.type")
    if not isinstance(name, str) or not name.endswith("AttributeMetadata"):
        raise errors.payload("EntityDefinitions", "The '@odata.type' of an attribute is missing.")
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.removesuffix("AttributeMetadata")


def label_text(value: object) -> str | None:
    """Return the text of a Label object."""
    labels = value.get("LocalizedLabels") if isinstance(value, dict) else None
    text = labels[0].get("Label") if isinstance(labels, list) and labels else None
    return text if isinstance(text, str) else None


def _value(holder: object) -> str | None:
    """Return the text of a ``{"Value": ...}`` object."""
    value = holder.get("Value") if isinstance(holder, dict) else None
    return value if isinstance(value, str) else None


def _number_of(body: Json, name: str, default: float | None) -> float | None:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise errors.payload("EntityDefinitions", f"'{name}' must be a number.")
    return value


def _out_of_bounds(name: str) -> ODataError:
    return errors.invalid_argument(f"The value of '{name}' is outside the range that the column type allows.")


def _text(body: Json, kind: str) -> dict[str, object]:
    length = _number_of(body, "MaxLength", 100 if kind == "String" else 2000)
    if length is None or not 1 <= length <= _LONGEST[kind]:
        raise _out_of_bounds("MaxLength")
    default = "Text" if kind == "String" else "TextArea"
    text_format = _value(body.get("FormatName")) or body.get("Format") or default
    return {"max_length": int(length), "format": text_format}


def _integer(body: Json, _kind: str) -> dict[str, object]:
    lowest = _number_of(body, "MinValue", -2_147_483_648)
    highest = _number_of(body, "MaxValue", 2_147_483_647)
    return {"minimum": lowest, "maximum": highest, "format": body.get("Format") or "None"}


def _number(body: Json, kind: str) -> dict[str, object]:
    precision = _number_of(body, "Precision", 2)
    if precision is None or not 0 <= precision <= _MOST_DIGITS[kind]:
        raise _out_of_bounds("Precision")
    lowest = _number_of(body, "MinValue", -_LARGEST[kind])
    highest = _number_of(body, "MaxValue", _LARGEST[kind])
    if lowest is None or highest is None or lowest < -_LARGEST[kind] or highest > _LARGEST[kind]:
        raise _out_of_bounds("MinValue")
    limits: dict[str, object] = {"minimum": lowest, "maximum": highest, "precision": int(precision)}
    if kind == "Money":
        limits["precision_source"] = int(_number_of(body, "PrecisionSource", 2) or 0)
    return limits


def _time(body: Json, _kind: str) -> dict[str, object]:
    behavior = _value(body.get("DateTimeBehavior")) or "UserLocal"
    if behavior not in _BEHAVIORS:
        raise _out_of_bounds("DateTimeBehavior")
    return {"format": body.get("Format") or "DateAndTime", "behavior": behavior}


def _boolean(body: Json, _kind: str) -> dict[str, object]:
    options = body.get("OptionSet")
    found = {0: "No", 1: "Yes"}
    if isinstance(options, dict):
        for value, name in ((1, "TrueOption"), (0, "FalseOption")):
            option = options.get(name)
            found[value] = (label_text(option.get("Label")) if isinstance(option, dict) else None) or found[value]
    return {"options": found, "default": bool(body.get("DefaultValue"))}


def _choice(body: Json, _kind: str) -> dict[str, object]:
    option_set = body.get("OptionSet")
    raw = option_set.get("Options") if isinstance(option_set, dict) else None
    if not isinstance(raw, list) or not raw:
        raise errors.invalid_argument("A choice column needs an OptionSet with Options.")
    options: dict[int, str] = {}
    for option in raw:
        value = option.get("Value") if isinstance(option, dict) else None
        number = value if isinstance(value, int) else _FIRST_OPTION + len(options)
        if number in options:
            raise errors.invalid_argument(f"The option value {number} is defined twice.")
        options[number] = label_text(option.get("Label")) or str(number)
    default = body.get("DefaultFormValue")
    return {"options": options, "default": default if default in options else None}
