"""The documented fields of each entity, as data: ``name:type`` words, text without a type.

Customer and job follow the answers recorded in 2017 and 2018; the others follow what is
known of their other representations and may differ. Accounts add fields of their own:
records may hold more than is listed, and often hold less. Secrets are not listed, because
they are never read. What is computed stands apart, under ``DERIVED``.
"""

from collections.abc import Mapping


def words(text: str) -> frozenset[str]:
    """Return the words of a text as names."""
    return frozenset(text.split())


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

_ITEM = """
id:integer name full_name description item_type price:decimal cost:decimal active:boolean parent_list_id list_id
sublevel:integer edit_sequence sales_tax_code_ref_full_name sales_tax_code_ref_list_id created_on:dateTime
updated_on:dateTime
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

_INVOICE = """
id:integer job_number:integer customer_id:integer name subtotal:decimal tax:decimal total:decimal
balance_remaining:decimal sales_tax_percentage:decimal tax_id:integer invoice_status invoice_date:dateTime
invoice_sent_date:dateTime invoice_viewed_on:dateTime invoice_paid_on:dateTime invoice_terms invoice_notes
detailed_invoice:boolean po_number ref_number txn_id txn_number txn_date:dateTime completed_on:dateTime
created_at:dateTime updated_at:dateTime created_by:integer updated_by:integer
"""

_CHARGE = """
id:integer job_id:integer description details quantity:decimal price_per_unit:decimal discount:decimal
total:decimal item_id:integer job_charge_type_id:integer tax_id:integer sales_tax_code_id:integer
sort_order:integer created_on:dateTime updated_at:dateTime updated_by:integer deleted_at:dateTime
qb_txn_line_id txn_line_id item_ref_list_id recurring_item_parent_id:integer
"""

_PAYMENT = """
id:integer job_id:integer customer_id:integer date:date amount:decimal payment_type notes ref_number status
txn_id stripe_payment_id qb_error created_at:dateTime updated_at:dateTime updated_by:integer
deleted_at:dateTime
"""

_EVENT = """
id:integer job_id:integer customer_id:integer name description task_type_id:integer scheduled_at:dateTime
ends_at:dateTime duration:decimal completed_on:dateTime created_at:dateTime updated_at:dateTime
created_by:integer updated_by:integer
"""

_TIME_ENTRY = """
id:integer job_id:integer employee_id:integer started_on:dateTime ended_on:dateTime number_of_hours:decimal
billable:boolean note mileage:decimal time_entry_type_id:integer created_at:dateTime updated_at:dateTime
"""

_NOTE = """
id:integer noteable_id:integer noteable_type note public:boolean created_by:integer updated_by:integer
created_at:dateTime updated_at:dateTime
"""

_ATTACHMENT = """
id:integer job_id:integer customer_id:integer file_name content_type file_size:integer description url
created_by:integer created_at:dateTime updated_at:dateTime content:nested
"""

DOCUMENTED: Mapping[str, tuple[str, str]] = {
    "employee": ("Employee", _EMPLOYEE),
    "category": ("Category", ""),
    "item": ("Item", _ITEM),
    "job_type": ("Job type", "id:integer name active:boolean"),
    "job_status": ("Job status", "id:integer name job_type_id:integer"),
    "tax_entity": ("Tax entity", "id:integer name rate:decimal active:boolean"),
    "tag": ("Tag", "id:integer name"),
    "customer": ("Customer", _CUSTOMER),
    "contact": ("Contact", _CONTACT),
    "job": ("Job", _JOB),
    "estimate": ("Estimate", _JOB),
    "invoice": ("Invoice", _INVOICE),
    "charge": ("Charge", _CHARGE),
    "payment": ("Payment", _PAYMENT),
    "event": ("Event", _EVENT),
    "time_entry": ("Time entry", _TIME_ENTRY),
    "note": ("Note", _NOTE),
    "assignment": ("Assignment", ""),
    "tagging": ("Tagging", "id tag_id:integer parent_entity parent_id:integer"),
    "attachment": ("Attachment", _ATTACHMENT),
}
"""Label and fields of each entity; parents before children."""

_ON_JOB = """
job_type_name job_status_name tax_name employee_ids:nested assigned_to:integer tag_names:nested tag_ids:nested urgency
"""
SITE = ("service_address", "service_address_2", "service_city", "service_state", "service_zip_code", "service_country")
"""What a customer says of the place where its jobs are done."""
POINT = ("latitude", "longitude")
"""Where that place is, in degrees."""
_SUMS = "lines_total:decimal difference:decimal"

DERIVED: Mapping[str, str] = {
    "employee": "role archived:boolean",
    "category": "id name",
    "item": "category kind derived:boolean",
    "customer": """primary_contact_id:integer parent_customer_id:integer is_individual:boolean tag_names:nested
        tag_ids:nested tax_name""",
    "contact": "implied:boolean",
    "job": f"""{_ON_JOB} has_order:boolean order_state settled estimate_id:integer primary_contact_id:integer
        {" ".join(SITE)} {":decimal ".join(POINT)}:decimal {_SUMS}""",
    "estimate": f"{_ON_JOB} stage expires_on:dateTime job_id:integer {_SUMS}",
    "invoice": f"job_id:integer number state due_on:date paid_amount:decimal tax_name assigned_to:integer {_SUMS}",
    "charge": """customer_id:integer kind position:integer line_quantity:decimal line_price:decimal
        line_discount:decimal line_tax:decimal line_total:decimal line_amount:decimal recomputed:boolean derived:boolean
        on_estimate:boolean on_order:boolean on_invoice:boolean""",
    "payment": "invoice_id:integer owned_by:integer derived:boolean",
    "event": """kind duration_minutes:integer employee_ids:nested employee_names:nested assigned_to:integer
        contact_id:integer parent_entity parent_id:integer state bookable:boolean derived:boolean""",
    "assignment": """id event_id:integer employee_id:integer job_id:integer name description scheduled_at:dateTime
        ends_at:dateTime duration_minutes:integer completed_on:dateTime created_at:dateTime created_by:integer state
        bookable:boolean""",
    "time_entry": """customer_id:integer parent_entity duration_minutes:integer break_minutes:integer
        ended_at:dateTime running:boolean open:boolean""",
    "note": "parent_entity parent_id:integer byline more",
    "tagging": "tag_name",
    "attachment": "parent_entity parent_id:integer content_error byline more",
}
"""What the source computes for the mappings' sake."""

ESTIMATE_ON_JOB = words(
    """id job_number customer_id name description created_at updated_at created_by updated_by deleted_at subtotal
    tax total balance_remaining sales_tax_percentage tax_id po_number estimate_type estimate_scheduled_on
    estimate_sent_on estimate_viewed_on won_date lost_date canceled_on estimate_terms estimate_notes
    job_type_id item_sales_tax_ref_full_name
    job_type_name tax_name employee_ids assigned_to lines_total difference"""
)
"""What of a job its estimate carries; an opportunity's estimate carries everything."""

SLOTTED = frozenset({"customer", "job", "estimate"})
"""Entities with fields of the account's own."""
