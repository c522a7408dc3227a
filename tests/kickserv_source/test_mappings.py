"""The shipped mappings from Kickserv to Dynamics 365, in every combination of what a client may choose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from transload import TargetColumn
from transload._pipeline.planner import plan_load
from transload._pipeline.transform import compile_mappings, custom_columns, documents_by_records, own_columns
from transload.converters import CONVERTERS as GENERIC
from transload.mapping import FieldRule, LookupByType, Mapping
from transload.testing import host_plugins, open_context
from transload.values import ColumnType, FieldType, Missing
from transload_dynamics_sink.converters import CONVERTERS as DYNAMICS
from transload_fieldservice.converters import CONVERTERS as FIELDSERVICE
from transload_kickserv_source import plugin
from transload_kickserv_source.converters import CONVERTERS as KICKSERV
from transload_kickserv_source.secrets import is_secret
from transload_kickserv_source.settings import KickservSettings
from transload_tags import plugin as tags

if TYPE_CHECKING:
    from conftest import Shipped

CONVERTERS = {**GENERIC, **KICKSERV, **DYNAMICS, **FIELDSERVICE, **tags.converters()}
JOB_NEVER_RECORDED = """last_recurring_date max_recurring_iterator qb_error recurring_end_date recurring_ended schedule
    service_type_id ship_method_ref_full_name"""
NEVER_RECORDED = {
    "customer": """delivery_method import_id is_statement_with_parent notification_phone_number pager qb_error
        resale_number sales_tax_code_id sales_terms_ref_id""",
    "job": JOB_NEVER_RECORDED,
    "estimate": f"""{JOB_NEVER_RECORDED} scheduled_on ends_at duration started_on completed_on canceled_on on_hold
        invoice_date invoice_sent_date invoice_viewed_on invoice_paid_on recurring_job_id recurring_date
        recurring_iterator chosen_days_of_week txn_id ref_number txn_number txn_date ship_date
        customer_sales_tax_code_ref_full_name""",
}
"""Fields that no recorded answer fills: the plan decides by what the live account holds, as it does for slots."""
TEXTS = {ColumnType.TEXT, ColumnType.MEMO}
SHORT = {
    "list_id", "parent_list_id", "txn_id", "stripe_payment_id", "content_type", "stage", "kind", "id", "number",
}  # fmt: skip
"""Texts whose length somebody else's software limits, or the source itself."""


def rules_of(document: Mapping) -> Iterator[tuple[str, FieldRule]]:
    """Yield the rules that fill columns, with the columns."""
    yield from [*document.fields.items(), *document.computed.items()]


def columns_of(shipped: Shipped, document: Mapping) -> dict[str, TargetColumn]:
    """Return the columns that a document's table has once `prepare` is done."""
    return shipped.columns[document.table]


def sources_of(shipped: Shipped, entity: str) -> dict[str, FieldType]:
    """Return the types of a source entity's fields."""
    return {name: field.type for e in shipped.source.entities if e.name == entity for name, field in e.fields.items()}


# --- the source ----------------------------------------------------------------------


def test_other_pairs_have_none(tmp_path: Path) -> None:
    settings = KickservSettings.model_validate({"account": "example", "api_token": "FAKE-token"})

    with open_context(tmp_path, settings) as context:
        assert host_plugins(plugin).mappings("kickserv", "another", context) == []


def test_every_documented_field_is_accounted_for(shipped: Shipped) -> None:
    reading = documents_by_records(shipped.documents.values())
    left = []
    for entity in shipped.source.entities:
        if any(document.skip for document in reading.get(entity.name, [])):
            continue
        covered = {name for document in reading.get(entity.name, []) for name in document.covered_fields()}
        covered |= set(NEVER_RECORDED.get(entity.name, "").split())
        left += [
            f"{entity.name}.{name}"
            for name, field in entity.fields.items()
            if not field.derived and name not in covered and not name.startswith("custom_")
        ]

    assert not left


def test_no_document_reads_a_field_that_there_is_not_or_a_secret(shipped: Shipped) -> None:
    known = {entity.name: set(entity.fields) for entity in shipped.source.entities}

    strange = [
        f"{document.entity}.{name}"
        for document in shipped.written()
        for name in document.covered_fields()
        - (known.get(document.source_entity) or {field for record in document.given for field in record})  # type: ignore[call-overload]  # names are texts
    ]
    secrets = [name for document in shipped.written() for name in document.covered_fields() if is_secret(name)]

    assert not strange
    assert not secrets


def test_a_field_is_dropped_by_no_document_and_used_by_another(shipped: Shipped) -> None:
    twice = []
    for entity, reading in documents_by_records(shipped.written()).items():
        used = {name for document in reading for name in document.used_fields()}
        twice += [f"{entity}.{name}" for document in reading for name in document.dropped if name in used]

    assert not twice


def test_a_second_value_is_kept_beside_the_one_that_wins(shipped: Shipped) -> None:
    customer = shipped.documents["customer"]
    alone = {rule.from_ for rule in customer.fields.values() if isinstance(rule.from_, str)}
    behind = {
        source
        for rule in customer.fields.values()
        if isinstance(rule.from_, list) and rule.join is None
        for source in rule.from_[1:]
    }

    assert behind <= alone


# --- the target ----------------------------------------------------------------------


def test_every_document_compiles_against_the_environment(shipped: Shipped) -> None:
    written = shipped.written()

    plan = plan_load(written)
    compiled = compile_mappings(written, shipped.source, shipped.target, CONVERTERS, plan.deferred)

    assert compiled.keys() == {document.entity for document in written}


def test_every_column_exists_can_be_written_and_is_long_enough(shipped: Shipped) -> None:
    mistakes = []
    for document in shipped.written():
        columns = columns_of(shipped, document)
        for name, rule in document.fields.items():
            column = columns[name]
            if not column.creatable and not column.updatable:
                mistakes.append(f"{document.entity}.{name} cannot be written")
            if rule.max is not None and column.max_length is not None and rule.max > column.max_length:
                mistakes.append(f"{document.entity}.{name} takes {column.max_length}, not {rule.max}")

    assert not mistakes


def test_every_option_that_a_rule_names_exists(shipped: Shipped) -> None:
    strange = []
    for document in shipped.written():
        columns = columns_of(shipped, document)
        for name, rule in document.fields.items():
            options = columns[name].options
            if not options or columns[name].type is ColumnType.BOOLEAN or rule.lookup is not None:
                continue
            known = {label.casefold() for label in options.values()} | {str(value) for value in options}
            named = [rule.value, rule.default, *(rule.values or {}).values()]
            strange += [
                f"{document.entity}.{name}: {o}" for o in named if o is not None and str(o).casefold() not in known
            ]

    assert not strange


def test_states_and_statuses_fit_each_other(shipped: Shipped) -> None:
    mistakes = []
    for document in shipped.written():
        table = shipped.table(document)
        states = {state.label: state.statuses for state in table.states} if table else {}
        for block in (document.activate, document.finish):
            if "statecode" not in block or not states:
                continue
            state, status = block["statecode"], block.get("statuscode")
            for value, label in {**(state.values or {}), "": state.default, " ": state.value}.items():
                if label is not None and label not in states:
                    mistakes.append(f"{document.entity}: no state {label}")
                elif label is not None and status is not None and value.strip():
                    reason = (status.values or {}).get(value)
                    if reason not in states[str(label)].values() and reason not in states[str(label)]:
                        mistakes.append(f"{document.entity}: {value} is {label}, not {reason}")

    assert not mistakes


def test_every_status_of_a_job_has_its_state(shipped: Shipped) -> None:
    job = shipped.documents["job"]
    rule = job.fields.get("msdyn_systemstatus") or job.finish["statecode"]

    documented = {"new", "unscheduled", "scheduled", "in_progress", "on_hold", "canceled", "complete", "lost"}

    assert (rule.values or {}).keys() - {"settled"} == documented


def test_every_lookup_points_where_its_column_can(shipped: Shipped) -> None:
    mistakes = []
    for document in shipped.written():
        columns = columns_of(shipped, document)
        for name, rule in document.fields.items():
            targets = set(columns[name].targets)
            for entity in rule.entities:
                table = shipped.becomes(entity)
                if table and targets and table not in targets:
                    mistakes.append(f"{document.entity}.{name} cannot point to {table}")
            if rule.entities and not any(map(shipped.becomes, rule.entities)):
                mistakes.append(f"{document.entity}.{name} points to nothing")

    assert not mistakes


def test_every_kind_of_parent_becomes_rows(shipped: Shipped) -> None:
    lost = [
        f"{document.entity}.{name}: {kind}"
        for document in shipped.written()
        for name, rule in rules_of(document)
        if isinstance(rule.lookup, LookupByType)
        for kind, entities in rule.lookup.values.items()
        if not any(map(shipped.becomes, [entities] if isinstance(entities, str) else entities))
    ]

    assert not lost


def test_stand_ins_have_columns_that_exist(shipped: Shipped) -> None:
    mistakes = []
    for document in shipped.written():
        standing = [rule for _, rule in rules_of(document) if Missing.PLACEHOLDER in (rule.missing, rule.empty)]
        first = (next(filter(shipped.becomes, kind), "") for rule in standing for kind in rule.choices)
        wanted = set(filter(None, first))
        mistakes += [f"{document.entity}: {entity}" for entity in wanted if not shipped.documents[entity].placeholder]
        mistakes += [
            f"{document.entity}.{c}" for c in document.placeholder or () if c not in columns_of(shipped, document)
        ]
        mistakes += [f"{document.entity}.{c}" for c in (document.match.on if document.match else ())
                     if c not in columns_of(shipped, document)]  # fmt: skip

    assert not mistakes


# --- columns of our own --------------------------------------------------------------


def test_new_columns_have_the_clients_prefix_and_a_sound_size(shipped: Shipped) -> None:
    mistakes = []
    for document in shipped.written():
        for name, column in custom_columns(document).items():
            longest = {ColumnType.TEXT: 4000, ColumnType.MEMO: 1_048_576}.get(column.type, 0)
            precise = {ColumnType.DECIMAL: 10, ColumnType.MONEY: 4}.get(column.type, 0)
            sound = (
                re.fullmatch(r"ks_[a-z][a-z0-9]{0,46}", name)
                and 0 < len(column.label) <= 50
                and (column.max_length or 0) <= longest
                and (column.precision or 0) <= precise
            )
            if not sound:
                mistakes.append(f"{document.entity}.{name}: {column}")

    assert not mistakes


def test_no_two_new_columns_of_a_table_have_one_label(shipped: Shipped) -> None:
    twice = [
        (table, label)
        for table, columns in own_columns(shipped.written()).items()
        for label, count in Counter(column.label for column in columns.values()).items()
        if count > 1
    ]

    assert not twice


def test_documents_of_one_table_agree_on_its_columns(shipped: Shipped) -> None:
    agreed = own_columns(shipped.written())

    different = [
        f"{document.entity}.{name}"
        for document in shipped.written()
        for name, column in custom_columns(document).items()
        if (column.type, column.label, column.max_length) != (
            (other := agreed[document.table][name]).type, other.label, other.max_length,
        )
    ]  # fmt: skip

    assert not different


def test_no_free_text_can_stop_a_record_for_its_length(shipped: Shipped) -> None:
    stopping = []
    for document in shipped.written():
        columns, fields = columns_of(shipped, document), sources_of(shipped, document.source_entity)
        for name, rule in document.fields.items():
            if columns[name].type not in TEXTS or rule.on_overflow == "ledger" or document.given:
                continue
            free = {s for s in rule.sources if fields[s] in {FieldType.TEXT, FieldType.NESTED}} - SHORT
            if free and rule.values is None:
                stopping.append(f"{document.entity}.{name} from {sorted(free)}")

    assert not stopping


def test_what_people_wrote_is_kept_when_it_is_cut(shipped: Shipped) -> None:
    cut = [
        document.entity
        for document in shipped.written()
        if document.flag is None and document.table != "annotation" and not document.table.endswith("detail")
        if any(rule.on_overflow == "ledger" and rule.sources for _, rule in rules_of(document))
    ]

    # Only rows that take no columns of ours, or are too small to matter, have no review column.
    assert set(cut) <= {"tag", "job_type", "category", "work_order_product", "work_order_service"}


# --- the documents themselves --------------------------------------------------------


def test_every_document_says_what_becomes_of_its_records(shipped: Shipped) -> None:
    silent = [document.entity for document in shipped.written() if len(document.note) < 20]
    curt = [d.entity for d in shipped.documents.values() for n in d.dropped if len(d.dropped_rule(n).reason) < 15]

    assert not silent
    assert not curt


def test_every_document_of_the_calendar_has_its_own_kinds_of_event(choose: Callable[..., Shipped]) -> None:
    documents = [d for d in choose().written() if d.source_entity == "event"]

    kinds = [kind for document in documents for kind in document.when["kind"]]

    assert sorted(map(str, kinds)) == ["call", "email", "estimate", "meeting", "reminder", "work"]


def test_employees_are_only_recognised_and_never_made(shipped: Shipped) -> None:
    employee = shipped.documents["employee"]

    assert employee.match is not None
    assert not employee.match.create
    assert employee.match.on == {"internalemailaddress": "email_address"}


def test_individuals_choose_who_becomes_an_account(choose: Callable[..., Shipped]) -> None:
    account, contact, both = (choose(individuals=name).documents for name in ("account", "contact", "both"))

    assert "person" not in account
    assert (account["customer"].when, both["customer"].when) == ({}, {})
    assert contact["customer"].when == {"is_account": [True]}
    assert {contact["person"].table, both["person"].table} == {"contact"}
    assert "parentcustomerid" in both["person"].fields


@pytest.mark.parametrize(("categories", "column"), [("column", False), ("families", True)])
def test_categories_become_families_on_demand(choose: Callable[..., Shipped], categories: str, column: bool) -> None:
    documents = choose(categories=categories).documents

    assert ("category" in documents) is column
    assert ("parentproductid" in documents["item"].fields) is column
    assert "ks_category" in documents["item"].fields
