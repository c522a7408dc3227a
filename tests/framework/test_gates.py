"""The stages refuse to start out of order, and an approval covers what was approved and nothing else."""

import pytest

from transload.testing import ClientFolder


@pytest.mark.parametrize(
    ("stage", "needed"),
    [
        ("plan", "transload audit"),
        ("approve mapping", "transload plan"),
        ("prepare", "transload approve mapping"),
        ("sample", "transload approve mapping"),
        ("run", "transload approve mapping"),
        ("delta", "transload approve mapping"),
        ("reconcile", "transload approve mapping"),
    ],
)
def test_a_stage_that_comes_too_early_refuses_and_names_the_command(
    client: ClientFolder, stage: str, needed: str
) -> None:
    result = client.walk(stage)

    assert result.exit_code == 2
    assert result.json["error"]["code"] == "stage_refused"
    assert needed in result.json["error"]["remedy"]


@pytest.mark.parametrize(
    ("stage", "needed"), [("sample", "transload prepare"), ("run", "transload prepare"), ("delta", "transload run")]
)
def test_an_approved_mapping_alone_does_not_open_the_target(client: ClientFolder, stage: str, needed: str) -> None:
    client.walk("audit", "plan", "approve mapping")

    result = client.walk(stage)

    assert result.exit_code == 2
    assert needed in result.json["error"]["remedy"]
    assert client.target.calls() == []


def test_the_cut_over_is_approved_only_after_a_reconciliation(loaded: ClientFolder) -> None:
    early = loaded.walk("approve cutover")
    later = loaded.walk("reconcile", "approve cutover")

    assert (early.exit_code, later.exit_code) == (2, 0)
    assert "transload reconcile" in early.json["error"]["remedy"]


def test_a_no_go_cannot_be_approved_as_cut_over(loaded: ClientFolder) -> None:
    loaded.walk("reconcile")
    (row_id, *_) = loaded.target.rows("task")
    loaded.target.delete("task", row_id)
    verdict = loaded.walk("reconcile")

    result = loaded.walk("approve cutover")

    assert verdict.exit_code == 1
    assert result.exit_code == 2
    assert "transload reconcile" in result.json["error"]["remedy"]


def test_a_reconciliation_from_before_the_last_load_does_not_allow_the_cut_over(loaded: ClientFolder) -> None:
    loaded.walk("reconcile")
    loaded.source.change("line", "1", text="Newer")
    loaded.walk("delta")

    result = loaded.walk("approve cutover")

    assert result.exit_code == 2
    assert "transload reconcile" in result.json["error"]["remedy"]


def test_an_edit_of_the_mapping_voids_the_approval(ready: ClientFolder) -> None:
    file = ready.mapping_file("line")
    file.write_text(file.read_text().replace("{from: text}", "{from: text, max: 5, on_overflow: ledger}"))

    refused = ready.walk("run")
    again = ready.walk("plan", "approve mapping", "run")

    assert refused.exit_code == 2
    assert "is void: the mapping changed since" in refused.json["error"]["message"]
    assert again.exit_code == 0
    assert {row["subject"] for row in ready.target.rows("task").values()} == {"Line "}


def test_a_comment_in_the_mapping_voids_nothing(ready: ClientFolder) -> None:
    file = ready.mapping_file("line")
    file.write_text("# Looked at by Grace.\n" + file.read_text())

    assert ready.walk("run").exit_code == 0


def test_a_changed_setting_voids_the_approval(ready: ClientFolder) -> None:
    file = ready.path / "transload.toml"
    file.write_text(file.read_text().replace('"user-0"', '"user-1"'))

    result = ready.walk("run")

    assert result.exit_code == 2
    assert "the settings changed since" in result.json["error"]["message"]


def test_what_is_edited_after_the_plan_cannot_be_approved(client: ClientFolder) -> None:
    client.walk("audit", "plan")
    file = client.mapping_file("line")
    file.write_text(file.read_text().replace("{from: text}", "{from: text, max: 5}"))

    result = client.walk("approve mapping")

    assert result.exit_code == 2
    assert "the mapping changed since the last plan" in result.json["error"]["message"]


def test_an_approval_needs_a_name(client: ClientFolder) -> None:
    client.walk("audit", "plan")

    result = client.run("approve", "mapping", "--by", " ")

    assert result.exit_code == 2
    assert "needs a name" in result.errors


def test_a_mapping_that_needs_more_columns_goes_through_prepare_again(ready: ClientFolder) -> None:
    ready.source.put("line", "9", id=9, text="Line 9", job_id=1, colour="blue")
    ready.walk("audit", "plan", "approve mapping")

    refused = ready.walk("run")
    again = ready.walk("prepare", "run")

    assert refused.exit_code == 2
    assert "transload prepare" in refused.json["error"]["remedy"]
    assert again.exit_code == 0
    assert "blue" in {row.get("mem_colour") for row in ready.target.rows("task").values()}


def test_a_table_that_does_not_exist_is_a_mistake_of_the_mapping(ready: ClientFolder) -> None:
    file = ready.mapping_file("line")
    file.write_text(file.read_text().replace("table: task", "table: tesk"))

    for stage in ("plan", "approve mapping", "run"):
        result = ready.walk(stage)

        assert result.exit_code == 2
        assert result.json["error"]["remedy"]


def test_a_plan_keeps_what_people_wrote_into_the_documents(client: ClientFolder) -> None:
    client.walk("audit", "plan")
    file = client.mapping_file("line")
    file.write_text(file.read_text() + "# Ask Grace about the texts.\n")

    client.walk("plan")

    assert "# Ask Grace about the texts." in file.read_text()


def test_a_document_under_another_name_is_refused_instead_of_doubled(client: ClientFolder) -> None:
    client.mapping_file("line").rename(client.mapping_file("lines"))

    result = client.walk("audit")

    assert result.exit_code == 2
    assert "line.yaml" in result.json["error"]["message"]


def test_a_field_that_no_rule_names_stops_a_check_of_the_plan(client: ClientFolder) -> None:
    client.source.change("line", "1", colour="blue")
    client.walk("audit")

    result = client.run("plan", "--check", "--json")

    assert result.exit_code == 2
    assert "line: the field `colour` is neither used by a rule nor dropped" in result.json["error"]["message"]


def test_an_entity_without_any_mapping_blocks_the_plan(client: ClientFolder) -> None:
    client.mapping_file("line").unlink()

    audit, plan = client.walk("audit"), client.walk("plan")

    assert (audit.exit_code, plan.exit_code) == (1, 2)
    assert audit.json["findings"][-1]["code"] == "entity_without_mapping"


def test_an_audit_that_failed_after_one_that_passed_holds_the_plan_back(client: ClientFolder) -> None:
    client.walk("audit", "plan")
    kept = client.mapping_file("line").read_text()
    client.mapping_file("line").unlink()

    audit, plan = client.walk("audit"), client.walk("plan")

    client.write_mapping("line", kept)
    assert (audit.exit_code, plan.exit_code) == (1, 2)
    assert "transload audit" in plan.json["error"]["remedy"]
