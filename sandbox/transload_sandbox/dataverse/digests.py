"""Digests: one line per table that tells whether anything in it differs."""

import hashlib

import orjson

from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row

_STAMPS = frozenset({"modifiedon", "modifiedby", "modifiedonbehalfby", "versionnumber"})


def digests_of(environment: Environment) -> dict[str, str]:
    """Return a digest per non-empty table, and one of the customisations as ``metadata``.

    When and by whom a row was changed last does not count: a row that was changed and changed back is the same.
    """
    store, tables, system = environment.store, environment.model.tables, environment.fixed_id("system user")
    environment.settle_keys()
    digests = {}
    for name in sorted(store.existing):
        table = tables.get(name)
        rows = [_without_stamps(row) for row in store.iterate(table)] if table else []
        if rows:
            digests[name] = _digest(rows)
    customizations = environment.customizations()
    for key in customizations["keys"]:
        key.pop("requested_at")
    added = [
        row for name in ("publisher", "solution") for row in store.iterate(tables[name]) if row["createdby"] != system
    ]
    digests["metadata"] = _digest([customizations, added])
    return digests


def _without_stamps(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _STAMPS}


def _digest(value: object) -> str:
    raw = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(raw, digest_size=16).hexdigest()
