"""``$apply``: groups and aggregates."""

from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import API, error_code


@pytest.fixture
def accounts(org: DataverseOrg) -> DataverseOrg:
    """Three accounts with revenue, two of them with the same primary contact."""
    contact = org.create("contact", {"firstname": "Mira", "lastname": "Tanaka"})
    bind = {"primarycontactid@odata.bind": f"contacts({contact})"}
    org.create("account", {"name": "A", "revenue": 100, "industrycode": 1, "address1_city": "Kiel", **bind})
    org.create("account", {"name": "B", "revenue": 300, "industrycode": 1, "address1_city": "kiel", **bind})
    org.create("account", {"name": "C", "revenue": 50})
    return org


def _apply(api: httpx.Client, transformation: str) -> list[dict[str, Any]]:
    body = api.get(f"accounts?$apply={transformation}").raise_for_status().json()
    assert body["@odata.context"] == f"{API}$metadata#accounts"
    rows: list[dict[str, Any]] = body["value"]
    return rows


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [
        ("aggregate($count as n)", [{"n": 3}]),
        ("aggregate(revenue with sum as s,revenue with average as a)", [{"s": 450.0, "a": 150.0}]),
        ("aggregate(revenue with min as low,revenue with max as high)", [{"low": 50.0, "high": 300.0}]),
        ("aggregate(industrycode with countdistinct as kinds)", [{"kinds": 1}]),
        ("groupby((industrycode))", [{}, {"industrycode": 1}]),
        (
            "groupby((industrycode),aggregate($count as n,revenue with sum as s))",
            [{"n": 1, "s": 50.0}, {"industrycode": 1, "n": 2, "s": 400.0}],
        ),
        ("filter(address1_city eq 'KIEL')/groupby((primarycontactid/fullname))", [{"contact_fullname": "Mira Tanaka"}]),
        ("filter(revenue gt 60)/aggregate($count as n)", [{"n": 2}]),
    ],
)
def test_groups_hold_what_they_should(
    transformation: str, expected: list[dict[str, Any]], accounts: DataverseOrg, api: httpx.Client
) -> None:
    assert _apply(api, transformation) == expected


def test_groups_and_values_are_shown_formatted(accounts: DataverseOrg, api: httpx.Client) -> None:
    query = "accounts?$apply=groupby((statecode),aggregate($count as n,revenue with sum as total))"

    [row] = api.get(query, headers={"Prefer": 'odata.include-annotations="*"'}).json()["value"]

    shown = {name.partition("@")[0]: value for name, value in row.items() if name.endswith("FormattedValue")}
    assert shown == {"statecode": "Active", "n": "3", "total": "$450.00"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$apply=groupby((createdon))", "0x80060888"),
        ("$apply=groupby((statecode),aggregate($count as n))&$orderby=n", "0x80060888"),
        ("$apply=aggregate(revenue with median as m)", "0x80060888"),
        ("$apply=compute(revenue as r)", "0x80060888"),
        ("$apply=aggregate(revenue sum total)", "0x0"),
        ("$apply=aggregate(nothing with sum as s)", "0x0"),
    ],
)
def test_refuses_aggregates_that_the_service_does_not_know(query: str, code: str, api: httpx.Client) -> None:
    assert error_code(api.get(f"accounts?{query}")) == (400, code)
