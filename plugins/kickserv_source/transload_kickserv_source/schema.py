"""What the source promises: its entities with their fields, and each field's type.

The documented fields stand in :mod:`~transload_kickserv_source.fields`. To them come the
fields that the account defines itself, once somebody has said what they are.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from transload.values import EntityName, FieldType, SourceEntity, SourceField, SourceSchema, Value
from transload_kickserv_source.fields import DERIVED, DOCUMENTED, SLOTTED
from transload_kickserv_source.left_behind import LEFT_BEHIND
from transload_kickserv_source.scalars import read_as
from transload_kickserv_source.slots import Definitions
from transload_kickserv_source.xml import Row

_TYPES = {
    "": FieldType.TEXT,
    "integer": FieldType.INTEGER,
    "decimal": FieldType.DECIMAL,
    "boolean": FieldType.BOOLEAN,
    "dateTime": FieldType.DATETIME,
    "date": FieldType.DATE,
    "nested": FieldType.NESTED,
}
_SALES = {name: SourceField(name, FieldType.BOOLEAN, derived=True) for name in ("has_sales", "is_account")}


def _fields(specification: str, *, derived: bool) -> Iterator[tuple[str, SourceField]]:
    for word in specification.split():
        name, _, kind = word.partition(":")
        yield name, SourceField(name, _TYPES[kind], derived=derived)


def _entity(name: str, label: str, specification: str) -> SourceEntity:
    fields = dict(_fields(specification, derived=False))
    fields.update(_fields(DERIVED.get(name, ""), derived=True))
    return SourceEntity(EntityName(name), label, fields)


ENTITIES: Mapping[EntityName, SourceEntity] = {
    EntityName(name): _entity(name, *documented) for name, documented in DOCUMENTED.items()
}
"""The entities with what is documented of them, parents before children."""


def describe(account: str, definitions: Definitions, *, has_sales: bool = False) -> SourceSchema:
    """Return the schema of an account.

    Args:
        account: Its short name.
        definitions: The fields that the account defines itself, as far as they are known.
        has_sales: Whether customers say if anything was ever sold to them.
    """
    entities = []
    for name, entity in ENTITIES.items():
        own = definitions.of(name) if name in SLOTTED else {}
        more = _SALES if has_sales and name == "customer" else {}
        fields = {**entity.fields, **{field: one.source_field(field) for field, one in own.items()}, **more}
        entities.append(SourceEntity(name, entity.label, fields))
    return SourceSchema("kickserv", account, tuple(entities), LEFT_BEHIND)


def settle(entity: EntityName, row: Row) -> dict[str, Value]:
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
