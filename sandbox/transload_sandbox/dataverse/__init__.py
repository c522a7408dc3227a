"""A stand-in for the Microsoft Dataverse Web API on loopback, strict where the live service is strict."""

from transload_sandbox.dataverse.app import build_app
from transload_sandbox.dataverse.environment import Ignored
from transload_sandbox.dataverse.errors import ODataError
from transload_sandbox.dataverse.faults import Fault, Faults
from transload_sandbox.dataverse.limits import Limits
from transload_sandbox.dataverse.org import DataverseOrg
from transload_sandbox.dataverse.request_log import LoggedRequest
from transload_sandbox.dataverse.tokens import AppUser

__all__ = [
    "AppUser",
    "DataverseOrg",
    "Fault",
    "Faults",
    "Ignored",
    "Limits",
    "LoggedRequest",
    "ODataError",
    "build_app",
]
