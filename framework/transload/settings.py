"""The project file: which plugins a client uses, and their settings.

``transload.toml`` in the client's folder. A ``[project]`` table names the client and
lists the plugins; each plugin has a table of its own, validated by the model that its
``settings`` hook returns. Secrets never stand in the file.
"""

import os
import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from transload._mistakes import list_mistakes, nearest
from transload.errors import ProjectFileError

PROJECT_FILE = "transload.toml"
KEYRING_SERVICE = "transload"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProjectTable(_Table):
    """The ``[project]`` table."""

    name: Annotated[str, Field(min_length=1)]
    """The client, as reports show it."""
    plugins: Annotated[list[str], Field(min_length=1)]
    """The plugins that are on, first come first asked."""
    ledger: str = "ledger.sqlite"
    """A file in the client's folder, or ``postgresql://host/database``."""


class RunTable(_Table):
    """The ``[run]`` table: how hard to push."""

    batch_size: Annotated[int, Field(ge=1, le=1000)] = 200
    """Rows in one request."""
    workers: Annotated[int, Field(ge=1, le=16)] = 4
    """Requests in flight."""
    stop_after_errors: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=r"^\d{1,2}(\.\d+)?%$")] | None = None
    """Stop when so many records were set aside, or such a share of all: ``200`` or ``"2%"``."""


class AuditTable(_Table):
    """The ``[audit]`` table."""

    samples: Literal["masked", "plain", "none"] = "masked"
    """How the audit shows values of the source: their shape, as they are, or not at all."""


class SampleTable(_Table):
    """The ``[sample]`` table."""

    records: Annotated[int, Field(ge=1, le=5000)] = 100
    """How many records to choose at least, also when fewer show everything."""
    most: Annotated[int, Field(ge=1, le=5000)] = 300
    """How many there are at most, with everything that they need."""
    rows: Literal["keep", "remove"] = "keep"
    """Whether the full run recognises the rows of the sample, or `transload sample --remove` comes first."""

    @model_validator(mode="after")
    def _leaves_room(self) -> "SampleTable":
        if self.records > self.most:
            raise ValueError(f"`records` is {self.records}, and `most` lets only {self.most} in: raise `most` too")
        return self


class DeltaTable(_Table):
    """The ``[delta]`` table."""

    conflict: Literal["target", "source"] = "target"
    """Whose value stays when a field changed on both sides."""
    deleted: Literal["flag", "deactivate", "delete"] = "flag"
    """What becomes of the row when its record is gone from the source."""
    inactive: tuple[str, ...] = ("Inactive", "Canceled")
    """Labels of the state in which `deactivate` leaves a row: the first that its table has."""
    fields: Mapping[str, Literal["source", "target", "newest", "ask"]] = {}
    """Whose value stays in single columns, by entity and column: ``customer.telephone1``."""


class ApprovalsTable(_Table):
    """The ``[approvals]`` table: who may approve what; an empty list lets everybody."""

    four_eyes: bool = False
    """Whether two people must approve, each under a name of their own."""
    mapping: tuple[str, ...] = ()
    """Names of those who may approve the mapping."""
    sample: tuple[str, ...] = ()
    """Names of those who may approve the sample."""
    cutover: tuple[str, ...] = ()
    """Names of those who may approve the cut-over."""


Effect = Literal["no-go", "warn"]


class ReconcileTable(_Table):
    """The ``[reconcile]`` table: what forbids the cut-over, and what is only to be looked at."""

    missing_row: Effect = "no-go"
    """A record has no row."""
    value_differs: Effect = "no-go"
    """A column holds something else than what was wanted."""
    relation_differs: Effect = "no-go"
    """A lookup or link is another one."""
    state_differs: Effect = "no-go"
    """A row is in another state."""
    money_differs: Effect = "no-go"
    """The amounts of a month do not come to the same."""
    unknown_or_doubled_row: Effect = "no-go"
    """A row carries a source id and is not the row that the ledger knows for it."""
    dead_letter: Effect = "no-go"
    """A record was set aside."""
    parked_record: Effect = "no-go"
    """A record waits for its parent."""
    changed_by_people: Effect = "warn"
    """People changed a row in the target since."""
    changed_after_closing: Effect = "warn"
    """The source changed what the target holds in a row that stays closed."""
    user_without_a_match: Effect = "warn"
    """An employee has no user."""
    amount_tolerance: Annotated[int, Field(ge=0)] = 0
    """By how many hundredths an amount may differ."""
    month_tolerance: Annotated[int, Field(ge=0)] = 0
    """By how many hundredths the amounts of a month may differ in sum."""


class ProjectSettings(_Table):
    """The tables of a project file that belong to the framework."""

    project: ProjectTable
    audit: AuditTable = AuditTable()
    run: RunTable = RunTable()
    sample: SampleTable = SampleTable()
    delta: DeltaTable = DeltaTable()
    approvals: ApprovalsTable = ApprovalsTable()
    reconcile: ReconcileTable = ReconcileTable()


@dataclass(frozen=True, slots=True)
class Project:
    """A client's folder with its project file.

    Attributes:
        folder: The client's folder.
        settings: The framework's tables.
        plugin_tables: The raw tables of the plugins.
    """

    folder: Path
    settings: ProjectSettings
    plugin_tables: Mapping[str, Mapping[str, object]]

    @property
    def file(self) -> Path:
        """The project file."""
        return self.folder / PROJECT_FILE

    @property
    def reports(self) -> Path:
        """Where the stages leave their reports."""
        return self.folder / "reports"

    @property
    def mapping(self) -> Path:
        """Where the mapping documents stand."""
        return self.folder / "mapping"

    @property
    def ledger_url(self) -> str:
        """Where the ledger is: an absolute file path, or a database URL."""
        ledger = self.settings.project.ledger
        return ledger if "://" in ledger else str(self.folder / ledger)


def load_project(folder: Path) -> Project:
    """Read the project file of a client's folder.

    Raises:
        ProjectFileError: It is not there, not TOML, or has mistakes in the framework's tables.
    """
    file = folder / PROJECT_FILE
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ProjectFileError(str(file), ["it does not exist; `transload init` makes a folder with one"]) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectFileError(str(file), [f"it cannot be read as TOML: {error}"]) from error
    own = {name: raw[name] for name in ProjectSettings.model_fields if name in raw}
    try:
        settings = ProjectSettings.model_validate(own)
    except ValidationError as error:
        raise ProjectFileError(str(file), list_mistakes(error, ProjectSettings)) from error
    return Project(folder, settings, {name: raw[name] for name in raw if name not in own})


def configure_plugins(
    project: Project,
    models: Mapping[str, type[BaseModel] | None],
    environ: Mapping[str, str] = os.environ,
) -> dict[type[BaseModel], BaseModel]:
    """Validate every plugin's table, with its secrets, and report all mistakes at once.

    Args:
        project: The project.
        models: Settings model of each enabled plugin, by plugin name.
        environ: Where secrets are looked for first.

    Raises:
        ProjectFileError: Unknown tables, unknown keys, wrong values, missing secrets.
    """
    settings: dict[type[BaseModel], BaseModel] = {}
    known = [*ProjectSettings.model_fields, *models]
    mistakes = [
        f"[{name}]: no enabled plugin has this table{nearest(name, known)}"
        for name in project.plugin_tables
        if name not in models
    ]
    for name, model in models.items():
        table = project.plugin_tables.get(name, {})
        if not isinstance(table, Mapping):
            mistakes.append(f"[{name}]: must be a table")
            continue
        if model is None:
            mistakes.extend(f"{name}.{key}: the plugin has no settings" for key in table)
            continue
        values: dict[str, object] = dict(table)
        mistakes.extend(_fill_secrets(name, model, values, environ))
        try:
            settings[model] = model.model_validate(values)
        except ValidationError as error:
            known_missing = {f"{field}: is missing" for field in _secret_fields(model) if field not in values}
            mistakes.extend(
                f"{name}.{mistake}" for mistake in list_mistakes(error, model) if mistake not in known_missing
            )
    if mistakes:
        raise ProjectFileError(str(project.file), mistakes)
    return settings


def secrets_in(models: Iterable[BaseModel]) -> list[str]:
    """Return the secrets that settings hold: what must stand in no report, log or ledger."""
    return [
        value.get_secret_value()
        for model in models
        for _, value in model
        if isinstance(value, SecretStr) and value.get_secret_value()
    ]


def secret_variables(models: Mapping[str, type[BaseModel] | None]) -> list[str]:
    """Return the names under which the secrets of plugins are looked for."""
    return [
        secret_variable(plugin, field)
        for plugin, model in models.items()
        if model is not None
        for field in _secret_fields(model)
    ]


def secret_variable(plugin: str, field: str) -> str:
    """Return the name under which a secret is looked for in the environment and the keyring."""
    return f"TRANSLOAD_{plugin}__{field}".upper()


def _fill_secrets(
    plugin: str, model: type[BaseModel], values: dict[str, object], environ: Mapping[str, str]
) -> Iterator[str]:
    """Put the secrets into ``values``; yield what is wrong about them."""
    for field in _secret_fields(model):
        variable = secret_variable(plugin, field)
        if field in values:
            yield f"{plugin}.{field}: secrets never stand in this file; set {variable} in the environment"
            del values[field]
        if secret := environ.get(variable) or _from_keyring(variable):
            values[field] = SecretStr(secret)
        elif model.model_fields[field].is_required():
            yield (
                f"{plugin}.{field}: the secret is missing; set the environment variable {variable}, "
                f"or run `keyring set {KEYRING_SERVICE} {variable}`"
            )


def _secret_fields(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if is_secret(field.annotation)]


def is_secret(annotation: Any) -> bool:
    """Whether a settings field of this type is a secret, and so never stands in the file."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return any(is_secret(arg) for arg in get_args(annotation))
    return annotation is SecretStr


def _from_keyring(variable: str) -> str | None:
    import keyring
    import keyring.errors

    try:
        return keyring.get_password(KEYRING_SERVICE, variable)
    except keyring.errors.KeyringError:
        return None
