"""Columns that the target computes: never written, always compared."""

from transload.testing import ClientFolder


def test_a_total_that_the_target_computes_differently_is_a_no_go(ready_shop: ClientFolder) -> None:
    ready_shop.source.change("job", "6", total=31)

    run, reconcile = ready_shop.walk("run"), ready_shop.walk("reconcile")

    [wrong] = reconcile.rows("field-level-diff")
    rules = {rule["rule"]: rule["effect"] for rule in reconcile.rows("go-no-go")}
    assert (run.exit_code, reconcile.exit_code) == (0, 1)
    assert (wrong["record"], wrong["column"], wrong["verdict"]) == ("invoice 6", "totalamount", "value differs")
    assert (wrong["source"], wrong["wanted"], wrong["actual"]) == ("31", "31.00", "30.00")
    assert rules["value differs"] == "no-go"


def test_the_sample_compares_computed_columns_too(shop: ClientFolder) -> None:
    shop.source.change("job", "4", total=31)

    result = shop.walk("audit", "plan", "approve mapping", "prepare", "sample")

    assert result.exit_code == 1
    wrong = [row for row in result.rows("field-level-diff") if row["verdict"] != "as wanted"]
    assert [(row["record"], row["column"]) for row in wrong] == [("invoice 4", "totalamount")]


def test_a_total_that_is_no_number_stops_the_plan(shop: ClientFolder) -> None:
    shop.source.change("job", "4", total="thirty")

    result = shop.walk("audit", "plan")

    assert result.exit_code == 1
    assert "totalamount takes numbers, and the value is 'thirty'" in result.json["findings"][0]["title"]


def test_a_total_that_is_no_number_any_more_is_a_mismatch(loaded_shop: ClientFolder) -> None:
    loaded_shop.source.change("job", "4", total="thirty")

    delta, reconcile = loaded_shop.walk("delta"), loaded_shop.walk("reconcile")

    [wrong] = reconcile.rows("field-level-diff")
    assert (delta.exit_code, reconcile.exit_code) == (0, 1)
    assert (wrong["record"], wrong["column"]) == ("invoice 4", "(computed)")
    assert "takes numbers" in wrong["wanted"]
