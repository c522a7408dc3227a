"""What every stage works with, and the frame in which it runs.

:func:`run_stage` opens the project, loads its plugins, takes the ledger, runs the stage,
and leaves a report, whatever happens: a stage that fails is recorded as failed, one that
is stopped as stopped, and the next call knows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path

from transload._ledger import Ledger, RunStatus
from transload._mistakes import nearest
from transload._pipeline.cascades import Cascades
from transload._pipeline.closed import ClosedRows
from transload._pipeline.holder import Holder
from transload._pipeline.holds import compile_holds
from transload._pipeline.load import Loader
from transload._pipeline.narrow import Narrower
from transload._pipeline.planner import LoadPlan, plan_load
from transload._pipeline.records import DocumentRecords
from transload._pipeline.resolve import Ask, Resolver
from transload._pipeline.transform import CompiledMapping, compile_mappings, merge_tables
from transload._pipeline.verify import Verifier
from transload._plugins import Plugins, load_plugins
from transload._reports import Report, Tone, WrittenReport, write_report
from transload._stages.names import command_of
from transload._stages.progress import ProgressKeeper
from transload._stages.schemas import Schemas, keep_schemas
from transload.context import RunContext, utc_now
from transload.errors import CutShortError, MappingError, ProjectFileError, RunError, StageRefusedError, TransloadError
from transload.hookspecs import Converter
from transload.mapping import FieldRule, combine_mappings, load_mappings
from transload.mapping import Mapping as MappingDocument
from transload.settings import Project, configure_plugins, load_project
from transload.values import EntityName, Event, SourceSchema, TableName, TargetSchema

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a stage left behind."""

    report: Report
    written: WrittenReport
    passed: bool


@dataclass(slots=True)
class Bench:
    """A project with its plugins, ledger and context, for one stage."""

    project: Project
    plugins: Plugins
    ledger: Ledger
    context: RunContext
    summary: dict[str, object] = field(default_factory=dict)
    """What the next stages need to know of this one; kept in the ledger."""

    @property
    def run_id(self) -> str:
        """The id of this run of the stage."""
        return self.context.run_id

    @property
    def command(self) -> str:
        """What a person typed for this stage, behind ``transload``."""
        return command_of(self.context.stage)

    def source(self) -> SourceSchema:
        """Describe the source."""
        return self.plugins.describe_source(self.context)

    def target(self, documents: Mapping[str, MappingDocument]) -> TargetSchema:
        """Describe the tables that the mappings write to, and those whose settings they hold."""
        named = {table for document in documents.values() for table in (document.table, *document.hold) if table}
        return self.plugins.describe_target(sorted(map(TableName, named)), self.context)

    def documents(self) -> dict[str, MappingDocument]:
        """Read the client's mapping documents.

        Raises:
            StageRefusedError: There are none.
            MappingError: A document has mistakes.
        """
        if not (found := self.written_documents()):
            raise StageRefusedError(self.command, "there is no mapping yet", "transload plan")
        return found

    def all_documents(self) -> dict[str, MappingDocument]:
        """Return the client's documents, and the shipped ones of entities without any."""
        source, target = self.source(), self.target({})
        offered = self.plugins.mappings(source.system, target.system, self.context)
        needed = sorted({TableName(document.needs) for document in offered if document.needs})
        present = self.plugins.describe_target(needed, self.context).tables if needed else {}
        return {**combine_mappings(offered, present), **self.written_documents()}

    def written_documents(self) -> dict[str, MappingDocument]:
        """Read the client's mapping documents, as far as there are any.

        Raises:
            MappingError: A document has mistakes, or is not named after its entity.
        """
        folder = self.project.mapping
        found = load_mappings(folder) if folder.is_dir() else []
        misnamed = [
            f"there is no {entity}.yaml, yet a file maps the entity {entity}: name it so"
            for entity in sorted({document.entity for document in found})
            if not (folder / f"{entity}.yaml").exists()
        ]
        if len({document.entity for document in found}) != len(found):
            misnamed.append("two files map the same entity")
        if misnamed:
            raise MappingError(str(folder), misnamed)
        return {document.entity: document for document in found}


@dataclass(frozen=True, slots=True)
class Machinery:
    """Everything that moves or checks records, for one set of mappings."""

    plan: LoadPlan
    mappings: Mapping[EntityName, CompiledMapping]
    records: DocumentRecords
    loader: Loader
    verifier: Verifier


def assemble(bench: Bench, documents: Mapping[str, MappingDocument]) -> Machinery:
    """Compile the mappings against both live systems.

    Raises:
        MappingError: They do not fit.
    """
    schemas = Schemas(bench.source(), bench.target(documents))
    machinery = build_machinery(bench, documents, schemas, bench.plugins.converters())
    _check_delta(bench, machinery.mappings)
    keep_schemas(bench.ledger, schemas)
    return machinery


def build_machinery(
    bench: Bench,
    documents: Mapping[str, MappingDocument],
    schemas: Schemas,
    converters: Mapping[str, Converter],
    ask: Ask | None = None,
) -> Machinery:
    """Compile the mappings against schemas.

    Args:
        bench: The bench.
        documents: The mapping documents.
        schemas: What both systems offer.
        converters: Conversions by name.
        ask: Finds rows by criteria, and fallback rows; the plugins do when left out.

    Raises:
        MappingError: They do not fit.
    """
    documents = {entity: document for entity, document in documents.items() if document.skip is None}
    plan = plan_load(documents.values())
    mappings = compile_mappings(documents.values(), schemas.source, schemas.target, converters, plan.deferred)
    settings = bench.project.settings
    flags = {d.table: d.flag for d in documents.values() if d.flag is not None}
    resolver = Resolver(bench.ledger, ask or partial(bench.plugins.resolve_lookup, context=bench.context), flags)
    tables = merge_tables(compiled.table for compiled in mappings.values())
    cascades = Cascades(bench.ledger, bench.run_id, tables, marked_columns(documents.values(), lambda rule: rule.late))
    closed = ClosedRows(bench.ledger, tables, marked_columns(documents.values(), lambda rule: rule.minor))
    delta, records = settings.delta, DocumentRecords(bench.ledger, documents)
    narrower = Narrower(
        bench.ledger, bench.plugins, bench.context, tables, delta.conflict, delta.fields, records, cascades, closed
    )
    workers, tolerance = settings.run.workers, Decimal(settings.reconcile.amount_tolerance) / 100
    holder = Holder(bench.ledger, bench.plugins, bench.context, compile_holds(documents.values(), schemas.target))
    loader = Loader(bench.ledger, bench.plugins, bench.context, mappings, resolver, narrower, holder, workers)
    verifier = Verifier(bench.ledger, bench.plugins, bench.context, mappings, resolver, closed, workers, tolerance)
    return Machinery(plan, mappings, records, loader, verifier)


def _check_delta(bench: Bench, mappings: Mapping[EntityName, CompiledMapping]) -> None:
    """Refuse policies for columns that no document fills: a typing error would leave the column to another policy."""
    known = {f"{entity}.{column}" for entity, mapper in mappings.items() for column, _ in mapper.document.rules()}
    unknown = [name for name in bench.project.settings.delta.fields if name not in known]
    if unknown:
        mistakes = [f"delta.fields: no mapping fills {name!r}{nearest(name, sorted(known))}" for name in unknown]
        raise ProjectFileError(str(bench.project.file), mistakes)


def marked_columns(
    documents: Iterable[MappingDocument], mark: Callable[[FieldRule], bool]
) -> dict[TableName, frozenset[str]]:
    """Return the columns of each table whose rules are marked, by what any document says."""
    found: dict[TableName, frozenset[str]] = {}
    for document in documents:
        marked = {name for name, rule in document.fields.items() if mark(rule)}
        found[TableName(document.table)] = found.get(TableName(document.table), frozenset()) | marked
    return found


def run_stage(
    stage: str,
    folder: Path,
    work: Callable[[Bench], Report],
    listen: Listener | None = None,
    resumable: bool = False,
) -> StageResult:
    """Run a stage in a client's folder, and leave its report.

    Args:
        stage: Its name.
        folder: The client's folder.
        work: The stage itself.
        listen: Told of progress, beside the plugins.
        resumable: Whether a run of the stage that never finished is taken up again.

    Raises:
        TransloadError: The stage failed; the ledger says so too.
    """
    project = load_project(folder)
    plugins = load_plugins(project.settings.project.plugins)
    settings = configure_plugins(project, plugins.settings_models())

    with Ledger.open(project.ledger_url) as ledger:
        unfinished = ledger.runs.resume(stage) if resumable else None
        facts = {info.name: info.version for info in plugins.infos}
        run_id = unfinished.run_id if unfinished is not None else ledger.runs.start(stage, facts)
        keeper = ProgressKeeper(ledger, run_id, utc_now)

        def observe(event: Event) -> None:
            plugins.observe(event)
            keeper.note(event)
            if listen is not None:
                listen(event)

        context = RunContext(run_id, stage, project.folder, settings, observe=observe)
        bench = Bench(project, plugins, ledger, context)
        try:
            report = work(bench)
            written = write_report(report, project.reports)
        except KeyboardInterrupt:
            ledger.runs.finish(run_id, RunStatus.STOPPED, bench.summary)
            raise CutShortError(stage) from None
        except TransloadError as error:
            # A run that a dead server cut off is taken up again; one that was misconfigured starts anew.
            status = RunStatus.STOPPED if isinstance(error, RunError) else RunStatus.FAILED
            ledger.runs.finish(run_id, status, {**bench.summary, "error": str(error)})
            raise
        finally:
            context.close()
        passed = report.verdict.tone is not Tone.BAD
        bench.summary["next"] = report.verdict.next_command
        ledger.runs.finish(run_id, RunStatus.PASSED if passed else RunStatus.FAILED, bench.summary)
    return StageResult(report, written, passed)
