"""Hierarchies: rows that form a tree cannot bite their own tail."""

from collections.abc import Mapping

import httpx
import pytest

from transload_sandbox.dataverse.testing import created_id, label
from transload_sandbox.dataverse.testing import error_code as code
from transload_sandbox.dataverse.testing_jobs import add_job_table

OWN_ID = "5e100001-7d10-4c3e-9b21-6045bd000007"


def test_a_row_is_not_its_own_parent(api: httpx.Client) -> None:
    bind = {"parentaccountid@odata.bind": f"accounts({OWN_ID})"}

    born = api.post("accounts", json={"accountid": OWN_ID, "name": "A", **bind})
    api.post("accounts", json={"accountid": OWN_ID, "name": "A"}).raise_for_status()
    changed = api.patch(f"accounts({OWN_ID})", json=bind)
    linked = api.put(f"accounts({OWN_ID})/parentaccountid/$ref", json={"@odata.id": f"accounts({OWN_ID})"})

    assert [code(each) for each in (born, changed, linked)] == [(400, "0x80047004")] * 3


@pytest.mark.parametrize(
    ("entity_set", "columns", "parent"),
    [
        ("accounts", {"name": "A"}, "parentaccountid"),
        ("contacts", {"lastname": "A"}, "parentcustomerid_contact"),
        ("territories", {"name": "A"}, "parentterritoryid"),
        ("msdyn_functionallocations", {"msdyn_name": "A"}, "msdyn_ParentFunctionalLocation"),
    ],
)
def test_a_descendant_is_not_an_ancestor(
    entity_set: str, columns: Mapping[str, str], parent: str, api: httpx.Client
) -> None:
    top = f"{entity_set}({created_id(api.post(entity_set, json=columns))})"
    bind = f"{parent}@odata.bind"
    middle = f"{entity_set}({created_id(api.post(entity_set, json={**columns, bind: top}))})"
    low = f"{entity_set}({created_id(api.post(entity_set, json={**columns, bind: middle}))})"

    refused = api.patch(top, json={bind: low})
    moved = api.patch(low, json={bind: top})

    assert code(refused) == (400, "0x80047004")
    assert moved.status_code == 204


@pytest.mark.parametrize(("declared", "status"), [(True, 400), (False, 204)])
def test_a_custom_relationship_is_a_hierarchy_when_it_says_so(declared: bool, status: int, api: httpx.Client) -> None:
    add_job_table(api)
    body = {
        "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "SchemaName": "mig_job_mig_job",
        "ReferencedEntity": "mig_job",
        "ReferencingEntity": "mig_job",
        "IsHierarchical": declared,
        "Lookup": {
            "@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata",
            "SchemaName": "mig_ParentId",
            "DisplayName": label("Parent"),
        },
    }
    api.post("RelationshipDefinitions", json=body).raise_for_status()
    job = f"mig_jobs({created_id(api.post('mig_jobs', json={'mig_name': 'A'}))})"

    answer = api.patch(job, json={"mig_ParentId@odata.bind": job})

    shown = api.get("RelationshipDefinitions(SchemaName='mig_job_mig_job')").json()
    assert (answer.status_code, shown["IsHierarchical"]) == (status, declared)
