"""The order of the passes comes from the lookups, and nobody types it."""

import pytest

from transload._pipeline.planner import plan_load
from transload.errors import MappingError
from transload.mapping import Mapping, parse_mapping


def document(entity: str, fields: str = "", finish: bool = False) -> Mapping:
    ending = "finish: {statecode: {value: Active}}" if finish else ""
    return parse_mapping(f"entity: {entity}\ntable: {entity}\nkey: {{}}\nfields: {{{fields}}}\n{ending}", entity)


def passes(*documents: Mapping) -> list[str]:
    return [str(step) for step in plan_load(documents).passes]


def test_parents_come_before_children_whatever_the_order_of_the_documents() -> None:
    line = document("line", "job: {lookup: job, from: a}")
    job = document("job", "customer: {lookup: customer, from: a}")
    customer = document("customer")

    assert passes(line, job, customer) == ["1 customer rows", "2 job rows", "3 line rows"]
    assert passes(customer, line, job) == passes(line, job, customer)


def test_a_reference_to_its_own_kind_is_filled_in_later() -> None:
    plan = plan_load([document("customer", "parent: {lookup: customer, from: a}")])

    assert [str(step) for step in plan.passes] == ["1 customer rows", "2 customer links"]
    assert plan.deferred == {"customer": {"parent"}}


def test_a_circle_is_broken_at_the_lookup_that_may_stay_empty() -> None:
    customer = document("customer", "main: {lookup: job, from: a, missing: empty}")
    job = document("job", "customer: {lookup: customer, from: a}")

    plan = plan_load([job, customer])

    assert [str(step) for step in plan.passes] == ["1 customer rows", "2 job rows", "3 customer links"]
    assert plan.deferred["customer"] == {"main"}


def test_a_circle_that_cannot_wait_is_refused_with_its_members() -> None:
    customer = document("customer", "main: {lookup: job, from: a}")
    job = document("job", "customer: {lookup: customer, from: a}")

    with pytest.raises(MappingError, match="let one of these lookups say `missing: empty`") as caught:
        plan_load([customer, job])

    assert "customer" in str(caught.value)
    assert "job" in str(caught.value)


def test_two_circles_are_both_broken() -> None:
    a = document("a", "b: {lookup: b, from: x, missing: empty}, c: {lookup: c, from: x, missing: empty}")
    b = document("b", "a: {lookup: a, from: x}")
    c = document("c", "a: {lookup: a, from: x}")

    plan = plan_load([a, b, c])

    assert plan.deferred["a"] == {"b", "c"}


def test_states_are_set_at_the_end_children_first() -> None:
    customer = document("customer", "parent: {lookup: customer, from: a}", finish=True)
    job = document("job", "customer: {lookup: customer, from: a}", finish=True)

    assert passes(customer, job)[-2:] == ["4 job finish", "5 customer finish"]


def test_a_lookup_by_type_counts_for_each_entity() -> None:
    note = document("note", "regarding: {lookup: {by: kind, values: {j: job, c: customer}}, from: a}")

    assert passes(note, document("job"), document("customer"))[-1] == "3 note rows"
