"""Sharing: rows that others may work with although their privileges do not reach them."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import error_code as code
from transload_sandbox.dataverse.testing import sign_in

CRM = "Microsoft.Dynamics.CRM"


@dataclass(frozen=True)
class Case:
    """A lead of somebody else, and a salesperson of another business unit to whom it may be shared."""

    lead: str
    seller: httpx.Client
    seller_id: str

    def body(self, mask: str = "", key: str = "PrincipalAccess") -> dict[str, object]:
        """Return the parameters of an action of sharing."""
        principal = {"systemuserid": self.seller_id, "@odata.type": f"{CRM}.systemuser"}
        return {
            "Target": {"leadid": self.lead, "@odata.type": f"{CRM}.lead"},
            key: {"Principal": principal, "AccessMask": mask} if mask else principal,
        }


@pytest.fixture
def case(org: DataverseOrg) -> Iterator[Case]:
    user = org.add_application_user("seller", roles=("Salesperson",))
    unit = org.create("businessunit", {"name": "North"})
    owner = org.add_user("Ann Berg", "ann@example.com", roles=("Salesperson",))
    org.customize("PATCH", f"systemusers({owner})", {"businessunitid@odata.bind": f"businessunits({unit})"})
    lead = org.create("lead", {"lastname": "L", "ownerid@odata.bind": f"systemusers({owner})"})
    client = sign_in(org, "seller")
    yield Case(lead, client, user.user_id)
    client.close()


def test_a_shared_row_is_read_and_written_as_far_as_the_share_goes(api: httpx.Client, case: Case) -> None:
    before = case.seller.get(f"leads({case.lead})")

    api.post("GrantAccess", json=case.body("ReadAccess")).raise_for_status()
    listed = [row["leadid"] for row in case.seller.get("leads?$select=leadid").json()["value"]]
    refused = case.seller.patch(f"leads({case.lead})", json={"subject": "x"})
    api.post("GrantAccess", json=case.body("WriteAccess")).raise_for_status()
    written = case.seller.patch(f"leads({case.lead})", json={"subject": "x"})

    assert code(before) == (403, "0x80040220")
    assert listed == [case.lead]
    assert (refused.status_code, written.status_code) == (403, 204)


def test_shares_are_told_changed_and_taken_away(api: httpx.Client, case: Case) -> None:
    target = f"@t={{'@odata.id':'leads({case.lead})'}}"
    ask = f"RetrieveSharedPrincipalsAndAccess(Target=@t)?{target}"

    api.post("GrantAccess", json=case.body("ReadAccess, WriteAccess")).raise_for_status()
    api.post("ModifyAccess", json=case.body("ReadAccess, DeleteAccess")).raise_for_status()
    [share] = api.get(ask).json()["PrincipalAccesses"]
    access = api.get(f"systemusers({case.seller_id})/{CRM}.RetrievePrincipalAccess(Target=@t)?{target}").json()
    revoked = api.post("RevokeAccess", json=case.body(key="Revokee"))

    assert (share["AccessMask"], share["Principal"]["systemuserid"]) == ("ReadAccess, DeleteAccess", case.seller_id)
    assert access["AccessRights"] == "ReadAccess, DeleteAccess"
    assert revoked.status_code == 204
    assert case.seller.get(f"leads({case.lead})").status_code == 403


def test_a_share_ends_with_its_row(org: DataverseOrg, api: httpx.Client, case: Case) -> None:
    api.post("GrantAccess", json=case.body("ReadAccess")).raise_for_status()

    api.delete(f"leads({case.lead})").raise_for_status()

    assert org.count("principalobjectaccess") == 0


@pytest.mark.parametrize("mask", ["EverythingAccess", ","])
def test_a_mask_is_made_of_known_rights(mask: str, api: httpx.Client, case: Case) -> None:
    assert code(api.post("GrantAccess", json=case.body(mask))) == (400, "0x80040203")


def test_only_who_may_share_a_row_shares_it(api: httpx.Client, case: Case) -> None:
    api.post("GrantAccess", json=case.body("ReadAccess")).raise_for_status()

    assert case.seller.post("GrantAccess", json=case.body("WriteAccess")).status_code == 403
