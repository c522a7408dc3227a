"""Rows that every new organisation has.

Itself, its root business unit, a currency, the shipped publishers and solutions, and what bulk messages there
are.
"""

import sqlite3
from functools import lru_cache

from transload_sandbox.dataverse import privileges, reference_rows
from transload_sandbox.dataverse.business import people
from transload_sandbox.dataverse.editions import Edition
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.model import Row, Stored, Table
from transload_sandbox.dataverse.shipped import shipped_model
from transload_sandbox.dataverse.store import Store
from transload_sandbox.dataverse.views import insert_views

VERSION = "9.2.24073.198"
_DELIVERED_AT = 1_720_000_000.0
"""When everything that an organisation comes with was made, in epoch seconds."""
BULK_MESSAGES = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")

_PUBLISHERS = (
    ("DefaultPublisher", "Default Publisher", "new", 10000, 0),
    ("microsoftdynamics", "Dynamics 365", "msdyn", 19235, 1),
)
_SOLUTIONS = (
    ("Active", "Active Solution", "1.0", "DefaultPublisher", 0),
    ("Default", "Default Solution", "1.0", "DefaultPublisher", 0),
    ("System", "System Solution", "9.2.24073.198", "microsoftdynamics", 1),
    ("Sales", "Sales", "9.0.24071.1", "microsoftdynamics", 1),
    ("Service", "Service", "9.0.24071.1", "microsoftdynamics", 1),
    ("FieldService", "Field Service", "8.8.100.12", "microsoftdynamics", 1),
)
_BLOCKED = "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cmd;com;dll;exe;hta;js;jse;msi;ps1;reg;vbs;wsf"


@lru_cache(16)
def delivered(name: str, seed: str, edition: Edition) -> sqlite3.Connection:
    """Return the database of an organisation that nobody has used; made once, a copy takes a tenth of the time.

    Args:
        name: Its name.
        seed: Makes its ids.
        edition: What is installed.
    """
    store, database = Store(None), sqlite3.connect(":memory:", check_same_thread=False)
    environment = Environment(store, shipped_model(edition.absent()), lambda: _DELIVERED_AT, seed, 0.0)
    with environment.transaction():
        store.put_meta("seed", seed)
        store.put_meta("edition", edition.dump())
        _seed_organization(environment, name, edition.uninstalled())
    store.copy_to(database)
    store.close()
    return database


def insert(environment: Environment, table_name: str, values: Row) -> None:
    """Insert a shipped row past all checks; columns that are not named get their defaults."""
    table = environment.model.tables[table_name]
    row: Row = environment.plan(table).template | values
    row["versionnumber"] = environment.store.next_version()
    stamps: dict[str, Stored] = {
        "createdon": environment.now(),
        "modifiedon": environment.now(),
        "createdby": environment.fixed_id("system user"),
        "modifiedby": environment.fixed_id("system user"),
        "organizationid": environment.fixed_id("organization"),
    }
    row |= {name: value for name, value in stamps.items() if name in row and row[name] is None}
    if table.states:
        row["statecode"] = table.initial_state
        row["statuscode"] = table.states[table.initial_state].default_status
    environment.store.insert(table, [row])


def _seed_organization(environment: Environment, name: str, uninstalled: frozenset[str]) -> None:
    """Fill an empty organisation.

    Args:
        environment: The organisation.
        name: Its name.
        uninstalled: Unique names of shipped solutions that it does not have.
    """
    ids = environment.fixed_id
    insert(
        environment,
        "organization",
        {
            "organizationid": ids("organization"),
            "name": f"unq{name}",
            "basecurrencyid": ids("currency"),
            "maxuploadfilesize": 5_242_880,
            "oobpricecalculationenabled": 1,
            "createproductswithoutparentinactivestate": 0,
            "isauditenabled": 0,
            "blockedattachments": _BLOCKED,
            "languagecode": 1033,
            "localeid": 1033,
            "currencydecimalprecision": 2,
            "pricingdecimalprecision": 2,
            "expirechangetrackingindays": 7,
            "isduplicatedetectionenabled": 1,
            "isduplicatedetectionenabledforonlinecreateupdate": 1,
        },
    )
    insert(environment, "businessunit", {"businessunitid": ids("business unit"), "name": name})
    insert(
        environment,
        "transactioncurrency",
        {
            "transactioncurrencyid": ids("currency"),
            "currencyname": "US Dollar",
            "isocurrencycode": "USD",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 1.0,
        },
    )
    insert_user(environment, ids("system user"), "SYSTEM", {"isdisabled": 1, "accessmode": 3})
    for unique_name, friendly_name, prefix, options, is_read_only in _PUBLISHERS:
        insert(
            environment,
            "publisher",
            {
                "publisherid": ids(f"publisher {unique_name}"),
                "uniquename": unique_name,
                "friendlyname": friendly_name,
                "customizationprefix": prefix,
                "customizationoptionvalueprefix": options,
                "isreadonly": is_read_only,
            },
        )
    for unique_name, friendly_name, version, publisher, is_managed in _SOLUTIONS:
        if unique_name in uninstalled:
            continue
        insert(
            environment,
            "solution",
            {
                "solutionid": ids(f"solution {unique_name}"),
                "uniquename": unique_name,
                "friendlyname": friendly_name,
                "version": version,
                "publisherid": ids(f"publisher {publisher}"),
                "ismanaged": is_managed,
                "isvisible": 1,
            },
        )
    privileges.insert_shipped(environment)
    people.furnish(environment, ids("business unit"), name, ids("system user"))
    reference_rows.insert_all(environment, insert)
    insert_views(environment, insert)
    _insert_messages(environment)


def insert_user(environment: Environment, user_id: str, fullname: str, values: Row) -> None:
    """Insert a user of the root business unit, as licence sync or an administrator would."""
    first, _, last = fullname.rpartition(" ")
    insert(
        environment,
        "systemuser",
        {
            "systemuserid": user_id,
            "fullname": fullname,
            "firstname": first or None,
            "lastname": last,
            "businessunitid": environment.fixed_id("business unit"),
            "azureactivedirectoryobjectid": environment.fixed_id(f"object {user_id}"),
            "isdisabled": 0,
            "accessmode": 0,
            "islicensed": 0,
            "userlicensetype": -1,
            "domainname": fullname,
            **values,
        },
    )


def _insert_messages(environment: Environment) -> None:
    for message in BULK_MESSAGES:
        insert(environment, "sdkmessage", {"sdkmessageid": environment.fixed_id(f"message {message}"), "name": message})
    for table in environment.model.tables.values():
        insert_messages(environment, table)


def insert_messages(environment: Environment, table: Table) -> None:
    """Say which bulk messages a table has."""
    for message in BULK_MESSAGES if table.has_bulk_messages else ():
        insert(
            environment,
            "sdkmessagefilter",
            {
                "sdkmessagefilterid": environment.fixed_id(f"message filter {message} {table.name}"),
                "sdkmessageid": environment.fixed_id(f"message {message}"),
                "primaryobjecttypecode": table.name,
                "secondaryobjecttypecode": "none",
            },
        )


def remove_messages(environment: Environment, table: Table) -> None:
    """Forget which bulk messages a table has."""
    ids = [environment.fixed_id(f"message filter {message} {table.name}") for message in BULK_MESSAGES]
    environment.store.delete(environment.model.tables["sdkmessagefilter"], ids)
