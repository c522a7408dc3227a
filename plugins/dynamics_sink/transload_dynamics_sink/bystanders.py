"""What works along when rows are written: plug-ins, workflows, flows and duplicate rules of the mapped tables."""

from collections.abc import Callable, Collection, Iterator

from transload import Finding, Severity
from transload.errors import NotOfferedError, ProtocolError
from transload_dynamics_sink.client import Dataverse, Json, query

_SHOWN = 8
_MESSAGES = frozenset({"Create", "Update", "CreateMultiple", "UpdateMultiple", "UpsertMultiple", "Associate"})
_OF_MICROSOFT = "Microsoft."
_FLOW = 5
"""Category of a cloud flow; the others are workflows, business rules, actions and process flows."""
_KINDS = {0: "workflow", 1: "dialog", 2: "business rule", 3: "action", 4: "business process flow", _FLOW: "cloud flow"}
_BYPASS = (
    "Ask their owners whether they may run for old records. Otherwise switch them off for the load, or set "
    "`bypass_custom_logic` in [dynamics_sink], and switch them on again afterwards."
)


def find_bystanders(dataverse: Dataverse, tables: Collection[str]) -> list[Finding]:
    """Return what would run, or be asked, while rows of some tables are written."""
    parts: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("plug-ins", lambda: _steps(dataverse, tables)),
        ("workflows", lambda: _workflows(dataverse, tables)),
        ("duplicate rules", lambda: _rules(dataverse, tables)),
    )
    found: list[Finding] = []
    for name, read in parts:
        try:
            found += read()
        except (NotOfferedError, ProtocolError) as error:
            found.append(
                Finding(
                    "dynamics.not_listed", Severity.INFO, f"The environment does not list its {name}", str(error),
                    f"Ask an administrator which {name} there are on the mapped tables.",
                )
            )  # fmt: skip
    return found


def _steps(dataverse: Dataverse, tables: Collection[str]) -> Iterator[Finding]:
    path = query(
        "sdkmessageprocessingsteps",
        select="name,mode,stage",
        expand="sdkmessageid($select=name),sdkmessagefilterid($select=primaryobjecttypecode),"
        "plugintypeid($select=assemblyname)",
        filter="statecode eq 0 and customizationlevel eq 1",
    )
    named = []
    for raw in dataverse.rows(path, "list its plug-ins"):
        table = _inner(raw, "sdkmessagefilterid").get("primaryobjecttypecode")
        message = _inner(raw, "sdkmessageid").get("name")
        assembly = str(_inner(raw, "plugintypeid").get("assemblyname", ""))
        if table in tables and message in _MESSAGES and not assembly.startswith(_OF_MICROSOFT):
            named.append(f"{raw['name']} ({table}, {'asynchronous' if raw['mode'] else 'synchronous'})")
    if named:
        title = f"Plug-in steps that run when rows of the mapped tables are written: {len(named)}"
        yield Finding("dynamics.plugins", Severity.WARNING, title, _some(named), _BYPASS, len(named))


def _workflows(dataverse: Dataverse, tables: Collection[str]) -> Iterator[Finding]:
    path = query("workflows", select="name,category,primaryentity", filter="type eq 1 and statecode eq 1")
    mapped, flows = [], []
    for raw in dataverse.rows(path, "list its workflows"):
        kind = _KINDS.get(raw["category"], "process")
        if raw["category"] == _FLOW:
            flows.append(str(raw["name"]))
        elif raw.get("primaryentity") in tables:
            mapped.append(f"{raw['name']} ({kind} on {raw['primaryentity']})")
    if mapped:
        title = f"Workflows and rules that are active on the mapped tables: {len(mapped)}"
        yield Finding("dynamics.workflows", Severity.WARNING, title, _some(mapped), _BYPASS, len(mapped))
    if flows:
        yield Finding(
            "dynamics.flows", Severity.WARNING, f"Cloud flows that are on: {len(flows)}", _some(flows),
            "The list does not say which tables they watch. One that watches a mapped table runs for every row, and "
            "uses up requests: switch it off for the load.", len(flows),
        )  # fmt: skip


def _rules(dataverse: Dataverse, tables: Collection[str]) -> Iterator[Finding]:
    path = query("duplicaterules", select="name,baseentityname,statecode", filter="statecode eq 1")
    listed = dataverse.rows(path, "list its duplicate rules")
    named = [f"{raw['name']} ({raw['baseentityname']})" for raw in listed if raw["baseentityname"] in tables]
    if named:
        yield Finding(
            "dynamics.duplicate_rules", Severity.INFO,
            f"Duplicate rules that are published for mapped tables: {len(named)}", _some(named),
            "They do not stop the load. Run a duplicate detection job afterwards if people expect one.", len(named),
        )  # fmt: skip


def _inner(raw: Json, name: str) -> Json:
    found: Json = raw.get(name) or {}
    return found


def _some(texts: list[str]) -> str:
    return ", ".join(sorted(texts)[:_SHOWN]) + (", ..." if len(texts) > _SHOWN else "")
