"""The shipped mappings from Kickserv to Dynamics 365."""

import json
from importlib.resources import files

import pytest

from transload.converters import CONVERTERS as GENERIC
from transload.mapping import Mapping
from transload.values import ColumnType
from transload_kickserv_source import plugin
from transload_kickserv_source.converters import CONVERTERS
from transload_kickserv_source.schema import ENTITIES
from transload_kickserv_source.secrets import is_secret

MAPPINGS = {mapping.entity: mapping for mapping in plugin.mappings("kickserv", "dynamics365") or ()}
NEVER_RECORDED = {
    "customer": """delivery_method import_id is_statement_with_parent notification_phone_number pager qb_error
        resale_number sales_tax_code_id sales_terms_ref_id""",
    "job": """last_recurring_date max_recurring_iterator qb_error recurring_end_date recurring_ended schedule
        service_type_id ship_method_ref_full_name""",
}
"""Fields that no recorded answer fills: the plan decides by what the live account holds, as it does for slots."""

Columns = dict[str, dict[str, object]]


def columns_of(table: str) -> Columns:
    """Return the columns of a standard table, from the rehearsal environment's schema."""
    text = (files("transload_sandbox.dataverse") / "schema" / f"{table}.json").read_text(encoding="utf-8")
    return {column["name"]: column for column in json.loads(text)["columns"]}


@pytest.fixture(params=sorted(MAPPINGS))
def mapping(request: pytest.FixtureRequest) -> Mapping:
    return MAPPINGS[request.param]


def test_every_entity_has_one_and_other_pairs_have_none() -> None:
    assert MAPPINGS.keys() == {str(name) for name in ENTITIES}
    assert plugin.mappings("kickserv", "another") is None


def test_every_documented_field_is_accounted_for(mapping: Mapping) -> None:
    documented = {name for entity, e in ENTITIES.items() if entity == mapping.entity for name in e.fields}
    left = documented - mapping.covered_fields() - set(NEVER_RECORDED.get(mapping.entity, "").split())

    assert not {name for name in left if not name.startswith("custom_")}
    assert not mapping.covered_fields() - documented
    assert not [name for name in mapping.covered_fields() if is_secret(name)]


def test_every_standard_column_exists_can_be_written_and_is_long_enough(mapping: Mapping) -> None:
    columns = columns_of(mapping.table)

    for name, rule in [*mapping.fields.items(), *mapping.finish.items()]:
        if rule.custom is None:
            column = columns[name]
            assert {"c", "u"} & set(str(column["valid"])), name
            longest = column.get("max_length")
            assert rule.max is None or longest is None or rule.max <= int(str(longest)), name


def test_custom_columns_have_the_clients_prefix_a_label_of_their_own_and_a_sound_size(
    mapping: Mapping,
) -> None:
    custom = {name: rule.custom for name, rule in mapping.rules() if rule.custom is not None}

    assert all(name.startswith("{prefix}_") and name[9:].isalnum() for name in custom)
    assert all(column.label for column in custom.values())
    assert len({column.label for column in custom.values()}) == len(custom)
    assert all(
        column.max is not None and column.max <= 4000 for column in custom.values() if column.type is ColumnType.TEXT
    )


def test_no_free_text_can_stop_a_record_for_its_length(mapping: Mapping) -> None:
    texts = {"String", "Memo"}
    columns = columns_of(mapping.table)
    short = {
        name
        for name, rule in mapping.fields.items()
        if rule.on_overflow == "error"
        and rule.value is None
        and (rule.custom.type in {"text", "memo"} if rule.custom else columns[name]["type"] in texts)
        and not rule.values
    }

    # What is left are numbers and keys, whose length is known.
    assert not {name for name in short if not name.endswith(("number", "createdby", "updatedby", "id"))}


def test_every_converter_that_a_rule_names_is_offered(mapping: Mapping) -> None:
    named = {name for _, rule in mapping.rules() for name in rule.converters}

    assert named <= GENERIC.keys() | CONVERTERS.keys()
    assert not GENERIC.keys() & CONVERTERS.keys()


def test_a_second_value_is_kept_beside_the_one_that_wins() -> None:
    customer = MAPPINGS["customer"]
    alone = {rule.from_ for rule in customer.fields.values() if isinstance(rule.from_, str)}
    behind = {
        source
        for rule in customer.fields.values()
        if isinstance(rule.from_, list) and rule.join is None
        for source in rule.from_[1:]
    }

    assert behind <= alone


def test_states_and_statuses_fit_each_other() -> None:
    job = MAPPINGS["job"]
    text = (files("transload_sandbox.dataverse") / "schema" / "incident.json").read_text(encoding="utf-8")
    states = {state["label"]: state["statuses"].values() for state in json.loads(text)["states"].values()}

    to_state, to_status = job.finish["statecode"].values, job.finish["statuscode"].values
    assert to_state is not None
    assert to_status is not None
    assert to_state.keys() == to_status.keys()
    assert all(to_status[status] in states[str(to_state[status])] for status in to_state)
    documented = {"unscheduled", "scheduled", "in_progress", "on_hold", "canceled", "complete"}
    assert documented <= to_state.keys()


def test_employees_are_only_recognised_and_never_made() -> None:
    employee = MAPPINGS["employee"]

    assert not employee.writes_rows
    assert employee.match is not None
    assert employee.match.on == {"internalemailaddress": "email_address"}


def test_the_prefix_is_filled_in_everywhere(mapping: Mapping) -> None:
    filled = mapping.filled_in("mig", {})

    assert "{prefix}" not in filled.model_dump_json()
