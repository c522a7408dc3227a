"""What the audit makes of what was seen of an account."""

from transload_kickserv_source.audit import findings
from transload_kickserv_source.left_behind import LEFT_BEHIND
from transload_kickserv_source.observations import Observations


def test_limited_employees_with_hidden_customers_point_to_a_token_that_sees_too_little() -> None:
    seen = Observations(customers={1}, limited={"Ada Example"})
    seen.job_customers.update({1: 2, 2: 1})

    [finding] = [one for one in findings(seen) if one.code == "kickserv.short_list"]

    assert "1 customers of jobs are not listed" in finding.evidence
    assert "Ada Example" in finding.evidence
    assert "account owner" in finding.remedy


def test_an_account_without_limited_employees_has_no_such_suspicion() -> None:
    seen = Observations(customers={1})
    seen.job_customers.update({1: 2, 2: 1})

    assert "kickserv.short_list" not in {one.code for one in findings(seen)}


def test_events_that_were_announced_and_not_found_are_a_sign_too() -> None:
    seen = Observations(limited={"Ada Example"}, tasks_due={"7": 3})

    [finding] = [one for one in findings(seen) if one.code == "kickserv.short_list"]

    assert "3 announced events were not found" in finding.evidence


def test_customers_that_are_ancestors_of_their_own_are_named() -> None:
    seen = Observations(parents={"1": "2", "2": "3", "3": "2", "4": "9", "5": "1", "6": "7", "7": "8", "8": "6"})

    [finding] = [one for one in findings(seen) if one.code == "kickserv.parent_circles"]

    assert (finding.count, finding.evidence) == (5, "customer ids 2, 3, 6, 7, 8")


def test_elements_that_were_left_out_for_their_name_are_told() -> None:
    seen = Observations()
    seen.withheld.update({"customer.digest_frequency": 3})

    [finding] = [one for one in findings(seen) if one.code == "kickserv.withheld"]

    assert (finding.count, finding.evidence) == (3, "customer.digest_frequency (3 times)")


def test_without_a_list_of_employees_nobody_is_called_unknown() -> None:
    seen = Observations(unavailable={"employees.xml": "Kickserv answered employees.xml with 403: No."})
    seen.authors.update({7: 3})

    codes = {one.code for one in findings(seen)}

    assert "kickserv.no_employees" in codes
    assert "kickserv.unknown_employees" not in codes


def test_what_quickbooks_refused_is_listed_with_its_words() -> None:
    seen = Observations()
    seen.note_sync_error("customer", {"id": 7, "qb_error": " Name is taken "})
    seen.note_sync_error("customer", {"id": 8, "qb_error": ""})

    [finding] = [one for one in findings(seen) if one.code == "kickserv.quickbooks_errors"]

    assert (finding.count, finding.evidence) == (1, "customer 7 (Name is taken)")


def test_everything_to_rebuild_says_why_and_as_what() -> None:
    assert len(LEFT_BEHIND) > 10
    assert all(one.why and one.rebuild for one in LEFT_BEHIND)
