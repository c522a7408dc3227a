"""Refusals of the Web API.

Codes and texts are those of Microsoft's error listing and of captured answers. Clients are expected to look
at the status first, then at the code; texts are as close as the sources allow.
"""

from collections.abc import Mapping


class ODataError(Exception):
    """A request that the service refuses; it becomes the error body of the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        annotations: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.annotations: Mapping[str, str] = annotations or {}
        """Shown as ``@Microsoft.PowerApps.CDS.<name>`` when the client asks for annotations."""
        self.headers: Mapping[str, str] = headers or {}


class BatchFormatError(ODataError):
    """A batch that cannot be run as it stands; it is answered as a whole, with a plain JSON error."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "0x80060888", message)


class UniqueError(Exception):
    """The database refused a row because of a unique index."""

    def __init__(self, table: str, columns: tuple[str, ...], row: Mapping[str, object] | None) -> None:
        super().__init__(f"{table}: {', '.join(columns)} is not unique")
        self.table, self.columns, self.row = table, columns, row


def row_missing(table: str, row_id: str) -> ODataError:
    """Return the refusal for a row id that does not exist."""
    return ODataError(404, "0x80040217", f"{table} With Id = {row_id} Does Not Exist")


def key_row_missing(table: str) -> ODataError:
    """Return the refusal for alternate key values that no row has."""
    return ODataError(404, "0x80060891", f"A record with the specified key values does not exist in {table} entity")


def key_not_defined(table: str) -> ODataError:
    """Return the refusal for key columns that are not an active key."""
    name = f"Microsoft.Dynamics.CRM.{table}"
    return ODataError(
        400,
        "0x0",
        f"The key in the request URI is not valid for resource '{name}'. Ensure that the names and number "
        "of key "
        f"properties match the declared or alternate key properties for the resource '{name}'.",
    )


def unknown_property(table: str, name: str) -> ODataError:
    """Return the refusal for an undeclared property in a body."""
    return ODataError(
        400,
        "0x0",
        "An error occurred while validating input parameters: Microsoft.Crm.CrmException: Invalid property "
        f"'{name}' was found in entity 'Microsoft.Dynamics.CRM.{table}'. ---> "
        "Microsoft.OData.ODataException: "
        "Does not support untyped value in non-open type.",
    )


def unknown_select(table: str, name: str) -> ODataError:
    """Return the refusal for an undeclared property in a query."""
    return ODataError(400, "0x0", f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table}'.")


def payload(entity_set: str, reason: str) -> ODataError:
    """Return the refusal for a body that cannot be read."""
    return ODataError(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{entity_set}', For more information "
        "on this "
        "error please follow this help link https://go.microsoft.com/fwlink/?linkid=2195293  ---->  "
        f"InnerException : {reason}",
    )


def undeclared_navigation(entity_set: str, name: str) -> ODataError:
    """Return the refusal for a name before ``@odata.bind`` that is no navigation property."""
    return payload(
        entity_set,
        f"Microsoft.OData.ODataException: An undeclared property '{name}' which only has property "
        "annotations in the "
        "payload but no property value was found in the payload. In OData, only declared navigation "
        "properties and "
        "declared named streams can be represented as properties without values.",
    )


def not_found(segment: str) -> ODataError:
    """Return the refusal for an unknown resource."""
    return ODataError(404, "0x8006088a", f"Resource not found for the segment '{segment}'.")


def no_such_method(url: str) -> ODataError:
    """Return the refusal for a function called with the wrong method."""
    return ODataError(404, "", f"No HTTP resource was found that matches the request URI '{url}'.")


def no_such_message(message: str, table: str) -> ODataError:
    """Return the refusal of a message that a table does not have."""
    return ODataError(
        405,
        "0x80040800",
        f"The '{message}' method does not support entities of type '{table}'. "
        "MessageProcessorCache returned MessageProcessor.Empty.",
    )


def invalid_argument(message: str) -> ODataError:
    """Return the general refusal of a value."""
    return ODataError(400, "0x80040203", message)


def unsupported(message: str) -> ODataError:
    """Return the refusal of the OData layer for a query that it does not support."""
    return ODataError(400, "0x80060888", message)


def duplicate_row() -> ODataError:
    """Return the refusal for a primary key or link that is taken."""
    return ODataError(412, "0x80040237", "A record with matching key values already exists.")


def read_only(table: str) -> ODataError:
    """Return the refusal for a change of a closed row."""
    return ODataError(
        400, "0x8004022e", f"This {table} is closed or read-only and cannot be edited in its current state."
    )
