"""A row leads to its form in Dynamics."""

from pydantic import AnyHttpUrl, SecretStr

from transload import RowId, RowRef, TableName
from transload_dynamics_sink.pages import pages_of
from transload_dynamics_sink.settings import DynamicsSettings


def test_a_row_is_seen_in_an_app_of_its_environment() -> None:
    settings = DynamicsSettings(
        url=AnyHttpUrl("https://org.crm4.example.com/"), tenant_id="example.com", client_id="app",
        client_secret=SecretStr("secret"), publisher_prefix="acme", fallback_owner="office@example.com",
    )  # fmt: skip
    row = RowRef(TableName("account"), RowId("7f2c0c1e-0000-4000-8000-000000000001"))

    assert pages_of([row], settings) == {
        row: "https://org.crm4.example.com/main.aspx?pagetype=entityrecord&etn=account"
        "&id=7f2c0c1e-0000-4000-8000-000000000001"
    }
