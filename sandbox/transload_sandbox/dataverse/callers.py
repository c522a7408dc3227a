"""Who calls: the user behind the token, the user it acts for, and what the headers ask for."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.values import parse_guid
from transload_sandbox.dataverse.wire import Request

_ACT_ON_BEHALF = "prvActOnBehalfOfAnotherUser"
_BYPASS = "mscrm.bypassbusinesslogicexecution"
_BYPASS_STEPS = "mscrm.bypassbusinesslogicexecutionstepids"
_BYPASS_OLD = "mscrm.bypasscustompluginexecution"
_KINDS = frozenset({"customsync", "customasync"})


def acting_user(environment: Environment, caller_id: str, headers: Mapping[str, str]) -> str:
    """Return the user whose rights a request is answered with: the caller, or the one it impersonates.

    Raises:
        ODataError: One of the two is disabled or unknown, or the caller may not act for others.
    """
    security = environment.security
    security.check_enabled(caller_id)
    by_object, by_id = headers.get("callerobjectid"), headers.get("mscrmcallerid")
    if not by_object and not by_id:
        return caller_id
    table = environment.model.tables["systemuser"]
    wanted = parse_guid(by_object or by_id)
    column = "azureactivedirectoryobjectid" if by_object else "systemuserid"
    user_id = environment.store.find_id(table, {column: wanted}) if wanted else None
    if user_id is None:
        if by_object:
            raise not_a_member()
        raise errors.row_missing("systemuser", str(by_id))
    if user_id == caller_id:
        return caller_id
    grants = security.grants(caller_id)
    if security.enforced and grants.depth(_ACT_ON_BEHALF) is None:
        raise ODataError(
            403, "0x8004a110", f"User {caller_id} does not have the privilege {_ACT_ON_BEHALF} to act for others."
        )
    security.check_enabled(user_id)
    return user_id


def not_a_member() -> ODataError:
    """Return the refusal of somebody whom the organisation does not know."""
    return ODataError(403, "0x80072560", "The user is not a member of the organization.")


def acting(environment: Environment, caller_id: str, user_id: str, request: Request) -> AbstractContextManager[None]:
    """Answer a request with the rights of a user.

    Raises:
        ODataError: The request switches plug-ins off without the privilege to do so.
    """
    headers, security = request.headers, environment.security
    kinds = {part.strip().lower() for part in headers.get(_BYPASS, "").split(",") if part.strip()}
    if kinds - _KINDS:
        raise errors.invalid_argument(f"The value '{headers[_BYPASS]}' of the header '{_BYPASS}' is not valid.")
    skips_old = headers.get(_BYPASS_OLD, "").lower() == "true"
    context = security.acting(
        user_id,
        caller_id if caller_id != user_id else None,
        skips_plugins=skips_old or "customsync" in kinds,
        wants_duplicate_check=headers.get("mscrm.suppressduplicatedetection", "").lower() == "false",
    )
    if kinds or skips_old or headers.get(_BYPASS_STEPS):
        with security.acting(user_id, caller_id if caller_id != user_id else None):
            security.demand("prvBypassCustomPlugins" if skips_old else "prvBypassCustomBusinessLogic")
    return context
