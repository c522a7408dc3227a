"""Many-to-many relationships: linked once, found again after a stop, cut only where they are ours."""

import pytest

from transload.testing import Call, ClientFolder, Mishap
from transload.values import RowId, RowRef, TableName

RELATIONSHIP = "mem_incident_tag"
EMPLOYEES_OF = """\
entity: agent
records: customer
table: account
when: {kind: [company]}
link:
  relationship: account_user
  label: People in charge
  row: {lookup: company, from: id}
  other: {lookup: employee, from: employee_id, missing: empty}
"""
KNOWN_COMPANY = """\
entity: company
records: customer
table: account
when: {kind: [company]}
match: {on: {name: name}}
dropped: {employee_id: It is not written}
"""
ACCOUNT, USER = RowRef(TableName("account"), RowId("old-6")), RowRef(TableName("systemuser"), RowId("user-1"))


def tagged(client: ClientFolder) -> list[str]:
    """Return the source ids of the jobs that are linked, each as often as it is."""
    rows = client.target.rows("incident")
    return sorted(str(rows[row.row_id]["mem_jobid"]) for row, name, _ in client.target.links() if name == RELATIONSHIP)


def loads(client: ClientFolder) -> list[Call]:
    return [call for call in client.target.calls() if call.table == "incident"]


@pytest.fixture
def known(shop: ClientFolder) -> ClientFolder:
    """The shop, in whose target the companies are already; they are only linked with the users in charge."""
    for number in ("3", "6"):
        shop.target.put("account", f"old-{number}", name=f"Customer {number}")
    shop.source.change("customer", "6", employee_id=1)
    shop.write_mapping("company", KNOWN_COMPANY)
    shop.write_mapping("agent", EMPLOYEES_OF)
    last = shop.walk("audit", "plan", "approve mapping", "prepare", "sample")
    assert last.exit_code == 0, last.output + last.errors
    return shop


def test_each_record_links_its_rows_once(full_shop: ClientFolder) -> None:
    assert tagged(full_shop) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.REFUSED, Mishap.INTERRUPTED])
def test_a_stop_among_links_loses_and_doubles_nothing(
    ready_shop: ClientFolder, full_shop: ClientFolder, mishap: Mishap
) -> None:
    last = len(loads(full_shop)) - len(loads(ready_shop))
    ready_shop.target.plan_mishap(mishap, last, table="incident")

    stopped = ready_shop.walk("run")
    again = ready_shop.walk("run", "reconcile")

    assert stopped.exit_code in (2, 130)
    assert again.exit_code == 0, again.output
    assert tagged(ready_shop) == tagged(full_shop)


def test_a_link_that_is_missing_is_a_no_go(loaded_shop: ClientFolder) -> None:
    [link] = [link for link in loaded_shop.target.links() if tagged_by(loaded_shop, link[0]) == "3"]
    loaded_shop.target.unlink(*link)

    result = loaded_shop.walk("reconcile")

    [wrong] = result.rows("field-level-diff")
    assert result.exit_code == 1
    assert (wrong["record"], wrong["column"], wrong["verdict"]) == ("job_tag 3-1", RELATIONSHIP, "relation differs")


def tagged_by(client: ClientFolder, row: RowRef) -> str:
    return str(client.target.rows("incident")[row.row_id]["mem_jobid"])


def test_a_link_whose_record_is_gone_from_the_source_is_reported(full_shop: ClientFolder) -> None:
    full_shop.source.remove("job_tag", "1-1")

    findings = full_shop.walk("delta").json["findings"]

    assert [finding["count"] for finding in findings if finding["code"] == "vanished_link"] == [1]
    assert tagged(full_shop) == ["1", "2", "3", "4", "5", "6"]


def test_a_link_waits_for_the_row_at_its_other_end(ready_shop: ClientFolder) -> None:
    ready_shop.source.put("job_tag", "1-9", id="1-9", job_id=1, tag_id=9)

    early = ready_shop.walk("run")
    ready_shop.source.put("tag", "9", id=9, name="late")
    later = ready_shop.walk("run")

    assert [(parked["record"], parked["waits"]) for parked in early.rows("parked-records")] == [
        ("job_tag 1-9", "tag 9")
    ]
    assert later.exit_code == 0
    assert tagged(ready_shop).count("1") == 2


def test_a_link_without_one_of_its_ends_may_be_left_out(known: ClientFolder) -> None:
    known.source.put("customer", "9", id=9, name="Customer 9", kind="company", employee_id=2)
    known.target.put("account", "old-9", name="Customer 9")

    result = known.walk("run", "reconcile")

    assert result.exit_code == 0, result.output
    assert {row.row_id for row, name, _ in known.target.links() if name == "account_user"} == {"old-6"}


def test_a_link_between_rows_that_were_there_is_cut_on_the_way_back_and_nothing_else(known: ClientFolder) -> None:
    before = known.target.rows("account")
    known.walk("run")
    during = known.target.links()

    result = known.walk("rollback")

    assert (ACCOUNT, "account_user", USER) in during
    assert result.exit_code == 0
    assert known.target.links() == set()
    assert known.target.rows("account") == before


def test_a_link_that_was_there_before_stays_after_a_rollback(shop: ClientFolder) -> None:
    known_before = {(ACCOUNT, "account_user", USER)}
    link_by_hand(shop)

    last = shop.walk("audit", "plan", "approve mapping", "prepare", "sample", "run", "reconcile", "rollback")

    assert last.exit_code == 0, last.output + last.errors
    assert shop.target.links() == known_before


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.REFUSED])
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_stop_does_not_blur_whose_link_it_is(shop: ClientFolder, mishap: Mishap, by_hand: bool) -> None:
    link_by_hand(shop)
    if not by_hand:
        shop.target.unlink(ACCOUNT, "account_user", USER)
    before = shop.target.links()
    shop.walk("audit", "plan", "approve mapping", "prepare")
    shop.target.plan_mishap(mishap, table="account")

    stopped = shop.walk("sample")
    during = shop.walk("sample", "run"), shop.target.links()
    back = shop.walk("rollback")

    assert stopped.exit_code == 2
    assert during[0].exit_code == back.exit_code == 0
    assert (ACCOUNT, "account_user", USER) in during[1]
    assert shop.target.links() == before


def link_by_hand(shop: ClientFolder) -> None:
    """Let the relationship be there, and one link of it."""
    shop.target.put("account", "old-6", name="Customer 6")
    shop.source.change("customer", "6", employee_id=1)
    shop.write_mapping("company", KNOWN_COMPANY)
    shop.write_mapping("agent", EMPLOYEES_OF)
    shop.source.remove("customer", "3")
    shop.source.remove("job", "3")
    shop.source.remove("job_tag", "3-1")
    for number in (1, 5):
        shop.source.change("job", str(number), attendee_ids=())
    shop.target.relate("account", "account_user", "systemuser")
    shop.target.link(ACCOUNT, "account_user", USER)
