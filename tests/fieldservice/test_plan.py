"""The plan of the variants that differ most, by the real command on both systems."""

import json

import pytest

from transload.testing import ProjectFactory
from transload_sandbox import Sandbox

PLAIN = ["kickserv_source", "dynamics_sink"]
VARIANTS = [
    ([*PLAIN, "tags"], "territory", {"individuals": "both"}, False),
    ([*PLAIN, "fieldservice", "tags"], "choice", {"individuals": "contact", "categories": "families"}, True),
]


@pytest.mark.parametrize(("plugins", "become", "choices", "field_service"), VARIANTS)
def test_every_record_of_a_company_can_be_translated(
    project: ProjectFactory, plugins: list[str], become: str, choices: dict[str, str], field_service: bool
) -> None:
    client = project()
    with Sandbox(customers=5, seed=7, field_service=field_service) as sandbox:
        text = sandbox.project_file("example").replace(json.dumps(PLAIN), json.dumps(plugins))
        chosen = "".join(f'{name} = "{value}"\n' for name, value in choices.items())
        text = text.replace("[kickserv_source]\n", f"[kickserv_source]\n{chosen}") + f'[tags]\nbecome = "{become}"\n'
        (client.path / "transload.toml").write_text(text, encoding="utf-8")
        environ = dict(sandbox.environment())

        audit = client.run("audit", "--json", environ=environ)
        plan = client.run("plan", "--json", environ=environ)

    assert (audit.exit_code, plan.exit_code) == (0, 0)
    assert not [finding for finding in plan.json["findings"] if finding["severity"] == "blocker"]
    assert {step["table"] for step in plan.rows("passes-in-dependency-order")} >= {
        "account", "contact", "quote", "salesorder", "invoice", "msdyn_workorder" if field_service else "incident",
    }  # fmt: skip
    overview = {row["entity"]: row for row in plan.rows("what-becomes-of-what")}
    assert overview["job"]["table"] == ("msdyn_workorder" if field_service else "incident")
    assert overview["currency"]["records"] == 1
    assert all(row["note"].endswith(".") for row in overview.values())
