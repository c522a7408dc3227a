"""The conformance suite of sources: what every source promises the framework."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import ModuleType

from transload._plugins import Plugins
from transload.context import RunContext
from transload.errors import MissingFileError
from transload.files import FileStore, digest_of
from transload.testing.hosting import host_plugins
from transload.values import EntityName, Record, RecordKey, SourceField, SourceSchema, Value

_TYPES = (str, int, bool, Decimal, datetime, date, tuple, Mapping, type(None))


def check_source(
    plugin: ModuleType,
    context: RunContext,
    expected: Mapping[RecordKey, Mapping[str, Value]],
    secrets: Collection[str] = (),
) -> dict[RecordKey, Record]:
    """Check a source plugin against a system that answers like the real one.

    It describes its entities, gives every record at least once, keeps null and empty text
    apart, uses the types of :data:`transload.Value` and no other, keeps to the options that a field
    has, puts every file that a record names into the context's file store, gives no secret away,
    and gives the same when it is asked again, or asked what changed when nothing did.

    Args:
        plugin: The module with the hooks.
        context: A context with its settings; see :func:`~transload.testing.open_context`.
        expected: Every record that the system holds, with those fields that matter: nulls
            and empty texts above all.
        secrets: Names of fields, and values, that must not leave the plugin.

    Returns:
        The records by key; of several with one key the last.

    Raises:
        AssertionError: A promise is not kept; the message says which.
    """
    plugins = host_plugins(plugin)
    schema = plugins.describe_source(context)
    _check_schema(schema)
    first = _extract_all(plugins, schema, context)
    described = {entity.name: entity.fields for entity in schema.entities}
    for record in first.values():
        _check_record(record, secrets)
        _check_options(record, described.get(record.key.entity, {}))
        _check_files(record, context.files)
    _check_expected(first, expected)
    again = _extract_all(plugins, schema, context)
    assert again == first, "extracting twice gives different records"
    _check_parts(first)
    _check_same(read_changes(plugin, context, first), first)
    return first


def read_changes(
    plugin: ModuleType, context: RunContext, before: Mapping[RecordKey, Record]
) -> dict[RecordKey, Record]:
    """Read from a source what a quick delta reads, and return the records that there are afterwards.

    Args:
        plugin: The module with the hooks.
        context: A context with its settings, another one than that of the reading before.
        before: The records as they were read last.

    Raises:
        AssertionError: The source calls a record unchanged that was never read.
    """
    plugins, after = host_plugins(plugin), _After(before)
    for entity in plugins.describe_source(context).entities:
        changes = plugins.extract_changes(entity.name, after, context)
        for one in plugins.extract(entity.name, context) if changes is None else changes:
            after.take(one)
    return {**after.kept, **after.read}


class _After:
    """What a quick delta makes of the records that were there before; they are its staged records too."""

    def __init__(self, before: Mapping[RecordKey, Record]) -> None:
        self._before = before
        self.read: dict[RecordKey, Record] = {}
        self.kept: dict[RecordKey, Record] = {}
        self._parts: dict[RecordKey, list[Record]] = {}
        for record in before.values():
            if record.part_of is not None:
                self._parts.setdefault(record.part_of, []).append(record)

    def take(self, one: Record | RecordKey) -> None:
        """Take a record that was read, or the key of one that is as it was, with its parts."""
        if isinstance(one, Record):
            self.read[one.key] = one
            return
        assert one in self._before, f"{one} is called unchanged, and was never read"
        if one not in self.read:
            self.kept.update((record.key, record) for record in (self._before[one], *self._parts.get(one, ())))

    def find(self, keys: Iterable[RecordKey]) -> Mapping[RecordKey, Record]:
        return {key: self._before[key] for key in keys if key in self._before and key not in self.read}

    def walk(self, entity: EntityName) -> Iterator[Record]:
        return (record for key, record in self._before.items() if key.entity == entity and key not in self.read)


def _check_parts(records: Mapping[RecordKey, Record]) -> None:
    for record in records.values():
        if record.part_of is not None:
            assert record.part_of in records, f"{record.key} is part of {record.part_of}, which was never extracted"
            assert records[record.part_of].part_of is None, f"{record.key} is part of {record.part_of}, itself a part"


def _check_same(after: Mapping[RecordKey, Record], before: Mapping[RecordKey, Record]) -> None:
    lost = sorted(map(str, before.keys() - after.keys()))
    assert not lost, f"nothing changed, and `extract_changes` neither gives nor names {', '.join(lost[:10])}"
    other = sorted(str(key) for key in after if after[key] != before.get(key))
    assert not other, f"nothing changed, and `extract_changes` gives another {', '.join(other[:10])}"


def _check_schema(schema: SourceSchema) -> None:
    names = [entity.name for entity in schema.entities]
    assert schema.system, "the schema does not name its system"
    assert schema.account, "the schema does not name its account, so two accounts would share row ids"
    assert names, "the schema has no entities"
    assert len(set(names)) == len(names), f"an entity is described twice: {names}"
    for entity in schema.entities:
        for name, field in entity.fields.items():
            assert field.name == name, f"{entity.name} describes the field {field.name} under {name}"


def _extract_all(plugins: Plugins, schema: SourceSchema, context: RunContext) -> dict[RecordKey, Record]:
    """Return the records of all entities; the last of each key counts, as in staging."""
    return {
        record.key: record for entity in schema.entities for record in plugins.extract(entity.name, context)
    }  # fmt: skip


def _check_record(record: Record, secrets: Collection[str]) -> None:
    assert isinstance(record.key.source_id, str), f"{record.key}: its id is not text"
    assert record.key.source_id, f"a {record.key.entity} has no id"
    assert record.modified_at is None or record.modified_at.tzinfo is not None, f"{record.key}: modified_at has no zone"
    for path, value in _walk(record.fields):
        assert isinstance(value, _TYPES), f"{record.key}: {path} is a {type(value).__name__}"
        assert not isinstance(value, datetime) or value.tzinfo is not None, f"{record.key}: {path} has no zone"
        name = path.rpartition(".")[2]
        assert name not in secrets, f"{record.key}: {path} is a secret, and is given away"
        assert value not in secrets or value in ("", None), f"{record.key}: {path} holds a secret"


def _check_options(record: Record, fields: Mapping[str, SourceField]) -> None:
    for name, described in fields.items():
        value = record.fields.get(name)
        known = not described.options or value in (None, "") or str(value) in described.options
        assert known, f"{record.key}: {name} is {value!r}, which is not one of its options"


def _check_files(record: Record, files: FileStore) -> None:
    """Every nested value that looks like a file stands for one that the store has, whole."""
    for name, value in record.fields.items():
        if isinstance(value, Mapping) and value.keys() == {"digest", "size", "name", "media_type"}:
            try:
                with files.open(str(value["digest"])) as stream:
                    kept = digest_of(stream)
            except MissingFileError:
                raise AssertionError(f"{record.key}: {name} names a file that was not kept") from None
            assert (kept.digest, kept.size) == (value["digest"], value["size"]), f"{record.key}: {name} is another file"


def _walk(value: Value, path: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every value with its path, the nested ones too."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _walk(part, f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for part in value:
            yield from _walk(part, path)
    else:
        yield path, value


def _check_expected(found: Mapping[RecordKey, Record], expected: Mapping[RecordKey, Mapping[str, Value]]) -> None:
    missing = [str(key) for key in expected if key not in found]
    assert not missing, f"never extracted: {', '.join(missing)}"
    for key, fields in expected.items():
        for name, value in fields.items():
            assert name in found[key].fields, f"{key}: {name} is left out"
            actual = found[key].fields[name]
            right = type(actual) is type(value) and actual == value
            assert right, f"{key}: {name} is {actual!r}, and should be {value!r}"
