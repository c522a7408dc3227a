"""New columns: reads the definition that a client posts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.labels import label_text
from transload_sandbox.dataverse.model import Column, OptionSet

Json = Mapping[str, object]

_PREFIXES = ("#", "Microsoft.Dynamics.CRM.", "Complex")
_FACTS = (
    "Description",
    "ImeMode",
    "AutoNumberFormat",
    "IsSecured",
    "IsAuditEnabled",
    "IsValidForAdvancedFind",
    "IsSearchable",
    "IsRetrievable",
    "CanStoreFullImage",
    "IsPrimaryImage",
    "ExternalName",
)
"""Properties that are kept as sent."""
_LONGEST = {"String": 4000, "Memo": 1_048_576}
_LARGEST = {"Decimal": 100_000_000_000.0, "Double": 100_000_000_000.0, "Money": 922_337_203_685_477.0}
_MOST_DIGITS = {"Decimal": 10, "Double": 5, "Money": 4}
_BEHAVIORS = frozenset({"UserLocal", "DateOnly", "TimeZoneIndependent"})
_REQUIRED = frozenset({"None", "Recommended", "ApplicationRequired"})
_FORMATS = frozenset(
    {"Email", "Text", "TextArea", "Url", "TickerSymbol", "Phone", "Json", "RichText", "VersionNumber", "PhoneticGuide"}
)
_KILOBYTES = {"File": (32_768, 10_485_760), "Image": (10_240, 30_720)}
"""Default and largest MaxSizeInKB."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition with what it needs from outside."""

    body: Json
    schema_name: str
    new_id: Callable[[], str]
    first_option: int
    """Value of the first option that names none."""
    options: OptionSet | None = None
    """The global choice that the definition refers to."""


def parse_definition(draft: Draft) -> list[Column]:
    """Read an AttributeMetadata.

    Returns:
        The column, followed by the ones that come with it: the base value of money, the name of a file.

    Raises:
        ODataError: A type that cannot be created, or limits that the platform does not allow.
    """
    body = draft.body
    kind = kind_of(body)
    readers: dict[str, Callable[[Draft, str], dict[str, object]]] = {
        "String": _text,
        "Memo": _text,
        "Integer": _integer,
        "BigInt": lambda _draft, _kind: {},
        "Decimal": _number,
        "Double": _number,
        "Money": _number,
        "DateTime": _time,
        "Boolean": _boolean,
        "Picklist": _choice,
        "MultiSelectPicklist": _choice,
        "File": _file,
        "Image": _file,
    }
    if kind not in readers:
        raise errors.invalid_argument(f"A column of type '{kind}' cannot be created this way.")
    common = {
        "name": draft.schema_name.lower(),
        "schema_name": draft.schema_name,
        "type": kind,
        "custom": True,
        "label": label_text(body.get("DisplayName")) or draft.schema_name,
        "metadata_id": draft.new_id(),
        "required": _required(body),
        "facts": {name: body[name] for name in _FACTS if body.get(name) is not None},
    }
    column = Column(**(common | readers[kind](draft, kind)))  # type: ignore[arg-type]  # the readers' names and types
    if kind == "Money":
        return [column, _base_column(column, draft)]
    if kind == "File":
        return [replace(column, valid_for_create=False, valid_for_update=False), _name_column(column, draft)]
    if kind == "Image":
        return [column, *_image_columns(column, draft)]
    return [column]


def _image_columns(column: Column, draft: Draft) -> list[Column]:
    """Return what comes with an image: its time stamp, its address and its id."""
    kinds = {
        "_Timestamp": ("BigInt", {}),
        "_URL": ("String", {"max_length": 200, "format": "Url"}),
        "Id": ("Uniqueidentifier", {}),
    }
    return [
        Column(
            f"{column.name}{suffix.lower()}",
            f"{column.schema_name}{suffix}",
            kind,
            valid_for_create=False,
            valid_for_update=False,
            custom=True,
            label=f"{column.label} {suffix.removeprefix('_')}",
            metadata_id=draft.new_id(),
            facts={"AttributeOf": column.name},
            **more,  # type: ignore[arg-type]  # the names and types of the column's own fields
        )
        for suffix, (kind, more) in kinds.items()
    ]


def _base_column(column: Column, draft: Draft) -> Column:
    return replace(
        column,
        name=f"{column.name}_base",
        schema_name=f"{column.schema_name}_Base",
        label=f"{column.label} (Base)",
        metadata_id=draft.new_id(),
        precision=4,
        precision_source=2,
        valid_for_create=False,
        valid_for_update=False,
        required="None",
    )


def _name_column(column: Column, draft: Draft) -> Column:
    return Column(
        f"{column.name}_name",
        f"{column.schema_name}_Name",
        "String",
        valid_for_create=False,
        valid_for_update=False,
        max_length=200,
        format="Text",
        custom=True,
        label=f"{column.label} Name",
        metadata_id=draft.new_id(),
        facts={"AttributeOf": column.name},
    )


def kind_of(body: Json) -> str:
    """Return the column type that a definition names.

    Raises:
        ODataError: It names none.
    """
    name = body.get("@odata.type")
    if not isinstance(name, str) or not name.endswith("AttributeMetadata"):
        raise errors.payload("EntityDefinitions", "The '@odata.type' of an attribute is missing.")
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.removesuffix("AttributeMetadata")


def _required(body: Json) -> str:
    level = _value(body.get("RequiredLevel")) or "None"
    if level not in _REQUIRED:
        raise errors.invalid_argument(f"The RequiredLevel '{level}' cannot be given to a column.")
    return level


def _value(holder: object) -> str | None:
    """Return the text of a ``{"Value": ...}`` object."""
    value = holder.get("Value") if isinstance(holder, Mapping) else None
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


def _text(draft: Draft, kind: str) -> dict[str, object]:
    length = _number_of(draft.body, "MaxLength", 100 if kind == "String" else 2000)
    if length is None or not 1 <= length <= _LONGEST[kind]:
        raise _out_of_bounds("MaxLength")
    default = "Text" if kind == "String" else "TextArea"
    text_format = _value(draft.body.get("FormatName")) or draft.body.get("Format") or default
    if text_format not in _FORMATS:
        raise _out_of_bounds("FormatName")
    return {"max_length": int(length), "format": text_format}


def _integer(draft: Draft, _kind: str) -> dict[str, object]:
    lowest = _number_of(draft.body, "MinValue", -2_147_483_648)
    highest = _number_of(draft.body, "MaxValue", 2_147_483_647)
    return {"minimum": lowest, "maximum": highest, "format": draft.body.get("Format") or "None"}


def _number(draft: Draft, kind: str) -> dict[str, object]:
    precision = _number_of(draft.body, "Precision", 2)
    if precision is None or not 0 <= precision <= _MOST_DIGITS[kind]:
        raise _out_of_bounds("Precision")
    lowest = _number_of(draft.body, "MinValue", -_LARGEST[kind])
    highest = _number_of(draft.body, "MaxValue", _LARGEST[kind])
    if lowest is None or highest is None or lowest < -_LARGEST[kind] or highest > _LARGEST[kind]:
        raise _out_of_bounds("MinValue")
    limits: dict[str, object] = {"minimum": lowest, "maximum": highest, "precision": int(precision)}
    if kind == "Money":
        limits["precision_source"] = int(_number_of(draft.body, "PrecisionSource", 2) or 0)
    return limits


def _time(draft: Draft, _kind: str) -> dict[str, object]:
    behavior = _value(draft.body.get("DateTimeBehavior")) or "UserLocal"
    if behavior not in _BEHAVIORS:
        raise _out_of_bounds("DateTimeBehavior")
    return {"format": draft.body.get("Format") or "DateAndTime", "behavior": behavior}


def _boolean(draft: Draft, _kind: str) -> dict[str, object]:
    options = draft.body.get("OptionSet")
    found = {0: "No", 1: "Yes"}
    if isinstance(options, Mapping):
        for value, name in ((1, "TrueOption"), (0, "FalseOption")):
            option = options.get(name)
            found[value] = (label_text(option.get("Label")) if isinstance(option, Mapping) else None) or found[value]
    return {"options": found, "default": bool(draft.body.get("DefaultValue"))}


def _choice(draft: Draft, _kind: str) -> dict[str, object]:
    if draft.options is not None:
        options: Mapping[int, str] = draft.options.options
    else:
        options = read_options(draft.body.get("OptionSet"), draft.first_option)
        if not options:
            raise errors.invalid_argument("A choice column needs an OptionSet with Options.")
    default = draft.body.get("DefaultFormValue")
    name = draft.options.name if draft.options else None
    return {"options": options, "default": default if default in options else None, "option_set": name}


def read_options(option_set: object, first: int) -> dict[int, str]:
    """Return the options of an OptionSetMetadata.

    Args:
        option_set: The definition.
        first: Value of the first option that names none.

    Raises:
        ODataError: Two options have the same value.
    """
    raw = option_set.get("Options") if isinstance(option_set, Mapping) else None
    options: dict[int, str] = {}
    for option in raw if isinstance(raw, list) else []:
        value = option.get("Value") if isinstance(option, Mapping) else None
        number = value if isinstance(value, int) else next_value(options, first)
        if number in options:
            raise errors.invalid_argument(f"The option value {number} is defined twice.")
        options[number] = label_text(option.get("Label")) or str(number)
    return options


def next_value(options: Mapping[int, str], first: int) -> int:
    """Return the value of an option that names none."""
    return max((value + 1 for value in options if first <= value < first + 10_000), default=first)


def _file(draft: Draft, kind: str) -> dict[str, object]:
    default, largest = _KILOBYTES[kind]
    size = _number_of(draft.body, "MaxSizeInKB", default)
    if size is None or not 1 <= size <= largest:
        raise _out_of_bounds("MaxSizeInKB")
    return {"max_kilobytes": int(size)}
