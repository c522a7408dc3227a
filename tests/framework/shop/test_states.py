"""States before and after: products are published first, closed rows lock what belongs to them."""

import pytest

from transload.testing import ClientFolder, Mishap
from transload.values import Cell

DRAFT, ACTIVE, RETIRED = (2, 0), (0, 1), (1, 2)


def states(client: ClientFolder, table: str = "product", named_by: str = "name") -> dict[Cell, tuple[Cell, Cell]]:
    rows = client.target.rows(table).values()
    return {row[named_by]: (row["statecode"], row["statuscode"]) for row in rows}


def test_a_product_is_published_before_others_point_to_it_and_retired_at_the_end(full_shop: ClientFolder) -> None:
    loads = [call.table for call in full_shop.target.calls()]

    assert states(full_shop) == {"Hours": ACTIVE, "Work": ACTIVE, "Fax": RETIRED}
    assert loads.index("product") < loads.index("invoicedetail")
    assert loads.count("product") > 3


def test_a_published_product_that_changes_is_published_again(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.change("product", "1", name="By the hour")
    loaded_shop.source.change("product", "3", parent_id=1)

    delta, reconcile = loaded_shop.walk("delta"), loaded_shop.walk("reconcile")
    calls = loaded_shop.target.calls()
    again = loaded_shop.walk("delta")

    assert (delta.exit_code, reconcile.exit_code, again.exit_code) == (0, 0, 0), delta.output
    assert states(loaded_shop) == {"By the hour": ACTIVE, "Work": ACTIVE, "Fax": RETIRED}
    assert loaded_shop.target.calls() == calls


def test_a_product_that_is_sold_again_is_published_again(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.change("product", "3", sold=True)

    result = loaded_shop.walk("delta", "reconcile")

    assert result.exit_code == 0
    assert states(loaded_shop)["Fax"] == ACTIVE


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.REFUSED])
@pytest.mark.parametrize("call", [1, 2, 3, 4, 5, 6])
def test_a_stop_between_states_ends_like_an_undisturbed_run(shop: ClientFolder, mishap: Mishap, call: int) -> None:
    for entity in ("customer", "job", "job_tag", "line", "photo", "tag"):
        for record in shop.source.records(entity):
            shop.source.remove(entity, record.key.source_id)
    shop.walk("audit", "plan", "approve mapping", "prepare")
    shop.target.plan_mishap(mishap, call, table="product")

    stopped = shop.walk("sample")
    result = shop.walk("sample", "run", "reconcile")

    assert stopped.exit_code == 2
    assert result.exit_code == 0, result.output
    assert states(shop) == {"Hours": ACTIVE, "Work": ACTIVE, "Fax": RETIRED}


def test_the_sample_takes_all_that_belongs_to_what_it_closes(shop: ClientFolder) -> None:
    for number in range(40, 52):
        shop.source.put("line", str(number), id=number, job_id=4, product_id=1, amount=3)
    shop.source.change("job", "4", total=36)

    result = shop.walk("audit", "plan", "approve mapping", "prepare", "sample")
    lines = [row for row in shop.target.rows("invoicedetail").values() if row["amount"] == 3]
    run = shop.walk("run", "reconcile")

    assert result.exit_code == 0, result.output
    assert len(lines) == 12
    assert run.exit_code == 0, run.output


def test_a_line_that_comes_after_its_invoice_was_paid_is_set_aside(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.put("line", "45", id=45, job_id=4, product_id=1, amount=5)

    result = loaded_shop.walk("delta")

    [letter] = result.rows("dead-letters")
    assert letter["record"] == "line 45"
    assert "which it belongs to, is in a read-only state" in letter["message"]


def test_locked_rows_go_with_what_they_belong_to(loaded_shop: ClientFolder) -> None:
    result = loaded_shop.walk("rollback")

    assert states(loaded_shop, "invoice") == {}
    assert result.exit_code == 0
    assert result.rows("not-undone") == result.rows("spared") == []
    assert loaded_shop.target.rows("invoicedetail") == {}


@pytest.mark.parametrize("mishap", [Mishap.ANSWER_LOST, Mishap.REFUSED])
@pytest.mark.parametrize("table", ["invoicedetail", "invoice"])
def test_a_rollback_that_stops_among_locked_rows_goes_on(
    shop: ClientFolder, loaded_shop: ClientFolder, mishap: Mishap, table: str
) -> None:
    loaded_shop.target.plan_mishap(mishap, hook="rollback", table=table)

    stopped = loaded_shop.walk("rollback")
    result = loaded_shop.walk("rollback")

    assert stopped.exit_code == 2
    assert result.exit_code == 0, result.output
    assert result.rows("not-undone") == result.rows("spared") == []
    assert loaded_shop.target.tables() == shop.target.tables()


def test_a_locked_row_stays_with_a_closed_one_that_people_changed(loaded_shop: ClientFolder) -> None:
    [paid] = [row_id for row_id, row in loaded_shop.target.rows("invoice").items() if row["name"] == "I-4"]
    loaded_shop.target.set_state("invoice", paid, 0, 1)
    loaded_shop.target.put("invoice", paid, name="I-4, paid in cash")
    loaded_shop.target.set_state("invoice", paid, 2, 100001)

    result = loaded_shop.walk("rollback")

    kept = {row["record"] for row in (*result.rows("spared"), *result.rows("not-undone"))}
    assert {"invoice 4", "line 40", "line 41", "job 4"} <= kept
    assert len(loaded_shop.target.rows("invoicedetail")) == 2


def test_people_who_come_later_may_be_gone_from_a_column_of_many(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.put("customer", "9", id=9, name="Customer 9", kind="company", employee_id=1)
    loaded_shop.source.change("job", "5", attendee_ids=(5, 3, 9))
    delta = loaded_shop.walk("delta")
    loaded_shop.target.plan_mishap(Mishap.REFUSED, hook="rollback", table="annotation")

    result = loaded_shop.walk("rollback"), loaded_shop.walk("rollback")

    assert delta.exit_code == 0
    assert result[1].exit_code == 0
    assert result[1].rows("spared") == []
    assert loaded_shop.target.rows("appointment") == {}
