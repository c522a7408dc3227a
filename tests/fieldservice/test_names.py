"""What the columns of Field Service are called elsewhere, for proposals."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING

import yaml

from transload import TableName, hookimpl
from transload.testing import host_plugins, open_context
from transload_fieldservice import plugin
from transload_fieldservice.names import with_names
from transload_fieldservice.settings import FieldServiceSettings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shipped


def test_every_name_is_that_of_a_column(choose: Callable[..., Shipped]) -> None:
    tables = with_names(choose(fieldservice=True).target).tables
    listed = yaml.safe_load((files("transload_fieldservice") / "names.yaml").read_text(encoding="utf-8"))

    named = {
        (str(table), column.name)
        for table, shape in tables.items()
        for column in shape.columns.values()
        if column.also_called
    }

    assert named == {(table, name) for table, names in listed.items() if table in tables for name in names}
    assert "job number" in tables[TableName("msdyn_workorder")].columns["msdyn_name"].also_called


def test_a_target_is_described_with_the_names(tmp_path: Path, choose: Callable[..., Shipped]) -> None:
    schema = choose(fieldservice=True).target
    sink = ModuleType("sink")
    sink.describe_target = hookimpl(lambda: schema, specname="describe_target")  # type: ignore[attr-defined]  # a plugin

    with open_context(tmp_path, FieldServiceSettings()) as context:
        described = host_plugins(sink, plugin).describe_target([], context)
        alone = host_plugins(sink).describe_target([], context)

    assert (described, alone) == (with_names(schema), schema)
