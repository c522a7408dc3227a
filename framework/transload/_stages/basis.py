"""What an approval is bound to, fact by fact, so that drift can be told with what it was and what it is.

The digests decide whether an approval holds. The facts behind them are kept beside, under the
digest of all of them, for the list of what drifted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import orjson
from pydantic import BaseModel

from transload._ledger import Ledger
from transload._pipeline.transform import own_columns
from transload._reports import Column, Table
from transload._stages.bench import Bench
from transload._stages.since_plan import told_rules
from transload.mapping import Mapping as MappingDocument
from transload.mapping import digest_mappings
from transload.values import ColumnType, SourceSchema, TableName, TargetColumn, TargetSchema

Facts = Mapping[str, str]
_MOST_NAMED = 12
"""Changes that a message names one by one; the report of the next plan or approval lists all."""
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Basis:
    """What a person says yes to.

    Attributes:
        digests: One for each area: mapping, schemas, plugins, settings.
        facts: The single facts of each area, name to text.
    """

    digests: Facts
    facts: Mapping[str, Facts]


@dataclass(frozen=True, slots=True)
class Drift:
    """One fact that is not what it was; an empty text means that it was not there."""

    area: str
    name: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.name}: {_short(self.before)} -> {_short(self.now)}"


def basis_of(bench: Bench, documents: Mapping[str, MappingDocument]) -> Basis:
    """Return what an approval of these documents would be bound to now."""
    mapping = {
        f"{entity}: {name}": text for entity, document in documents.items() for name, text in told_rules(document)
    }
    facts: dict[str, Facts] = {
        "source schema": _source_facts(bench.source()),
        "target schema": dict(_target_facts(bench.target(documents), documents)),
        "plugins": {info.name: f"{info.distribution} {info.version}" for info in bench.plugins.infos},
        "settings": dict(_settings_facts(bench.context.settings.values())),
    }
    digests = {"mapping": digest_mappings(documents.values()), **{area: _digest(its) for area, its in facts.items()}}
    return Basis(digests, {"mapping": mapping, **facts})


def keep_basis(ledger: Ledger, basis: Basis) -> None:
    """Keep the facts behind digests for a later comparison."""
    ledger.runs.set_fact(_place(basis.digests), orjson.dumps(basis.facts).decode())


def drift_since(ledger: Ledger, digests: Facts, now: Basis) -> list[Drift]:
    """Return every fact that is not what it was when these digests were taken; none when nothing was kept."""
    kept = ledger.runs.fact(_place(digests))
    before: Mapping[str, Facts] = orjson.loads(kept) if kept is not None else now.facts
    return [
        Drift(area, name, old.get(name, ""), new.get(name, ""))
        for area in now.facts
        for old, new in [(before.get(area, {}), now.facts[area])]
        for name in dict.fromkeys([*old, *new])
        if old.get(name, "") != new.get(name, "")
    ]


def changed_areas(before: object, now: Facts) -> list[str]:
    """Return the areas whose digest is another one, for a sentence."""
    known = before if isinstance(before, Mapping) else {}
    return [f"the {what}" for what, digest in now.items() if known.get(what) != digest]


def tell_drift(drifts: list[Drift]) -> str:
    """Return the first changes for a message, each on a line of its own."""
    lines = [f"\n  {drift.area}, {drift}" for drift in drifts[:_MOST_NAMED]]
    more = len(drifts) - len(lines)
    return "".join([*lines, f"\n  and {more:,} more" if more else ""])


def drift_table(drifts: list[Drift], title: str) -> Table:
    """Return every change with what it was and what it is."""
    columns = [Column("area", "Of"), Column("name", "What"), Column("before", "Was"), Column("now", "Is")]
    rows = [{"area": d.area, "name": d.name, "before": d.before or None, "now": d.now or None} for d in drifts]
    return Table(title, columns, rows, filterable=True, filters=("area",), identifier="changed-since-approval")


def _source_facts(source: SourceSchema) -> Facts:
    fields = {f"{e.name}.{field.name}": str(field.type) for e in source.entities for field in e.fields.values()}
    return {"system": source.system, "account": source.account, **fields}


def _target_facts(target: TargetSchema, documents: Mapping[str, MappingDocument]) -> Iterator[tuple[str, str]]:
    """Yield what a mapping relies on in the target, without what `prepare` adds to it."""
    yield "address", target.address
    own = own_columns(documents.values())
    made = {document.table for document in documents.values() if document.new_table is not None}
    used = {(document.table, name) for document in documents.values() for name, _ in document.rules()}
    held = {(table, name) for document in documents.values() for table, its in document.hold.items() for name in its}
    for name, column in sorted(used | held):
        table = target.tables.get(TableName(name))
        if table is None or name in made or column not in table.columns or column in own.get(name, ()):
            continue  # a table that is missing is named by whoever compiles the mapping
        for what, text in _column_facts(table.columns[column], made):
            yield f"{name}.{column} {what}", text


def _column_facts(column: TargetColumn, made: set[str]) -> Iterator[tuple[str, str]]:
    yield "type", str(column.type)
    if column.type is not ColumnType.FILE:  # `prepare` may raise what files may have
        yield "length", str(column.max_length or "")
    yield "digits", str(column.precision if column.precision is not None else "")
    yield "options", ", ".join(map(str, sorted(column.options)))
    yield "points to", ", ".join(sorted(set(column.targets) - made))
    yield "required", "yes" if column.required else "no"


def _settings_facts(models: Iterable[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each setting; two plugins may both call their model `Settings`, so its module names it."""
    for model in models:
        for name, value in _leaves(model.model_dump(mode="json")):
            yield f"{type(model).__module__}.{type(model).__name__} {name}", value


def _leaves(tree: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value if isinstance(value, str) else orjson.dumps(value).decode()


def _place(digests: Facts) -> str:
    return f"basis {_digest(digests)}"


def _digest(facts: Facts) -> str:
    return blake2b(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _short(text: str) -> str:
    return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...") or "nothing"
