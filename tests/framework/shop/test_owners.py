"""Reassign: users who turn up later get what is theirs."""

import pytest

from transload.testing import ClientFolder, Mishap


def owners(client: ClientFolder) -> dict[str, str]:
    return {str(row["name"]): str(row["ownerid"]) for row in client.target.rows("account").values()}


FALLBACK, ADA, GRACE = "systemuser(user-0)", "systemuser(user-1)", "systemuser(user-2)"


def test_records_of_a_user_who_turns_up_get_their_right_owner(loaded_shop: ClientFolder) -> None:
    before = owners(loaded_shop)
    loaded_shop.target.put("systemuser", "user-2", email="Grace@Example.com")

    result = loaded_shop.walk("reassign")
    again = loaded_shop.walk("reassign")

    assert before == {"Customer 3": FALLBACK, "Customer 6": ADA}
    assert owners(loaded_shop) == {"Customer 3": GRACE, "Customer 6": ADA}
    assert (result.exit_code, result.json["facts"]["Writes"]) == (0, "1")
    assert (again.exit_code, again.json["facts"]["Writes"]) == (0, "0")
    assert loaded_shop.walk("reconcile").rows("go-no-go")[-1]["fired"] == 0


def test_reassigning_does_not_read_the_source_and_sends_nothing_else(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.put("customer", "9", id=9, name="New", kind="company", employee_id=2)
    loaded_shop.target.put("systemuser", "user-2", email="grace@example.com")

    loaded_shop.walk("reassign")

    assert "New" not in owners(loaded_shop)


def test_reassigning_makes_no_rows_of_records_that_are_matched_or_made(shop: ClientFolder) -> None:
    document = shop.mapping_file("company").read_text()
    shop.write_mapping("company", f"{document}match: {{on: {{name: name}}, create: true, write: true}}\n")
    shop.walk("audit", "plan", "approve mapping", "prepare", "sample")
    shop.source.put("customer", "9", id=9, name="Customer 9", kind="company", employee_id=2)
    shop.walk("audit")
    before = owners(shop)

    result = shop.walk("reassign")

    assert result.exit_code == 0
    assert owners(shop) == before


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.REFUSED, Mishap.INTERRUPTED])
def test_a_reassignment_that_is_stopped_goes_on(loaded_shop: ClientFolder, mishap: Mishap) -> None:
    loaded_shop.target.put("systemuser", "user-2", email="grace@example.com")
    loaded_shop.target.plan_mishap(mishap)

    stopped = loaded_shop.walk("reassign")
    again = loaded_shop.walk("reassign")

    assert stopped.exit_code in (2, 130)
    assert again.exit_code == 0
    assert owners(loaded_shop)["Customer 3"] == GRACE


@pytest.mark.parametrize("stops", [False, True])
def test_owners_that_a_row_passes_on_are_put_right_again(shop: ClientFolder, stops: bool) -> None:
    rule = "  ownerid: {lookup: employee, from: employee_id, missing: fallback}\n"
    shop.write_mapping("job", shop.mapping_file("job").read_text().replace("fields:\n", f"fields:\n{rule}"))
    shop.source.change("job", "3", employee_id=1)
    shop.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    shop.target.put("systemuser", "user-2", email="grace@example.com")
    if stops:
        shop.target.plan_mishap(Mishap.ANSWER_LOST, table="account")
        shop.walk("reassign")

    result = shop.walk("reassign", "reconcile")

    [job] = [row for row in shop.target.rows("incident").values() if row["mem_jobid"] == "3"]
    assert result.exit_code == 0, result.output
    assert owners(shop)["Customer 3"] == GRACE
    assert str(job["ownerid"]) == ADA
