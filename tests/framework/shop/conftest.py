"""A shop whose jobs become cases, invoices and appointments at once: what the richer mappings are tried on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from transload.testing import ClientFolder, ProjectFactory
from transload.values import (
    ColumnType,
    EntityName,
    FieldType,
    SourceEntity,
    SourceField,
    TableName,
    TargetColumn,
    TargetState,
    TargetTable,
)

READY = ("audit", "plan", "approve mapping", "prepare", "sample")

DOCUMENTS = {
    "employee": """\
entity: employee
table: systemuser
match: {on: {email: email}}
dropped: {id: The id map keeps it}
""",
    "company": """\
entity: company
records: customer
table: account
when: {kind: [company]}
key: {column: "{prefix}_customerid", from: id}
fields:
  name: {from: name}
  ownerid: {lookup: employee, from: employee_id, missing: fallback, empty: fallback}
""",
    "person": """\
entity: person
records: customer
table: contact
when: {kind: [private, null]}
key: {column: "{prefix}_customerid", from: id}
fields:
  fullname: {from: name}
""",
    "price_list": """\
entity: price_list
table: pricelevel
key: {from: id}
given:
  - {id: main, name: Standard}
  - {id: old, name: Before the migration}
fields: {name: {from: name}}
""",
    "product": """\
entity: product
table: product
key: {from: id}
fields:
  name: {from: name}
  parentid: {lookup: product, from: parent_id, missing: empty}
activate: {statecode: {value: Active}}
finish: {statecode: {from: sold, values: {"true": Active, "false": Retired}}}
""",
    "tag": """\
entity: tag
table: "{prefix}_tag"
new_table: {label: Tag, plural: Tags, readers: {Clerk: own, Manager: all}}
key: {column: "{prefix}_sourceid", from: id}
fields: {"{prefix}_name": {from: name}}
""",
    "job": """\
entity: job
table: incident
key: {column: "{prefix}_jobid", from: id}
flag: "{prefix}_review"
fields:
  title: {from: name}
  customerid: {lookup: [company, person], from: customer_id}
  "{prefix}_tagid": {lookup: tag, from: main_tag_id, custom: {type: lookup, label: Tag, targets: ["{table:tag}"]}}
  "{prefix}_trades": {from: trades, custom: {type: choices, label: Trades, options: [Roof, Garden, Paint]}}
  currencyid: {find: {table: currency, column: code}, from: currency, values: {dollars: USD, euros: EUR}}
dropped: {internal: Bookkeeping of the source}
""",
    "job_tag": """\
entity: job_tag
table: incident
link:
  relationship: "{prefix}_incident_tag"
  label: Tags
  row: {lookup: job, from: job_id}
  other: {lookup: tag, from: tag_id}
dropped: {id: A link has no id}
""",
    "invoice": """\
entity: invoice
records: job
table: invoice
when: {invoice_number: filled}
key: {column: "{prefix}_invoiceid", from: id}
fields:
  name: {from: invoice_number}
  incidentid: {lookup: job, from: id}
  pricelevelid: {lookup: price_list, value: main}
finish: {statecode: {from: paid, values: {"true": Paid, "false": Active}}}
computed: {totalamount: {from: total}}
""",
    "line": """\
entity: line
table: invoicedetail
key: {from: id}
fields:
  invoiceid: {lookup: invoice, from: job_id}
  productid: {lookup: product, from: product_id}
  amount: {from: amount}
""",
    "visit": """\
entity: visit
records: job
table: appointment
when: {attendee_ids: filled}
key: {from: id}
fields:
  subject: {from: name}
  requiredattendees: {lookup: [company, person], from: attendee_ids}
""",
    "photo": """\
entity: photo
table: annotation
key: {from: id}
fields:
  subject: {from: title}
  objectid: {lookup: job, from: job_id}
  documentbody: {from: image}
""",
}

TABLE_COLUMNS: dict[str, tuple[TargetColumn, ...]] = {
    "systemuser": (TargetColumn("email", ColumnType.TEXT),),
    "currency": (TargetColumn("code", ColumnType.TEXT),),
    "account": (
        TargetColumn("name", ColumnType.TEXT, max_length=50),
        TargetColumn("ownerid", ColumnType.LOOKUP, targets=(TableName("systemuser"),), cascades=True),
    ),
    "contact": (TargetColumn("fullname", ColumnType.TEXT, max_length=50),),
    "pricelevel": (TargetColumn("name", ColumnType.TEXT, max_length=50),),
    "product": (
        TargetColumn("name", ColumnType.TEXT, max_length=50),
        TargetColumn("parentid", ColumnType.LOOKUP, targets=(TableName("product"),)),
    ),
    "incident": (
        TargetColumn("title", ColumnType.TEXT, max_length=50),
        TargetColumn("customerid", ColumnType.LOOKUP, targets=(TableName("account"), TableName("contact"))),
        TargetColumn("currencyid", ColumnType.LOOKUP, targets=(TableName("currency"),)),
        TargetColumn("ownerid", ColumnType.LOOKUP, targets=(TableName("systemuser"),), cascades=True),
    ),
    "invoice": (
        TargetColumn("name", ColumnType.TEXT, max_length=50),
        TargetColumn("incidentid", ColumnType.LOOKUP, targets=(TableName("incident"),)),
        TargetColumn("pricelevelid", ColumnType.LOOKUP, targets=(TableName("pricelevel"),), required=True),
        TargetColumn("totalamount", ColumnType.MONEY, precision=2, creatable=False, updatable=False),
    ),
    "invoicedetail": (
        TargetColumn("invoiceid", ColumnType.LOOKUP, targets=(TableName("invoice"),), required=True),
        TargetColumn("productid", ColumnType.LOOKUP, targets=(TableName("product"),)),
        TargetColumn("amount", ColumnType.MONEY, precision=2),
    ),
    "appointment": (
        TargetColumn("subject", ColumnType.TEXT, max_length=50),
        TargetColumn("requiredattendees", ColumnType.PARTIES, targets=(TableName("account"), TableName("contact"))),
    ),
    "annotation": (
        TargetColumn("subject", ColumnType.TEXT, max_length=50),
        TargetColumn("objectid", ColumnType.LOOKUP, targets=(TableName("incident"),)),
        TargetColumn("documentbody", ColumnType.FILE),
    ),
}
STATES = {
    "invoice": (
        TargetState(0, "Active", {1: "New"}, 1),
        TargetState(2, "Paid", {100001: "Complete"}, 100001, read_only=True),
    ),
    "product": (
        TargetState(2, "Draft", {0: "Draft"}, 0),
        TargetState(0, "Active", {1: "Active"}, 1, read_only=True),
        TargetState(1, "Retired", {2: "Retired"}, 2, read_only=True),
    ),
}
LOCKED_BY = {"invoicedetail": "invoiceid"}
TEXT, NUMBER, AMOUNT, YES, LIST = (
    FieldType.TEXT, FieldType.INTEGER, FieldType.DECIMAL, FieldType.BOOLEAN, FieldType.NESTED,
)  # fmt: skip
ENTITIES = {
    "employee": {"id": NUMBER, "email": TEXT},
    "customer": {"id": NUMBER, "name": TEXT, "kind": TEXT, "employee_id": NUMBER},
    "product": {"id": NUMBER, "name": TEXT, "parent_id": NUMBER, "sold": YES},
    "tag": {"id": NUMBER, "name": TEXT},
    "job": {
        "id": NUMBER, "name": TEXT, "customer_id": NUMBER, "main_tag_id": NUMBER, "trades": LIST, "currency": TEXT,
        "invoice_number": TEXT, "paid": YES, "total": AMOUNT, "attendee_ids": LIST, "internal": TEXT,
    },
    "job_tag": {"id": TEXT, "job_id": NUMBER, "tag_id": NUMBER},
    "line": {"id": NUMBER, "job_id": NUMBER, "product_id": NUMBER, "amount": AMOUNT},
    "photo": {"id": NUMBER, "job_id": NUMBER, "title": TEXT, "image": LIST},
}  # fmt: skip


@pytest.fixture
def shop(project: ProjectFactory) -> ClientFolder:
    """The shop before any stage."""
    return found_shop(project)


@pytest.fixture
def final_shop(shop: ClientFolder) -> ClientFolder:
    """The shop before any stage, with a target that opens no invoice again once it is paid."""
    active, paid = STATES["invoice"]
    build_target(shop, {**STATES, "invoice": (active, replace(paid, final=True))})
    return shop


@pytest.fixture(scope="session")
def _sampled_shop(tmp_path_factory: pytest.TempPathFactory) -> ClientFolder:
    client = found_shop(ProjectFactory(tmp_path_factory.mktemp("shop")))
    last = client.walk(*READY)
    assert last.exit_code == 0, last.output + last.errors
    return client


@pytest.fixture(scope="session")
def full_shop(
    copy_client: Callable[[ClientFolder, Path], ClientFolder],
    tmp_path_factory: pytest.TempPathFactory,
    _sampled_shop: ClientFolder,
) -> ClientFolder:
    """The shop after the run, to be looked at and never changed."""
    client = copy_client(_sampled_shop, tmp_path_factory.mktemp("full_shop"))
    last = client.walk("run")
    assert last.exit_code == 0, last.output + last.errors
    return client


@pytest.fixture
def ready_shop(
    copy_client: Callable[[ClientFolder, Path], ClientFolder], tmp_path: Path, _sampled_shop: ClientFolder
) -> ClientFolder:
    """The shop after the sample: the next stage is the run."""
    return copy_client(_sampled_shop, tmp_path / "ready_shop")


@pytest.fixture
def loaded_shop(
    copy_client: Callable[[ClientFolder, Path], ClientFolder], tmp_path: Path, full_shop: ClientFolder
) -> ClientFolder:
    """The shop after the run."""
    return copy_client(full_shop, tmp_path / "loaded_shop")


def found_shop(project: ProjectFactory) -> ClientFolder:
    """Make the shop: six customers, a job each; every second job is invoiced, every fourth is paid."""
    client = project(
        run={"batch_size": 2, "workers": 2},
        sample={"records": 1},
        memory_sink={"fallback": {"systemuser": "user-0"}},
    )
    for name, document in DOCUMENTS.items():
        client.write_mapping(name, document)
    build_target(client)
    client.source.found(
        *(
            SourceEntity(EntityName(name), name, {f: SourceField(f, kind) for f, kind in fields.items()})
            for name, fields in ENTITIES.items()
        )
    )
    put_records(client)
    return client


def build_target(client: ClientFolder, states: Mapping[str, tuple[TargetState, ...]] = STATES) -> None:
    target = client.target
    target.build(
        *(
            TargetTable(
                TableName(name), name, f"{name}id", columns[0].name, {c.name: c for c in columns},
                states=states.get(name, ()), locked_by=LOCKED_BY.get(name, ""),
            )
            for name, columns in TABLE_COLUMNS.items()
        )
    )  # fmt: skip
    target.total("invoice", "totalamount", of="invoicedetail", amount="amount", by="invoiceid")
    target.put("systemuser", "user-0", email="office@example.com")
    target.put("systemuser", "user-1", email="ada@example.com")
    target.put("currency", "usd", code="USD")
    target.put("currency", "eur", code="EUR")


def put_records(client: ClientFolder) -> None:
    source = client.source
    source.put("employee", "1", id=1, email="ada@example.com")
    source.put("employee", "2", id=2, email="grace@example.com")
    for number, (name, parent, sold) in enumerate([("Hours", 2, True), ("Work", None, True), ("Fax", 2, False)], 1):
        source.put("product", str(number), id=number, name=name, parent_id=parent, sold=sold)
    for number, name in enumerate(("urgent", "garden"), 1):
        source.put("tag", str(number), id=number, name=name)
    for number in range(1, 7):
        kind = {0: "company", 1: "private", 2: None}[number % 3]
        source.put("customer", str(number), id=number, name=f"Customer {number}", kind=kind, employee_id=number % 2 + 1)
        invoiced = number % 2 == 0
        source.put(
            "job", str(number), id=number, name=f"Job {number}", customer_id=number,
            main_tag_id=1 if number == 1 else None, trades=("Roof", "Paint") if number == 2 else (),
            currency="dollars" if number < 4 else "euros", invoice_number=f"I-{number}" if invoiced else "",
            paid=number % 4 == 0, total=Decimal(30) if invoiced else None,
            attendee_ids=(number, 3) if number in (1, 5) else (), internal="x",
        )  # fmt: skip
        source.put("job_tag", f"{number}-1", id=f"{number}-1", job_id=number, tag_id=1)
        for line in (10 * number, 10 * number + 1) if invoiced else ():
            source.put("line", str(line), id=line, job_id=number, product_id=line % 3 + 1, amount=Decimal(15))
    source.put("photo", "1", id=1, job_id=1, title="Before")
    source.attach("photo", "1", "image", b"a roof", "roof.jpg")
