"""Queues: rows that wait in one, and who works on them.

Facts: names and parameters of the four actions, and that a row is in one queue at a time, are stated in the message
reference; queue and row in the properties of a new item are ignored, as stated there too.
"""

from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.errors import invalid_argument
from transload_sandbox.dataverse.model import Row
from transload_sandbox.dataverse.wire import Response, no_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.business.actions import Call
    from transload_sandbox.dataverse.writer import Writer

_ITEM = "queueitem"
_IGNORED = ("queueid", "objectid", "@odata.type")


def complete(writer: "Writer", change: Change) -> None:
    """Name a new item after its row, and note when it came and when its worker did."""
    row = change.row
    if change.former is None:
        row["enteredon"] = writer.now
        target = writer.environment.model.tables.get(str(row["objectid__type"]))
        found = writer.peek(target.name, row["objectid"]) if target else None
        row["title"] = found[target.primary_name] if target and target.primary_name and found else None
    if change.moved("workerid") and row["workerid"] != (change.former or {}).get("workerid"):
        row["workeridmodifiedon"] = writer.now


def add(call: "Call") -> Response:
    """Answer AddToQueue: a row comes into a queue, or moves there from the one that it is in.

    Raises:
        ODataError: The row does not exist, it cannot be in queues, or it is in another queue than the source.
    """
    call.expect(required=("Target",), optional=("SourceQueue", "QueueItemProperties"))
    name = str(call.mapping("Target").get("@odata.type")).rpartition(".")[2]
    table = call.environment.model.tables[_ITEM]
    if name not in table.columns["objectid"].targets or name not in call.environment.model.tables:
        raise invalid_argument("'@odata.type' of Target must be a table whose rows can be in queues.")
    target_id = call.reference("Target", name)
    call.fetch(name, target_id)
    queue_id = str((call.row or {})["queueid"])
    given = call.mapping("QueueItemProperties") if call.value("QueueItemProperties") else {}
    body = {each: value for each, value in given.items() if each.partition("@")[0].partition("_")[0] not in _IGNORED}
    body["queueid@odata.bind"] = f"/queues({queue_id})"
    former = call.environment.store.find(table, {"objectid": target_id})
    source = call.reference("SourceQueue", "queue") if call.value("SourceQueue") else None
    if source is not None and not any(item["queueid"] == source for item in former):
        raise invalid_argument("The record is not in the source queue.")
    if former:
        call.writer.update(table, [(former[0], body)])
        return call.result({"QueueItemId": former[0]["queueitemid"]})
    entity_set = call.environment.model.tables[name].entity_set
    [item] = call.writer.create(table, [{**body, f"objectid_{name}@odata.bind": f"/{entity_set}({target_id})"}])
    return call.result({"QueueItemId": item["queueitemid"]})


def pick(call: "Call") -> Response:
    """Answer PickFromQueue: a user works on an item, or takes it out of its queue altogether.

    Raises:
        ODataError: There is no such user.
    """
    call.expect(required=("SystemUser",), optional=("RemoveQueueItem",))
    worker = call.reference("SystemUser", "systemuser")
    if call.value("RemoveQueueItem") is True:
        return remove(call)
    return _work(call, f"/systemusers({worker})")


def release(call: "Call") -> Response:
    """Answer ReleaseToQueue: nobody works on an item any more."""
    return _work(call, None)


def remove(call: "Call") -> Response:
    """Answer RemoveFromQueue."""
    call.writer.delete(call.environment.model.tables[_ITEM], str(_item(call)["queueitemid"]))
    return no_content()


def _work(call: "Call", worker: str | None) -> Response:
    table = call.environment.model.tables[_ITEM]
    call.writer.update(table, [(_item(call), {"workerid_systemuser@odata.bind": worker})])
    return no_content()


def _item(call: "Call") -> Row:
    return call.row or {}
