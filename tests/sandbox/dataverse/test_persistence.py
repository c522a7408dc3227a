"""An organisation in a file: what was acknowledged is there after a restart."""

from pathlib import Path

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import Clock, add_publisher, add_source_id, created_id, sign_in


def test_rows_columns_keys_users_and_tokens_survive_a_restart(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "org.db"
    org = DataverseOrg(file, key_index_seconds=0, clock=clock)
    api = sign_in(org)
    add_publisher(api)
    add_source_id(api, "account")
    api.patch("accounts(mig_sourceid='a')", json={"name": "A"}).raise_for_status()
    digest, bearer = org.digest(), api.headers["Authorization"]
    api.close()
    org.close()

    again = DataverseOrg(file, clock=clock)
    restored = again.digest()
    api = sign_in(again)
    api.headers["Authorization"] = bearer
    updated = api.patch("accounts(mig_sourceid='a')", json={"name": "B"}, headers={"If-Match": "*"})
    created = created_id(api.post("accounts", json={"name": "C"}))

    ids = [str(row["accountid"]) for row in again.rows("account")]
    api.close()
    again.close()
    assert restored == digest
    assert updated.status_code == 204
    assert created in ids
    assert len(set(ids)) == 2
