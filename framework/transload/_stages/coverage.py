"""What a sample shows of the mapping, what it could not show, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from transload._pipeline.transform import CompiledMapping
from transload._reports import Column, Table, Tone
from transload._sample import FOR_ROOM, Kind, Selection, Survey, Trait
from transload._stages.diff import column_label
from transload.values import EntityName

_COLUMNS = {Kind.RULE: "Rules", Kind.VALUE: "Values", Kind.BRANCH: "Branches", Kind.OWNER: "Owners"}
_FULL = "no room"
_ABSENT = {
    Kind.RULE: "no record fills it",
    Kind.VALUE: "no record has it",
    Kind.BRANCH: "no record takes it",
    Kind.OWNER: "no record points there",
}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was shown of everything that the mapping knows, or that occurs.

    Attributes:
        mappings: By document.
        counts: How many records each document has.
        sampled: How many of them are in the sample.
        shown: The traits that the sample shows.
        hidden: Those that it does not show; of what is only shown as far as there is room, those that occur.
    """

    mappings: Mapping[EntityName, CompiledMapping]
    counts: Mapping[EntityName, int]
    sampled: Mapping[EntityName, int]
    shown: Sequence[Trait]
    hidden: Sequence[Trait]

    @classmethod
    def of(cls, survey: Survey, selection: Selection) -> "Coverage":
        """Compare what a survey has found with what a selection shows."""
        traits = list(survey.traits())
        return cls(
            {entity: reader.mapper for entity, reader in survey.readers.items()},
            {entity: survey.relations.count(entity) for entity in survey.readers},
            {entity: len(keys) for entity, keys in selection.by_entity().items()},
            [trait for trait in traits if trait in selection.shown],
            [trait for trait in traits if trait not in selection.shown and (trait.count or trait.kind not in FOR_ROOM)],
        )

    @property
    def left_out(self) -> list[Trait]:
        """What a sample is for, and is missing because there was no room."""
        return [trait for trait in self.hidden if trait.count and trait.kind not in FOR_ROOM]

    def told(self) -> str:
        """Say how much of what occurs is not shown."""
        return _counted(trait for trait in self.hidden if trait.count) or "nothing"

    def tables(self) -> list[Table]:
        """Return a line for each document, and one for each thing that is not shown."""
        return [self._by_document(), self._hidden()]

    def _by_document(self) -> Table:
        rows = []
        for entity, mapper in self.mappings.items():
            shown = [trait for trait in self.shown if trait.document == entity]
            hidden = [trait for trait in self.hidden if trait.document == entity]
            row: dict[str, object] = {
                "document": entity, "table": mapper.table.name,
                "records": self.counts[entity], "sampled": self.sampled.get(entity, 0),
                "why": self._why(entity, hidden) or None, "tone": self._tone(entity, hidden),
            }  # fmt: skip
            row |= {label.lower(): _share(shown, hidden, (kind,)) for kind, label in _COLUMNS.items()}
            row["strange"] = _share(shown, hidden, FOR_ROOM)
            rows.append(row)
        columns = [
            Column("document", "Records of"), Column("records", "Source", numeric=True),
            Column("sampled", "Sample", numeric=True),
            *(Column(label.lower(), label) for label in _COLUMNS.values()),
            Column("strange", "Strange"), Column("why", "Not shown, and why"),
            Column("tone", "State", badge=True),
        ]  # fmt: skip
        note = (
            "How much the sample shows of what occurs in the source: rules that give a value, values of value maps and "
            "choices, branches such as conditions and defaults, owners and other rows that the target has already, and "
            "strange values such as the longest text, the smallest number, emoji, null. Of the last the sample takes "
            "what there is room for."
        )
        return Table("What the sample shows", columns, rows, note, "tone")

    def _hidden(self) -> Table:
        absent = {entity for entity, count in self.counts.items() if not count}
        rows: list[dict[str, object]] = [
            {
                "document": entity, "kind": "document", "place": None, "what": "all of it",
                "why": "the source has no such records", "records": 0, "tone": Tone.PLAIN,
            }
            for entity in sorted(absent)
        ]  # fmt: skip
        rows += [
            {
                "document": trait.document,
                "kind": Kind.STRANGE if trait.kind in FOR_ROOM else trait.kind,
                "place": column_label(self.mappings[trait.document].table, trait.place) if trait.place else None,
                "what": trait.what,
                "why": _FULL if trait.count else _ABSENT[trait.kind],
                "records": trait.count,
                "tone": Tone.WARN if trait.count and trait.kind not in FOR_ROOM else Tone.PLAIN,
            }
            for trait in sorted(self.hidden, key=lambda it: (it.count == 0 or it.kind in FOR_ROOM, it.document))
            if trait.document not in absent
        ]
        columns = [
            Column("document", "Records of"), Column("kind", "Kind"), Column("place", "Column or field"),
            Column("what", "What"), Column("why", "Why"), Column("records", "Records that show it", numeric=True),
            Column("tone", "State", badge=True),
        ]  # fmt: skip
        note = (
            "What no record of the source shows cannot be tried before it occurs. What the sample has no room for "
            "comes in when `[sample] most` is raised."
        )
        return Table(
            "What it does not show", columns, rows, note, "tone", filterable=True, filters=("document", "kind", "why")
        )

    def _why(self, entity: EntityName, hidden: Sequence[Trait]) -> str:
        """Say in few words what of a document is not shown."""
        if not self.counts[entity]:
            return "the source has no such records"
        absent = _counted(trait for trait in hidden if not trait.count)
        full = _counted(trait for trait in hidden if trait.count)
        said = [f"not in the source: {absent}" if absent else "", f"{_FULL}: {full}" if full else ""]
        return "\n".join(filter(None, said))

    def _tone(self, entity: EntityName, hidden: Sequence[Trait]) -> Tone:
        if not self.counts[entity]:
            return Tone.PLAIN
        return Tone.WARN if any(t.count and t.kind not in FOR_ROOM for t in hidden) else Tone.GOOD


def _counted(traits: Iterable[Trait]) -> str:
    """Return how many traits of each kind there are."""
    kinds = [Kind.STRANGE if trait.kind in FOR_ROOM else trait.kind for trait in traits]
    labels = {**_COLUMNS, Kind.STRANGE: "Strange values"}
    counts = ((kinds.count(kind), kind.value, label.lower()) for kind, label in labels.items())
    return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count)


def _share(shown: Iterable[Trait], hidden: Iterable[Trait], kinds: Sequence[Kind]) -> str | None:
    """Return how many of what occurs is shown; nothing when nothing of the kind occurs."""
    seen = sum(trait.kind in kinds for trait in shown)
    occurs = seen + sum(trait.kind in kinds and bool(trait.count) for trait in hidden)
    return f"{seen:,} of {occurs:,}" if occurs else None
