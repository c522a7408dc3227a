"""The documents for tags, whatever jobs become."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from transload.mapping import combine_mappings
from transload.testing import host_plugins, open_context
from transload_fieldservice import plugin as fieldservice
from transload_fieldservice.settings import FieldServiceSettings
from transload_kickserv_source import plugin as kickserv_source
from transload_kickserv_source.settings import KickservSettings
from transload_tags import plugin
from transload_tags.settings import TagSettings

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shipped

CARRIERS = ("customer", "job", "estimate")


def test_other_pairs_have_none(tmp_path: Path) -> None:
    with open_context(tmp_path, TagSettings()) as context:
        plugins = host_plugins(plugin)

        assert plugins.mappings("kickserv", "another", context) == []
        assert plugins.mappings("another", "dynamics365", context) == []


@pytest.mark.parametrize(("with_work_orders", "table"), [(False, "incident"), (True, "msdyn_workorder")])
def test_tags_are_linked_to_whatever_jobs_became(
    choose: Callable[..., Shipped], with_work_orders: bool, table: str
) -> None:
    documents = choose(tags="table", fieldservice=with_work_orders).documents

    links = [documents[name] for name in ("tagging", "job_tagging", "estimate_tagging")]

    assert [document.table for document in links] == ["account", table, "quote"]
    assert [document.when["parent_entity"] for document in links] == [["customer"], ["job"], ["estimate"]]
    assert all(document.link is not None and document.link.label for document in links)


@pytest.mark.parametrize(
    ("become", "kept"), [("", "memo"), ("table", None), ("choice", "choices"), ("territory", "memo")]
)
def test_the_column_of_tags_follows_what_they_become(
    choose: Callable[..., Shipped], become: str, kept: str | None
) -> None:
    documents = choose(tags=become).documents

    columns = [documents[entity].fields.get("ks_tags") for entity in CARRIERS]

    assert [rule and rule.custom and rule.custom.type for rule in columns] == [kept] * 3


def test_an_account_has_the_territory_of_its_first_tag(choose: Callable[..., Shipped]) -> None:
    documents = choose(tags="territory").documents

    assert documents["customer"].fields["territoryid"].convert == "tags.first"
    assert documents["tag"].table == "territory"
    assert documents["tag"].match is not None
    assert documents["tag"].match.create


def test_a_tag_table_that_is_there_already_is_used(tmp_path: Path) -> None:
    with open_context(tmp_path, TagSettings()) as context:
        offered = host_plugins(plugin).mappings("kickserv", "dynamics365", context)

    there, missing = combine_mappings(offered, {"msdyn_tag"}), combine_mappings(offered, set())

    assert (there["tag"].table, missing["tag"].table) == ("msdyn_tag", "{prefix}_tag")


@pytest.mark.parametrize("become", ["table", "choice", "territory"])
def test_the_order_of_the_options_in_the_list_of_plugins_does_not_matter(tmp_path: Path, become: str) -> None:
    account = KickservSettings.model_validate({"account": "example", "api_token": "FAKE-token"})
    tags = TagSettings.model_validate({"become": become})

    with open_context(tmp_path, account, tags, FieldServiceSettings()) as context:
        one, other = (
            combine_mappings(host_plugins(kickserv_source, *order).mappings("kickserv", "dynamics365", context), set())
            for order in ([fieldservice, plugin], [plugin, fieldservice])
        )

    assert one == other


@pytest.mark.parametrize(("value", "wanted"), [((7, 9), 7), ((), None), (7, None)])
def test_the_first_of_several_values_is_taken(value: tuple[int, ...] | int, wanted: int | None) -> None:
    assert plugin.first(value) == wanted
