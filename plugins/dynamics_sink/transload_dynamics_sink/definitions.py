"""Definitions of tables, columns, relationships and keys, as the metadata service wants them."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import orjson

from transload import SchemaChange, TargetColumn
from transload.values import ColumnType
from transload_dynamics_sink.client import Json

_TYPE = "Microsoft.Dynamics.CRM."
_LARGEST_NUMBER = 100_000_000_000
_LARGEST_MONEY = 922_337_203_685_477
_LARGEST_FILE_KB = 131_072
_NAME_LENGTH = 100
_LOOSE = {
    "Assign": "NoCascade",
    "Delete": "RemoveLink",
    "Merge": "NoCascade",
    "Reparent": "NoCascade",
    "Share": "NoCascade",
    "Unshare": "NoCascade",
}
"""What follows from a change of the row that a new lookup points to: nothing but an empty lookup."""


def label(text: str, language: int) -> Json:
    """Return a label in one language.

    Args:
        text: What people read.
        language: A language that the environment has, as LCID.
    """
    localized = {"@odata.type": f"{_TYPE}LocalizedLabel", "Label": text, "LanguageCode": language}
    return {"@odata.type": f"{_TYPE}Label", "LocalizedLabels": [localized]}


def column_definition(column: TargetColumn, language: int) -> Json | None:
    """Return the definition of a column; None for types that cannot be added to a table.

    The schema name is the logical name: nobody has to guess a casing.
    """
    if (kind := _KINDS.get(column.type)) is None:
        return None
    name, build = kind
    return {**_head(column, name, language), **build(column, language)}


def table_definition(change: SchemaChange, column: TargetColumn, language: int) -> Json:
    """Return the definition of a table that users or teams own.

    Args:
        change: Its name and what people call it.
        column: The column that holds the rows' names.
        language: Of the labels.
    """
    names = column_definition(column, language) or {}
    return {
        "@odata.type": f"{_TYPE}EntityMetadata",
        "SchemaName": change.name,
        "DisplayName": label(change.label or change.name, language),
        "DisplayCollectionName": label(change.plural or change.label or change.name, language),
        "OwnershipType": "UserOwned",
        "IsActivity": False,
        "HasActivities": True,
        "HasNotes": True,
        "Attributes": [{**names, "IsPrimaryName": True, "MaxLength": column.max_length or _NAME_LENGTH}],
    }


def lookup_definition(change: SchemaChange, column: TargetColumn, referenced_id: str, language: int) -> Json:
    """Return the definition of a one-to-many relationship with the lookup that makes it.

    Args:
        change: The lookup's table.
        column: The lookup; it points to the first of its targets.
        referenced_id: Primary key of the table that it points to.
        language: Of the labels.
    """
    return {
        "@odata.type": f"{_TYPE}OneToManyRelationshipMetadata",
        "SchemaName": f"{column.name}_{change.table}",
        "ReferencedEntity": column.targets[0],
        "ReferencedAttribute": referenced_id,
        "ReferencingEntity": change.table,
        "ReferencingEntityNavigationPropertyName": column.name,
        "AssociatedMenuConfiguration": {"Behavior": "UseCollectionName", "Group": "Details", "Order": 10_000},
        "CascadeConfiguration": _LOOSE,
        "Lookup": _head(column, "Lookup", language),
    }


def link_definition(change: SchemaChange, language: int) -> Json:
    """Return the definition of a many-to-many relationship."""
    menu = {
        "Behavior": "UseLabel",
        "Group": "Details",
        "Label": label(change.label or change.name, language),
        "Order": 10_000,
    }
    return {
        "@odata.type": f"{_TYPE}ManyToManyRelationshipMetadata",
        "SchemaName": change.name,
        "IntersectEntityName": change.name,
        "Entity1LogicalName": change.table,
        "Entity2LogicalName": change.other,
        "Entity1AssociatedMenuConfiguration": menu,
        "Entity2AssociatedMenuConfiguration": menu,
    }


def key_definition(name: str, text: str, columns: tuple[str, ...], language: int) -> Json:
    """Return the definition of an alternate key."""
    return {"SchemaName": name, "DisplayName": label(text or name, language), "KeyAttributes": list(columns)}


def _head(column: TargetColumn, kind: str, language: int) -> Json:
    return {
        "@odata.type": f"{_TYPE}{kind}AttributeMetadata",
        "SchemaName": column.name,
        "DisplayName": label(column.label or column.name, language),
        "RequiredLevel": {
            "Value": "None",
            "CanBeChanged": True,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "AttributeType": "Virtual" if kind in {"MultiSelectPicklist", "File"} else kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
    }


def _text(column: TargetColumn, language: int) -> Json:
    return {"FormatName": {"Value": "Text"}, "MaxLength": column.max_length or 100}


def _memo(column: TargetColumn, language: int) -> Json:
    return {"Format": "TextArea", "MaxLength": column.max_length or 100_000}


def _integer(column: TargetColumn, language: int) -> Json:
    return {
        "Format": "None",
        "MinValue": int(column.minimum if column.minimum is not None else -(2**31)),
        "MaxValue": int(column.maximum if column.maximum is not None else 2**31 - 1),
    }


def _decimal(column: TargetColumn, language: int) -> Json:
    return {
        "Precision": 2 if column.precision is None else column.precision,
        "MinValue": _number(column.minimum, -_LARGEST_NUMBER),
        "MaxValue": _number(column.maximum, _LARGEST_NUMBER),
    }


def _money(column: TargetColumn, language: int) -> Json:
    # Precision source 2 is the currency's own, 0 the column's.
    source = {"PrecisionSource": 2} if column.precision is None else {"PrecisionSource": 0}
    return {
        **source,
        "Precision": 2 if column.precision is None else column.precision,
        "MinValue": _number(column.minimum, -_LARGEST_MONEY),
        "MaxValue": _number(column.maximum, _LARGEST_MONEY),
    }


def _boolean(column: TargetColumn, language: int) -> Json:
    return {
        "DefaultValue": False,
        "OptionSet": {
            "@odata.type": f"{_TYPE}BooleanOptionSetMetadata",
            "TrueOption": {"Value": 1, "Label": label(column.options.get(1, "Yes"), language)},
            "FalseOption": {"Value": 0, "Label": label(column.options.get(0, "No"), language)},
        },
    }


def _choice(column: TargetColumn, language: int) -> Json:
    return {
        "OptionSet": {
            "@odata.type": f"{_TYPE}OptionSetMetadata",
            "IsGlobal": False,
            "OptionSetType": "Picklist",
            "Options": [{"Value": value, "Label": label(text, language)} for value, text in column.options.items()],
        }
    }


def _moment(column: TargetColumn, language: int) -> Json:
    return {"Format": "DateAndTime", "DateTimeBehavior": {"Value": "UserLocal"}}


def _day(column: TargetColumn, language: int) -> Json:
    return {"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}


def _file(column: TargetColumn, language: int) -> Json:
    return {"MaxSizeInKB": _LARGEST_FILE_KB}


def _number(value: Decimal | None, otherwise: int) -> object:
    return otherwise if value is None else orjson.Fragment(format(value, "f"))


_KINDS: Mapping[ColumnType, tuple[str, Callable[[TargetColumn, int], Json]]] = {
    ColumnType.TEXT: ("String", _text),
    ColumnType.MEMO: ("Memo", _memo),
    ColumnType.INTEGER: ("Integer", _integer),
    ColumnType.DECIMAL: ("Decimal", _decimal),
    ColumnType.MONEY: ("Money", _money),
    ColumnType.BOOLEAN: ("Boolean", _boolean),
    ColumnType.CHOICE: ("Picklist", _choice),
    ColumnType.CHOICES: ("MultiSelectPicklist", _choice),
    ColumnType.DATETIME: ("DateTime", _moment),
    ColumnType.DATE: ("DateTime", _day),
    ColumnType.FILE: ("File", _file),
}
"""Column types that can be added, with their name in the metadata service."""
