"""System columns: who made and changed a row, when, and whose it is."""

from typing import TYPE_CHECKING

from transload_sandbox.dataverse.business import ownership
from transload_sandbox.dataverse.model import Row

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer


def stamp_new(writer: "Writer", row: Row) -> None:
    """Stamp a new row; a client may date it back."""
    row["versionnumber"] = writer.environment.store.next_version()
    if "modifiedon" in row:
        row["modifiedon"] = writer.now
    if "createdon" in row:
        row["createdon"] = writer.now
        if row.get("overriddencreatedon"):
            writer.environment.security.demand("prvOverrideCreatedOnCreatedBy")
            row["createdon"], row["overriddencreatedon"] = row["overriddencreatedon"], writer.now
    impersonator = writer.environment.security.impersonator_id
    for name in ("createdby", "modifiedby"):
        if name in row:
            row[name] = writer.caller_id
    if impersonator is not None:
        row |= {name: impersonator for name in ("createdonbehalfby", "modifiedonbehalfby") if name in row}
    if "organizationid" in row and row["organizationid"] is None:
        row["organizationid"] = writer.environment.fixed_id("organization")
    if "ownerid" in row:
        stamp_owner(writer, row)


def stamp_owner(writer: "Writer", row: Row) -> None:
    """Give a row an owner, the caller when it names none, and what follows from the owner."""
    if row["ownerid"] is None:
        row["ownerid"], row["ownerid__type"] = writer.caller_id, "systemuser"
    ownership.derive(writer.environment, row)


def stamp_changed(writer: "Writer", row: Row) -> None:
    """Stamp a row that is changed."""
    row["versionnumber"] = writer.environment.store.next_version()
    stamps: Row = {
        "modifiedon": writer.now,
        "modifiedby": writer.caller_id,
        "modifiedonbehalfby": writer.environment.security.impersonator_id,
    }
    row |= {name: value for name, value in stamps.items() if name in row}
