"""Who may approve what, when it counts, and what an approval that drifted says."""

import pytest

from transload.testing import ClientFolder, CommandResult


def approve(client: ClientFolder, subject: str, name: str) -> CommandResult:
    return client.run("approve", subject, "--by", name, "--json")


def add_rules(client: ClientFolder, rules: str) -> None:
    file = client.path / "transload.toml"
    file.write_text(file.read_text() + f"\n[approvals]\n{rules}\n")


def edit(client: ClientFolder, entity: str, old: str, new: str) -> None:
    file = client.mapping_file(entity)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_void_approval_names_each_rule_with_what_it_was_and_is(ready: ClientFolder) -> None:
    edit(ready, "line", "{from: text}", "{from: text, max: 5, on_overflow: ledger}")

    result = ready.walk("run")

    message = result.json["error"]["message"]
    assert 'mapping, line: fields subject: {"from":"text"} -> {"from":"text","max":5' in message


def test_a_void_approval_names_the_setting_that_changed(ready: ClientFolder) -> None:
    file = ready.path / "transload.toml"
    file.write_text(file.read_text().replace('"user-0"', '"user-1"'))

    result = ready.walk("run")

    assert "MemorySinkSettings fallback.systemuser: user-0 -> user-1" in result.json["error"]["message"]


def test_the_next_plan_lists_everything_that_drifted_since_the_approval(ready: ClientFolder) -> None:
    edit(ready, "line", "{from: text}", "{from: text, max: 5, on_overflow: ledger}")

    plan = ready.walk("plan")

    assert [(row["area"], row["name"]) for row in plan.rows("changed-since-approval")] == [
        ("mapping", "line: fields subject")
    ]


def test_with_four_eyes_one_approval_opens_nothing_and_a_second_person_does(client: ClientFolder) -> None:
    add_rules(client, "four_eyes = true")
    client.walk("audit", "plan")

    first = approve(client, "mapping", "Ada Example")
    early = client.walk("prepare")
    same = approve(client, "mapping", "ada  example")
    second = approve(client, "mapping", "Bo Example")
    opened = client.walk("prepare")

    assert (first.exit_code, first.json["verdict"]["tone"]) == (0, "warn")
    assert (early.exit_code, same.exit_code, second.exit_code, opened.exit_code) == (2, 2, 0, 0)
    assert "only Ada Example has approved the mapping" in early.json["error"]["message"]
    assert "four eyes" in same.json["error"]["message"]
    assert [row["standing"] for row in second.rows("sign-offs")] == ["holds", "holds", "open", "open"]


def test_a_sample_that_failed_needs_both_people_too(client: ClientFolder) -> None:
    add_rules(client, "four_eyes = true")
    client.source.change("line", "1", job_id=99)
    client.walk("audit", "plan")
    for name in ("Ada Example", "Bo Example"):
        approve(client, "mapping", name)
    client.walk("prepare", "sample")

    approve(client, "sample", "Ada Example")
    early = client.walk("run")
    approve(client, "sample", "Bo Example")
    later = client.walk("run")

    assert early.exit_code == 2
    assert "approve sample" in early.json["error"]["remedy"]
    assert later.exit_code == 1


@pytest.mark.parametrize(("name", "code"), [("Cy Example", 2), ("ADA EXAMPLE", 0)])
def test_only_who_is_listed_may_approve(client: ClientFolder, name: str, code: int) -> None:
    add_rules(client, 'mapping = ["Ada Example"]')
    client.walk("audit", "plan")

    result = approve(client, "mapping", name)

    assert result.exit_code == code
    if code:
        assert "[approvals] mapping lists Ada Example" in result.json["error"]["message"]


def test_an_approval_of_somebody_who_may_not_any_more_does_not_count(ready: ClientFolder) -> None:
    add_rules(ready, 'mapping = ["Bo Example"]')

    result = ready.walk("run")

    assert result.exit_code == 2
    assert "no approval of the mapping counts" in result.json["error"]["message"]


def test_one_table_shows_what_was_signed_and_what_ran_after(loaded: ClientFolder) -> None:
    loaded.walk("reconcile")

    result = loaded.walk("approve cutover")

    mapping, sample, cutover = result.rows("sign-offs")
    assert (mapping["subject"], sample["standing"], cutover["standing"]) == ("mapping", "open", "holds")
    assert mapping["before"].startswith("plan ")
    assert mapping["after"].startswith("prepare ")
    assert cutover["before"].startswith("reconcile ")


def test_an_approval_of_a_bad_sample_does_not_outlive_what_it_was_given_for(client: ClientFolder) -> None:
    client.source.change("line", "1", job_id=99)
    client.walk("audit", "plan", "approve mapping", "prepare", "sample")
    approve(client, "sample", "Ada Example")
    edit(client, "line", "{from: text}", "{from: text, max: 5, on_overflow: ledger}")

    other_mapping = client.walk("plan", "approve mapping", "run")
    client.walk("sample")
    newer = approve(client, "sample", "Bo Example")

    assert other_mapping.exit_code == 2
    assert "approve sample" in other_mapping.json["error"]["remedy"]
    standing = {row["name"]: row["standing"] for row in newer.rows("sign-offs") if row["subject"] == "sample"}
    assert standing == {"Ada Example": "void: something changed since", "Bo Example": "holds"}


def test_a_newer_sample_wants_a_sign_off_of_its_own(ready: ClientFolder) -> None:
    approve(ready, "sample", "Ada Example")
    ready.walk("sample")

    again = approve(ready, "sample", "Bo Example")

    standing = {row["name"]: row["standing"] for row in again.rows("sign-offs") if row["subject"] == "sample"}
    assert standing == {"Ada Example": "void: there is a newer sample", "Bo Example": "holds"}
