"""What kind of environment this is: facts for people, and findings of the audit."""

from collections.abc import Mapping

from transload import Finding, Lookup, RunContext, Severity, TargetSchema
from transload.errors import ConfigError
from transload_dynamics_sink.bystanders import find_bystanders
from transload_dynamics_sink.client import Dataverse, Json, open_dataverse, query
from transload_dynamics_sink.lookups import USERS, open_finder
from transload_dynamics_sink.metadata import Metadata
from transload_dynamics_sink.rights import find_missing_rights
from transload_dynamics_sink.settings import DynamicsSettings

_FIELD_SERVICE = "startswith(uniquename,'FieldService') or startswith(uniquename,'msdyn_FieldService')"
"""The solution's unique name, as releases differ in it."""
_SALES = "quote"
PROFESSIONAL_TABLES = 15
"""Custom tables that Microsoft's licensing guide grants to Sales Professional."""
_ORGANIZATION = "name,languagecode,isauditenabled,_basecurrencyid_value,maxuploadfilesize"


def read_facts(dataverse: Dataverse, metadata: Metadata, edition: str | None = None) -> Mapping[str, str]:
    """Return what an administrator wants to see, name to text.

    Args:
        dataverse: The environment.
        metadata: Of the same environment.
        edition: What the client says of its licence; the environment cannot be asked.
    """
    organization = _organization(dataverse)
    base = organization.get("_basecurrencyid_value")
    currencies = _currencies(dataverse)
    return {
        "version": read_version(dataverse),
        "organisation": str(organization.get("name", "")),
        "user": _user_name(dataverse),
        "currency": currencies.get(str(base), ""),
        "currencies": ", ".join(sorted(currencies.values())),
        "field_service": _yes(_has_field_service(dataverse)),
        "sales": _yes(metadata.has_table(_SALES)),
        "edition": edition or "",
        "custom_tables": str(metadata.count_custom_tables()),
        "audit_log": _yes(bool(organization.get("isauditenabled"))),
        "requests_in_flight": str(dataverse.who_am_i["dop_hint"]) or "no advice",
    }


def check_connection(context: RunContext) -> list[Finding]:
    """Sign in and ask who we are.

    Raises:
        RunError: The environment does not answer, or refuses us.
    """
    dataverse = context.resource(open_dataverse)
    return [
        Finding(
            "dynamics.connected",
            Severity.INFO,
            f"Signed in to Dynamics 365 as {_user_name(dataverse)}",
            f"{dataverse.root}, version {read_version(dataverse)}",
        )
    ]


def audit_environment(target: TargetSchema, context: RunContext) -> list[Finding]:
    """Return what an administrator should know or decide before anything is written."""
    facts = target.facts
    findings = [_field_service(facts), _duplicates(), _currency(facts), *find_headroom(facts)]
    if facts.get("audit_log") == "yes":
        findings.append(
            Finding(
                "dynamics.audit_log",
                Severity.WARNING,
                "The environment's audit log is on",
                "Every row that is written adds one row to the log: storage and time.",
                "Consider switching auditing off for the tables of the migration until it is done.",
            )
        )
    dataverse = context.resource(open_dataverse)
    bypass = context.settings_of(DynamicsSettings).bypass_custom_logic
    findings += find_bystanders(dataverse, target.tables)
    findings += find_missing_rights(dataverse, target.tables, bypass)
    return [*findings, *_disabled_users(context), *_fallback_owner(context)]


def find_headroom(facts: Mapping[str, str]) -> list[Finding]:
    """Return how many more tables of its own the licence grants the client, where it grants a number."""
    edition, made = facts.get("edition"), int(facts.get("custom_tables") or 0)
    if edition == "enterprise":
        return []
    room = PROFESSIONAL_TABLES - made
    severity, remedy = Severity.INFO, ""
    if not edition:
        remedy = "Say `edition` in [dynamics_sink]; Sales Enterprise has no such limit."
    elif room <= 0:
        severity, remedy = Severity.WARNING, "Let the mapping use tables that are there, or license Sales Enterprise."
    return [
        Finding(
            "dynamics.custom_tables",
            severity,
            f"Sales Professional has room for {max(room, 0)} more custom tables",
            f"{made} of {PROFESSIONAL_TABLES} are there.",
            remedy,
        )
    ]


def read_version(dataverse: Dataverse) -> str:
    """Return the version of the server."""
    return str(dataverse.get("RetrieveVersion()", "tell its version")["Version"])


def _field_service(facts: Mapping[str, str]) -> Finding:
    present = facts.get("field_service") == "yes"
    return Finding(
        "dynamics.field_service",
        Severity.INFO,
        f"Field Service is {'' if present else 'not '}installed",
        f"A solution of that name is {'' if present else 'not '}there.",
        "Another plugin may map what people do on site to it: see `transload plugins`." if present else "",
    )


def _duplicates() -> Finding:
    return Finding(
        "dynamics.duplicate_detection",
        Severity.INFO,
        "Duplicate detection rules do not apply to the migration",
        "Dataverse switches them off for writes through its API; alternate keys still hold.",
    )


def _currency(facts: Mapping[str, str]) -> Finding:
    return Finding(
        "dynamics.currency",
        Severity.INFO,
        f"Base currency is {facts.get('currency') or 'unknown'}",
        f"Active currencies: {facts.get('currencies') or 'none'}.",
        "Amounts without a currency are taken as amounts in the base currency.",
    )


def _disabled_users(context: RunContext) -> list[Finding]:
    """Return the users that records were looked for by, and that are there but disabled."""
    disabled = context.resource(open_finder).find_disabled_users()
    if not disabled:
        return []
    return [
        Finding(
            "dynamics.disabled_users",
            Severity.WARNING,
            f"Disabled users to whom records belong: {len(disabled)}",
            ", ".join(disabled),
            "They can own nothing new. Enable them for the load, or let their records go to the fallback owner.",
            len(disabled),
        )
    ]


def _fallback_owner(context: RunContext) -> list[Finding]:
    try:
        context.resource(open_finder).find([Lookup(USERS)])
    except ConfigError as error:
        return [
            Finding("dynamics.fallback_owner", Severity.BLOCKER, str(error), remedy=error.remedy),
        ]
    return []


def _organization(dataverse: Dataverse) -> Json:
    found: list[Json] = dataverse.get(query("organizations", select=_ORGANIZATION), "show its settings")["value"]
    return found[0] if found else {}


def _has_field_service(dataverse: Dataverse) -> bool:
    path = query("solutions", select="uniquename", filter=_FIELD_SERVICE)
    return bool(dataverse.get(path, "list its solutions")["value"])


def _currencies(dataverse: Dataverse) -> dict[str, str]:
    path = query("transactioncurrencies", select="transactioncurrencyid,isocurrencycode", filter="statecode eq 0")
    return {raw["transactioncurrencyid"]: raw["isocurrencycode"] for raw in dataverse.rows(path, "list its currencies")}


def _user_name(dataverse: Dataverse) -> str:
    path = query(f"systemusers({dataverse.own_user})", select="fullname")
    return str(dataverse.get(path, "name our user")["fullname"])


def _yes(value: bool) -> str:
    return "yes" if value else "no"
