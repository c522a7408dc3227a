"""Turns column definitions of the metadata service into the framework's columns and states."""

from collections.abc import Mapping
from decimal import Decimal

from transload.values import ColumnType, TableName, TargetColumn, TargetState
from transload_dynamics_sink.client import Json

TYPES: Mapping[str, ColumnType] = {
    "StringType": ColumnType.TEXT,
    "MemoType": ColumnType.MEMO,
    "IntegerType": ColumnType.INTEGER,
    "BigIntType": ColumnType.INTEGER,
    "DecimalType": ColumnType.DECIMAL,
    "DoubleType": ColumnType.DECIMAL,
    "MoneyType": ColumnType.MONEY,
    "BooleanType": ColumnType.BOOLEAN,
    "PicklistType": ColumnType.CHOICE,
    "MultiSelectPicklistType": ColumnType.CHOICES,
    "StateType": ColumnType.STATE,
    "StatusType": ColumnType.STATUS,
    "DateTimeType": ColumnType.DATETIME,
    "LookupType": ColumnType.LOOKUP,
    "CustomerType": ColumnType.LOOKUP,
    "OwnerType": ColumnType.LOOKUP,
    "UniqueidentifierType": ColumnType.ID,
    "FileType": ColumnType.FILE,
    "ImageType": ColumnType.OTHER,
    "PartyListType": ColumnType.OTHER,
}
"""Type names of the metadata service. Others are mirrors of columns, or bookkeeping."""

_RANGE = "LogicalName,MinValue,MaxValue"
_OPTIONS = "OptionSet($select=Options),GlobalOptionSet($select=Options)"

CASTS: Mapping[str, tuple[frozenset[str], str, str]] = {
    "StringAttributeMetadata": (frozenset({"StringType"}), "LogicalName,MaxLength", ""),
    "MemoAttributeMetadata": (frozenset({"MemoType"}), "LogicalName,MaxLength", ""),
    "IntegerAttributeMetadata": (frozenset({"IntegerType"}), _RANGE, ""),
    "DecimalAttributeMetadata": (frozenset({"DecimalType"}), f"{_RANGE},Precision", ""),
    "DoubleAttributeMetadata": (frozenset({"DoubleType"}), f"{_RANGE},Precision", ""),
    "MoneyAttributeMetadata": (frozenset({"MoneyType"}), f"{_RANGE},Precision", ""),
    "DateTimeAttributeMetadata": (frozenset({"DateTimeType"}), "LogicalName,DateTimeBehavior", ""),
    "LookupAttributeMetadata": (
        frozenset({"LookupType", "CustomerType", "OwnerType"}),
        "LogicalName,Targets",
        "",
    ),
    "PicklistAttributeMetadata": (frozenset({"PicklistType"}), "LogicalName", _OPTIONS),
    "MultiSelectPicklistAttributeMetadata": (
        frozenset({"MultiSelectPicklistType"}),
        "LogicalName",
        _OPTIONS,
    ),
    "StateAttributeMetadata": (frozenset({"StateType"}), "LogicalName", "OptionSet"),
    "StatusAttributeMetadata": (frozenset({"StatusType"}), "LogicalName", "OptionSet"),
    "BooleanAttributeMetadata": (frozenset({"BooleanType"}), "LogicalName", "OptionSet"),
}
"""Casts that show what the plain listing hides: the types they concern, ``$select`` and ``$expand``."""

_SELF_FILLING = frozenset({"OwnerType", "UniqueidentifierType", "StateType", "StatusType"})
"""Types of columns that the platform requires, and fills itself when they are not sent."""

_INITIAL_STATES: Mapping[str, int] = {"product": 2}
"""Tables whose rows are not born in state 0."""

_CLOSED_STATES: Mapping[str, frozenset[int]] = {
    "incident": frozenset({1, 2}),
    "opportunity": frozenset({1, 2}),
    "quote": frozenset({1, 2, 3}),
    "salesorder": frozenset({1, 2, 3, 4}),
    "invoice": frozenset({1, 2, 3}),
    **{activity: frozenset({1, 2}) for activity in ("task", "phonecall", "email", "appointment", "letter", "fax")},
}
"""States in which the platform refuses edits of most columns."""


def is_column(raw: Json) -> bool:
    """Whether an attribute holds a value of its own."""
    return raw["AttributeTypeName"]["Value"] in TYPES and not raw.get("AttributeOf")


def build_column(raw: Json, detail: Json) -> TargetColumn:
    """Return a column.

    Args:
        raw: Its entry in the plain listing.
        detail: Its entry in the listing of its type; empty when the type has none.
    """
    type_name = raw["AttributeTypeName"]["Value"]
    kind = TYPES[type_name]
    if detail.get("DateTimeBehavior", {}).get("Value") == "DateOnly":
        kind = ColumnType.DATE
    writable = kind is not ColumnType.OTHER
    return TargetColumn(
        name=raw["LogicalName"],
        type=kind,
        label=label_of(raw.get("DisplayName")),
        max_length=detail.get("MaxLength"),
        minimum=_decimal(detail.get("MinValue")),
        maximum=_decimal(detail.get("MaxValue")),
        precision=detail.get("Precision"),
        options=_options(detail),
        targets=tuple(TableName(target) for target in detail.get("Targets") or ()),
        required=raw["RequiredLevel"]["Value"] == "SystemRequired" and type_name not in _SELF_FILLING,
        creatable=writable and bool(raw["IsValidForCreate"]),
        updatable=writable and bool(raw["IsValidForUpdate"]),
        custom=bool(raw.get("IsCustomAttribute")),
        cascades=type_name == "OwnerType",
    )


def build_states(table: str, details: Mapping[str, Json]) -> list[TargetState]:
    """Return the states of a table, the one that rows are created in first; none when it has no states.

    Args:
        table: The table's name.
        details: The typed listings of its columns, by name.
    """
    states, statuses = details.get("statecode"), details.get("statuscode")
    if states is None or statuses is None:
        return []
    reasons = statuses["OptionSet"]["Options"]
    initial = _INITIAL_STATES.get(table, 0)
    found = [
        TargetState(
            value=state["Value"],
            label=label_of(state.get("Label")),
            statuses={
                reason["Value"]: label_of(reason.get("Label"))
                for reason in reasons
                if reason["State"] == state["Value"]
            },
            default_status=state["DefaultStatus"],
            read_only=state["Value"] in _CLOSED_STATES.get(table, ()),
        )
        for state in states["OptionSet"]["Options"]
    ]
    return sorted(found, key=lambda state: (state.value != initial, state.value))


def label_of(label: Json | None) -> str:
    """Return the text of a label in the user's language, else in any; empty when it has none."""
    if not label:
        return ""
    mine = label.get("UserLocalizedLabel") or next(iter(label.get("LocalizedLabels") or ()), None)
    return str(mine["Label"]) if mine and mine.get("Label") else ""


def _options(detail: Json) -> dict[int, str]:
    chosen = detail.get("OptionSet") or detail.get("GlobalOptionSet") or {}
    options = chosen.get("Options") or [
        option for option in (chosen.get("FalseOption"), chosen.get("TrueOption")) if option
    ]
    return {option["Value"]: label_of(option.get("Label")) for option in options}


def _decimal(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
