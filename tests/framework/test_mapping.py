"""Mapping documents: what is wrong with one is said at once, with the key that was meant."""

import pytest

from transload.errors import MappingError
from transload.mapping import digest_mappings, parse_mapping, render_mapping
from transload.values import ColumnType

GOOD = """\
entity: job
table: incident
key: {column: "{prefix}_jobid", from: id}
fields:
  title: {from: [name, number], join: " "}
  customerid: {lookup: customer, from: customer_id, missing: placeholder}
  prioritycode: {from: priority, values: {high: 1, on: 2, No: 3}}
  regarding: {lookup: {by: kind, values: {j: job, c: customer}}, from: owner_id}
  "{prefix}_colour": {from: colour, custom: {type: text, max: 50}}
finish:
  statecode: {from: status, values: {done: Resolved}}
dropped:
  etag: Bookkeeping of the source
  fax: {reason: Nobody fills it, while_empty: true}
"""


def mistakes_of(text: str) -> str:
    with pytest.raises(MappingError) as caught:
        parse_mapping(text, "job.yaml")
    return "\n".join(caught.value.mistakes)


def test_a_document_accounts_for_every_field_that_it_reads_or_drops() -> None:
    mapping = parse_mapping(GOOD, "job.yaml")

    read = {"id", "name", "number", "customer_id", "priority", "owner_id", "kind", "colour", "status"}
    assert mapping.used_fields() == read
    assert mapping.covered_fields() == read | {"etag", "fax"}
    assert mapping.dropped_rule("fax").while_empty
    assert not mapping.dropped_rule("etag").while_empty


def test_a_document_survives_writing_and_reading() -> None:
    mapping = parse_mapping(GOOD, "job.yaml")

    assert parse_mapping(render_mapping(mapping), "again") == mapping


def test_words_that_yaml_takes_for_booleans_stay_words() -> None:
    values = parse_mapping(GOOD, "job.yaml").fields["prioritycode"].values

    assert values == {"high": 1, "on": 2, "No": 3}


def test_the_prefix_is_put_into_column_names() -> None:
    mapping = parse_mapping(GOOD, "job.yaml").filled_in("acme", {})

    assert mapping.key is not None
    assert mapping.key.column == "acme_jobid"
    assert mapping.fields["acme_colour"].custom is not None
    assert mapping.fields["acme_colour"].custom.type is ColumnType.TEXT


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("table: incident", "tabel: incident", "tabel: unknown key; did you mean `table`?"),
        ("from: priority", "form: priority", "fields.prioritycode.form: unknown key; did you mean `from`?"),
        ("missing: placeholder", "mising: park", "fields.customerid.mising: unknown key; did you mean `missing`?"),
        ("missing: placeholder", "missing: parc", "fields.customerid.missing: Input should be 'park'"),
        ("max: 50", "maxx: 50", "custom.maxx: unknown key; did you mean `max`?"),
        ("by: kind", "bye: kind", "bye: unknown key; did you mean `by`?"),
        ("while_empty", "while_emtpy", "while_emtpy: unknown key; did you mean `while_empty`?"),
        ("etag:", "status:", "dropped, yet used by a rule: status"),
        ("statecode:", "state:", "`finish` knows statecode and statuscode, not state"),
        ('key: {column: "{prefix}_jobid", from: id}\n', "", "needs a `key`"),
        ("from: colour, ", "", "a rule needs `from` or `value`"),
        ("type: text", "type: texd", "fields.{prefix}_colour.custom.type: Input should be 'text'"),
        ("Bookkeeping of the source", "''", "dropped.etag"),
        ("table: incident", "table: {", "not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, mistake: str) -> None:
    assert mistake in mistakes_of(GOOD.replace(old, new, 1))


def test_all_mistakes_come_at_once() -> None:
    found = mistakes_of(GOOD.replace("from: priority", "form: priority").replace("missing:", "misng:"))

    assert "fields.prioritycode.form" in found
    assert "fields.customerid.misng" in found


@pytest.mark.parametrize("text", ["", "[]", "just a text", "- entity: job"])
def test_what_is_no_document_is_refused(text: str) -> None:
    assert mistakes_of(text)


def test_the_digest_covers_meaning_and_not_layout() -> None:
    one = parse_mapping(GOOD, "a")
    same = parse_mapping("# A comment\n" + GOOD.replace("{from: status, ", "{from:   status, "), "b")
    other = parse_mapping(GOOD.replace("high: 1", "high: 2"), "c")

    assert digest_mappings([one]) == digest_mappings([same])
    assert digest_mappings([one]) != digest_mappings([other])
