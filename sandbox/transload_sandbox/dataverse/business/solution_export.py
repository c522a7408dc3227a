"""ExportSolution: an unmanaged solution as a file.

Facts: the parameters and the answer are stated on the action's page, the three parts of the file in the description of
solution files. What is inside is the outline only: names of tables, columns and choices, no forms and no processes.
"""

import base64
import io
import zipfile
from typing import TYPE_CHECKING

from lxml import etree

from transload_sandbox.dataverse.components import COLUMN, TABLE
from transload_sandbox.dataverse.errors import ODataError, invalid_argument
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.wire import Response

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call

_SETTINGS = (
    "TargetVersion", "ExportAutoNumberingSettings", "ExportCalendarSettings", "ExportCustomizationSettings",
    "ExportEmailTrackingSettings", "ExportGeneralSettings", "ExportMarketingSettings",
    "ExportOutlookSynchronizationSettings", "ExportRelationshipRoles", "ExportIsvConfig", "ExportSales",
    "ExportExternalApplications", "ExportComponentsParams",
)  # fmt: skip
_TYPES = (
    b'<?xml version="1.0" encoding="utf-8"?>'
    b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="xml" ContentType="application/octet-stream" /></Types>'
)
_DATED = (1980, 1, 1, 0, 0, 0)
"""The same solution gives the same file, so its parts carry no time."""


def export(call: "Call") -> Response:
    """Answer with a solution as a file in Base64.

    Raises:
        ODataError: There is no such solution, or it is managed.
    """
    call.expect(required=("SolutionName", "Managed"), optional=_SETTINGS)
    call.environment.security.demand("prvPublishCustomization")
    tables, store = call.environment.model.tables, call.environment.store
    found = store.find(tables["solution"], {"uniquename": str(call.value("SolutionName"))}, 1)
    if not found:
        raise invalid_argument(f"The solution '{call.value('SolutionName')}' was not found.")
    [solution] = found
    if solution["ismanaged"]:
        raise ODataError(
            400, "0x80048036", "An error occurred while exporting a solution. Managed solutions cannot be exported."
        )
    components = store.find(tables["solutioncomponent"], {"solutionid": solution["solutionid"]})
    parts = {
        "[Content_Types].xml": _TYPES,
        "customizations.xml": _customizations(call, components),
        "solution.xml": _manifest(call, solution, components),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _DATED), content)
    return call.result({"ExportSolutionFile": base64.b64encode(buffer.getvalue()).decode()})


def _manifest(call: "Call", solution: Row, components: list[Row]) -> bytes:
    publisher = call.fetch("publisher", str(solution["publisherid"]))
    root = etree.Element("ImportExportXml")
    manifest = etree.SubElement(root, "SolutionManifest")
    _text(manifest, "UniqueName", solution["uniquename"])
    _text(manifest, "Version", solution["version"])
    _text(manifest, "Managed", int(call.value("Managed") is True))
    owner = etree.SubElement(manifest, "Publisher")
    _text(owner, "UniqueName", publisher["uniquename"])
    _text(owner, "CustomizationPrefix", publisher["customizationprefix"])
    _text(owner, "CustomizationOptionValuePrefix", publisher["customizationoptionvalueprefix"])
    listed = etree.SubElement(manifest, "RootComponents")
    for each in components:
        facts = {"type": str(each["componenttype"]), "id": f"{{{each['objectid']}}}"}
        etree.SubElement(listed, "RootComponent", facts)
    return etree.tostring(root)


def _customizations(call: "Call", components: list[Row]) -> bytes:
    model, wanted = call.environment.model, {each["objectid"]: each["componenttype"] for each in components}
    root = etree.Element("ImportExportXml")
    entities, choices = etree.SubElement(root, "Entities"), etree.SubElement(root, "optionsets")
    for table in model.tables.values():
        whole = wanted.get(table.metadata_id or "-") == TABLE
        columns = [each for each in table.columns.values() if whole or wanted.get(each.metadata_id or "-") == COLUMN]
        if columns:
            entity = etree.SubElement(entities, "Entity")
            _text(entity, "Name", table.schema_name)
            inside = etree.SubElement(entity, "attributes")
            for column in columns:
                attribute = etree.SubElement(inside, "attribute", {"PhysicalName": column.schema_name})
                _text(attribute, "Type", column.type.lower())
                _text(attribute, "LogicalName", column.name)
    for choice in model.option_sets.values():
        if choice.metadata_id in wanted:
            etree.SubElement(choices, "optionset", {"Name": choice.name})
    return etree.tostring(root)


def _text(parent: etree._Element, name: str, value: object) -> None:
    etree.SubElement(parent, name).text = str(value)
