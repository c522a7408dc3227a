"""A mapping document told line by line, as its page and its sheet show it: a rule or a dropped field each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from transload._pipeline.profile import FieldProfile
from transload._pipeline.transform import custom_columns, new_table
from transload._workbook.value_maps import render_values
from transload.mapping import Constant, FieldRule
from transload.mapping import Mapping as MappingDocument
from transload.values import ColumnType, Missing, TableName, TargetColumn, TargetSchema


class Block(StrEnum):
    """The part of a document that a line comes from."""

    KEY = "key"
    LINK = "link"
    FIELDS = "fields"
    ACTIVATE = "activate"
    FINISH = "finish"
    CLOSING = "closing"
    COMPUTED = "computed"
    DROPPED = "dropped"


class Head(StrEnum):
    """A column of an entity's sheet."""

    FIELD = "Source field"
    FILLED = "Filled"
    SAMPLES = "Samples"
    DECISION = "Decision"
    COLUMN = "Target column"
    TYPE = "Type"
    LENGTH = "Length"
    LABEL = "Label"
    VALUES = "Value map"
    REASON = "Reason"
    HOW = "How"


class Decision(StrEnum):
    """What becomes of a field."""

    CARRY = "carry over"
    DROP = "drop"


_STATES = {"statecode": ColumnType.STATE, "statuscode": ColumnType.STATUS}
_OF_MAPS = frozenset({Head.VALUES})
_OF_RULES = frozenset({Head.DECISION, Head.COLUMN, Head.TYPE, Head.LENGTH, Head.LABEL, Head.VALUES, Head.REASON})


@dataclass(frozen=True, slots=True)
class Line:
    """A rule or a dropped field.

    Attributes:
        name: The column that the rule fills, the end of a link, or the dropped field.
        fields: The source fields it reads.
        rule: None for the key and for a dropped field.
        column: The column of the target, as far as it is known.
        how: In words, what the rule does.
        filled: Records in which the fullest of its fields is filled.
        samples: Commonest values of its first field.
    """

    block: Block
    name: str
    fields: tuple[str, ...]
    rule: FieldRule | None
    column: TargetColumn | None
    how: str
    reason: str = ""
    filled: int = 0
    samples: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The column's type, or what stands in place of a column."""
        if self.block is Block.DROPPED:
            return ""
        if self.column is not None:
            return self.column.type
        if self.name in _STATES:
            return _STATES[self.name]
        return {Block.LINK: "link", Block.CLOSING: "closing message"}.get(self.block, "")

    def texts(self) -> dict[Head, str]:
        """Return what stands in the line's cells."""
        dropped = self.block is Block.DROPPED
        column = self.column
        limit = self.rule.max if self.rule is not None and self.rule.max is not None else column and column.max_length
        return {
            Head.FIELD: "\n".join(self.fields),
            Head.FILLED: str(self.filled),
            Head.SAMPLES: "\n".join(self.samples),
            Head.DECISION: Decision.DROP if dropped else Decision.CARRY,
            Head.COLUMN: "" if dropped else self.name,
            Head.TYPE: self.type,
            Head.LENGTH: str(limit) if limit else "",
            Head.LABEL: column.label if column is not None and self.custom else "",
            Head.VALUES: render_values(self.rule.values) if self.rule and self.rule.values else "",
            Head.REASON: self.reason,
            Head.HOW: self.how,
        }

    @property
    def custom(self) -> bool:
        """Whether the column is one that `prepare` creates for this rule."""
        return self.rule is not None and self.rule.custom is not None

    def open_heads(self) -> frozenset[Head]:
        """Return the cells that a person may fill in."""
        if self.block is Block.DROPPED:
            return _OF_RULES
        if self.rule is None or self.block is Block.LINK:
            return frozenset()
        maps = frozenset() if self.rule.lookup is not None else _OF_MAPS
        if self.block is not Block.FIELDS:
            return maps
        bound = frozenset() if self.fields else frozenset({Head.DECISION, Head.REASON})
        return _OF_RULES - _OF_MAPS - bound | maps


def lines_of(
    document: MappingDocument, target: TargetSchema, profile: Mapping[str, FieldProfile] | None = None
) -> list[Line]:
    """Return the lines of a document.

    Args:
        document: The document.
        target: The live target.
        profile: What the source's records hold, by field.
    """
    table = target.tables.get(TableName(document.table)) or new_table(document)
    columns = {**(table.columns if table is not None else {}), **custom_columns(document)}
    return [_profiled(line, profile or {}) for line in _lines(document, columns)]


def describe_rule(rule: FieldRule) -> str:
    """Say in words what a rule does."""
    parts = []
    if rule.value is not None:
        parts.append(f"always {_constant(rule.value)}")
    if len(rule.sources) > 1:
        parts.append("joined" if rule.join is not None else "the first that is filled")
    if rule.converters:
        parts.append(f"converted: {', '.join(rule.converters)}")
    if rule.values is not None:
        parts.append("; ".join(f"{old} → {_constant(new)}" for old, new in rule.values.items()))
    if rule.entities:
        parts.append(f"the row of the {' or '.join(rule.entities)}; {_MISSING[rule.missing]}")
    if rule.find is not None:
        parts.append(f"the {rule.find.table} whose {rule.find.column} is equal; {_MISSING[rule.missing]}")
    if rule.default is not None:
        parts.append(f"else {_constant(rule.default)}")
    if rule.custom is not None:
        parts.append(f"new column, {rule.custom.label}" if rule.custom.label else "new column")
    if rule.late:
        parts.append("written when everything that belongs to the row is there")
    return ". ".join(parts) or "as it is"


def _constant(value: Constant) -> str:
    """Return a constant as people say it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)


_MISSING = {
    Missing.PARK: "waits until it is there",
    Missing.FALLBACK: "without one, the fallback row",
    Missing.PLACEHOLDER: "without one, the stand-in",
    Missing.EMPTY: "without one, empty",
    Missing.ERROR: "without one, the record is set aside",
}
"""What happens when the row of a lookup is not there."""


def _lines(document: MappingDocument, columns: Mapping[str, TargetColumn]) -> Iterator[Line]:
    if document.key is not None and document.key.column is not None:
        key = document.key
        yield Line(Block.KEY, key.column or "", (key.from_,), None, columns.get(key.column or ""), "alternate key")
    for block, name, rule in block_rules(document):
        yield Line(block, name, rule.sources, rule, columns.get(name), _how(block, rule))
    for name in document.dropped:
        dropped = document.dropped_rule(name)
        how = "dropped as long as it stays empty" if dropped.while_empty else "dropped"
        yield Line(Block.DROPPED, name, (name,), None, None, how, dropped.reason)


def block_rules(document: MappingDocument) -> Iterator[tuple[Block, str, FieldRule]]:
    """Yield every rule of a document with its block and name."""
    if document.link is not None:
        yield Block.LINK, "row", document.link.row
        yield Block.LINK, "other", document.link.other
    for block in (Block.FIELDS, Block.ACTIVATE, Block.FINISH, Block.CLOSING, Block.COMPUTED):
        rules: Mapping[str, FieldRule] = getattr(document, block)
        for name, rule in rules.items():
            yield block, name, rule


def _how(block: Block, rule: FieldRule) -> str:
    """Say in words what becomes of a rule's value."""
    if block is Block.COMPUTED:
        return "computed by the target, and compared"
    return describe_rule(rule)


def _profiled(line: Line, profile: Mapping[str, FieldProfile]) -> Line:
    seen = [profile[name] for name in line.fields if name in profile]
    filled = max((field.filled for field in seen), default=0)
    samples = seen[0].samples if seen else ()
    return replace(line, filled=filled, samples=samples)
