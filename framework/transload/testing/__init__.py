"""The kit for plugin authors: a client's folder, stand-ins for both sides, conformance suites, cassettes.

In a plugin's top-level ``conftest.py``::

    pytest_plugins = ["transload.testing.fixtures"]

gives the fixtures ``project`` and ``cassette``. A source is then tried with
:func:`check_source` alone and with the plugin ``memory_sink`` from end to end; a sink with
:func:`check_sink`, and with ``memory_source``. Nothing here needs a network, and nothing is
patched: the stand-ins are plugins, installed in the client's folder and found through
entry points as every plugin is.
"""

from transload.testing.cassettes import Cassettes, Tape
from transload.testing.client_folder import ClientFolder, CommandResult, ProjectFactory, invoke
from transload.testing.hosting import host_plugins, offer_plugin, open_context
from transload.testing.memory_company import MemoryCompany
from transload.testing.memory_target import Call, MemoryTarget, Mishap
from transload.testing.sink_suite import Belonging, SinkExample, check_sink
from transload.testing.source_suite import check_source, read_changes

__all__ = [
    "Belonging",
    "Call",
    "Cassettes",
    "ClientFolder",
    "CommandResult",
    "MemoryCompany",
    "MemoryTarget",
    "Mishap",
    "ProjectFactory",
    "SinkExample",
    "Tape",
    "check_sink",
    "check_source",
    "host_plugins",
    "invoke",
    "offer_plugin",
    "open_context",
    "read_changes",
]
