"""Mistakes of people: named before anything is sent, with what was meant or what to do first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company

Explained = Callable[..., None]
KICKSERV_TOKEN = "TRANSLOAD_KICKSERV_SOURCE__API_TOKEN"
CLIENT_SECRET = "TRANSLOAD_DYNAMICS_SINK__CLIENT_SECRET"


@pytest.fixture(scope="module")
def loaded(load_company: Callable[..., Company]) -> Client:
    return load_company().client


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({KICKSERV_TOKEN: "FAKE-wrong"}, "Kickserv"),
        ({CLIENT_SECRET: "FAKE-wrong"}, "secret"),
        ({KICKSERV_TOKEN: None}, KICKSERV_TOKEN),
        ({CLIENT_SECRET: None}, CLIENT_SECRET),
    ],
)
def test_a_wrong_or_missing_secret_is_named(
    loaded: Client, assert_explained: Explained, secrets: dict[str, str | None], words: str
) -> None:
    with loaded.without(secrets):
        answer = loaded.do("run")

    assert_explained(answer, words)
    assert "FAKE-wrong" not in answer.err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["kickserv_source", ', '["kickserv_sauce", ', "kickserv_source"),
        ('["kickserv_source", ', '["kickserv_source", "kickserv_source", ', "kickserv_source"),
        ('fallback_owner = "', 'fallback_ower = "', "did you mean `fallback_owner`"),
        ("base_url", 'api_token = "FAKE-token"\nbase_url', KICKSERV_TOKEN),
        ('base_url = "http://127', 'base_url = "http://192', "https://"),
        ("[project]", "[project", "TOML"),
    ],
)
def test_a_mistake_in_the_project_file_is_named_with_what_was_meant(
    loaded: Client, assert_explained: Explained, old: str, new: str, words: str
) -> None:
    with loaded.edited(loaded.project_file, old, new):
        answer = loaded.do("run")

    assert_explained(answer, words)


def test_a_folder_without_a_project_says_how_to_make_one(assert_explained: Explained, loaded: Client) -> None:
    empty = loaded.folder.parent / "empty"
    empty.mkdir(exist_ok=True)

    answer = loaded.elsewhere(empty, "audit")

    assert_explained(answer, "transload init")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("customer", "accountnumber:", "acountnumber:", "did you mean `accountnumber`"),
        ("customer", "on_overflow: ledger", "on_overflw: ledger", "did you mean `on_overflow`"),
        ("job", "from: description", "from: descripton", "did you mean `description`"),
        ("job", "entity: job", "entity: [job", "YAML"),
    ],
)
def test_a_typo_in_a_mapping_is_named_with_what_was_meant(
    loaded: Client, assert_explained: Explained, file: str, old: str, new: str, words: str
) -> None:
    with loaded.edited(loaded.folder / "mapping" / f"{file}.yaml", old, new):
        answer = loaded.do("plan", "--check")

    assert_explained(answer, words)


def test_an_approval_is_void_when_the_mapping_was_edited(loaded: Client, assert_explained: Explained) -> None:
    mapping = loaded.folder / "mapping" / "customer.yaml"

    with loaded.edited(mapping, "meaningless outside Kickserv", "of no use"), loaded.written() as written:
        answer = loaded.do("run")

    assert_explained(answer, "Rosalind Vane", "the mapping changed", "transload plan")
    assert written == []


def test_an_approval_is_void_when_a_setting_was_changed(loaded: Client, assert_explained: Explained) -> None:
    with loaded.edited(loaded.project_file, "migration.fallback@", "marcellus.pike@"), loaded.written() as written:
        answer = loaded.do("run")

    assert_explained(answer, "the settings changed", "transload plan")
    assert written == []


def test_an_approval_is_void_when_a_column_of_the_target_was_shortened(
    loaded: Client, assert_explained: Explained
) -> None:
    columns: Any = loaded.sandbox.dataverse.org.environment.model.tables["account"].columns
    whole = columns["fax"]
    columns["fax"] = type(whole)(**{**{name: getattr(whole, name) for name in whole.__slots__}, "max_length": 20})

    with loaded.written() as written:
        answer = loaded.do("run")

    columns["fax"] = whole
    assert_explained(answer, "the target schema changed", "transload plan")
    assert written == []


# --- systems that are not there


@pytest.fixture(scope="module")
def without_systems(open_client: Callable[..., Client], to_the_sample: object) -> dict[str, Answer]:
    """What `doctor` and `audit` say when an address is wrong; asked at the same time, for each takes a while."""
    wrong = {
        "kickserv": ("base_url = ", 'base_url = "http://127.0.0.1:9" #'),
        "dataverse": ('url = "https', 'url = "https://127.0.0.1:9" #'),
        "account": ("account = ", 'account = "somebody-else" #'),
        "certificate": ("ca_file = ", "#"),
    }
    running = {}
    for name, (old, new) in wrong.items():
        client = open_client(customers=1)
        text = client.project_file.read_text(encoding="utf-8")
        lines = [new + line if line.startswith(old) else line for line in text.splitlines()]
        assert lines != text.splitlines()
        client.project_file.write_text("\n".join(lines), encoding="utf-8")
        running[name] = client, client.start("audit")
    return {name: client.finish(child) for name, (client, child) in running.items()}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("kickserv", ("Kickserv", "127.0.0.1:9", "reachable")),
        ("dataverse", ("Dataverse", "127.0.0.1:9", "reachable")),
        ("account", ("Kickserv", "token")),
        ("certificate", ("certificate", "ca_file")),
    ],
)
def test_a_wrong_address_is_named(
    without_systems: dict[str, Answer], assert_explained: Explained, wrong: str, words: tuple[str, ...]
) -> None:
    assert_explained(without_systems[wrong], *words)


# --- the order of things


@pytest.fixture(scope="module")
def untouched(open_client: Callable[..., Client]) -> Client:
    return open_client(customers=1)


@pytest.mark.parametrize(
    ("command", "first"),
    [
        (("plan",), "transload audit"),
        (("approve", "mapping", "--by", "Rosalind Vane"), "transload plan"),
        (("prepare",), "transload plan"),
        (("sample",), "transload plan"),
        (("run",), "transload plan"),
        (("delta",), "transload plan"),
        (("reconcile",), "transload plan"),
    ],
)
def test_a_stage_before_its_time_names_the_command_to_run_first(
    untouched: Client, assert_explained: Explained, command: tuple[str, ...], first: str
) -> None:
    with untouched.written() as written:
        answer = untouched.do(*command)

    assert_explained(answer, "refuses to start", f"Run `{first}` first.")
    assert written == []
