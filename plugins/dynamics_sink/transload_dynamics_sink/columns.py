"""Turns column definitions of the metadata service into the framework's columns and states."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from transload.values import ColumnType, TableName, TargetColumn, TargetState
from transload_dynamics_sink.client import Json
from transload_dynamics_sink.lifecycles import Lifecycle

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
    "EntityNameType": ColumnType.TEXT,
    "FileType": ColumnType.FILE,
    "ImageType": ColumnType.FILE,
    "PartyListType": ColumnType.PARTIES,
}
"""Type names of the metadata service. Others are mirrors of columns, or bookkeeping."""


_RANGE = "LogicalName,MinValue,MaxValue"
_FILE = "LogicalName,MaxSizeInKB"
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
        frozenset({"LookupType", "CustomerType", "OwnerType", "PartyListType"}),
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
    "FileAttributeMetadata": (frozenset({"FileType"}), _FILE, ""),
    "ImageAttributeMetadata": (frozenset({"ImageType"}), _FILE, ""),
}
"""Casts that show what the plain listing hides: the types they concern, ``$select`` and ``$expand``."""

_SELF_FILLING = frozenset({"OwnerType", "UniqueidentifierType", "StateType", "StatusType"})
"""Types of columns that the platform requires, and fills itself when they are not sent."""

MASKS: Mapping[str, int] = {
    "from": 1,
    "to": 2,
    "cc": 3,
    "bcc": 4,
    "requiredattendees": 5,
    "optionalattendees": 6,
    "organizer": 7,
    "resources": 10,
    "customers": 11,
}
"""Party columns to the ``participationtypemask`` of their parties."""
_PARTIES = ("account", "contact", "lead", "queue", "systemuser")
"""Who may take part, where the metadata does not say."""


class Carrier(StrEnum):
    """How a file travels to a column."""

    NOTE = "annotation"
    ATTACHMENT = "attachment"
    IMAGE = "image"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column that holds a file.

    Attributes:
        carrier: How the file travels.
        limit: Most bytes, by the column's own setting; None where the organisation's setting counts.
    """

    carrier: Carrier
    limit: int | None = None


FILE_BODIES: Mapping[tuple[str, str], Carrier] = {
    ("annotation", "documentbody"): Carrier.NOTE,
    ("activitymimeattachment", "body"): Carrier.ATTACHMENT,
}
"""Text columns that hold the bytes of a file, in base64."""
_FILE_TYPES: Mapping[str, Carrier] = {"FileType": Carrier.COLUMN, "ImageType": Carrier.IMAGE}


STAND_INS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("activitymimeattachment", "objectid"): ("activitypointer", "email"),
}
"""Lookups that name the base of all activities where only one kind can be meant: the base, and the kind."""


def is_column(raw: Json) -> bool:
    """Whether an attribute holds a value of its own."""
    return raw["AttributeTypeName"]["Value"] in TYPES and not raw.get("AttributeOf")


def build_column(table: str, raw: Json, detail: Json) -> TargetColumn:
    """Return a column.

    Args:
        table: Its table.
        raw: Its entry in the plain listing.
        detail: Its entry in the listing of its type; empty when the type has none.
    """
    type_name = raw["AttributeTypeName"]["Value"]
    kind = _kind(table, raw, detail)
    named = detail.get("Targets") or (_PARTIES if kind is ColumnType.PARTIES else ())
    base, meant = STAND_INS.get((table, raw["LogicalName"]), ("", ""))
    writable = kind is not ColumnType.OTHER
    # A file column is not valid in the body of a row, and written all the same: by requests of its own.
    by_itself = type_name == "FileType"
    return TargetColumn(
        name=raw["LogicalName"],
        type=kind,
        label=label_of(raw.get("DisplayName")),
        max_length=None if kind is ColumnType.FILE else detail.get("MaxLength"),
        minimum=_decimal(detail.get("MinValue")),
        maximum=_decimal(detail.get("MaxValue")),
        precision=detail.get("Precision"),
        options=_options(detail),
        targets=tuple(TableName(meant if target == base else target) for target in named),
        required=raw["RequiredLevel"]["Value"] == "SystemRequired" and type_name not in _SELF_FILLING,
        creatable=writable and (by_itself or bool(raw["IsValidForCreate"])),
        updatable=writable and (by_itself or bool(raw["IsValidForUpdate"])),
        custom=bool(raw.get("IsCustomAttribute")),
        cascades=type_name == "OwnerType",
    )


def find_file_column(table: str, raw: Json, detail: Json) -> FileColumn | None:
    """Return how a file travels to a column; None when the column holds none.

    Args:
        table: Its table.
        raw: Its entry in the plain listing.
        detail: Its entry in the listing of its type.
    """
    if (body := FILE_BODIES.get((table, raw["LogicalName"]))) is not None:
        return FileColumn(body)
    carrier = _FILE_TYPES.get(raw["AttributeTypeName"]["Value"])
    kilobytes = detail.get("MaxSizeInKB")
    return None if carrier is None else FileColumn(carrier, kilobytes * 1024 if kilobytes else None)


def _kind(table: str, raw: Json, detail: Json) -> ColumnType:
    name, kind = raw["LogicalName"], TYPES[raw["AttributeTypeName"]["Value"]]
    if (table, name) in FILE_BODIES:
        return ColumnType.FILE
    if kind is ColumnType.PARTIES and name not in MASKS:
        return ColumnType.OTHER
    if kind is ColumnType.DATETIME and detail.get("DateTimeBehavior", {}).get("Value") == "DateOnly":
        return ColumnType.DATE
    return kind


def build_states(lifecycle: Lifecycle, details: Mapping[str, Json]) -> list[TargetState]:
    """Return the states of a table, the one that rows are created in first; none when it has no states.

    Args:
        lifecycle: Of the table's rows.
        details: The typed listings of its columns, by name.
    """
    states, statuses = details.get("statecode"), details.get("statuscode")
    if states is None or statuses is None:
        return []
    reasons = statuses["OptionSet"]["Options"]
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
            read_only=state["Value"] in lifecycle.closed,
            final=state["Value"] in lifecycle.closed and lifecycle.path(state["Value"], lifecycle.initial) is None,
        )
        for state in states["OptionSet"]["Options"]
    ]
    return sorted(found, key=lambda state: (state.value != lifecycle.initial, state.value))


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
