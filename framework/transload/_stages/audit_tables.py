"""Tables and charts of the audit: what the source holds, field by field and value by value."""

from collections.abc import Iterator, Mapping, Sequence

from transload._pipeline.profile import Extreme, FieldProfile
from transload._reports import Chart, Column, Series, Table
from transload._stages.duplicates import Duplicates, most_groups
from transload._stages.encounters import Encounters
from transload._stages.masking import Samples
from transload._stages.rehearsal import Orphans
from transload.values import EntityName, FieldType, LeftBehind, SourceSchema

Profiles = Mapping[EntityName, Mapping[str, FieldProfile]]
"""The fields of each entity."""
_LONGEST_LABEL = 60
_MOST_CHARTS = 24
_MOST_CHOICES = 12
"""A field with more different values is no choice that people would look at."""
_LEAST_REPEATED = 3
"""How often a value must occur on average."""


def records_chart(counts: Mapping[EntityName, int]) -> Chart:
    """Return the records of each entity."""
    filled = sorted((entity for entity in counts if counts[entity]), key=lambda entity: -counts[entity])
    return Chart("Records by entity", filled, [Series("records", [counts[e] for e in filled])], unit="records")


def choice_charts(profiles: Profiles, samples: Samples) -> list[Chart]:
    """Return charts of the choices that most records fill; the tables tell of all fields."""
    if not samples.shown:
        return []
    charts = [chart for entity, profile in profiles.items() for chart in _choices(entity, profile, samples)]
    weight = {chart.title: sum(chart.series[0].values) for chart in charts}
    heaviest = sorted(weight, key=lambda title: -weight[title])[:_MOST_CHARTS]
    return [chart for chart in charts if chart.title in heaviest]


def _choices(entity: EntityName, profile: Mapping[str, FieldProfile], samples: Samples) -> Iterator[Chart]:
    """Yield a chart for each field whose values look like a choice."""
    for name, field in profile.items():
        few = 1 < len(field.distinct) <= _MOST_CHOICES and not field.overflowed
        if few and field.type is FieldType.TEXT and field.filled >= _LEAST_REPEATED * len(field.distinct):
            values = sorted(field.distinct, key=lambda value: (-field.distinct[value], value))
            numbers = [field.distinct[value] for value in values]
            values = [samples.of_choice(value) for value in values]
            labels = [
                value if len(value) <= _LONGEST_LABEL else f"{value[:_LONGEST_LABEL]}\N{HORIZONTAL ELLIPSIS}"
                for value in values
            ]
            yield Chart(f"{entity}: values of {name}", labels, [Series("records", numbers)], unit="records")


def inventory_table(counts: Mapping[EntityName, int], profiles: Profiles) -> Table:
    """Return how many records and fields each entity has."""
    return Table(
        "Inventory of the source",
        [Column("entity", "Entity"), Column("records", "Records", numeric=True),
         Column("fields", "Fields", numeric=True), Column("filled", "Ever filled", numeric=True)],
        [
            {
                "entity": entity,
                "records": counts.get(entity, 0),
                "fields": len(profile),
                "filled": sum(field.filled > 0 for field in profile.values()),
            }
            for entity, profile in profiles.items()
        ],
        brief=True,
    )  # fmt: skip


def fields_table(entity: EntityName, profile: Mapping[str, FieldProfile], samples: Samples) -> Table:
    """Return what the records of an entity hold, field by field."""
    records = max((field.seen for field in profile.values()), default=0)
    return Table(
        f"Fields of {entity}",
        [Column("field", "Field"), Column("type", "Type"), Column("filled", "Filled", numeric=True, of="records"),
         Column("empty", "Empty", numeric=True), Column("null", "Null", numeric=True),
         Column("distinct", "Distinct"), Column("longest", "Longest", numeric=True),
         Column("smallest", "Smallest or earliest"), Column("largest", "Largest or latest"),
         Column("samples", "Commonest values")],
        [
            {
                "field": name,
                "type": field.type if field.filled else "",
                "filled": field.filled,
                "records": records,
                "empty": field.empty,
                "null": field.null,
                "distinct": f"over {len(field.distinct)}" if field.overflowed else str(len(field.distinct)),
                "longest": field.longest,
                "smallest": _extreme(field.lowest, samples),
                "largest": _extreme(field.highest, samples),
                "samples": "\n".join(dict.fromkeys(samples.of(text) for text in field.samples)) or None,
            }
            for name, field in profile.items()
        ],
        note=_NOTES[samples.mode],
        filterable=True,
    )  # fmt: skip


_NOTES = {
    "masked": "Values are masked: letters and digits are replaced, the shape is kept ([audit] samples).",
    "plain": "",
    "none": "Values are not shown ([audit] samples).",
}


def _extreme(value: Extreme | None, samples: Samples) -> str | None:
    return str(value) if value is not None and samples.shown else None


def options_table(source: SourceSchema, profiles: Profiles, samples: Samples) -> list[Table]:
    """Return the options of the source's closed lists with how often each occurs, those that never do included."""
    rows = []
    for entity in source.entities:
        for name, field in entity.fields.items():
            seen = profiles.get(entity.name, {}).get(name)
            counts = seen.distinct if seen is not None else {}
            for value in dict.fromkeys([*field.options, *counts]) if field.options else ():
                what = "" if value in field.options else "not on the list"
                rows.append(
                    {"entity": entity.name, "field": name, "label": field.label or None,
                     "value": value if value in field.options else samples.of_choice(value),
                     "records": counts.get(value, 0), "what": what or None}
                )  # fmt: skip
    columns = [Column("entity", "Entity"), Column("field", "Field"), Column("label", "Label"),
               Column("value", "Option"), Column("records", "Records", numeric=True),
               Column("what", "Note")]  # fmt: skip
    title = "Options of the source's own lists"
    return [Table(title, columns, rows, filterable=True, filters=("entity",))] if rows and samples.shown else []


def orphans_table(orphans: Mapping[tuple[EntityName, str], Orphans]) -> list[Table]:
    """Return the lookups whose parent is not in the source, by document and column."""
    columns = [Column("entity", "Document"), Column("column", "Column"), Column("count", "Records", numeric=True),
               Column("examples", "For example")]  # fmt: skip
    rows = [
        {"entity": entity, "column": column, "count": its.count,
         "examples": "\n".join(f"{key} names {parent}" for key, parent in its.examples)}
        for (entity, column), its in sorted(orphans.items(), key=lambda item: -item[1].count)
    ]  # fmt: skip
    note = (
        "These records name another one that the source does not have. The rule's `missing` says what becomes of them."
    )
    return [Table("Orphans", columns, rows, note, filterable=True)] if rows else []


def duplicates_table(groups: Sequence[Duplicates], samples: Samples) -> list[Table]:
    """Return the records that look like the same person or company."""
    columns = [Column("entity", "Entity"), Column("by", "Same"), Column("value", "Value"),
               Column("count", "Records", numeric=True), Column("keys", "Records are")]  # fmt: skip
    rows = [
        {"entity": group.entity, "by": group.by, "value": samples.of(group.value) or None, "count": len(group.keys),
         "keys": ", ".join(str(key.source_id) for key in group.keys[:_MOST_NAMED])}
        for group in most_groups(list(groups))
    ]  # fmt: skip
    note = "Compared without case, accents and punctuation; the largest groups first."
    return [Table("Likely duplicates", columns, rows, note, filterable=True, filters=("by",))] if rows else []


_MOST_NAMED = 8


def users_tables(met: Sequence[Encounters]) -> list[Table]:
    """Return the records that the target should have and does not: users to be made or enabled."""
    columns = [Column("record", "Record"), Column("sought", "Looked for")]
    return [
        Table(f"{its.entity} not found in {its.table}", columns,
              [{"record": str(key), "sought": sought or "nothing to look for"} for key, sought in its.missing],
              filterable=True)
        for its in met if its.missing
    ]  # fmt: skip


def rebuild_table(left: Sequence[LeftBehind]) -> list[Table]:
    """Return what people rebuild, because no record carries it."""
    columns = [Column("name", "In the source"), Column("why", "Why it does not come along"),
               Column("rebuild", "Rebuild it as")]  # fmt: skip
    rows = [{"name": one.name, "why": one.why, "rebuild": one.rebuild} for one in left]
    return [Table("To rebuild by hand", columns, rows, "Ask for each whether it is still in use.")] if rows else []
