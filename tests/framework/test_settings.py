"""The project file: every mistake in one report, and never a secret in sight."""

import pytest

from transload.testing import ClientFolder

SECRET = "s3cr3t-of-the-client"
VAULT = """\
from pydantic import BaseModel, ConfigDict, SecretStr
from transload import hookimpl

class Vault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str
    api_token: SecretStr
    spare_token: SecretStr | None = None
    pages: int = 3

@hookimpl
def settings():
    return Vault

@hookimpl
def check(context):
    from transload import Finding, Severity
    found = context.settings_of(Vault)
    return [Finding("vault", Severity.INFO, f"{found.api_token} of {len(found.api_token.get_secret_value())}")]
"""


@pytest.fixture
def vault(client: ClientFolder) -> ClientFolder:
    client.offer("vault", VAULT)
    return client


def doctor(client: ClientFolder, text: str, **environ: str) -> str:
    (client.path / "transload.toml").write_text(text)
    result = client.run("doctor", environ=environ)
    assert (result.exit_code == 0) == ("Ready." in result.output)
    return " ".join((result.output + result.errors).split())


def head(*plugins: str) -> str:
    listed = ", ".join(f'"{plugin}"' for plugin in ["memory_source", "memory_sink", *plugins])
    return f'[project]\nname = "Example Company"\nplugins = [{listed}]\n'


def test_mistakes_of_all_plugins_come_in_one_report(vault: ClientFolder) -> None:
    text = head("vault") + '[vault]\nulr = "x"\npages = "many"\n[memory_sink]\nfiel = "x"\n[vualt]\n'

    shown = doctor(vault, text)

    assert "vault.ulr: unknown key; did you mean `url`?" in shown
    assert "vault.url: is missing" in shown
    assert "vault.pages: Input should be a valid integer" in shown
    assert "memory_sink.fiel: unknown key; did you mean `file`?" in shown
    assert "[vualt]: no enabled plugin has this table; did you mean `vault`?" in shown
    assert "TRANSLOAD_VAULT__API_TOKEN" in shown


def test_mistakes_in_the_frameworks_tables_are_all_listed(client: ClientFolder) -> None:
    shown = doctor(client, '[project]\nnam = "x"\nplugins = []\n[run]\nworkers = 99\n[delta]\nconflict = "mine"\n')

    assert "project.nam: unknown key; did you mean `name`?" in shown
    assert "project.plugins: List should have at least 1 item" in shown
    assert "run.workers: Input should be less than or equal to 16 (it says 99)" in shown
    assert "delta.conflict: Input should be 'target' or 'source' (it says 'mine')" in shown


def test_a_misspelt_table_of_the_framework_is_named(client: ClientFolder) -> None:
    assert "[sampel]: no enabled plugin has this table; did you mean `sample`?" in doctor(client, head() + "[sampel]\n")


@pytest.mark.parametrize("text", ["memory_sink = 3\n", 'memory_sink = ["x"]\n'])
def test_a_plugins_table_must_be_a_table(client: ClientFolder, text: str) -> None:
    assert "[memory_sink]: must be a table" in doctor(client, text + head())


def test_a_secret_in_the_file_is_refused_and_not_repeated(vault: ClientFolder) -> None:
    text = head("vault") + f'[vault]\nurl = "x"\napi_token = "{SECRET}"\nspare_tokn = "{SECRET}"\n'

    shown = doctor(vault, text)

    assert "vault.api_token: secrets never stand in this file; set TRANSLOAD_VAULT__API_TOKEN" in shown
    assert "vault.spare_tokn: unknown key; did you mean `spare_token`?" in shown
    assert SECRET not in shown


def test_a_secret_comes_from_the_environment_and_is_never_printed(vault: ClientFolder) -> None:
    shown = doctor(vault, head("vault") + '[vault]\nurl = "x"\n', TRANSLOAD_VAULT__API_TOKEN=SECRET)

    assert f"********** of {len(SECRET)}" in shown
    assert SECRET not in shown


def test_a_secret_stands_in_no_file_that_a_stage_leaves(vault: ClientFolder) -> None:
    (vault.path / "transload.toml").write_text(
        head("vault") + '[vault]\nurl = "x"\n[memory_sink.fallback]\nsystemuser = "user-0"\n'
    )
    environ = {"TRANSLOAD_VAULT__API_TOKEN": SECRET}

    codes = [vault.run(stage, environ=environ).exit_code for stage in ("audit", "plan")]

    assert codes == [0, 0]
    files = [file for file in vault.path.rglob("*") if file.is_file()]
    assert [file.name for file in files if SECRET.encode() in file.read_bytes()] == []


def test_a_file_that_is_no_toml_is_said_to_be_none(client: ClientFolder) -> None:
    assert "cannot be read as TOML" in doctor(client, "[project\n")


def test_a_folder_without_a_project_file_says_how_to_make_one(client: ClientFolder) -> None:
    (client.path / "transload.toml").unlink()

    result = client.run("audit")

    assert result.exit_code == 2
    assert "transload init" in result.errors


def test_a_new_folder_names_every_setting_and_keeps_secrets_out(vault: ClientFolder) -> None:
    new = vault.path / "new"

    result = vault.run("init", str(new), "--plugin", "memory_sink", "--plugin", "vault")

    text = (new / "transload.toml").read_text()
    assert result.exit_code == 0, result.errors
    assert "# api_token is a secret: set TRANSLOAD_VAULT__API_TOKEN in the environment" in text
    assert "# pages = 3" in text
    assert 'url = ""' in text
