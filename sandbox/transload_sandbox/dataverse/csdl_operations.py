"""Actions and functions in CSDL: their names, what they are bound to, their parameters and answers."""

from lxml import etree

from transload_sandbox.dataverse.catalog import Model

EDM = "http://docs.oasis-open.org/odata/ns/edm"
_ANY = "mscrm.crmbaseentity"
_FUNCTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "WhoAmI": (),
    "RetrieveVersion": (),
    "RetrieveAvailableLanguages": (),
    "RetrieveProvisionedLanguages": (),
    "RetrieveCurrentOrganization": (("AccessType", "Edm.String"),),
    "RetrieveTotalRecordCount": (("EntityNames", "Collection(Edm.String)"),),
    "FormatAddress": tuple(
        (name, "Edm.String") for name in ("Line1", "City", "StateOrProvince", "PostalCode", "Country")
    ),
}
_ACTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "BulkDelete": (
        ("QuerySet", "Collection(Edm.Untyped)"),
        ("JobName", "Edm.String"),
        ("SendEmailNotification", "Edm.Boolean"),
        ("RecurrencePattern", "Edm.String"),
        ("StartDateTime", "Edm.DateTimeOffset"),
    ),
    "CloseIncident": (("IncidentResolution", "mscrm.incidentresolution"), ("Status", "Edm.Int32")),
    "CloseQuote": (("QuoteClose", "mscrm.quoteclose"), ("Status", "Edm.Int32")),
    "WinQuote": (("QuoteClose", "mscrm.quoteclose"), ("Status", "Edm.Int32")),
    "WinOpportunity": (("OpportunityClose", "mscrm.opportunityclose"), ("Status", "Edm.Int32")),
    "LoseOpportunity": (("OpportunityClose", "mscrm.opportunityclose"), ("Status", "Edm.Int32")),
    "CancelSalesOrder": (("OrderClose", "mscrm.orderclose"), ("Status", "Edm.Int32")),
    "Merge": (
        ("Target", _ANY),
        ("Subordinate", _ANY),
        ("UpdateContent", _ANY),
        ("PerformParentingChecks", "Edm.Boolean"),
    ),
    "InsertOptionValue": (
        ("OptionSetName", "Edm.String"),
        ("EntityLogicalName", "Edm.String"),
        ("AttributeLogicalName", "Edm.String"),
        ("Value", "Edm.Int32"),
    ),
    "PublishXml": (("ParameterXml", "Edm.String"),),
    "PublishAllXml": (),
    "ReactivateEntityKey": (("EntityLogicalName", "Edm.String"), ("EntityKeyLogicalName", "Edm.String")),
    "InitializeAnnotationBlocksUpload": (("Target", "mscrm.annotation"),),
    "InitializeFileBlocksUpload": (
        ("Target", _ANY),
        ("FileAttributeName", "Edm.String"),
        ("FileName", "Edm.String"),
    ),
    "UploadBlock": (
        ("BlockId", "Edm.String"),
        ("BlockData", "Edm.Binary"),
        ("FileContinuationToken", "Edm.String"),
    ),
    "CommitAnnotationBlocksUpload": (
        ("Target", "mscrm.annotation"),
        ("BlockList", "Collection(Edm.String)"),
        ("FileContinuationToken", "Edm.String"),
    ),
}
_ANSWERS: dict[str, tuple[tuple[str, str], ...]] = {
    "WhoAmI": (("BusinessUnitId", "Edm.Guid"), ("UserId", "Edm.Guid"), ("OrganizationId", "Edm.Guid")),
    "RetrieveVersion": (("Version", "Edm.String"),),
    "RetrieveAvailableLanguages": (("LocaleIds", "Collection(Edm.Int32)"),),
    "RetrieveProvisionedLanguages": (("RetrieveProvisionedLanguages", "Collection(Edm.Int32)"),),
    "InsertOptionValue": (("NewOptionValue", "Edm.Int32"),),
    "BulkDelete": (("JobId", "Edm.Guid"),),
    "InitializeAnnotationBlocksUpload": (("FileContinuationToken", "Edm.String"),),
    "InitializeFileBlocksUpload": (("FileContinuationToken", "Edm.String"),),
    "CommitAnnotationBlocksUpload": (("AnnotationId", "Edm.Guid"), ("FileSizeInBytes", "Edm.Int64")),
    "RetrieveCurrentOrganization": (("Detail", "Edm.Untyped"),),
    "RetrieveTotalRecordCount": (("EntityRecordCountCollection", "Edm.Untyped"),),
    "FormatAddress": (("Address", "Edm.String"),),
    "CreateMultiple": (("Ids", "Collection(Edm.Guid)"),),
}


def add_operations(schema: etree._Element, model: Model) -> None:
    """Add the operations that are served, with the complex types that they answer with."""
    for name, properties in _ANSWERS.items():
        answer = etree.SubElement(schema, f"{{{EDM}}}ComplexType", {"Name": f"{name}Response"})
        for each, kind in properties:
            etree.SubElement(answer, f"{{{EDM}}}Property", {"Name": each, "Type": kind})
    for name, parameters in _FUNCTIONS.items():
        _add(schema, "Function", name, parameters)
    known = {f"mscrm.{table}" for table in model.tables} | {_ANY}
    for name, parameters in _ACTIONS.items():
        if all(kind in known for _, kind in parameters if kind.startswith("mscrm.")):
            _add(schema, "Action", name, parameters)
    for table in model.tables.values():
        if table.has_bulk_messages:
            kind = f"Collection(mscrm.{table.name})"
            for name in ("CreateMultiple", "UpdateMultiple", "UpsertMultiple"):
                _add(schema, "Action", name, (("entityset", kind), ("Targets", kind)), is_bound=True)


def _add(
    schema: etree._Element, kind: str, name: str, parameters: tuple[tuple[str, str], ...], *, is_bound: bool = False
) -> None:
    bound = {"IsBound": "true"} if is_bound else {}
    operation = etree.SubElement(schema, f"{{{EDM}}}{kind}", {"Name": name, **bound})
    for each, parameter_kind in parameters:
        etree.SubElement(operation, f"{{{EDM}}}Parameter", {"Name": each, "Type": parameter_kind, "Nullable": "false"})
    if name in _ANSWERS:
        etree.SubElement(operation, f"{{{EDM}}}ReturnType", {"Type": f"mscrm.{name}Response", "Nullable": "false"})
