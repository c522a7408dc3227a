"""Turns the entries of a workbook into edited mapping documents, all or none."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transload._pipeline.transform import new_table
from transload._workbook.collect import Collector, Edit
from transload._workbook.layout import SheetKind
from transload._workbook.lines import Block, Decision, Head
from transload._workbook.read import Filled
from transload._workbook.rules import MisfitError, Place, edited_rule, read_values
from transload.errors import WorkbookError
from transload.mapping import Dropped, FieldRule, parse_mapping, render_mapping
from transload.mapping import Mapping as MappingDocument
from transload.values import TableName, TargetSchema

_SHORTEST_REASON = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that was taken over.

    Attributes:
        place: Sheet and cell.
        name: The column or field that it is about.
        column: The column that its rule fills now; empty when it fills none any more.
    """

    place: str
    entity: str
    name: str
    what: str
    before: str
    now: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """The documents that changed, and by which entries."""

    documents: Mapping[str, MappingDocument]
    changes: Sequence[Change]


def edit_documents(
    path: Path, filled: Filled, documents: Mapping[str, MappingDocument], target: TargetSchema
) -> Edited:
    """Return the documents with the entries of a workbook.

    Args:
        path: Where the workbook lies, for the message.
        filled: What was read from it.
        documents: The client's documents as they stand.
        target: The live target.

    Raises:
        WorkbookError: Some entry cannot be taken; all such are named, with sheet and cell.
    """
    collector = Collector(documents, target, list(filled.mistakes))
    for row in filled.rows[SheetKind.LINES]:
        collector.take_line(row)
    for row in filled.rows[SheetKind.PROPOSALS]:
        collector.take_proposal(row)
    edited: dict[str, MappingDocument] = {}
    changes: list[Change] = []
    for entity, edits in collector.edits.items():
        editor = _Editor(documents[entity], edits, target)
        document = editor.edit()
        collector.mistakes += editor.mistakes
        if document != documents[entity]:
            edited[entity] = document
        changes += [change for edit in edits.values() for change in _changes(entity, edit)]
    if collector.mistakes:
        raise WorkbookError(str(path), collector.mistakes)
    return Edited(edited, changes)


@dataclass(slots=True)
class _Editor:
    """Edits one document, all lines at once, so that two rules may exchange their columns."""

    document: MappingDocument
    edits: Mapping[tuple[Block, str], Edit]
    target: TargetSchema
    mistakes: list[str] = field(default_factory=list)
    fields: dict[str, FieldRule] = field(default_factory=dict)
    dropped: dict[str, str | Dropped] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    to_drop: dict[str, str] = field(default_factory=dict)

    def edit(self) -> MappingDocument:
        """Return the edited document; what could not be edited is among the mistakes."""
        for name, rule in self.document.fields.items():
            edit = self.edits.get((Block.FIELDS, name))
            if edit is None:
                self._put(name, rule, "")
            else:
                self._try(edit, self._edit_rule)
        for name, reason in self.document.dropped.items():
            edit = self.edits.get((Block.DROPPED, name))
            if edit is None:
                self.dropped[name] = reason
            else:
                self._try(edit, self._edit_dropped)
        update: dict[str, object] = {"fields": self.fields, "dropped": self.dropped}
        for block in (Block.ACTIVATE, Block.FINISH, Block.CLOSING, Block.COMPUTED):
            update[block] = self._with_values(block)
        document = self.document.model_copy(update=update)
        reasons = {name: why for name, why in self.to_drop.items() if name not in document.used_fields()}
        document = document.model_copy(update={"dropped": {**self.dropped, **reasons}})
        return document if self.mistakes else parse_mapping(render_mapping(document), document.entity)

    def _try(self, edit: Edit, take: Callable[[Edit], None]) -> None:
        try:
            take(edit)
        except MisfitError as misfit:
            self.mistakes.append(f"{edit.at(misfit.head)}: {misfit}")

    def _edit_rule(self, edit: Edit) -> None:
        if edit.drops:
            reason = _reason(edit)
            self.to_drop.update(dict.fromkeys(edit.line.fields, reason))
            return
        if edit.texts[Head.REASON]:
            raise MisfitError(Head.REASON, f"gives a reason, yet the decision is `{Decision.CARRY}`")
        self._put(*edited_rule(edit.line, edit.texts, edit.entries.keys(), self._place()), edit.at(Head.COLUMN))

    def _edit_dropped(self, edit: Edit) -> None:
        name = edit.line.name
        if not edit.drops:
            if Head.REASON in edit.entries and edit.texts[Head.REASON]:
                raise MisfitError(Head.REASON, f"gives a reason, yet the decision is `{Decision.CARRY}`")
            self._put(*edited_rule(edit.line, edit.texts, edit.entries.keys(), self._place()), edit.at(Head.COLUMN))
            return
        reason, while_empty = _reason(edit), self.document.dropped_rule(name).while_empty
        self.dropped[name] = Dropped(reason=reason, while_empty=True) if while_empty else reason

    def _put(self, name: str, rule: FieldRule, place: str) -> None:
        if name in self.fields:
            where, other = (place, self.places[name]) if place else (self.places[name], "")
            beside = f", and so does {other}" if other else ""
            self.mistakes.append(f"{where}: another rule fills {name}{beside}")
        self.fields[name], self.places[name] = rule, place

    def _with_values(self, block: Block) -> dict[str, FieldRule]:
        rules: dict[str, FieldRule] = dict(getattr(self.document, block))
        for name, rule in rules.items():
            if edit := self.edits.get((block, name)):
                try:
                    values = read_values(edit.texts[Head.VALUES])
                except MisfitError as misfit:
                    self.mistakes.append(f"{edit.at(misfit.head)}: {misfit}")
                else:
                    rules[name] = rule.model_copy(update={"values": values})
        return rules

    def _place(self) -> Place:
        table = self.target.tables.get(TableName(self.document.table)) or new_table(self.document)
        return Place(self.document.table, table.columns if table is not None else {}, self.target.custom_prefix)


def _reason(edit: Edit) -> str:
    """Return why a field is dropped.

    Raises:
        MisfitError: No reason is given, or entries say what to do with a field that is dropped.
    """
    if idle := edit.entries.keys() - {Head.DECISION, Head.REASON}:
        raise MisfitError(min(idle), f"has no use: the decision is `{Decision.DROP}`")
    reason = edit.texts[Head.REASON].strip()
    if len(reason) < _SHORTEST_REASON:
        raise MisfitError(Head.REASON if Head.REASON in edit.entries else None, "a dropped field needs a reason")
    return reason


def _changes(entity: str, edit: Edit) -> list[Change]:
    before, name = edit.line.texts(), "\n".join(edit.line.fields) or edit.line.name
    return [
        Change(entry.place, entity, name, head, before[head], entry.text, edit.texts[Head.COLUMN])
        for head, entry in edit.entries.items()
        if before[head] != entry.text
    ]


def place_mistakes(mistakes: Sequence[str], changes: Sequence[Change]) -> list[str]:
    """Return mistakes of the mapping, each with the cell that brought it in where one did."""
    return [f"{place}: {mistake}" if (place := _culprit(mistake, changes)) else mistake for mistake in mistakes]


def _culprit(mistake: str, changes: Sequence[Change]) -> str:
    entity, _, rest = mistake.partition(": ")
    words = set(re.findall(r"\w+", rest))
    return next((it.place for it in changes if it.entity == entity and it.column in words), "")
