"""The mapping document: how one entity becomes rows of one table, as data.

A document per entity, in YAML. ``plan`` writes it, people review and edit it,
``run`` obeys it. Every source field stands in it exactly once in one of three
places: in a rule's ``from``, in a rule with a ``custom`` column, or under
``dropped`` with a reason. A field that stands nowhere stops the plan, so nothing
is lost by silence.

Several documents may read the records of one source entity, each with its own rows: a
job gives a case, an order and an invoice. Together they account for its fields.

``{prefix}`` stands for the client's publisher prefix, ``{table:job}`` for the table that
the records of ``job`` become.
"""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from transload._mistakes import list_mistakes
from transload.errors import MappingError
from transload.values import (
    ColumnType,
    EntityName,
    FieldType,
    Missing,
    Phase,
    Record,
    Rejection,
    TableName,
    Value,
    Write,
)

PREFIX = "{prefix}"
_TABLE = re.compile(r"\{table:(\w+)\}")
_BOOLEAN, _TIMESTAMP = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"

Constant: TypeAlias = str | int | bool | None
Reason: TypeAlias = Annotated[str, Field(min_length=3)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Condition: TypeAlias = Literal["filled", "empty"] | list[Constant]
"""What a field must hold: something, nothing, or one of these values."""


def fulfils(conditions: "dict[str, Condition]", record: Record) -> bool:
    """Whether a record fulfils all of some conditions, by field."""
    return all(_holds(condition, record.fields.get(name)) for name, condition in conditions.items())


def _holds(condition: Condition, value: Value) -> bool:
    filled = value not in (None, "", ())
    if isinstance(condition, str):
        return filled is (condition == "filled")
    if not filled:
        return None in condition
    return any(wanted is not None and _equal(value, wanted) for wanted in condition)


def _equal(value: Value, wanted: str | int | bool) -> bool:
    """Compare as text, since people do not tell the id 7 from the text "7"; but true is not 1, and 7.00 is 7."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(value, int | Decimal) and isinstance(wanted, int):
        return value == wanted
    return str(value) == str(wanted)


class Overflow(StrEnum):
    """What happens to a text that is longer than its column."""

    ERROR = "error"
    LEDGER = "ledger"
    """Cut it, and keep the whole of it in the lossy ledger, which is shown at sign-off."""


class Unknown(StrEnum):
    """What happens to a value that a value map does not know."""

    ERROR = "error"
    EMPTY = "empty"
    KEEP = "keep"


class CustomColumn(_Model):
    """A column that ``prepare`` creates in the target. A lookup points to what the rule's entity becomes."""

    type: ColumnType
    label: str = ""
    max: int | None = None
    precision: int | None = None
    options: list[str] = []
    """Labels of a choice, in order."""
    targets: list[str] = []
    """Tables that a lookup points to."""


class NewTable(_Model):
    """A table that ``prepare`` creates in the target, owned by users or teams."""

    label: str
    plural: str
    name: str = ""
    """The column that holds a row's name; ``{prefix}_name`` unless it says otherwise."""
    readers: dict[str, Literal["own", "all"]] = {}
    """Security roles that ``prepare`` lets read its rows: those that belong to the reader, or all of them."""


class LookupByType(_Model):
    """A lookup whose entity is named by another field of the record."""

    by: str
    values: dict[str, str | list[str]]


class Find(_Model):
    """A lookup of a row that exists in the target already, by what a column holds."""

    table: str
    column: str


class FieldRule(_Model):
    """How one column gets its value.

    The value is taken from the first field of ``from`` that is not empty (or from all
    of them, glued with ``join``), converted, mapped through ``values`` or turned into
    a lookup, defaulted, and fitted to the column.
    """

    from_: Annotated[str | list[str] | None, Field(alias="from")] = None
    value: Constant = None
    """A constant, instead of ``from``."""
    join: str | None = None
    convert: str | list[str] = []
    values: dict[str, Constant] | None = None
    """Source value to option label, option number or text."""
    unknown: Unknown = Unknown.ERROR
    lookup: str | list[str] | LookupByType | None = None
    """Entity that the value is the source id of; of several, the first that has a row."""
    find: Find | None = None
    missing: Missing = Missing.PARK
    """What to do when the row that a lookup points to is not there."""
    empty: Missing = Missing.EMPTY
    """What to do when a lookup's source value is empty: ``empty`` leaves it so, unflagged."""
    default: Constant = None
    max: int | None = None
    """Longest text in UTF-16 code units; of a file the most bytes, to which ``prepare`` raises the target's limit."""
    on_overflow: Overflow = Overflow.ERROR
    when: dict[str, Condition] = {}
    """What the record must fulfil; otherwise the column stays empty."""
    minor: bool = False
    """A change of this column alone is no reason to open a closed row."""
    late: bool = False
    """Written only when everything that belongs to the row is there, because that changes the column."""
    custom: CustomColumn | None = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> "FieldRule":
        if not self.sources and self.value is None and self.empty is Missing.EMPTY:
            raise ValueError("a rule needs `from` or `value`")
        if self.lookup is not None and self.find is not None:
            raise ValueError("a rule has `lookup` or `find`, not both")
        idle = {"default": self.default, "max": self.max, **({"values": self.values} if self.lookup else {})}
        if (self.lookup or self.find) and (named := [name for name, value in idle.items() if value is not None]):
            raise ValueError(f"a lookup has no use for {', '.join(named)}")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The source fields that the rule reads."""
        named = [self.from_] if isinstance(self.from_, str) else list(self.from_ or ())
        if isinstance(self.lookup, LookupByType):
            named.append(self.lookup.by)
        return tuple(named)

    @property
    def converters(self) -> tuple[str, ...]:
        """The names of the conversions, in order."""
        return (self.convert,) if isinstance(self.convert, str) else tuple(self.convert)

    @property
    def choices(self) -> tuple[tuple[str, ...], ...]:
        """The entities that the rule's lookup may point to, for each kind of parent: the first that has a row."""
        kinds = self.lookup.values.values() if isinstance(self.lookup, LookupByType) else [self.lookup or []]
        return tuple((kind,) if isinstance(kind, str) else tuple(kind) for kind in kinds)

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities that the rule's lookup may point to."""
        return tuple(entity for kind in self.choices for entity in kind)


class Dropped(_Model):
    """Why a field is not carried over.

    With ``while_empty`` the reason holds only as long as no record fills the field;
    a value that turns up later is kept in the lossy ledger and reported.
    """

    reason: Reason
    while_empty: bool = False


class KeyRule(_Model):
    """Which field is the source id, and which column, an alternate key, holds it in the target.

    Without a column the row is found again by its computed id and the id map alone.
    """

    column: str | None = None
    from_: Annotated[str, Field(alias="from")] = "id"
    label: str = ""


class Match(_Model):
    """How existing rows are recognised, before new ones are made.

    ``on`` maps target columns to source fields; all must be equal, without regard to
    case, and exactly one row must fit.
    """

    on: Annotated[dict[str, str], Field(min_length=1)]
    create: bool = False
    """Whether a record without a match becomes a new row. Otherwise it is listed as unmatched."""
    write: bool = False
    """Whether a matched row takes over the mapped columns. Otherwise it is left as it is."""


class Link(_Model):
    """A many-to-many relationship; a record links two rows instead of becoming one.

    ``row`` gives the row of the document's table, ``other`` the one at the other end.
    """

    relationship: str
    """Its schema name. With ``label`` it is created by ``prepare`` when the target lacks it."""
    row: FieldRule
    other: FieldRule
    label: str = ""


class Mapping(_Model):
    """How the records of one entity become rows of one table."""

    entity: str
    table: str = ""
    note: str = ""
    """For the reader: what a consultant would say about this pair."""
    skip: Reason | None = None
    """Why nothing of these records is carried over."""
    amends: str = ""
    """The document, shipped by this or an earlier plugin, from which this one starts: what it says is changed."""
    without: list[str] = []
    """Rules, by column, and conditions, by field, that the amended document loses."""
    records: str = ""
    """The source entity that it reads, when that is not ``entity``."""
    needs: str = ""
    """A table that the target must have; without it the document counts as not there."""
    when: dict[str, Condition] = {}
    """What a record must fulfil to be read: for each field, ``filled``, ``empty`` or a list of values."""
    given: list[dict[str, Constant]] = []
    """Records that come from here instead of the source: a price list, a unit."""
    new_table: NewTable | None = None
    key: KeyRule | None = None
    match: Match | None = None
    placeholder: dict[str, Constant] | None = None
    """Columns of the row that stands in for a parent that the source does not name."""
    flag: str | None = None
    """Custom memo column that says why a person should look at the row."""
    link: Link | None = None
    hold: dict[str, dict[str, Constant]] = {}
    """Settings of the target, by table and column, and what they must say while rows are loaded."""
    fields: dict[str, FieldRule] = {}
    activate: dict[str, FieldRule] = {}
    """``statecode`` and ``statuscode``, written right after the rows, before others point to them."""
    finish: dict[str, FieldRule] = {}
    """``statecode`` and ``statuscode``, written in a later pass when the children are in."""
    closing: dict[str, FieldRule] = {}
    """What the closing message carries: a resolution's subject and date."""
    computed: dict[str, FieldRule] = {}
    """Columns that the target computes itself, and what they must come to: never written, always compared."""
    dropped: dict[str, Reason | Dropped] = {}
    others: Reason | None = None
    """What becomes of the fields that no rule names, for a table that takes no columns for them."""

    @model_validator(mode="after")
    def _is_whole(self) -> "Mapping":
        if self.skip is None and not self.amends and not self.table:
            raise ValueError("a mapping needs a `table`, unless it says why it skips its records")
        if not (self.match or self.key or self.link or self.skip or self.amends):
            raise ValueError("a mapping needs a `key`, unless it only matches existing rows or links them")
        for name, block in (("activate", self.activate), ("finish", self.finish)):
            if extra := set(block) - {"statecode", "statuscode"}:
                raise ValueError(f"`{name}` knows statecode and statuscode, not {', '.join(sorted(extra))}")
        if self.given and self.records:
            raise ValueError("a document has `given` records or reads those of `records`, not both")
        if self.given and any((self.key.from_ if self.key else "id") not in fields for fields in self.given):
            raise ValueError("every `given` record needs an id")
        if self.link is not None and (self.fields or self.activate or self.finish):
            raise ValueError("a document with a `link` writes no columns and no state")
        if twice := sorted(set(self.dropped) & set(self.used_fields())):
            raise ValueError(f"dropped, yet used by a rule: {', '.join(twice)}")
        return self

    @property
    def writes_rows(self) -> bool:
        """Whether the mapping writes at all, or only recognises existing rows."""
        return self.skip is None and self._may_write

    @property
    def _may_write(self) -> bool:
        return self.match is None or self.match.create or self.match.write

    def writes(self, origin: Literal["created", "matched"] | None) -> bool:
        """Return whether a record is written, by where its row comes from; None when it has none."""
        if self.match is None or origin == "created":
            return True
        return self.match.create if origin is None else self.match.write

    @property
    def source_entity(self) -> str:
        """The entity whose records it reads."""
        return self.records or self.entity

    def rules(self) -> Iterator[tuple[str, FieldRule]]:
        """Yield every rule with its column; those of a link with the name of their end."""
        if self.link is not None:
            yield "row", self.link.row
            yield "other", self.link.other
        yield from self.fields.items()
        yield from self.activate.items()
        yield from self.finish.items()
        yield from self.closing.items()
        yield from self.computed.items()

    def used_fields(self) -> set[str]:
        """Return the source fields that a rule, the key or the match reads."""
        used = {source for _, rule in self.rules() for source in (*rule.sources, *rule.when)} | set(self.when)
        if self.key is not None:
            used.add(self.key.from_)
        if self.match is not None:
            used.update(self.match.on.values())
        return used

    def covered_fields(self) -> set[str]:
        """Return the source fields that the document accounts for."""
        return self.used_fields() | set(self.dropped)

    def dropped_rule(self, field: str) -> Dropped:
        """Return why a field is dropped.

        Raises:
            KeyError: The field is not dropped.
        """
        rule = self.dropped[field]
        return Dropped(reason=rule) if isinstance(rule, str) else rule

    def amended(self, change: "Mapping") -> "Mapping":
        """Return the document with the changes of another one: what that states wins, rule by rule.

        Args:
            change: A document with ``amends``; its ``without`` names rules to leave out.
        """
        said = change.model_fields_set - {"amends", "without"}
        update: dict[str, object] = {name: getattr(change, name) for name in said}
        for block in ("fields", "computed", "dropped", "when"):
            kept = {name: rule for name, rule in getattr(self, block).items() if name not in change.without}
            update[block] = {**kept, **getattr(change, block)}
        return self.model_copy(update=update)

    def filled_in(self, prefix: str, tables: "dict[str, str]") -> "Mapping":
        """Return the mapping with ``{prefix}`` and ``{table:...}`` replaced.

        Args:
            prefix: The client's publisher prefix.
            tables: Which table the records of each mapped entity become.

        Raises:
            MappingError: A ``{table:...}`` names an entity that is not mapped.
        """
        text = _meaning(self)
        unknown = sorted({name for name in _TABLE.findall(text) if name not in tables})
        if unknown:
            raise MappingError(self.entity, [f"{{table:{name}}} names an entity without a mapping" for name in unknown])
        return Mapping.model_validate_json(_TABLE.sub(lambda found: tables[found[1]], text).replace(PREFIX, prefix))


class RecordMapper(Protocol):
    """The compiled mapping of one entity, as the ``transform`` hook sees it."""

    @property
    def document(self) -> Mapping:
        """The mapping it was compiled from."""
        ...

    @property
    def phase(self) -> Phase:
        """The writes that are wanted now."""
        ...

    def map(self, record: Record) -> Sequence[Write | Rejection]:
        """Translate one record by the rules; at most one write for each phase."""
        ...


@dataclass(frozen=True, slots=True)
class MappingGap:
    """A source field that no rule covers, with what the audit saw of it."""

    entity: EntityName
    field: str
    type: FieldType
    filled: int
    total: int
    longest: int
    samples: tuple[str, ...]
    table: TableName


NO_TARGET = ""
"""The column of a proposal that says: this field has no good target."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A target for a gap: a column, or ``NO_TARGET``, with a confidence from 0 to 1 and a reason."""

    entity: EntityName
    field: str
    column: str
    confidence: float
    reason: str

    @property
    def answer(self) -> str:
        """What is proposed, in words."""
        return "no good target" if self.column == NO_TARGET else self.column

    @property
    def certainty(self) -> str:
        """The confidence in percent; empty where there is no column to be sure of."""
        return "" if self.column == NO_TARGET else f"{self.confidence:.0%}"


class _Loader(yaml.CSafeLoader):
    """Reads YAML 1.2's booleans only: in YAML 1.1 the keys ``on``, ``Yes`` and ``No`` are booleans.

    By libyaml, which every wheel of PyYAML holds: in Python, parsing took a fifth of the time of a small migration.
    """


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_BOOLEAN, _TIMESTAMP}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile("^(?:true|false)$"), list("tf"))


@lru_cache(256)
def parse_mapping(text: str, place: str) -> Mapping:
    """Read a mapping document; one that is read again is not taken apart again.

    Args:
        text: YAML.
        place: Where it comes from, for the message.

    Raises:
        MappingError: It is not YAML, or has mistakes; all of them are listed.
    """
    try:
        raw = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise MappingError(place, [f"not YAML: {error}"]) from error
    try:
        return Mapping.model_validate(raw)
    except ValidationError as error:
        raise MappingError(place, list_mistakes(error, Mapping)) from error


def render_mapping(mapping: Mapping) -> str:
    """Return the document as YAML, in the order of its fields, without defaults."""
    data = mapping.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if mapping.key is not None:
        data["key"] = {**data["key"], "from": mapping.key.from_}  # said, though it is the default: people look for it
    return yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)


def _meaning(mapping: Mapping) -> str:
    return mapping.model_dump_json(by_alias=True, exclude_defaults=True)


def load_mappings(folder: Path | Traversable) -> list[Mapping]:
    """Read every ``*.yaml`` file of a folder or package resource, by name.

    Raises:
        MappingError: A file has mistakes.
    """
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return [parse_mapping(f.read_text(encoding="utf-8"), f.name) for f in files]


def combine_mappings(offered: Iterable[Mapping], tables: Container[str]) -> dict[str, Mapping]:
    """Return the one document of each entity that stands, of those that plugins offer.

    Args:
        offered: All documents, those of the plugin that is listed last at the end: they win.
        tables: Those that the target has of the tables that documents need.
    """
    found: dict[str, Mapping] = {}
    for document in offered:
        if document.needs and document.needs not in tables:
            continue
        earlier = found.get(document.amends)
        found[document.entity] = earlier.amended(document) if earlier is not None else document
    return found


def digest_mappings(mappings: Iterable[Mapping]) -> str:
    """Return a digest over the meaning of mappings: comments and layout do not count."""
    digest = blake2b(digest_size=16)
    for mapping in sorted(mappings, key=lambda m: m.entity):
        digest.update(_meaning(mapping).encode())
    return digest.hexdigest()
