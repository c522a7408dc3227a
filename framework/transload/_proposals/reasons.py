"""Says why a column is proposed, in words that an administrator understands."""

from transload._proposals.scores import Candidate
from transload._proposals.words import split_words
from transload.values import ColumnType, TargetColumn, TargetTable

_WELL = 0.5
_PERFECT = 0.995
_UNWRITABLE = {
    ColumnType.MONEY: "the target computes this column: its rule belongs under `computed`",
    ColumnType.STATE: "a state is set when all else is written: its rule belongs under `finish`",
}


def reason_for(candidate: Candidate, first: str | None) -> str:
    """Return the reasons for a candidate, and what to mind.

    Args:
        candidate: The field and its column.
        first: The field that has the column already, if one has.
    """
    parts = [_name(candidate), _type(candidate), _look(candidate)]
    column, gap = candidate.column, candidate.gap
    if column.max_length is not None and gap.longest > column.max_length:
        parts.append(f"the longest value has {gap.longest} characters and would be cut")
    if not (column.creatable or column.updatable):
        parts.append(_UNWRITABLE.get(column.type, "the target lets no rule fill this column"))
    if first is not None:
        parts.append(f"{first} has this column already: make it the fall-back")
    return "; ".join(part for part in parts if part)


def reason_for_none(field: str, known_as: str, closest: Candidate | None, table: TargetTable) -> str:
    """Return why a field has no good target.

    Args:
        field: The field.
        known_as: What it is known to mean where no standard column is for that, if it is known.
        closest: The column that is most like it, though not enough, if any is.
        table: The table that its entity becomes.
    """
    if known_as:
        return f"'{field}' means {known_as}, and no standard column is for that"
    if closest is None:
        return f"no column of {table.label} fits in name and type"
    return f"the closest is {_shown(closest.column)}, which is too unsure ({closest.confidence:.0%}): {_name(closest)}"


def _name(candidate: Candidate) -> str:
    field, alias = candidate.gap.field, candidate.alias
    if candidate.facts.name < _PERFECT:
        return f"'{field}' is close to '{alias.text}'"
    if " ".join(split_words(field)) == alias.text:
        return f"'{field}' is what {_shown(candidate.column)} is usually called"
    return f"'{field}' means {alias.text}"


def _shown(column: TargetColumn) -> str:
    return f"{column.label} ({column.name})" if column.label else column.name


def _type(candidate: Candidate) -> str:
    column = candidate.column
    size = f"({column.max_length})" if column.max_length else ""
    if candidate.facts.type >= _WELL:
        needs = {
            ColumnType.CHOICE: ", with a table of values",
            ColumnType.STATUS: ", with a table of values",
            ColumnType.STATE: ", with a table of values",
            ColumnType.LOOKUP: f", as a reference to {' or '.join(column.targets)}" if column.targets else "",
        }
        return f"type {column.type}{size} fits{needs.get(column.type, '')}"
    return f"type {column.type}{size} needs a conversion from {candidate.gap.type}"


def _look(candidate: Candidate) -> str:
    look = candidate.look
    if not look.says:
        return ""
    share = "all" if look.like == look.of else f"{look.like / look.of:.0%}" if look.like else "none"
    return f"{share} of the samples {look.says}"
