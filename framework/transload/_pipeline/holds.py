"""Settings of the target that have to say something else while rows are loaded: a document's ``hold``, compiled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transload._pipeline.fit import Unfit, fit_to
from transload.mapping import Constant, Overflow
from transload.mapping import Mapping as MappingDocument
from transload.values import Cell, EntityName, TableName, TargetColumn, TargetSchema, TargetTable


@dataclass(frozen=True, slots=True)
class Hold:
    """A setting, and what it has to say while rows of a document are loaded."""

    table: TargetTable
    column: TargetColumn
    value: Cell

    @property
    def place(self) -> tuple[TableName, str]:
        """Table and column."""
        return self.table.name, self.column.name


def compile_holds(documents: Iterable[MappingDocument], target: TargetSchema) -> dict[EntityName, list[Hold]]:
    """Return what is held while rows of each document are loaded; what does not fit the target is left out."""
    holds: dict[EntityName, list[Hold]] = {}
    for document, found in _compiled(documents, target):
        if isinstance(found, Hold):
            holds.setdefault(EntityName(document.entity), []).append(found)
    return holds


def hold_mistakes(documents: Iterable[MappingDocument], target: TargetSchema) -> Iterator[str]:
    """Yield what does not fit the target, or contradicts another document."""
    values: dict[tuple[TableName, str], Cell] = {}
    for document, found in _compiled(documents, target):
        if not isinstance(found, Hold):
            yield f"{document.entity}: hold: {found}"
        elif values.setdefault(found.place, found.value) != found.value:
            yield f"{document.entity}: hold: another document holds {'.'.join(found.place)} at something else"


def _compiled(
    documents: Iterable[MappingDocument], target: TargetSchema
) -> Iterator[tuple[MappingDocument, Hold | str]]:
    """Yield every setting that is to be held, or what is wrong with it."""
    for document in documents:
        for name, wanted in document.hold.items():
            table = target.tables.get(TableName(name))
            for column, value in wanted.items():
                yield document, _hold(table, column, value) if table else f"the target has no table `{name}`"


def _hold(table: TargetTable, name: str, value: Constant) -> Hold | str:
    column = table.columns.get(name)
    if column is None:
        return f"{table.name} has no column `{name}`; what the target does not have need not be held"
    if not column.updatable:
        return f"{table.name}.{name} cannot be written"
    try:
        return Hold(table, column, None if value is None else fit_to(column, None, Overflow.ERROR)(value, _no_loss))
    except Unfit as error:
        return f"column {name} {error}"


def _no_loss(kind: str, original: str, kept: str) -> None:
    raise Unfit(f"would be {kind}: {original!r}")
