"""Everything that an EntityMetadata says about a table, apart from its id."""

from transload_sandbox.dataverse.labels import Json, label
from transload_sandbox.dataverse.model import Table
from transload_sandbox.dataverse.roles import OBJECT_TYPES

_OWNERSHIP = {
    "User": "UserOwned",
    "Organization": "OrganizationOwned",
    "BusinessUnit": "BusinessOwned",
    "None": "None",
}
_MANAGED = {
    "CanBeInCustomEntityAssociation": ("canbeincustomentityassociation", True),
    "CanBeInManyToMany": ("canbeinmanytomany", True),
    "CanBePrimaryEntityInRelationship": ("canbeprimaryentityinrelationship", True),
    "CanBeRelatedEntityInRelationship": ("canberelatedentityinrelationship", True),
    "CanChangeHierarchicalRelationship": ("canchangehierarchicalrelationship", True),
    "CanChangeTrackingBeEnabled": ("canchangetrackingbeenabled", True),
    "CanCreateAttributes": ("cancreateattributes", True),
    "CanCreateCharts": ("cancreatecharts", True),
    "CanCreateForms": ("cancreateforms", True),
    "CanCreateViews": ("cancreateviews", True),
    "CanEnableSyncToExternalSearchIndex": ("canenablesynctoexternalsearchindex", True),
    "CanModifyAdditionalSettings": ("canmodifyadditionalsettings", True),
    "IsAuditEnabled": ("canmodifyauditsettings", False),
    "IsConnectionsEnabled": ("canmodifyconnectionsettings", True),
    "IsCustomizable": ("iscustomizable", True),
    "IsDuplicateDetectionEnabled": ("canmodifyduplicatedetectionsettings", True),
    "IsMailMergeEnabled": ("canmodifymailmergesettings", False),
    "IsMappable": ("ismappable", True),
    "IsOfflineInMobileClient": ("canmodifymobileclientoffline", False),
    "IsReadOnlyInMobileClient": ("canmodifymobileclientreadonly", False),
    "IsRenameable": ("isrenameable", True),
    "IsValidForQueue": ("canmodifyqueuesettings", False),
    "IsVisibleInMobile": ("canmodifymobilevisibility", False),
    "IsVisibleInMobileClient": ("canmodifymobileclientvisibility", True),
}
_FLAGS: dict[str, bool | None] = {
    "AutoCreateAccessTeams": False,
    "AutoRouteToOwnerQueue": False,
    "CanTriggerWorkflow": True,
    "ChangeTrackingEnabled": True,
    "EnforceStateTransitions": False,
    "EntityHelpUrlEnabled": False,
    "HasChanged": None,
    "HasEmailAddresses": False,
    "HasFeedback": False,
    "IsAIRUpdated": False,
    "IsArchivalEnabled": False,
    "IsAvailableOffline": True,
    "IsBPFEntity": False,
    "IsBusinessProcessEnabled": True,
    "IsChildEntity": False,
    "IsDocumentManagementEnabled": False,
    "IsDocumentRecommendationsEnabled": False,
    "IsEnabledForCharts": True,
    "IsEnabledForExternalChannels": False,
    "IsEnabledForTrace": False,
    "IsImportable": True,
    "IsInteractionCentricEnabled": False,
    "IsKnowledgeManagementEnabled": False,
    "IsLogicalEntity": False,
    "IsMSTeamsIntegrationEnabled": False,
    "IsOneNoteIntegrationEnabled": False,
    "IsOptimisticConcurrencyEnabled": True,
    "IsPrivate": False,
    "IsQuickCreateEnabled": False,
    "IsReadingPaneEnabled": True,
    "IsRetentionEnabled": False,
    "IsRetrieveAuditEnabled": False,
    "IsRetrieveMultipleAuditEnabled": False,
    "IsSLAEnabled": False,
    "IsSolutionAware": False,
    "IsValidForAdvancedFind": True,
    "SyncToExternalSearchIndex": False,
    "UsesBusinessDataLabelTable": False,
}
_EMPTY = (
    "ActivityTypeMask",
    "CreatedOn",
    "DataProviderId",
    "DataSourceId",
    "DaysSinceRecordLastModified",
    "EntityColor",
    "EntityHelpUrl",
    "ExternalCollectionName",
    "ExternalName",
    "IconLargeName",
    "IconMediumName",
    "IconSmallName",
    "IconVectorName",
    "MobileOfflineFilters",
    "ModifiedOn",
    "OwnerId",
    "OwnerIdType",
    "OwningBusinessUnit",
    "PrimaryImageAttribute",
    "RecurrenceBaseEntityLogicalName",
    "SettingOf",
)


def table_facts(table: Table) -> Json:
    """Return the properties of an EntityMetadata, those that were customised last."""
    is_managed = not table.is_custom or not table.metadata_id
    is_system = not table.metadata_id
    facts: Json = {
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.entity_set,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": f"{table.schema_name}s",
        "ObjectTypeCode": OBJECT_TYPES.get(table.name, 10_000),
        "PrimaryIdAttribute": table.primary_id,
        "PrimaryNameAttribute": table.primary_name,
        "OwnershipType": _OWNERSHIP[table.ownership],
        "TableType": "Standard",
        "IsActivity": table.is_activity and table.name != "activitypointer",
        "IsActivityParty": "partyid" in table.columns,
        "IsCustomEntity": table.is_custom,
        "IsManaged": is_managed,
        "IsStateModelAware": bool(table.states),
        "IsIntersect": table.is_intersect,
        "HasActivities": is_system and not table.is_intersect,
        "HasNotes": is_system and not table.is_intersect,
        "ReportViewName": f"Filtered{table.schema_name}",
        "IntroducedVersion": "1.0.0.0" if table.metadata_id else "5.0.0.0",
        "DisplayName": label(table.schema_name, is_managed),
        "DisplayCollectionName": label(f"{table.schema_name}s", is_managed),
        "Description": label(None),
        "Settings": [],
    }
    managed = {
        name: {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": logical}
        for name, (logical, value) in _MANAGED.items()
    }
    return facts | dict(_FLAGS) | dict.fromkeys(_EMPTY) | managed | dict(table.facts)
