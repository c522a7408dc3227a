"""The documented fields of each entity, as data.

Customer and job follow the answers recorded in 2017 and 2018; employees, contacts and
notes follow what is known of their other representations and may differ. Accounts add
fields of their own: records may hold more than is listed, and often hold less. Secrets
are not listed, because they are never read.
"""

from collections.abc import Mapping
from decimal import Decimal

from transload.values import EntityName, FieldType, SourceEntity, SourceField, SourceSchema, Value
from transload_kickserv_source.xml import Row, read_as

_TYPES = {
    "": FieldType.TEXT,
    "integer": FieldType.INTEGER,
    "decimal": FieldType.DECIMAL,
    "boolean": FieldType.BOOLEAN,
    "dateTime": FieldType.DATETIME,
    "nested": FieldType.NESTED,
}


def _slots(texts: int, others: int) -> str:
    """Return the slots for an account's own fields."""
    names = [f"custom_text{n}" for n in range(1, texts + 1)]
    for n in range(1, others + 1):
        names += [f"custom_number{n}:decimal", f"custom_datetime{n}:dateTime"]
    return " ".join(names)


_EMPLOYEE = f"""
id:integer employee_number:integer name username email_address admin:boolean is_account_owner:boolean
active:boolean can_login:boolean limit_access_to_assignments:boolean hired_date:dateTime created_at:dateTime
updated_at:dateTime address city state zip_code home_phone cell_phone pager notify_via_email:boolean
notify_via_mobile:boolean notification_email_address notification_mobile_number notification_mobile_host
list_id edit_sequence {_slots(1, 1)}
"""

_CUSTOMER = f"""
id:integer customer_number:integer origin created_at:dateTime updated_at:dateTime created_by:integer
updated_by:integer deleted_at:dateTime is_active:boolean parent_id:integer children:nested name
company:boolean company_name first_name last_name contact alt_contact phone_number alt_phone_number mobile
fax pager email_address phone alt_phone email service_address service_address_2 service_city service_state
service_zip_code service_country billing_address billing_address_2 billing_city billing_state
billing_zip_code billing_country which_billing_address latitude:decimal longitude:decimal
special_instructions account_number customer_type_id:integer customer_source_id:integer tax_id:integer
import_id:integer send_reminders:boolean send_notifications:boolean notify_via_email:boolean
notify_via_sms:boolean notification_email_address notification_phone_number notification_email
last_job_completed_number:integer last_job_completed_at:dateTime last_job_completed_name list_id
time_created:dateTime time_modified:dateTime edit_sequence full_name parent_ref_list_id sublevel:integer
customer_type_ref_full_name terms_ref_full_name sales_rep_ref_full_name balance:decimal
total_balance:decimal sales_tax_code_ref_full_name sales_tax_code_ref_list_id sales_tax_code_id:integer
item_sales_tax_ref_full_name item_sales_tax_ref_list_id resale_number credit_limit:decimal
preferred_payment_method_ref_full_name job_status job_start_date:dateTime job_projected_end_date:dateTime
job_end_date:dateTime job_desc job_type_ref_full_name is_statement_with_parent:boolean delivery_method
price_level_ref_full_name sales_terms_ref_id qb_error {_slots(20, 10)}
"""

_CONTACT = """
id:integer customer_id:integer first_name last_name title phone1 phone2 email1 email2 is_primary:boolean
created_at:dateTime updated_at:dateTime deleted_at:dateTime
"""

_JOB = f"""
id:integer job_number:integer customer_id:integer name description status job_type_id:integer
job_status_id:integer service_type_id:integer created_at:dateTime updated_at:dateTime created_by:integer
updated_by:integer deleted_at:dateTime self_service:boolean scheduled_on:dateTime ends_at:dateTime
duration:decimal started_on:dateTime completed_on:dateTime canceled_on:dateTime on_hold:dateTime schedule
tasks_count:integer job_allocations:nested notification_sent:boolean subtotal:decimal tax:decimal
total:decimal balance_remaining:decimal total_expenses:decimal sales_tax_percentage:decimal tax_id:integer
invoice_status invoice_date:dateTime invoice_sent_date:dateTime invoice_viewed_on:dateTime
invoice_paid_on:dateTime invoice_terms invoice_notes detailed_invoice:boolean po_number estimate_type
estimate_scheduled_on:dateTime estimate_sent_on:dateTime estimate_viewed_on:dateTime won_date:dateTime
lost_date:dateTime estimate_terms estimate_notes recurring_job_id:integer recurring_interval
recurring_date:dateTime recurring_end_date:dateTime last_recurring_date:dateTime recurring_ended:boolean
recurring_iterator:integer max_recurring_iterator:integer chosen_days_of_week:nested ok_to_sync:boolean
txn_id edit_sequence ref_number txn_number txn_date:dateTime ship_date:dateTime ship_method_ref_full_name
customer_ref_list_id item_sales_tax_ref_list_id item_sales_tax_ref_full_name
customer_sales_tax_code_ref_list_id customer_sales_tax_code_ref_full_name qb_error {_slots(20, 10)}
"""

_NOTE = """
id:integer noteable_id:integer noteable_type note public:boolean created_by:integer updated_by:integer
created_at:dateTime updated_at:dateTime
"""


def _entity(name: str, label: str, specification: str) -> SourceEntity:
    fields = {}
    for word in specification.split():
        field, _, kind = word.partition(":")
        fields[field] = SourceField(field, _TYPES[kind])
    return SourceEntity(EntityName(name), label, fields)


ENTITIES: Mapping[EntityName, SourceEntity] = {
    entity.name: entity
    for entity in (
        _entity("employee", "Employee", _EMPLOYEE),
        _entity("customer", "Customer", _CUSTOMER),
        _entity("contact", "Contact", _CONTACT),
        _entity("job", "Job", _JOB),
        _entity("note", "Note", _NOTE),
    )
}
"""The entities, parents before children."""


def describe(account: str) -> SourceSchema:
    """Return the schema of an account."""
    return SourceSchema("kickserv", account, tuple(ENTITIES.values()))


def settle(entity: EntityName, row: Row) -> Row:
    """Return a row whose documented fields have their documented types where nothing is lost by it.

    The type stands in each answer, and it changes: the same amount comes as float and as
    integer, and an id may lose its type. A text that cannot be read stays a text.
    """
    fields = ENTITIES[entity].fields
    settled = dict(row)
    for name, value in row.items():
        if name in fields:
            settled[name] = _settled(value, fields[name].type)
    return settled


def _settled(value: Value, kind: FieldType) -> Value:
    if kind is FieldType.DECIMAL and isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if kind in {FieldType.TEXT, FieldType.NESTED} or not isinstance(value, str) or not value:
        return value
    try:
        return read_as(kind.value, value)
    except ValueError:
        return value
