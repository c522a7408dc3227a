"""A source plugin whose company is a file in the client's folder; see :class:`~transload.testing.MemoryCompany`.

Offered to a test's project by :class:`~transload.testing.ProjectFactory`; never installed.
"""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from transload.context import RunContext, StagedRecords
from transload.hookspecs import hookimpl
from transload.testing.memory_company import MemoryCompany
from transload.values import EntityName, Finding, Record, RecordKey, Severity, SourceSchema


class MemorySourceSettings(BaseModel):
    """The ``[memory_source]`` table of a project file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = "source.json"
    tells_changes: bool = True
    """Whether the company says which records changed."""


@hookimpl
def settings() -> type[BaseModel]:
    """Return the settings model."""
    return MemorySourceSettings


@hookimpl
def check(context: RunContext) -> Sequence[Finding]:
    """Say which company it is."""
    schema = _company(context).schema()
    return [Finding("memory_source", Severity.INFO, f"the company {schema.account} in memory")]


@hookimpl
def describe_source(context: RunContext) -> SourceSchema:
    """Describe the company."""
    return _company(context).schema()


@hookimpl
def extract(entity: EntityName, context: RunContext) -> Iterator[Record] | None:
    """Read the records of an entity of the company."""
    company = _company(context)
    known = {described.name for described in company.schema().entities}
    return company.extract(entity, context.files) if entity in known else None


@hookimpl
def extract_changes(
    entity: EntityName, staged: StagedRecords, context: RunContext
) -> Iterator[Record | RecordKey] | None:
    """Read the records of an entity that show another moment than before, and name the others."""
    if not context.settings_of(MemorySourceSettings).tells_changes:
        return None
    return _company(context).extract_changes(entity, staged, context.files)


def _company(context: RunContext) -> MemoryCompany:
    return MemoryCompany(context.folder / context.settings_of(MemorySourceSettings).file)
