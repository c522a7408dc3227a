"""Fills a new Dataverse organisation with what a client has before a migration: users, and some rows."""

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.kickserv import Company

FALLBACK_OWNER = "migration.fallback@example.com"
"""The user who owns what nobody else can."""
WITHOUT_USER = "wren.abernathy@example.org"
"""An active employee for whom nobody made a user."""
_ACCOUNTS = ("Harbor Lights Marina", "Fernley Rushmere Co-op", "Anchor Web Agency")
_CONTACTS = (("Ottilie", "Brandt"), ("Zoë", "Kettering"), ("Ignatius", "Møller"))


def seed_organisation(org: DataverseOrg, company: Company) -> None:
    """Make the users and the rows that no migration may touch.

    Every employee with a mail address has a user, except `WITHOUT_USER`; that of an archived employee is
    disabled. An organisation that already has the fallback owner comes from a store and is left alone.
    """
    if any(user["internalemailaddress"] == FALLBACK_OWNER for user in org.rows("systemuser")):
        return
    org.add_user("Migration Fallback", FALLBACK_OWNER)
    for employee in company.employees.rows():
        email = str(employee["email_address"] or "").lower()
        if email and email != WITHOUT_USER:
            org.add_user(str(employee["name"]), email, disabled=not employee["active"])
    for name in _ACCOUNTS:
        org.create("account", {"name": name})
    for first, last in _CONTACTS:
        org.create("contact", {"firstname": first, "lastname": last})
