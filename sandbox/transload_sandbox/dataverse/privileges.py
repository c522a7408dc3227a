"""Privileges as rows: what can be granted, and what each role grants.

Facts: the table of privileges, its link with roles and the mask of a depth are in the table reference, the bits of
access rights in the description of access masks.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.roles import ADMINISTRATOR, SPECIAL, VERBS, Depth, suffix
from transload_sandbox.dataverse.sharing import RIGHTS

if TYPE_CHECKING:
    from transload_sandbox.dataverse.environment import Environment

TABLE = "privilege"
GRANTED = "roleprivileges"
_BITS = dict(RIGHTS.values())


@dataclass(frozen=True, slots=True)
class Privilege:
    """One thing that roles can grant."""

    name: str
    verb: str = ""
    """What it lets somebody do with the rows of a table; empty for what is about no table."""
    is_owned: bool = False
    """Whether the rows have owners, so that it can reach less far than everywhere."""


def privilege_name(table: Table, verb: str) -> str:
    """Return the name of the privilege to do something with a table."""
    return f"prv{verb}{suffix(table.name, table.schema_name, is_activity=table.is_activity)}"


def of_table(table: Table) -> Iterator[Privilege]:
    """Yield the privileges that a table has."""
    is_owned = table.ownership == "User"
    for verb in () if table.is_intersect else VERBS:
        if is_owned or verb not in {"Assign", "Share"}:
            yield Privilege(privilege_name(table, verb), verb, is_owned)


def insert_shipped(environment: "Environment") -> None:
    """Insert the privileges of a new organisation."""
    shipped = (each for table in environment.model.tables.values() for each in of_table(table))
    _insert(environment, [*shipped, *(Privilege(name) for name in SPECIAL)])


def open_table(environment: "Environment", table: Table) -> None:
    """Insert the privileges of a new table, and let administrators have them."""
    added = _insert(environment, of_table(table))
    for role in environment.store.find(environment.model.tables["role"], {"name": ADMINISTRATOR}):
        grant(environment, str(role["roleid"]), dict.fromkeys(added, Depth.GLOBAL))


def close_table(environment: "Environment", table: Table) -> None:
    """Remove the privileges of a table that goes; those of activities are shared with other tables and stay."""
    if table.is_activity:
        return
    ids = [privilege_id(environment, each.name) for each in of_table(table)]
    tables, store = environment.model.tables, environment.store
    granted = store.find_in(tables[GRANTED], "privilegeid", ids)
    store.delete(tables[GRANTED], [str(row["roleprivilegeid"]) for row in granted])
    store.delete(tables[TABLE], ids)
    environment.forget_facts()


def privilege_id(environment: "Environment", name: str) -> str:
    """Return the id of a privilege."""
    return environment.fixed_id(f"privilege {name}")


def names(environment: "Environment", ids: Iterable[str]) -> dict[str, str]:
    """Return the names of privileges by id; unknown ids are left out."""
    found = environment.store.fetch(environment.model.tables[TABLE], ids)
    return {row_id: str(row["name"]) for row_id, row in found.items()}


def every(environment: "Environment") -> Iterator[str]:
    """Yield the names of all privileges."""
    return (str(row["name"]) for row in environment.store.iterate(environment.model.tables[TABLE]))


def granted(environment: "Environment", role_ids: Iterable[str]) -> dict[str, Depth]:
    """Return the privileges that roles grant together, each as far as it reaches."""
    rows = environment.store.find_in(environment.model.tables[GRANTED], "roleid", list(role_ids))
    named = names(environment, {str(row["privilegeid"]) for row in rows})
    found: dict[str, Depth] = {}
    for row in rows:
        name, depth = named[str(row["privilegeid"])], _depth(row["privilegedepthmask"])
        found[name] = max(depth, found.get(name, depth))
    return found


def grant(environment: "Environment", role_id: str, wanted: Mapping[str, Depth]) -> None:
    """Let a role grant privileges; what it granted before reaches as far as asked now. Unknown ones are left out."""
    ids = {privilege_id(environment, name): depth for name, depth in wanted.items()}
    known = names(environment, ids)
    revoke(environment, role_id, known)
    table, version = environment.model.tables[GRANTED], environment.store.next_version()
    template = environment.plan(table).template
    rows: list[Row] = [
        {
            **template,
            "roleprivilegeid": environment.fixed_id(f"{each} of role {role_id}"),
            "privilegeid": each,
            "roleid": role_id,
            "privilegedepthmask": 1 << depth,
            "versionnumber": version,
        }
        for each, depth in ids.items()
        if each in known
    ]
    environment.store.insert(table, rows)
    environment.forget_facts()


def revoke(environment: "Environment", role_id: str, ids: Iterable[str] | None = None) -> None:
    """Let a role grant privileges no more: those with these ids, or all of them."""
    table = environment.model.tables[GRANTED]
    rows = environment.store.find(table, {"roleid": role_id})
    wanted = None if ids is None else set(ids)
    gone = [str(row["roleprivilegeid"]) for row in rows if wanted is None or row["privilegeid"] in wanted]
    environment.store.delete(table, gone)
    environment.forget_facts()


def _depth(mask: Stored) -> Depth:
    return Depth(max(int(str(mask or 1)).bit_length() - 1, 0))


def _insert(environment: "Environment", wanted: Iterable[Privilege]) -> list[str]:
    """Insert those privileges that are not there yet; return their names."""
    # Where tables share a privilege, one of them may have owners: it reaches as near as theirs does.
    new = {privilege_id(environment, each.name): each for each in sorted(wanted, key=lambda each: each.is_owned)}
    for known in environment.store.fetch(environment.model.tables[TABLE], new):
        del new[known]
    table, version = environment.model.tables[TABLE], environment.store.next_version()
    rows: list[Row] = [
        {
            **environment.plan(table).template,
            "privilegeid": row_id,
            "name": each.name,
            "accessright": _BITS.get(each.verb, 0),
            "canbebasic": int(each.is_owned),
            "canbelocal": int(each.is_owned),
            "canbedeep": int(each.is_owned),
            "canbeglobal": 1,
            "introducedversion": "5.0.0.0",
            "versionnumber": version,
        }
        for row_id, each in new.items()
    ]
    environment.store.insert(table, rows)
    return [each.name for each in new.values()]
