"""The elements of every kind of record, with their types, in wire order.

Customer and job follow the recordings of 2018; what that year added is named in `ADDED_IN_2018`, so that an
account of 2017 can be shown too. All other shapes are agreed, not recorded: a real account may differ.
"""

from functools import cache

from transload_sandbox.kickserv.wire import Field, Layout, names, parse_layout

ADDED_IN_2018 = frozenset(
    names("last_job_completed_number last_job_completed_at last_job_completed_name last_recurring_date recurring_ended")
)


def _slots(first: int, last: int) -> str:
    return " ".join(
        f"custom_text{n} custom_number{n}:decimal custom_datetime{n}:dateTime" for n in range(first, last + 1)
    )


def _text_slots(first: int, last: int) -> str:
    return " ".join(f"custom_text{n}" for n in range(first, last + 1))


def _layout(tag: str, specification: str, *nested: Field) -> Layout:
    return Layout(tag, (*parse_layout(tag, specification), *nested))


_CUSTOMER_FIELDS = f"""
id:integer customer_number:integer origin created_at:dateTime name phone_number fax service_address
service_city service_state service_zip_code billing_address billing_city billing_state billing_zip_code
special_instructions email_address alt_phone_number parent_id:integer password_digest list_id
time_created:dateTime time_modified:dateTime edit_sequence full_name is_active:boolean parent_ref_list_id
sublevel:integer company_name first_name last_name phone mobile pager alt_phone email contact alt_contact
customer_type_ref_full_name terms_ref_full_name sales_rep_ref_full_name balance:decimal total_balance:decimal
sales_tax_code_ref_full_name item_sales_tax_ref_full_name resale_number account_number credit_limit:decimal
preferred_payment_method_ref_full_name job_status job_start_date:dateTime job_projected_end_date:dateTime
job_end_date:dateTime job_desc job_type_ref_full_name is_statement_with_parent:boolean delivery_method
price_level_ref_full_name {_slots(1, 10)} updated_at:dateTime service_country billing_country
sales_tax_code_ref_list_id item_sales_tax_ref_list_id {_text_slots(11, 20)} created_by:integer
updated_by:integer tax_id:integer which_billing_address customer_type_id:integer customer_source_id:integer
import_id:integer stripe_customer_id token remember_me_token latitude:float longitude:float company:boolean
deleted_at:dateTime qb_error send_reminders:boolean notification_email_address notification_phone_number
notify_via_email:boolean notify_via_sms:boolean send_notifications:boolean notification_email
sales_terms_ref_id sales_tax_code_id:integer service_address_2 billing_address_2
last_job_completed_number:integer last_job_completed_at:dateTime last_job_completed_name
"""

_CHILD = _layout("child", _CUSTOMER_FIELDS)
CUSTOMER = _layout("customer", _CUSTOMER_FIELDS, Field("children", "array", _CHILD, ' type="Customer"'))

_ALLOCATION = _layout("allocation", "id:reference amount:number edited:boolean manual:boolean allocation_type")
_ALLOCATIONS = Layout(
    "job-allocations", (Field("allocations", "array", _ALLOCATION), Field("include_expenses", "boolean"))
)
_JOB_BEFORE = f"""
id:integer customer_id:integer job_number:integer created_at:dateTime name scheduled_on:dateTime
completed_on:dateTime ok_to_sync:boolean txn_id edit_sequence ref_number subtotal:decimal tax:decimal
balance_remaining:decimal estimate_type self_service:boolean {_slots(1, 10)} total:decimal
recurring_job_id:integer recurring_interval updated_at:dateTime job_type_id:integer job_status_id:integer
recurring_end_date:dateTime customer_ref_list_id txn_number txn_date:dateTime sales_tax_percentage:decimal
item_sales_tax_ref_list_id item_sales_tax_ref_full_name customer_sales_tax_code_ref_list_id
customer_sales_tax_code_ref_full_name {_text_slots(11, 20)} duration:decimal ends_at:dateTime
created_by:integer updated_by:integer invoice_terms invoice_notes estimate_terms estimate_notes tax_id:integer
ship_date:dateTime ship_method_ref_full_name description chosen_days_of_week:array
max_recurring_iterator:integer recurring_iterator:integer detailed_invoice:boolean service_type_id:integer
status invoice_status invoice_date:dateTime invoice_sent_date:dateTime tasks_count:integer won_date:dateTime
po_number deleted_at:dateTime schedule on_hold:dateTime estimate_scheduled_on:dateTime
estimate_sent_on:dateTime estimate_viewed_on:dateTime invoice_viewed_on:dateTime lost_date:dateTime
started_on:dateTime canceled_on:dateTime qb_error invoice_paid_on:dateTime notification_sent:boolean
total_expenses:decimal recurring_date:dateTime
"""
JOB = _layout("job", _JOB_BEFORE, Field("job_allocations", "object", _ALLOCATIONS)).with_fields(
    parse_layout("job", "last_recurring_date:dateTime recurring_ended:boolean")
)
OPPORTUNITY = Layout("opportunity", JOB.fields)
INVOICE = Layout("invoice", JOB.fields)

CONTACT = _layout(
    "contact",
    "id:integer customer_id:integer first_name last_name title phone1 phone2 email1 email2 is_primary:boolean"
    " created_at:dateTime updated_at:dateTime deleted_at:dateTime",
)
NOTE = _layout(
    "note",
    "id:integer noteable_id:integer noteable_type note public:boolean created_by:integer updated_by:integer"
    " created_at:dateTime updated_at:dateTime",
)
EMPLOYEE = _layout(
    "employee",
    "id:integer list_id edit_sequence employee_number:integer hired_date:dateTime created_at:dateTime name"
    " username"
    " password_salt encrypted_password email_address admin:boolean is_account_owner:boolean active:boolean"
    " can_login:boolean limit_access_to_assignments:boolean address city state zip_code home_phone"
    " cell_phone pager"
    " notify_via_email:boolean notify_via_mobile:boolean notification_email_address"
    " notification_mobile_number"
    " notification_mobile_host remember_token remember_me_token_expires_at:dateTime custom_text1"
    " custom_number1:decimal custom_datetime1:dateTime updated_at:dateTime",
)
_EMPLOYEE_ON_JOB = _layout("employee", "id:integer employee_number:integer name email_address")
_EMPLOYEE_ON_TASK = _layout("employee", "id:integer employee_number:integer name")
ITEM = _layout(
    "item",
    "id:integer created_on:dateTime updated_on:dateTime parent_list_id list_id edit_sequence name"
    " sublevel:integer"
    " item_type price:decimal active:boolean sales_tax_code_ref_full_name full_name description"
    " sales_tax_code_ref_list_id",
)
JOB_CHARGE = _layout(
    "job-charge",
    "id:integer job_id:integer created_on:dateTime description quantity:decimal price_per_unit:decimal"
    " item_id:integer qb_txn_line_id details item_ref_list_id txn_line_id total:decimal"
    " job_charge_type_id:integer"
    " updated_by:integer recurring_item_parent_id:integer deleted_at:dateTime tax_id:integer"
    " sales_tax_code_id:integer discount:decimal updated_at:dateTime sort_order:integer",
    Field("item", "object", ITEM),
)
TIME_ENTRY = _layout(
    "time-entry",
    "id:integer job_id:integer employee_id:integer started_on:dateTime ended_on:dateTime"
    " number_of_hours:decimal"
    " billable:boolean note mileage:decimal time_entry_type_id:integer created_at:dateTime"
    " updated_at:dateTime",
)
PAYMENT = _layout(
    "payment",
    "id:integer customer_id:integer job_id:integer date:date payment_type amount:decimal notes ref_number"
    " txn_id"
    " created_at:dateTime updated_at:dateTime updated_by:integer stripe_payment_id qb_error status"
    " deleted_at:dateTime",
)
TASK = _layout(
    "task",
    "id:integer job_id:integer customer_id:integer name description task_type_id:integer"
    " scheduled_at:dateTime"
    " ends_at:dateTime duration:integer completed_on:dateTime created_by:integer updated_by:integer"
    " created_at:dateTime updated_at:dateTime",
    Field("employees", "array", _EMPLOYEE_ON_TASK),
)
TASK_ALONE = TASK.with_fields(
    [
        Field("job", "object", _layout("job", "id:integer job_number:integer name status")),
        Field("customer", "object", _layout("customer", "id:integer customer_number:integer name")),
    ]
)
_FILE_FIELDS = (
    "file_name content_type file_size:integer description url created_by:integer created_at:dateTime"
    " updated_at:dateTime"
)
JOB_ATTACHMENT = _layout("attachment", f"id:integer job_id:integer {_FILE_FIELDS}")
CUSTOMER_ATTACHMENT = _layout("attachment", f"id:integer customer_id:integer {_FILE_FIELDS}")
TAG = _layout("tag", "id:integer name")
JOB_TYPE = _layout("job-type", "id:integer name active:boolean")
JOB_STATUS = _layout("job-status", "id:integer name job_type_id:integer")
TAX_ENTITY = _layout("tax-entity", "id:integer name rate:decimal active:boolean")
CUSTOM_FIELD = _layout(
    "custom-field",
    "id:integer applies_to name field_type column_name position:integer required:boolean active:boolean",
    Field("options", "array", _layout("option", "name")),
)
CUSTOM_FIELD_ASSIGNMENT = _layout(
    "custom-field-assignment",
    "id:integer custom_field_id:integer assignable_id:integer assignable_type value created_at:dateTime"
    " updated_at:dateTime",
    Field("custom_field", "object", _layout("custom-field", "id:integer name field_type")),
)

_COMMON_INCLUDES = (
    Field("notes", "array", NOTE),
    Field("tax_entity", "object", TAX_ENTITY),
    Field("custom_field_assignments", "array", CUSTOM_FIELD_ASSIGNMENT),
    Field("tags", "array", TAG),
)
INCLUDES: dict[str, dict[str, Field]] = {
    "customer": {
        field.name: field
        for field in (
            Field("contacts", "array", CONTACT),
            Field("jobs", "array", JOB),
            Field("tasks", "array", TASK),
            *_COMMON_INCLUDES,
            Field("attachments", "array", CUSTOMER_ATTACHMENT),
        )
    },
    "job": {
        field.name: field
        for field in (
            Field("customer", "object", _CHILD),
            Field("employees", "array", _EMPLOYEE_ON_JOB),
            Field("job_charges", "array", JOB_CHARGE),
            Field("time_entries", "array", TIME_ENTRY),
            Field("notes", "array", NOTE),
            Field("job_type", "object", JOB_TYPE),
            Field("job_status", "object", JOB_STATUS),
            *_COMMON_INCLUDES[1:],
            Field("attachments", "array", JOB_ATTACHMENT),
            Field("payments", "array", PAYMENT),
        )
    },
}
"""What ``include`` may name, per kind of record, in the order in which it is written."""


@cache
def including(layout: Layout, parts: tuple[str, ...], era: int = 2018) -> Layout:
    """Return a customer or job layout with the included elements at its end, as that year shows it."""
    known = INCLUDES["customer" if layout is CUSTOMER else "job"]
    full = layout.with_fields(known[part] for part in parts)
    return full if era >= 2018 else full.without(ADDED_IN_2018)
