"""Links rows through many-to-many relationships, and takes links away.

A security role exists once per business unit, and a user can have only those of its own: a link to
a role goes to the copy that belongs to the user's, or the team's, business unit.
"""

from collections.abc import Sequence

from transload import Associate, Disassociate, Outcome, RowId, RowRef, TableName
from transload.errors import UnresolvedLookupError
from transload_dynamics_sink.batch import Operation, Reply, check_stopping, send_operations
from transload_dynamics_sink.client import Dataverse, any_of, query
from transload_dynamics_sink.errors import DUPLICATE, KEY_ROW_MISSING, ROW_MISSING
from transload_dynamics_sink.lookups import ROLE, ROOT_ROLE
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.values import dump_row

_HOLDERS = frozenset({TableName("systemuser"), TableName("team")})
_UNIT = "_businessunitid_value"
_AT_ONCE = 100


def link_rows(dataverse: Dataverse, metadata: Metadata, writes: Sequence[Associate]) -> list[Outcome]:
    """Link rows of one table, and return an outcome for each; a link that is there already is idle."""
    outcomes = [Outcome()] * len(writes)
    ends = [write.other if isinstance(write.other, RowRef) else None for write in writes]
    copies = _RoleCopies(
        dataverse, metadata, [(write.table, write.row_id, end) for write, end in zip(writes, ends, strict=True)]
    )
    operations: dict[int, Operation] = {}
    for index, (write, end) in enumerate(zip(writes, ends, strict=True)):
        if end is None:
            outcomes[index] = Outcome(error=UnresolvedLookupError(write.key, write.relationship, str(write.other)))
            continue
        other = copies.of(write.row_id, end)
        address = f"{dataverse.root}/{metadata.get_entity_set(other.table)}({other.row_id})"
        path = _collection(metadata, write.table, write.row_id, write.relationship)
        operations[index] = Operation("POST", f"{path}/$ref", dump_row({"@odata.id": address}))
    replies = send_operations(dataverse, list(operations.values()))
    for index, reply in zip(operations, replies, strict=True):
        if (refusal := reply.refusal) is None:
            continue
        check_stopping(refusal, dataverse)
        if refusal.code == DUPLICATE:
            outcomes[index] = Outcome(note="was linked already", idle=True)
        else:
            outcomes[index] = Outcome(error=refusal.error(str(writes[index].key)))
    return outcomes


def unlink_rows(dataverse: Dataverse, metadata: Metadata, inverses: Sequence[Disassociate]) -> list[Outcome]:
    """Take links of one table's rows away; one that is gone already is fine."""
    copies = _RoleCopies(dataverse, metadata, [(each.table, each.row_id, each.other) for each in inverses])
    operations = []
    for inverse in inverses:
        path = _collection(metadata, inverse.table, inverse.row_id, inverse.relationship)
        other = copies.of(inverse.row_id, inverse.other)
        operations.append(Operation("DELETE", f"{path}({other.row_id})/$ref"))
    replies = send_operations(dataverse, operations)
    return [_unlinked(dataverse, inverse, reply) for inverse, reply in zip(inverses, replies, strict=True)]


def _unlinked(dataverse: Dataverse, inverse: Disassociate, reply: Reply) -> Outcome:
    refusal = reply.refusal
    if refusal is None:
        return Outcome()
    if refusal.status == 404 or refusal.code in {ROW_MISSING, KEY_ROW_MISSING}:
        return Outcome(note="was gone already")
    check_stopping(refusal, dataverse)
    return Outcome(error=refusal.error(str(inverse.row_id)))


def _collection(metadata: Metadata, table: TableName, row_id: RowId, relationship: str) -> str:
    """Return the address of the collection that a link belongs into."""
    collection = metadata.get_collection(table, relationship)
    return f"{metadata.get_entity_set(table)}({row_id})/{collection.navigation}"


class _RoleCopies:
    """The copies of roles in the business units of those who shall have them.

    Args:
        dataverse: The environment.
        metadata: Of the same environment.
        links: Table and id of each holder, and what it shall have; only roles are looked up.
    """

    def __init__(
        self, dataverse: Dataverse, metadata: Metadata, links: Sequence[tuple[TableName, RowId, RowRef | None]]
    ) -> None:
        self._dataverse, self._metadata = dataverse, metadata
        wanted = [(table, row_id, end) for table, row_id, end in links if end is not None and end.table == ROLE]
        self._units: dict[str, str] = {}
        for table in {table for table, _, _ in wanted} & _HOLDERS:
            self._units |= self._read(table, [row_id for each, row_id, _ in wanted if each == table], _UNIT)
        self._roots = self._read(ROLE, [end.row_id for _, _, end in wanted], ROOT_ROLE) if self._units else {}
        self._copies = self._read_copies() if self._roots else {}

    def of(self, holder: RowId, end: RowRef) -> RowRef:
        """Return the row to link a holder with: of a role the copy of the holder's business unit."""
        root, unit = self._roots.get(end.row_id), self._units.get(holder)
        copy = self._copies.get((root, unit)) if root and unit and end.table == ROLE else None
        return end if copy is None else RowRef(ROLE, copy)

    def _read(self, table: TableName, row_ids: Sequence[str], column: str) -> dict[str, str]:
        shape, found = self._metadata.get_table(table), {}
        ids = list(dict.fromkeys(row_ids))
        for start in range(0, len(ids), _AT_ONCE):
            chosen = any_of(shape.shape.id_column, ids[start : start + _AT_ONCE])
            path = query(shape.entity_set, select=f"{shape.shape.id_column},{column}", filter=chosen)
            for raw in self._dataverse.rows(path, f"read {table}"):
                found[str(raw[shape.shape.id_column]).lower()] = str(raw[column]).lower()
        return found

    def _read_copies(self) -> dict[tuple[str, str], RowId]:
        roots = sorted(set(self._roots.values()))
        condition = " or ".join(f"{ROOT_ROLE} eq {root}" for root in roots)
        path = query(self._metadata.get_entity_set(ROLE), select=f"roleid,{ROOT_ROLE},{_UNIT}", filter=condition)
        return {
            (str(raw[ROOT_ROLE]).lower(), str(raw[_UNIT]).lower()): RowId(str(raw["roleid"]).lower())
            for raw in self._dataverse.rows(path, "list its roles")
        }
