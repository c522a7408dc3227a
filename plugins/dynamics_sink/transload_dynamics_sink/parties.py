"""Changes who takes part in activities that are there already.

The platform replaces the parties of an activity all at once. So those that a write does not speak
of are read first and sent along, people known by their address alone included.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from transload import RecordKey, Upsert
from transload.errors import RecordError, UnfitValueError
from transload.values import ColumnType
from transload_dynamics_sink.batch import Operation, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse, Json, any_of, query
from transload_dynamics_sink.columns import MASKS
from transload_dynamics_sink.errors import CLOSED_CODES
from transload_dynamics_sink.metadata import Metadata, Table
from transload_dynamics_sink.values import LOGICAL_NAME, dump_row, party_collection, write_parties

_AT_ONCE = 100
_SENT_BY_US = frozenset(MASKS.values())
_CLOSED = (
    "Who took part in a completed or canceled activity does not change any more. Reopen it in Dynamics, then run "
    "`transload retry`."
)


def replace_parties(
    dataverse: Dataverse, metadata: Metadata, table: Table, writes: Sequence[Upsert]
) -> dict[RecordKey, RecordError]:
    """Give known activities the parties that their writes name, and return what went wrong, by record."""
    if not writes:
        return {}
    now = _read(dataverse, table, [write.row_id for write in writes])
    errors: dict[RecordKey, RecordError] = {}
    operations: dict[int, Operation] = {}
    for index, write in enumerate(writes):
        wanted = {
            MASKS[name]: cell
            for name, cell in write.columns.items()
            if table.shape.columns[name].type is ColumnType.PARTIES
        }
        kept = [_sent(metadata, raw) for raw in now[write.row_id] if _stays(raw, wanted)]
        try:
            new = [party for mask, cell in wanted.items() for party in write_parties(metadata, write.key, mask, cell)]
        except UnfitValueError as unfit:
            errors[write.key] = unfit
            continue
        path = f"{table.entity_set}({write.row_id})/{party_collection(table.name)}"
        operations[index] = Operation("PUT", path, dump_row({"value": [*kept, *new]}))
    for index, reply in zip(operations, send_operations(dataverse, list(operations.values())), strict=True):
        if (refusal := reply.refusal) is not None:
            check_stopping(refusal, dataverse)
            error = refusal.error(str(writes[index].key))
            if refusal.code in CLOSED_CODES:
                error.remedy = _CLOSED
            errors[writes[index].key] = error
    return errors


def _read(dataverse: Dataverse, table: Table, row_ids: Sequence[str]) -> dict[str, list[Json]]:
    """Return the parties of activities, by activity."""
    found: dict[str, list[Json]] = defaultdict(list)
    collection, id_column = party_collection(table.name), table.shape.id_column
    expand = f"{collection}($select=_partyid_value,participationtypemask,addressused)"
    for start in range(0, len(row_ids), _AT_ONCE):
        chosen = any_of(id_column, list(row_ids[start : start + _AT_ONCE]))
        path = query(table.entity_set, select=id_column, expand=expand, filter=chosen)
        for raw in dataverse.rows(
            path, f"read the parties of {table.name}", f'odata.include-annotations="{LOGICAL_NAME}"'
        ):
            found[str(raw[id_column]).lower()] = raw.get(collection) or []
    return found


def _stays(raw: Json, wanted: Mapping[int, object]) -> bool:
    """Whether a party is ours to send along: owner and regarding row the platform keeps itself."""
    mask = raw["participationtypemask"]
    if mask in wanted or mask not in _SENT_BY_US:
        return False
    return raw.get("_partyid_value") is not None or raw.get("addressused") is not None


def _sent(metadata: Metadata, raw: Json) -> Json:
    party: Json = {"participationtypemask": raw["participationtypemask"]}
    if raw.get("_partyid_value") is None:
        return {**party, "addressused": raw["addressused"]}
    table = raw[f"_partyid_value@{LOGICAL_NAME}"]
    address = f"/{metadata.get_entity_set(table)}({raw['_partyid_value']})"
    return {**party, f"partyid_{table}@odata.bind": address}
