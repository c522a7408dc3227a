"""BulkDelete: a job that deletes what its queries find, row by row; what cannot go is listed.

Facts: the bodies of the action, the operators of a query expression and the states of the job are those of the
Web API reference.
"""

from collections.abc import Callable, Mapping

import orjson
import sqlalchemy as sa

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business.actions import Call
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.model import Row, Table
from transload_sandbox.dataverse.wire import Response
from transload_sandbox.dataverse.writer import Writer

_OPERATION = 13
_WAITING: Row = {"statecode": 1, "statuscode": 10}
_SUCCEEDED: Row = {"statecode": 3, "statuscode": 30}
_PARAMETERS = (
    "ToRecipients", "CCRecipients", "RecurrencePattern", "StartDateTime", "SendEmailNotification", "Options",
    "SourceImportId", "RunNow",
)  # fmt: skip

_OPERATORS: Mapping[str, Callable[[sa.ColumnElement[object], list[object]], sa.ColumnElement[bool]]] = {
    "Equal": lambda column, values: column == values[0],
    "NotEqual": lambda column, values: column != values[0],
    "In": lambda column, values: column.in_(values),
    "NotIn": lambda column, values: column.not_in(values),
    "Null": lambda column, _values: column.is_(None),
    "NotNull": lambda column, _values: column.is_not(None),
    "GreaterThan": lambda column, values: column > values[0],
    "GreaterEqual": lambda column, values: column >= values[0],
    "LessThan": lambda column, values: column < values[0],
    "LessEqual": lambda column, values: column <= values[0],
    "Like": lambda column, values: column.like(str(values[0])),
    "BeginsWith": lambda column, values: column.startswith(str(values[0]), autoescape=True),
    "Contains": lambda column, values: column.contains(str(values[0]), autoescape=True),
    "Between": lambda column, values: column.between(values[0], values[1]),
}


def start(call: Call) -> Response:
    """Answer BulkDelete with the id of the job.

    Raises:
        ODataError: The caller may not, or a query cannot be understood.
    """
    call.expect(required=("QuerySet", "JobName"), optional=_PARAMETERS)
    call.environment.security.demand("prvBulkDelete")
    queries = call.value("QuerySet")
    if not isinstance(queries, list) or not all(isinstance(each, Mapping) for each in queries):
        raise errors.invalid_argument("'QuerySet' must be a list of query expressions.")
    for query in queries:
        _statement(call.environment, query)
    job: Row = {
        "name": str(call.value("JobName")),
        "operationtype": _OPERATION,
        "data": orjson.dumps({"user": call.writer.caller_id, "queries": queries}).decode(),
        "postponeuntil": str(call.value("StartDateTime") or call.writer.now)[:19].rstrip("Z") + "Z",
    }
    row = call.writer.follow_up("asyncoperation", {}, job)
    progress: Row = {"asyncoperationid": row["asyncoperationid"], "name": job["name"]}
    operation = call.writer.follow_up("bulkdeleteoperation", {}, progress)
    if str(job["postponeuntil"]) > call.writer.now:
        _settle(call.environment, row, operation, _WAITING)
    call.environment.jobs.append(str(row["asyncoperationid"]))
    return call.result({"JobId": row["asyncoperationid"]})


def run_jobs(environment: Environment) -> None:
    """Run the jobs whose time has come; called at the start of every request."""
    table = environment.model.tables["asyncoperation"]
    for job_id in list(environment.jobs):
        job = environment.store.fetch(table, [job_id]).get(job_id)
        if job is not None and str(job["postponeuntil"]) > environment.now():
            continue
        environment.jobs.remove(job_id)
        if job is not None and job["statecode"] in {0, 1}:
            with environment.transaction():
                _run(environment, job)


def _run(environment: Environment, job: Row) -> None:
    plan = orjson.loads(str(job["data"]))
    writer = Writer(environment, plan["user"])
    [operation] = environment.store.find(
        environment.model.tables["bulkdeleteoperation"], {"asyncoperationid": job["asyncoperationid"]}
    )
    counts = {"successcount": 0, "failurecount": 0}
    job["startedon"] = environment.now()
    with environment.security.acting(plan["user"], None):
        for index, query in enumerate(plan["queries"]):
            target = environment.model.tables[str(query["EntityName"])]
            found = environment.store.select(_statement(environment, query))
            for (row_id,) in found:
                try:
                    writer.delete_alone(target, str(row_id))
                    counts["successcount"] += 1
                except ODataError as error:
                    _note_failure(environment, operation, index, str(row_id), error)
                    counts["failurecount"] += 1
    job["completedon"] = environment.now()
    operation |= counts
    _settle(environment, job, operation, _SUCCEEDED)


def _settle(environment: Environment, job: Row, operation: Row, state: Row) -> None:
    """Bring a job and what shows its progress to a state."""
    for name, row in (("asyncoperation", job), ("bulkdeleteoperation", operation)):
        row |= {**state, "versionnumber": environment.store.next_version()}
        environment.store.update(environment.model.tables[name], [row])


def _note_failure(environment: Environment, operation: Row, index: int, row_id: str, error: ODataError) -> None:
    table = environment.model.tables["bulkdeletefailure"]
    row: Row = environment.plan(table).template | {
        "bulkdeletefailureid": environment.new_id(),
        "asyncoperationid": operation["asyncoperationid"],
        "bulkdeleteoperationid": operation["bulkdeleteoperationid"],
        "errordescription": error.message[:512],
        "errornumber": int(error.code or "0", 16) - 2**32,
        "orderedqueryindex": index,
        "regardingobjectid": row_id,
    }
    environment.store.insert(table, [row])


def _statement(environment: Environment, query: Mapping[str, object]) -> sa.Select[object]:
    table = environment.model.tables.get(str(query.get("EntityName")))
    if table is None:
        raise ODataError(404, "0x80060888", f"Could not find an entity with name {query.get('EntityName')}.")
    environment.store.statements(table)
    columns: dict[str, sa.ColumnClause[object]] = {name: sa.column(name) for name, _ in table.storage_columns()}
    source = sa.table(table.name, *columns.values())
    criteria = query.get("Criteria")
    where = _where(table, columns, criteria) if isinstance(criteria, Mapping) else sa.true()
    return sa.select(columns[table.primary_id]).select_from(source).where(where)


def _where(
    table: Table, columns: Mapping[str, sa.ColumnClause[object]], group: Mapping[str, object]
) -> sa.ColumnElement[bool]:
    terms: list[sa.ColumnElement[bool]] = []
    conditions, inner = group.get("Conditions") or (), group.get("Filters") or ()
    for condition in conditions if isinstance(conditions, list) else ():
        name, operator = str(condition.get("AttributeName")), str(condition.get("Operator"))
        if name not in columns:
            raise errors.unknown_select(table.name, name)
        if operator not in _OPERATORS:
            raise errors.invalid_argument(f"The condition operator '{operator}' is not supported.")
        values = [_value(each) for each in condition.get("Values") or ()]
        terms.append(_OPERATORS[operator](columns[name], values))
    terms += [_where(table, columns, each) for each in (inner if isinstance(inner, list) else ())]
    if not terms:
        return sa.true()
    return sa.or_(*terms) if group.get("FilterOperator") == "Or" else sa.and_(*terms)


def _value(value: object) -> object:
    raw = value.get("Value") if isinstance(value, Mapping) else value
    kind = str(value.get("Type", "")) if isinstance(value, Mapping) else ""
    if kind == "System.Guid":
        return str(raw).lower()
    if kind in {"System.Int32", "System.Int64"}:
        return int(str(raw))
    if kind == "System.Boolean":
        return int(str(raw).lower() == "true")
    return raw
