"""States before and after: products are published first, closed rows lock what belongs to them."""

from decimal import Decimal

import pytest

from transload.testing import ClientFolder, Mishap
from transload.values import Cell, RowRef, TableName

DRAFT, ACTIVE, RETIRED, PAID = (2, 0), (0, 1), (1, 2), (2, 100001)


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


def paid_invoice(client: ClientFolder) -> tuple[tuple[Cell, Cell], list[Cell]]:
    """Return the state of the invoice of job 4, and what its lines come to."""
    [row_id] = [row_id for row_id, row in client.target.rows("invoice").items() if row["name"] == "I-4"]
    lines = client.target.rows("invoicedetail").values()
    amounts = [row["amount"] for row in lines if row["invoiceid"] == RowRef(TableName("invoice"), row_id)]
    return states(client, "invoice")["I-4"], sorted(amounts, key=str)


def add_line(client: ClientFolder, amount: int) -> None:
    client.source.put("line", "45", id=45, job_id=4, product_id=1, amount=amount)
    client.source.change("job", "4", total=30 + amount)


def test_a_line_that_comes_after_its_invoice_was_paid_opens_it_and_closes_it_again(loaded_shop: ClientFolder) -> None:
    add_line(loaded_shop, 5)
    loaded_shop.source.change("line", "40", amount=Decimal(10))
    loaded_shop.source.change("job", "4", total=30)

    result = loaded_shop.walk("delta", "reconcile")
    calls = loaded_shop.target.calls()
    again = loaded_shop.walk("delta")

    assert result.exit_code == 0, result.output
    assert paid_invoice(loaded_shop) == (PAID, [10, 15, 5])
    assert again.exit_code == 0
    assert loaded_shop.target.calls() == calls


def test_an_invoice_is_closed_again_though_its_new_line_is_refused(loaded_shop: ClientFolder) -> None:
    add_line(loaded_shop, 5)
    loaded_shop.target.refuse("line 45", "the amount looks wrong")

    refused = loaded_shop.walk("delta")
    meanwhile = paid_invoice(loaded_shop)
    loaded_shop.target.accept("line 45")
    result = loaded_shop.walk("retry", "reconcile")

    assert [row["record"] for row in refused.rows("dead-letters")] == ["line 45"]
    assert meanwhile == (PAID, [15, 15])
    assert result.exit_code == 0, result.output
    assert paid_invoice(loaded_shop) == (PAID, [15, 15, 5])


def test_a_line_that_is_gone_is_taken_out_of_a_paid_invoice(loaded_shop: ClientFolder) -> None:
    file = loaded_shop.path / "transload.toml"
    file.write_text(f'{file.read_text("utf-8")}\n[delta]\ndeleted = "delete"\n', encoding="utf-8")
    loaded_shop.source.remove("line", "41")
    loaded_shop.source.change("job", "4", total=15)

    result = loaded_shop.walk("delta", "reconcile")

    assert result.exit_code == 0, result.output
    assert paid_invoice(loaded_shop) == (PAID, [15])


def test_what_comes_after_closing_for_good_is_listed_and_not_sent(final_shop: ClientFolder) -> None:
    final_shop.walk("audit", "plan", "approve mapping", "prepare", "sample", "run")
    calls = final_shop.target.calls()
    add_line(final_shop, 5)
    final_shop.source.change("line", "40", amount=Decimal(10))

    delta, reconcile = final_shop.walk("delta"), final_shop.walk("reconcile")

    late = [(row["record"], row["column"]) for row in delta.rows("changed-in-the-source-after-closing")]
    assert late == [("line 40", "amount"), ("line 45", "(the row)")]
    assert delta.rows("dead-letters") == []
    assert final_shop.target.calls() == calls
    assert paid_invoice(final_shop) == (PAID, [15, 15])
    different = {(row["record"], row["verdict"]) for row in reconcile.rows("field-level-diff")}
    assert {("line 40", "changed after closing"), ("line 45", "changed after closing")} <= different


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
