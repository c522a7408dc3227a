"""Row ids that are computed, not looked up.

A row that transload creates gets a GUID made of the source, the entity and the
source id. A parent's id is therefore known without asking, a lost answer is
settled by one read, and a repeated create is refused by the server.
"""

from collections.abc import Callable
from hashlib import blake2b
from uuid import UUID, uuid5

from transload.values import EntityName, RowId, SourceId, SourceSchema, TableName

_LARGEST_NUMBER = 2**48


def row_id_maker(source: SourceSchema, entity: EntityName, table: TableName) -> Callable[[SourceId], RowId]:
    """Return the function that computes the row ids of an entity's records.

    A numeric id becomes the last six bytes of the GUID, which SQL Server compares
    first: ascending ids append to the clustered index instead of splitting its pages
    (measured by the reference, a tenth of a uuid5's cost). Other ids are hashed.
    """
    seed = f"{source.system}|{source.account}|{entity}|{table}".encode()
    head = bytearray(blake2b(seed, digest_size=10).digest())
    head[6] = 0x80 | head[6] & 0x0F  # version 8: a layout of our own (RFC 9562)
    head[8] = 0x80 | head[8] & 0x3F
    text = head.hex()
    prefix = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-"
    namespace = UUID(bytes=blake2b(seed, digest_size=16).digest())

    def make(source_id: SourceId) -> RowId:
        numeric = source_id.isascii() and source_id.isdigit() and (source_id == "0" or source_id[0] != "0")
        if numeric and (number := int(source_id)) < _LARGEST_NUMBER:
            return RowId(f"{prefix}{number:012x}")
        return RowId(str(uuid5(namespace, source_id)))

    return make
