"""The small lists that records refer to: items, job types, job statuses, tax entities, tags.

Each is read from its own list; what no list shows, because it was deleted or because
there is no such list, is taken from the records that nest it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transload.values import EntityName, Record, Value
from transload_kickserv_source.inferred import NON_TAXABLE, SERVICE_WORDS
from transload_kickserv_source.nesting import key_text, name_in, record
from transload_kickserv_source.reading import Reader
from transload_kickserv_source.schema import settle
from transload_kickserv_source.xml import Row

ITEM, JOB_TYPE, JOB_STATUS = EntityName("item"), EntityName("job_type"), EntityName("job_status")
TAX_ENTITY, TAG, CATEGORY = EntityName("tax_entity"), EntityName("tag"), EntityName("category")


SHARED = frozenset({ITEM, JOB_TYPE, JOB_STATUS, TAX_ENTITY, TAG, CATEGORY})
"""What belongs to nobody, whichever record it was found with."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Where a list stands."""

    path: str
    root: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What documents need to know of an entry."""

    name: str | None
    kind: str = ""
    taxable: bool = True


class Catalogue:
    """The entries of the lists, as far as they have been met.

    Args:
        reader: Reads the account.
        paths: Where each list stands; an empty path is a list that there is not.
    """

    def __init__(self, reader: Reader, paths: Mapping[EntityName, str]) -> None:
        self._reader = reader
        self._lists = {
            ITEM: Listed("items.xml", "items", {"which": "all"}),
            JOB_TYPE: Listed(paths.get(JOB_TYPE, ""), "job-types", {}),
            JOB_STATUS: Listed(paths.get(JOB_STATUS, ""), "job-statuses", {}),
            TAG: Listed(paths.get(TAG, ""), "tags", {}),
            TAX_ENTITY: Listed("", "", {}),
        }
        self._known: dict[EntityName, dict[str, Known]] = {}

    def listed(self, entity: EntityName) -> Iterator[Record]:
        """Read a list; entries that were only nested so far come again with the records that nest them."""
        known = self._known[entity] = {}
        place = self._lists[entity]
        for page in (place.root and self._reader.offered_pages(place.path, place.root, params=place.params)) or ():
            for row in page:
                known[str(row["id"])] = _known(row)
                yield from _with_category(entry(entity, row))

    def meet(self, entity: EntityName, nested: Value) -> Iterator[Record]:
        """Yield a nested entry as a record, unless it is known."""
        if not isinstance(nested, Mapping) or (key := key_text(nested)) is None:
            return
        known = self._entries(entity)
        if key not in known:
            known[key] = _known(nested)
            yield from _with_category(entry(entity, nested))

    def find(self, entity: EntityName, ident: Value) -> Known | None:
        """Return what is known of an entry."""
        return self._entries(entity).get(str(ident)) if ident not in (None, "") else None

    def find_named(self, entity: EntityName, name: str) -> str | None:
        """Return the id, as text, of the entry of that name."""
        return next((key for key, known in self._entries(entity).items() if known.name == name), None)

    def _entries(self, entity: EntityName) -> dict[str, Known]:
        if entity not in self._known:
            # A run that was taken up again: the list was staged before it stopped.
            for _ in self.listed(entity):
                pass
        return self._known[entity]


def entry(entity: EntityName, row: Row) -> Record:
    """Return an entry as a record."""
    fields = settle(entity, row)
    if entity == ITEM:
        fields["category"] = str(fields.get("full_name") or "").rpartition(":")[0].strip() or None
        fields["kind"] = kind_of(fields)
    changed = "updated_on" if entity == ITEM else "updated_at"
    return record(entity, str(row["id"]), fields, changed)


def _with_category(listed: Record) -> Iterator[Record]:
    """Yield an entry after the category that it belongs to, if it has one."""
    category = listed.fields.get("category")
    if listed.key.entity == ITEM and isinstance(category, str):
        yield record(CATEGORY, category, {"id": category, "name": category})
    yield listed


def kind_of(item: Row) -> str:
    """Return ``service`` or ``product``."""
    kind = str(item.get("item_type") or "").lower()
    return "service" if any(word in kind for word in SERVICE_WORDS) else "product"


def is_taxed(row: Row) -> bool:
    """Return whether what a row says of its sales tax leaves it taxed."""
    codes = (
        row.get(name) for name in ("sales_tax_code", "sales_tax_code_id", "sales_tax_code_ref_full_name", "tax_id")
    )
    return not any(str(name_in(code) or code or "").strip().lower() in NON_TAXABLE for code in codes)


def _known(row: Row) -> Known:
    return Known(name_in(row), kind_of(row), is_taxed(row))
