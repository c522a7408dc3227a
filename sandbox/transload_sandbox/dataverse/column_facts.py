"""Columns as JSON: what the Web API says about one."""

from collections.abc import Callable, Mapping

from transload_sandbox.dataverse.labels import Json, label
from transload_sandbox.dataverse.model import Column, Table


def column_facts(table: Table, column: Column) -> Json:
    """Return the properties of an AttributeMetadata, all but its id."""
    kind = "Virtual" if column.type in {"MultiSelectPicklist", "Image", "File"} else column.type
    is_managed = not (column.metadata_id or table.metadata_id)
    common: Json = {
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{column.type}Type"},
        "DisplayName": label(column.label, is_managed),
        "Description": label(None),
        "IsPrimaryId": column.name == table.primary_id,
        "IsPrimaryName": column.name == table.primary_name,
        "IsValidForCreate": column.valid_for_create,
        "IsValidForRead": column.valid_for_read,
        "IsValidForUpdate": column.valid_for_update,
        "IsCustomAttribute": column.custom,
        "IsManaged": is_managed,
        "IsLogical": False,
        "IsFilterable": True,
        "IsSearchable": False,
        "IsRetrievable": False,
        "IsSortableEnabled": managed(True, "issortableenabled"),
        "IsGlobalFilterEnabled": managed(False, "isglobalfilterenabled"),
        "IsValidForAdvancedFind": managed(True, "canmodifysearchsettings"),
        "IsValidForForm": True,
        "IsValidForGrid": True,
        "IsValidODataAttribute": True,
        "IsRequiredForForm": False,
        "IsDataSourceSecret": False,
        "IsRenameable": managed(True, "isrenameable"),
        "IsCustomizable": managed(True, "iscustomizable"),
        "CanModifyAdditionalSettings": managed(True, "canmodifyadditionalsettings"),
        "CanBeSecuredForRead": True,
        "CanBeSecuredForCreate": column.valid_for_create,
        "CanBeSecuredForUpdate": column.valid_for_update,
        "AttributeOf": None,
        "LinkedAttributeId": None,
        "DeprecatedVersion": None,
        "ExternalName": None,
        "AutoNumberFormat": "",
        "InheritsFrom": None,
        "IntroducedVersion": "1.0.0.0" if column.metadata_id else "5.0.0.0",
        "ColumnNumber": list(table.columns).index(column.name) + 1,
        "HasChanged": None,
        "SourceType": {"calculated": 1, "rollup": 2, "formula": 3}.get(column.source_type or "", 0),
        "RequiredLevel": {
            "Value": column.required,
            "CanBeChanged": column.required != "SystemRequired",
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsAuditEnabled": managed(True, "canmodifyauditsettings"),
        "IsSecured": False,
    }
    return common | _specifics(column) | dict(column.facts)


def managed(value: bool, name: str) -> Json:
    """Return a managed property."""
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def _specifics(column: Column) -> Json:
    """Return the properties that only columns of this type have."""
    if column.is_lookup:
        return {"Targets": list(column.targets), "Format": "None"}
    builder = _BUILDERS.get(column.type)
    return builder(column) if builder else {}


def _range(column: Column, number: Callable[[float], object]) -> Json:
    return {
        "MinValue": None if column.minimum is None else number(column.minimum),
        "MaxValue": None if column.maximum is None else number(column.maximum),
    }


_BUILDERS: Mapping[str, Callable[[Column], Json]] = {
    "String": lambda each: {
        "MaxLength": each.max_length,
        "FormatName": {"Value": each.format or "Text"},
        "Format": each.format or "Text",
    },
    "Memo": lambda each: {"MaxLength": each.max_length, "Format": each.format or "TextArea"},
    "Integer": lambda each: {**_range(each, int), "Format": each.format or "None"},
    "BigInt": lambda _: {"MinValue": -(1 << 63), "MaxValue": (1 << 63) - 1},
    "Decimal": lambda each: {**_range(each, float), "Precision": each.precision},
    "Double": lambda each: {**_range(each, float), "Precision": each.precision},
    "Money": lambda each: {
        **_range(each, float),
        "Precision": each.precision,
        "PrecisionSource": each.precision_source,
        "IsBaseCurrency": each.name.endswith("_base"),
        "CalculationOf": each.name.removesuffix("_base") if each.name.endswith("_base") else None,
    },
    "DateTime": lambda each: {
        "Format": each.format,
        "DateTimeBehavior": {"Value": each.behavior},
        "MinSupportedValue": "1753-01-01T00:00:00Z",
    },
    "Boolean": lambda each: {"DefaultValue": bool(each.default)},
    "Picklist": lambda each: {"DefaultFormValue": -1 if each.default is None else each.default},
    "State": lambda each: {"DefaultFormValue": each.default},
    "Status": lambda _: {"DefaultFormValue": -1},
    "MultiSelectPicklist": lambda _: {"DefaultFormValue": -1},
    "File": lambda each: {"MaxSizeInKB": each.max_kilobytes},
    "Image": lambda each: {
        "MaxSizeInKB": each.max_kilobytes or 10240,
        "MaxHeight": 144,
        "MaxWidth": 144,
        "CanStoreFullImage": False,
        "IsPrimaryImage": each.name == "entityimage",
    },
}
"""The properties that only columns of a type have, by type."""
