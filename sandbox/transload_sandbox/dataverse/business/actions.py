"""Actions of the Web API: what they are bound to, and the parameters of one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.options import Options
from transload_sandbox.dataverse.reader import Reader
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request, Response, json_response
from transload_sandbox.dataverse.writer import Writer


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action by one user."""

    name: str
    environment: Environment
    request: Request
    writer: Writer
    row: Row | None = None
    """The row that the action is bound to; None for an unbound one or one bound to a set."""
    body: Mapping[str, object] = field(default_factory=dict)

    def expect(self, required: Sequence[str] = (), optional: Sequence[str] = ()) -> None:
        """Check the names of the parameters.

        Raises:
            ODataError: One is unknown or missing.
        """
        for name in self.body:
            if name not in required and name not in optional and "@" not in name:
                raise errors.payload(
                    self.name,
                    f"Microsoft.OData.ODataException: The parameter '{name}' in the request payload is not a valid "
                    f"parameter for the operation '{self.name}'.",
                )
        for name in required:
            if self.body.get(name) is None:
                raise errors.invalid_argument(f"Required field '{name}' is missing for action '{self.name}'.")

    def value(self, name: str) -> object:
        """Return a parameter, None when it was not sent."""
        return self.body.get(name)

    def mapping(self, name: str) -> Mapping[str, object]:
        """Return a parameter that is an object.

        Raises:
            ODataError: It is none.
        """
        value = self.body.get(name)
        if not isinstance(value, Mapping):
            raise errors.payload(self.name, f"Microsoft.OData.ODataException: '{name}' must be an object.")
        return value

    def guid(self, name: str) -> str:
        """Return a parameter that is the id of a row.

        Raises:
            ODataError: It is none.
        """
        guid = parse_guid(self.body.get(name))
        if guid is None:
            raise errors.payload(
                self.name,
                f"Microsoft.OData.ODataException: Cannot convert the literal '{self.body.get(name)}' to the expected "
                "type 'Edm.Guid'.",
            )
        return guid

    def reference(self, name: str, table: str) -> str:
        """Return the id of a row that a parameter gives as an object with its primary key.

        Raises:
            ODataError: The object has no such key.
        """
        guid = parse_guid(self.mapping(name).get(self.environment.model.tables[table].primary_id))
        if guid is None:
            raise errors.invalid_argument(f"'{name}' must name a row of '{table}' by its primary key.")
        return guid

    def fetch(self, table: str, row_id: str) -> Row:
        """Return a row.

        Raises:
            ODataError: There is none.
        """
        row = self.environment.store.fetch(self.environment.model.tables[table], [row_id]).get(row_id)
        if row is None:
            raise errors.row_missing(table, row_id)
        return row

    def show(self, table: str, row: Row) -> Response:
        """Answer with a whole row."""
        reader = Reader(self.environment, self.request)
        return json_response(reader.entity(self.environment.model.tables[table], row, Options()), 200)

    def result(self, values: Mapping[str, object]) -> Response:
        """Answer with the complex type of the action's response."""
        context = f"{self.request.base}$metadata#Microsoft.Dynamics.CRM.{self.name}Response"
        return json_response({"@odata.context": context, **values})
