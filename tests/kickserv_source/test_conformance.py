"""The Kickserv source keeps what every source promises."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr

import transload_kickserv_source.plugin as plugin
from transload.testing import check_source, open_context
from transload.values import EntityName, RecordKey, SourceId
from transload_kickserv_source.fields import DOCUMENTED
from transload_kickserv_source.settings import KickservSettings
from transload_sandbox import KickservSandbox


def test_it_keeps_every_promise_of_a_source(tmp_path: Path) -> None:
    with KickservSandbox(customers=25, seed=3) as kickserv:
        company = kickserv.company
        for row in company.jobs.rows():  # an account in which nobody has written beside the choices of a field
            if row.get("custom_text1") not in ("Yes", "No"):
                company.update_job(int(str(row["job_number"])), custom_text1=None)
        expected: dict[RecordKey, dict[str, Any]] = {}
        for row in company.customers.rows():
            key = RecordKey(EntityName("customer"), SourceId(str(row["id"])))
            expected[key] = {name: row.get(name) for name in ("name", "fax", "email_address", "parent_id")}
        for row in company.employees.rows():
            expected[RecordKey(EntityName("employee"), SourceId(str(row["id"])))] = {"name": row["name"]}
        secrets = {"token", "password_digest", "encrypted_password", "password_salt", "remember_token"}
        settings = KickservSettings(
            base_url=kickserv.base_url, account=kickserv.account, api_token=SecretStr(kickserv.token)
        )

        with open_context(tmp_path, settings) as context:
            records = check_source(plugin, context, expected, secrets | {kickserv.token})

    assert {str(key.entity) for key in records} == set(DOCUMENTED)
