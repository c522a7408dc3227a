"""A rehearsal room: a stand-in Kickserv and a stand-in Dataverse on loopback, over real HTTP.

    with Sandbox(customers=200, seed=7) as sandbox:
        sandbox.kickserv.base_url, sandbox.dataverse.url

Importing this package is cheap; the servers' libraries are loaded when one of its classes is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transload_sandbox._dataverse import DataverseSandbox
    from transload_sandbox._kickserv import KickservSandbox
    from transload_sandbox._sandbox import Sandbox

__all__ = ["DataverseSandbox", "KickservSandbox", "Sandbox"]

_HOMES = {"DataverseSandbox": "_dataverse", "KickservSandbox": "_kickserv", "Sandbox": "_sandbox"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(name)
