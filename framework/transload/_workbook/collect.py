"""Finds the line of every row with entries, and checks that the line is still as the workbook has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from transload._workbook.layout import ACCEPTED, ProposalHead, stamp
from transload._workbook.lines import Block, Decision, Head, Line, lines_of
from transload._workbook.read import EnteredRow, Entry
from transload._workbook.rules import MisfitError
from transload.mapping import NO_TARGET
from transload.mapping import Mapping as MappingDocument
from transload.values import TargetSchema


@dataclass(frozen=True, slots=True)
class Edit:
    """A line with its entries by head."""

    line: Line
    place: str
    entries: Mapping[Head, Entry]

    @property
    def texts(self) -> dict[Head, str]:
        """What the cells of the line say now."""
        return {**self.line.texts(), **{head: entry.text for head, entry in self.entries.items()}}

    @property
    def drops(self) -> bool:
        """Whether the field is to be dropped.

        Raises:
            MisfitError: The decision is neither of the two.
        """
        text = self.texts[Head.DECISION]
        if text not in set(Decision):
            raise MisfitError(Head.DECISION, f"`{text}` is no decision: `{Decision.CARRY}` or `{Decision.DROP}`")
        return text == Decision.DROP

    def at(self, head: Head | None) -> str:
        """Return the cell that a mistake is about."""
        if head is not None and head in self.entries:
            return self.entries[head].place
        return next((entry.place for entry in self.entries.values()), self.place)


@dataclass(slots=True)
class Collector:
    """Finds the line of every row with entries, and checks that the line is still as the workbook has it."""

    documents: Mapping[str, MappingDocument]
    target: TargetSchema
    mistakes: list[str]
    edits: dict[str, dict[tuple[Block, str], Edit]] = field(default_factory=dict)

    def take_line(self, row: EnteredRow) -> None:
        """Take the entries of a row of an entity's sheet."""
        entity, _, rest = row.key.partition(":")
        block, _, name = rest.partition(":")
        line = next((it for it in self._lines(entity) if (it.block, it.name) == (block, name)), None)
        if line is None:
            self.mistakes.append(f"{row.place}: the mapping has no such line any more ({entity}, {block}, {name})")
            return
        now, entries = line.texts(), {}
        for head, entry in ((Head(head), entry) for head, entry in row.entries.items()):
            if head not in line.open_heads():
                self.mistakes.append(f"{entry.place}: {head} cannot be changed here")
            elif stamp(now[head]) not in (entry.stamp, stamp(entry.text)):
                said = "; ".join(now[head].split("\n"))
                self.mistakes.append(f"{entry.place}: the mapping says `{said}` since the workbook was written")
            else:
                entries[head] = entry
        self._add(entity, Edit(line, row.place, entries))

    def take_proposal(self, row: EnteredRow) -> None:
        """Take the answer to a proposal."""
        for head in row.entries.keys() - {ProposalHead.ACCEPT}:
            self.mistakes.append(f"{row.entries[head].place}: {head} cannot be changed here")
        answer = row.entries.get(ProposalHead.ACCEPT)
        if answer is None:
            return
        if answer.text.casefold() != ACCEPTED:
            self.mistakes.append(f"{answer.place}: write `{ACCEPTED}`, or nothing; it says `{answer.text}`")
            return
        name, column = row.texts[ProposalHead.FIELD], row.texts[ProposalHead.COLUMN]
        entity, line = self._kept(row.texts[ProposalHead.ENTITY], name)
        if row.key.endswith(f":{NO_TARGET}"):
            self.mistakes.append(f"{answer.place}: there is no column to accept; name one on the sheet of {entity}")
            return
        if line is None:
            self.mistakes.append(f"{answer.place}: the field {name} has a rule of its own by now")
            return
        entries = {Head.COLUMN: replace(answer, text=column), Head.DECISION: replace(answer, text=Decision.CARRY)}
        self._add(entity, Edit(line, answer.place, entries))

    def _add(self, entity: str, edit: Edit) -> None:
        its, key = self.edits.setdefault(entity, {}), (edit.line.block, edit.line.name)
        if key in its:
            self.mistakes.append(f"{edit.place}: the same field is changed in {its[key].place}")
        its[key] = edit

    def _lines(self, entity: str) -> list[Line]:
        document = self.documents.get(entity)
        return lines_of(document, self.target) if document is not None and document.skip is None else []

    def _kept(self, entity: str, name: str) -> tuple[str, Line | None]:
        """Return the line that keeps a field in a column of its own, or drops it, and its document's entity."""
        for document in self.documents.values():
            if document.source_entity == entity:
                for line in self._lines(document.entity):
                    if line.fields == (name,) and (line.block is Block.DROPPED or line.custom):
                        return document.entity, line
        return entity, None
