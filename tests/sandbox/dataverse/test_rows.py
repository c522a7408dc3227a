"""Single rows: values, system columns, lookups, upserts."""

from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg, Ignored
from transload_sandbox.dataverse.testing import ORIGIN, Clock, add_source_id, created_id
from transload_sandbox.dataverse.testing import error_code as code

NOBODY = "5e1003e7-7d10-4c3e-9b21-6045bd001b51"


def _create(api: httpx.Client, entity_set: str, **columns: Any) -> str:
    return created_id(api.post(entity_set, json=columns))


def _read(api: httpx.Client, address: str) -> dict[str, Any]:
    row: dict[str, Any] = api.get(address).raise_for_status().json()
    return row


def test_a_new_row_carries_owner_currency_state_and_times(org: DataverseOrg, api: httpx.Client) -> None:
    user = org.add_application_user("loader").user_id

    row = _read(api, f"accounts({_create(api, 'accounts', name='Kiel', revenue=12.345)})")

    assert (row["_ownerid_value"], row["_createdby_value"], row["_modifiedby_value"]) == (user, user, user)
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert (row["revenue"], row["revenue_base"], row["exchangerate"]) == (12.35, 12.35, 1.0)
    assert row["createdon"] == row["modifiedon"] == "2026-02-02T02:40:00Z"


def test_a_back_dated_row_keeps_the_time_of_its_import(api: httpx.Client) -> None:
    account = _create(api, "accounts", name="Old", overriddencreatedon="2019-05-14T09:30:00+02:00")

    row = _read(api, f"accounts({account})")

    assert row["createdon"] == "2019-05-14T07:30:00Z"
    assert row["overriddencreatedon"] == row["modifiedon"]


def test_names_and_addresses_are_composed(api: httpx.Client) -> None:
    contact = _create(
        api, "contacts", firstname="Mira", lastname="Tanaka", address1_line1="Hafenstr. 9", address1_city="Kiel"
    )

    api.patch(f"contacts({contact})", json={"lastname": "Ito"})

    row = _read(api, f"contacts({contact})?$select=fullname,address1_city")
    assert row["fullname"] == "Mira Ito"
    assert row["address1_composite"] == "Hafenstr. 9\r\nKiel"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"name": "x" * 161}, (400, "0x80044331")),
        ({"name": "😀" * 81}, (400, "0x80044331")),
        ({"name": "bell\u0007"}, (400, "0x80040278")),
        ({"name": 7}, (400, "0x80048d19")),
        ({"industrycode": 99}, (400, "0x8004431a")),
        ({"industrycode": "1"}, (400, "0x80048d19")),
        ({"numberofemployees": -1}, (400, "0x80044330")),
        ({"creditlimit": -1}, (400, "0x80044330")),
        ({"donotemail": 1}, (400, "0x80048d19")),
        ({"lastonholdtime": "yesterday"}, (400, "0x80048d19")),
        ({"lastonholdtime": "1700-01-01T00:00:00Z"}, (400, "0x80040203")),
        ({"Name": "case"}, (400, "0x0")),
        ({"_primarycontactid_value": NOBODY}, (400, "0x0")),
        ({"primarycontactid": NOBODY}, (400, "0x80048d19")),
        ({"PrimaryContactId@odata.bind": f"contacts({NOBODY})"}, (400, "0x80048d19")),
        ({"primarycontactid@odata.bind": f"contacts({NOBODY})"}, (404, "0x80040217")),
        ({"primarycontactid@odata.bind": f"accounts({NOBODY})"}, (400, "0x80048d19")),
        ({"primarycontactid@odata.bind": f"persons({NOBODY})"}, (404, "0x8006088a")),
        ({"ownerid@odata.bind": f"systemusers({NOBODY})"}, (404, "0x80040217")),
        ({"statuscode": 2}, (400, "0x80048408")),
    ],
)
def test_refuses_what_a_column_cannot_hold(
    columns: dict[str, object], expected: tuple[int, str], org: DataverseOrg, api: httpx.Client
) -> None:
    answer = api.post("accounts", json=columns)

    assert code(answer) == expected
    assert org.count("account") == 0


def test_length_counts_utf_16_units(api: httpx.Client) -> None:
    answer = api.post("accounts", json={"name": "😀" * 80})

    assert answer.status_code == 204


def test_read_only_columns_are_ignored_and_noted(org: DataverseOrg, api: httpx.Client) -> None:
    account = _create(api, "accounts", name="Kiel", createdon="2001-01-01T00:00:00Z")

    api.patch(f"accounts({account})", json={"importsequencenumber": 3})

    row = _read(api, f"accounts({account})?$select=createdon,importsequencenumber")
    assert row["createdon"] == "2026-02-02T02:40:00Z"
    assert row["importsequencenumber"] is None
    assert list(org.environment.ignored) == [
        Ignored("account", "createdon", "create"),
        Ignored("account", "importsequencenumber", "update"),
    ]


def test_a_row_without_a_system_required_column_is_refused(api: httpx.Client) -> None:
    answer = api.post("incidents", json={"title": "No customer"})

    assert code(answer) == (400, "0x80040203")


def test_an_upsert_takes_the_key_from_the_address_unless_the_body_has_its_own(api: httpx.Client) -> None:
    add_source_id(api, "account")

    api.patch("accounts(mig_sourceid='a')", json={"name": "A"})
    api.patch("accounts(mig_sourceid='b')", json={"name": "B", "mig_sourceid": "c"})
    api.patch("accounts(mig_sourceid='a')", json={"name": "A2", "mig_sourceid": "z"})

    rows = api.get("accounts?$select=name,mig_sourceid&$orderby=name").json()["value"]
    assert [(row["name"], row["mig_sourceid"]) for row in rows] == [("A2", "a"), ("B", "c")]


def test_key_values_compare_without_case_and_may_hold_apostrophes(api: httpx.Client) -> None:
    add_source_id(api, "account")
    api.patch("accounts(mig_sourceid='O''Neil')", json={"name": "A"})

    again = api.post("accounts", json={"mig_sourceid": "o'neil"})

    assert code(again) == (412, "0x80060892")
    assert _read(api, "accounts(mig_sourceid='o''neil')?$select=name")["name"] == "A"


@pytest.mark.parametrize("value", ["a%2Fb", "a%3Cb", "a%3Ab", "a%25b", "a%2Bb"])
def test_some_characters_cannot_stand_in_an_address(value: str, api: httpx.Client) -> None:
    add_source_id(api, "account")

    answer = api.patch(f"accounts(mig_sourceid='{value}')", json={"name": "A"})

    assert answer.status_code == 400


def test_an_etag_guards_against_changes_of_others(api: httpx.Client) -> None:
    account = _create(api, "accounts", name="Kiel")
    etag = api.get(f"accounts({account})").headers["ETag"]
    api.patch(f"accounts({account})", json={"name": "Lübeck"})

    answer = api.patch(f"accounts({account})", json={"name": "Rostock"}, headers={"If-Match": etag})

    assert code(answer) == (412, "0x80060882")


def test_an_unchanged_row_is_not_sent_again(api: httpx.Client) -> None:
    account = _create(api, "accounts", name="Kiel")
    etag = api.get(f"accounts({account})").headers["ETag"]

    answer = api.get(f"accounts({account})", headers={"If-None-Match": etag})

    assert answer.status_code == 304


def test_a_second_currency_converts_to_the_base(org: DataverseOrg, api: httpx.Client) -> None:
    money = {"currencyname": "Euro", "isocurrencycode": "EUR", "currencysymbol": "€", "currencyprecision": 2}
    euro = org.create("transactioncurrency", {**money, "exchangerate": 0.8})

    account = _create(
        api, "accounts", revenue=10, **{"transactioncurrencyid@odata.bind": f"transactioncurrencies({euro})"}
    )

    row = _read(api, f"accounts({account})?$select=revenue,revenue_base,exchangerate")
    assert (row["revenue"], row["revenue_base"], row["exchangerate"]) == (10.0, 12.5, 0.8)


def test_a_note_knows_its_size_and_its_target(api: httpx.Client) -> None:
    account = _create(api, "accounts", name="Kiel")

    note = _create(
        api,
        "annotations",
        filename="a.txt",
        documentbody="aGVsbG8=",
        **{"objectid_account@odata.bind": f"accounts({account})"},
    )

    row = _read(api, f"annotations({note})?$select=isdocument,filesize,objecttypecode,_objectid_value")
    assert (row["isdocument"], row["filesize"]) == (True, 5)
    assert (row["objecttypecode"], row["_objectid_value"]) == ("account", account)


def test_a_note_above_the_limit_is_refused(api: httpx.Client) -> None:
    answer = api.post("annotations", json={"filename": "a.bin", "documentbody": "A" * 7_000_000})

    assert code(answer) == (400, "0x80044a02")


def test_every_change_moves_time_and_version(clock: Clock, api: httpx.Client) -> None:
    account = _create(api, "accounts", name="Kiel")
    before = _read(api, f"accounts({account})")
    clock.advance(60)

    api.patch(f"accounts({account})", json={"name": "Kiel"})

    after = _read(api, f"accounts({account})")
    assert after["modifiedon"] == "2026-02-02T02:41:00Z"
    assert after["createdon"] == before["createdon"]
    assert after["versionnumber"] > before["versionnumber"]


def test_parties_come_with_their_activity(org: DataverseOrg, api: httpx.Client) -> None:
    contact = _create(api, "contacts", lastname="Ito")
    party = {"partyid_contact@odata.bind": f"contacts({contact})", "participationtypemask": 2}

    call = _create(api, "phonecalls", subject="Hello", phonecall_activity_parties=[party])

    [row] = [each for each in org.rows("activityparty") if each["participationtypemask"] == 2]
    assert (row["_activityid_value"], row["_partyid_value"]) == (call, contact)


def test_a_single_property_is_not_emptied_by_a_body_without_its_value(api: httpx.Client) -> None:
    address = f"accounts({_create(api, 'accounts', name='Kiel')})"

    answer = api.put(f"{address}/name", json={"val": "Bremen"})

    assert code(answer) == (400, "0x80048d19")
    assert _read(api, address)["name"] == "Kiel"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("Microsoft.Dynamics.CRM.account", 204), ("#Microsoft.Dynamics.CRM.account", 204), ("mscrm.contact", 400)],
)
def test_a_body_may_name_its_type_but_not_that_of_another_table(kind: str, status: int, api: httpx.Client) -> None:
    answer = api.post("accounts", json={"@odata.type": kind, "name": "Kiel"})

    assert answer.status_code == status


@pytest.mark.parametrize("version", ["v9.0", "v9.1", "v9.2"])
def test_every_version_of_the_address_works_in_itself(version: str, api: httpx.Client) -> None:
    base = f"{ORIGIN}/api/data/{version}/"
    created = api.post(f"{base}accounts", json={"name": "A"}).headers["OData-EntityId"]
    part = f"GET /api/data/{version}/accounts?$select=name HTTP/1.1\r\n\r\n"
    head = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"

    bound = api.post(f"{base}contacts", json={"lastname": "B", "parentcustomerid_account@odata.bind": created})
    batch = api.post(
        f"{base}$batch",
        content=f"{head}{part}\r\n--b--\r\n".encode(),
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )
    page = api.get(f"{base}accounts?$select=name", headers={"Prefer": "odata.maxpagesize=1"}).json()

    assert created.startswith(f"{base}accounts(")
    assert bound.status_code == 204
    assert f"{base}$metadata#accounts(name)" in batch.text
    assert page["@odata.context"] == f"{base}$metadata#accounts(name)"


def test_a_body_may_begin_with_a_byte_order_mark(api: httpx.Client) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}

    answer = api.post("accounts", content=b'\xef\xbb\xbf{"name": "A"}', headers=headers)

    assert answer.status_code == 204
