"""Finds the plugins that a project lists, and calls their hooks.

Only listed plugins are imported: installing a package never changes what a
migration does. :class:`Plugins` is the one place that touches pluggy; it gives every
hook a type, and turns a plugin's bug into an error that names the plugin.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points, version
from typing import Any, TypeVar

import pluggy
from pydantic import BaseModel

from transload import hookspecs
from transload._mistakes import nearest
from transload.context import RunContext, StagedRecords
from transload.converters import CONVERTERS
from transload.errors import NotOfferedError, PluginDefectError, PluginError, TransloadError
from transload.hookspecs import Converter, hookimpl
from transload.mapping import NO_TARGET, MappingGap, Proposal, RecordMapper
from transload.mapping import Mapping as MappingDocument
from transload.values import (
    Batch,
    EntityName,
    Event,
    Finding,
    Inverse,
    Lookup,
    Outcome,
    Record,
    RecordKey,
    Rejection,
    Row,
    RowId,
    RowRef,
    SchemaChange,
    SchemaOutcome,
    SourceSchema,
    TableName,
    TargetSchema,
    Write,
)

GROUP = "transload"

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """Where a plugin comes from, and which hooks it implements."""

    name: str
    module: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution} {self.version})"


class _Engine:
    """The framework's own answers: the mapping engine to ``transform``, and the baseline to ``propose_mapping``."""

    @hookimpl(trylast=True)
    def transform(self, records: Sequence[Record], mapper: RecordMapper) -> list[Write | Rejection]:
        """Translate each record by the rules of its mapping."""
        return [result for record in records for result in mapper.map(record)]

    @hookimpl
    def propose_mapping(
        self, gaps: Sequence[MappingGap], mappings: Sequence[MappingDocument], target: TargetSchema
    ) -> list[Proposal]:
        """Propose columns by their names, types and lengths, and by the look of the samples."""
        from transload._proposals import propose  # its vocabulary is read only where something is proposed

        return propose(gaps, mappings, target)


class _Subset:
    """The hooks of a manager without some of its plugins."""

    def __init__(self, manager: pluggy.PluginManager, silent: Sequence[object]) -> None:
        self._manager, self._silent = manager, silent

    def __getattr__(self, hook: str) -> Any:
        return self._manager.subset_hook_caller(hook, self._silent)


class Plugins:
    """The enabled plugins, with one typed method for each hook."""

    def __init__(self, manager: pluggy.PluginManager, infos: Sequence[PluginInfo]) -> None:
        self._hook: Any = manager.hook
        self.infos, self._manager = tuple(infos), manager

    def only(self, name: str) -> "Plugins":
        """Return the same plugins with all but one silent."""
        others = [plugin for other, plugin in self._manager.list_name_plugin() if other != name and plugin]
        alone = Plugins(self._manager, [info for info in self.infos if info.name == name])
        alone._hook = _Subset(self._manager, others)
        return alone

    # --- once per command -----------------------------------------------------------

    def settings_models(self) -> dict[str, type[BaseModel] | None]:
        """Return the settings model of each plugin, by plugin name."""
        models: dict[str, type[BaseModel] | None] = {}
        for info in self.infos:
            implementation = getattr(self._manager.get_plugin(info.name), "settings", None)
            models[info.name] = self._call(implementation) if callable(implementation) else None
        return models

    def converters(self) -> dict[str, Converter]:
        """Return all conversions by name, the framework's included."""
        merged: dict[str, Converter] = dict(CONVERTERS)
        for offered in self._call(self._hook.converters):
            if twice := merged.keys() & offered.keys():
                raise PluginError(f"two plugins offer a converter named {', '.join(sorted(twice))}")
            merged.update(offered)
        return merged

    def converter_owners(self) -> dict[str, str]:
        """Return who offers each conversion; the framework is called ``transload``."""
        owners = dict.fromkeys(CONVERTERS, "transload")
        for implementation in self._hook.converters.get_hookimpls():
            owners |= dict.fromkeys(self._call(implementation.function), implementation.plugin_name)
        return owners

    def mappings(self, source: str, target: str, context: RunContext) -> list[MappingDocument]:
        """Return the shipped mappings; where two map one entity, the later one wins."""
        answers = self._call(self._hook.mappings, source=source, target=target, context=context)
        return [document for offered in answers for document in offered]

    def answering(self, hook: str) -> list[str]:
        """Return who implements a hook, first asked first; the framework is called ``transload``."""
        return [plugin for plugin, wraps in self._implementing(hook) if not wraps]

    def wrapping(self, hook: str) -> list[str]:
        """Return who amends what others answer to a hook."""
        return [plugin for plugin, wraps in self._implementing(hook) if wraps]

    def _implementing(self, hook: str) -> Iterator[tuple[str, bool]]:
        for implementation in reversed(getattr(self._hook, hook).get_hookimpls()):
            yield implementation.plugin_name, implementation.wrapper or implementation.hookwrapper

    # --- both systems ------------------------------------------------------------------

    def check(self, context: RunContext) -> list[Finding]:
        """Try every connection."""
        return [finding for found in self._call(self._hook.check, context=context) for finding in found]

    def describe_source(self, context: RunContext) -> SourceSchema:
        """Describe the source."""
        schema: SourceSchema = self._owned(
            self._call(self._hook.describe_source, context=context),
            "is a source: nothing answers `describe_source`",
        )
        return schema

    def describe_target(self, tables: Sequence[TableName], context: RunContext) -> TargetSchema:
        """Describe tables of the target."""
        schema: TargetSchema = self._owned(
            self._call(self._hook.describe_target, tables=tables, context=context),
            "is a sink: nothing answers `describe_target`",
        )
        return schema

    def audit(self, source: SourceSchema, target: TargetSchema, context: RunContext) -> list[Finding]:
        """Collect every plugin's findings."""
        results = self._call(self._hook.audit, source=source, target=target, context=context)
        return [finding for found in results for finding in found]

    # --- the five verbs -------------------------------------------------------------------

    def extract(self, entity: EntityName, context: RunContext) -> Iterator[Record]:
        """Yield the records of an entity, and those nested in them."""
        found: Iterator[Record] = self._owned(
            self._call(self._hook.extract, entity=entity, context=context), f"extracts {entity}"
        )
        yield from self._iterate(found)

    def extract_changes(
        self, entity: EntityName, staged: StagedRecords, context: RunContext
    ) -> Iterator[Record | RecordKey] | None:
        """Return what changed, and what is as it was; None when the source cannot say so."""
        found: Iterator[Record | RecordKey] | None = self._call(
            self._hook.extract_changes, entity=entity, staged=staged, context=context
        )
        return None if found is None else self._iterate(found)

    def transform(
        self, records: Sequence[Record], mapper: RecordMapper, context: RunContext
    ) -> list[Write | Rejection]:
        """Translate records of one entity into writes of the mapper's phase."""
        results = self._call(self._hook.transform, records=records, mapper=mapper, context=context)
        return [result for result in results if isinstance(result, Rejection) or result.phase is mapper.phase]

    def resolve_lookup(self, lookups: Sequence[Lookup], context: RunContext) -> dict[Lookup, RowRef]:
        """Find rows by criteria, and fallback rows; the plugin listed first wins."""
        found: dict[Lookup, RowRef] = {}
        for answer in reversed(self._call(self._hook.resolve_lookup, lookups=lookups, context=context)):
            found.update(answer)
        return found

    def load(self, batch: Batch, context: RunContext) -> Sequence[Outcome]:
        """Write a batch. Thread-safe."""
        outcomes: Sequence[Outcome] = self._owned(
            self._call(self._hook.load, batch=batch, context=context), f"loads {batch.table}"
        )
        return self._complete(outcomes, len(batch), "load")

    def rollback(self, inverses: Sequence[Inverse], context: RunContext) -> Sequence[Outcome]:
        """Undo writes. Thread-safe."""
        outcomes: Sequence[Outcome] = self._owned(
            self._call(self._hook.rollback, inverses=inverses, context=context), "undoes writes"
        )
        return self._complete(outcomes, len(inverses), "rollback")

    # --- the rest of the journey -------------------------------------------------------------

    def prepare_target(self, changes: Sequence[SchemaChange], context: RunContext) -> Sequence[SchemaOutcome]:
        """Create what the target needs."""
        outcomes: Sequence[SchemaOutcome] = self._owned(
            self._call(self._hook.prepare_target, changes=changes, context=context), "prepares the target"
        )
        return outcomes

    def read_back(
        self, table: TableName, row_ids: Sequence[RowId], columns: Sequence[str], context: RunContext
    ) -> Mapping[RowId, Row]:
        """Read rows as they are. Thread-safe."""
        rows: Mapping[RowId, Row] = self._owned(
            self._call(self._hook.read_back, table=table, row_ids=row_ids, columns=columns, context=context),
            f"reads {table}",
        )
        return rows

    def scan_keys(self, table: TableName, column: str, context: RunContext) -> Iterator[tuple[str, RowId]]:
        """Walk the rows whose alternate-key column is filled."""
        found: Iterator[tuple[str, RowId]] = self._owned(
            self._call(self._hook.scan_keys, table=table, column=column, context=context), f"scans {table}"
        )
        yield from self._iterate(found)

    def propose_mapping(
        self,
        gaps: Sequence[MappingGap],
        mappings: Sequence[MappingDocument],
        target: TargetSchema,
        context: RunContext,
    ) -> list[Proposal]:
        """Collect proposals, the surest first; that a field has no target, where no plugin knows one."""
        answers = self._call(self._hook.propose_mapping, gaps=gaps, mappings=mappings, target=target, context=context)
        proposals = sorted((p for answer in answers for p in answer), key=lambda p: -p.confidence)
        known = {(p.entity, p.field) for p in proposals if p.column != NO_TARGET}
        return [p for p in proposals if p.column != NO_TARGET or (p.entity, p.field) not in known]

    def source_links(self, records: Sequence[Record], context: RunContext) -> dict[RecordKey, str]:
        """Collect where people find records; the plugin listed first wins."""
        found: dict[RecordKey, str] = {}
        for answer in reversed(self._call(self._hook.source_links, records=records, context=context)):
            found.update(answer)
        return found

    def target_links(self, rows: Sequence[RowRef], context: RunContext) -> dict[RowRef, str]:
        """Collect where people find rows; the plugin listed first wins."""
        found: dict[RowRef, str] = {}
        for answer in reversed(self._call(self._hook.target_links, rows=rows, context=context)):
            found.update(answer)
        return found

    def observe(self, event: Event) -> None:
        """Tell every listener."""
        self._call(self._hook.observe, event=event)

    def commands(self) -> list[tuple[str, Callable[..., None]]]:
        """Return the extra commands of all plugins."""
        return [command for offered in self._call(self._hook.commands) for command in offered]

    # --- blame ------------------------------------------------------------------------------

    def _iterate(self, items: Iterator[ItemT]) -> Iterator[ItemT]:
        """Walk what a hook returned: a generator's code runs only now, outside of pluggy."""
        end = object()
        iterator = iter(items)
        while (item := self._call(next, iterator, end)) is not end:
            yield item

    def _call(self, function: Callable[..., Any], *positional: object, **arguments: object) -> Any:
        try:
            return function(*positional, **arguments)
        except TransloadError:
            raise
        except Exception as error:
            raise PluginDefectError(str(self._culprit(error)), error) from error

    def _culprit(self, error: Exception) -> PluginInfo | str:
        """Return the plugin whose code is nearest to where the error was raised."""
        culprit: PluginInfo | str = "the framework"
        trace = error.__traceback__
        while trace is not None:
            module = str(trace.tb_frame.f_globals.get("__name__", ""))
            culprit = self._owner(module) or culprit
            trace = trace.tb_next
        return culprit

    def _owner(self, module: str) -> PluginInfo | None:
        """Return the plugin that a module is, or whose package it belongs to."""
        packages = {info.module.rpartition(".")[0] or info.module: info for info in self.infos}
        modules = {info.module: info for info in self.infos}
        parents = (info for package, info in packages.items() if module.startswith(f"{package}."))
        return modules.get(module) or next(parents, None)

    def _owned(self, answer: Any, purpose: str) -> Any:
        if answer is None:
            names = ", ".join(info.name for info in self.infos)
            raise NotOfferedError(
                f"no enabled plugin {purpose} (enabled: {names})",
                "Add the plugin to the `plugins` list of transload.toml; `transload plugins` shows what is installed.",
            )
        return answer

    def _complete(self, outcomes: Sequence[Outcome], expected: int, hook: str) -> Sequence[Outcome]:
        if len(outcomes) != expected:
            defect = ValueError(f"`{hook}` returned {len(outcomes)} outcomes for {expected} writes")
            raise PluginDefectError("the sink", defect)
        return outcomes


def installed_plugins() -> list[PluginInfo]:
    """List what is installed, without importing any of it."""
    return [_describe(point) for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)]


def load_plugins(names: Sequence[str]) -> Plugins:
    """Import the listed plugins, and nothing else, in the project's order.

    Raises:
        PluginError: A plugin is listed twice, missing, offered by two distributions, fails to
            import, or implements a hook that does not exist.
    """
    manager = pluggy.PluginManager("transload")
    manager.add_hookspecs(hookspecs)
    manager.register(_Engine(), "transload")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PluginError(f"listed twice: {', '.join(twice)}")
    infos, installed = [], list(entry_points(group=GROUP))
    # pluggy calls the plugin registered last first; the project's list reads top to bottom.
    for name in reversed(names):
        point = _find(name, installed)
        info = _describe(point)
        _register(manager, point, info)
        hooks = tuple(sorted(caller.name for caller in manager.get_hookcallers(manager.get_plugin(name)) or ()))
        infos.append(PluginInfo(info.name, info.module, info.distribution, info.version, hooks))
    return Plugins(manager, infos[::-1])


def _find(name: str, installed: Sequence[EntryPoint]) -> EntryPoint:
    offers = {(_describe(p).distribution, p.value): p for p in installed if p.name == name}
    if not offers:
        known = sorted({point.name for point in installed})
        raise PluginError(
            f"the project lists the plugin `{name}`, which is not installed{nearest(name, known)}",
            f"Installed plugins: {', '.join(known) or 'none'}. Install the missing one with pip, or correct the list.",
        )
    if len(offers) > 1:
        parties = " and ".join(f"{_describe(p).distribution} {_describe(p).version}" for p in offers.values())
        raise PluginError(
            f"the plugin `{name}` is offered by {parties}",
            "Uninstall all but one of them: which code moves a client's data must never be a matter of chance.",
        )
    return next(iter(offers.values()))


def _register(manager: pluggy.PluginManager, point: EntryPoint, info: PluginInfo) -> None:
    ours = f"transload {version('transload')}"
    try:
        module = point.load()
    except Exception as error:
        raise PluginError(
            f"the plugin {info} cannot be imported under {ours}: {type(error).__name__}: {error}"
        ) from error
    try:
        manager.register(module, info.name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "transload_spec")]
        words = [word.strip("'\"`.,:") for word in str(error).split()]
        close = next((hint for word in words if word not in known and "did you" in (hint := nearest(word, known))), "")
        raise PluginError(f"the plugin {info} does not fit the hooks of {ours}: {error}{close}") from error


def _describe(point: EntryPoint) -> PluginInfo:
    distribution = point.dist
    name = distribution.name if distribution is not None else "unknown"
    return PluginInfo(point.name, point.module, name, distribution.version if distribution is not None else "unknown")
