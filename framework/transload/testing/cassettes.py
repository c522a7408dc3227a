"""Cassettes: recorded conversations, played back so that a test needs no server.

A test plays, and fails on a request that is not on the tape. To record a tape anew, start the
sandbox, point the test's settings at it and set ``TRANSLOAD_RECORD=1``. A request fits when
method, path, query and body are equal; the host does not count, because the sandbox listens
on another port each time. Credentials and tokens are taken out of requests and answers
before they are compared or kept, and every tape says in its first line what it is.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RECORD_VARIABLE = "TRANSLOAD_RECORD"
FIRST_LINE = "# recorded against the transload sandbox; not a real tenant\n"

_MASK = "masked"
_SECRETS = (
    "access_token", "refresh_token", "id_token", "client_secret", "client_assertion", "api_token", "api_key",
    "password", "token",
)  # fmt: skip
_HEADERS = ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "user-agent")


class Tape(Protocol):
    """A cassette while it plays."""

    @property
    def all_played(self) -> bool:
        """Whether every recorded conversation was asked for."""
        ...

    @property
    def play_count(self) -> int:
        """How many answers were played."""
        ...


@dataclass(frozen=True, slots=True)
class Cassettes:
    """A folder of cassettes.

    Attributes:
        folder: The folder.
        recording: Whether tapes are recorded anew instead of played.
        secrets: Names of further fields, parameters and elements to mask.
    """

    folder: Path
    recording: bool = False
    secrets: Collection[str] = ()

    @contextmanager
    def __call__(self, name: str) -> Iterator[Tape]:
        """Play a cassette, or record it anew.

        Args:
            name: Its path below the folder, with ``.yaml``.

        Raises:
            FileNotFoundError: There is no such cassette.
        """
        file = self.folder / name
        if self.recording:
            file.unlink(missing_ok=True)
        elif not file.exists():
            raise FileNotFoundError(f"there is no cassette {file}; set {RECORD_VARIABLE}=1 to record it")
        with self._recorder("all" if self.recording else "none").use_cassette(str(file)) as tape:
            yield tape

    def _recorder(self, mode: str) -> Any:
        import vcr

        names = (*_SECRETS, *self.secrets)
        recorder = vcr.VCR(
            record_mode=mode,
            serializer="transload",
            match_on=("method", "path", "query", "body"),
            filter_headers=[(header, _MASK) for header in _HEADERS],
            filter_query_parameters=[(name, _MASK) for name in names],
            filter_post_data_parameters=[(name, _MASK) for name in names],
            before_record_response=lambda response: _masked_response(response, names),
            before_record_request=lambda request: _masked_request(request, names),
            decode_compressed_response=True,
        )
        recorder.register_serializer("transload", _Serializer())
        return recorder


class _Serializer:
    """YAML under a first line that says what it is."""

    def serialize(self, cassette: Mapping[str, Any]) -> str:
        from vcr.serializers import yamlserializer

        return FIRST_LINE + str(yamlserializer.serialize(cassette))

    def deserialize(self, text: str) -> Any:
        from vcr.serializers import yamlserializer

        return yamlserializer.deserialize(text)


def mask_secrets(text: str, names: Collection[str] = _SECRETS) -> str:
    """Return JSON, XML or form text with the content of secret fields masked."""
    either = "|".join(re.escape(name).replace("_", "[-_]") for name in names)
    text = re.sub(rf'("(?:{either})"\s*:\s*)"(?:[^"\\]|\\.)*"', rf'\1"{_MASK}"', text, flags=re.IGNORECASE)
    text = re.sub(rf"(<({either})(?:\s[^>]*)?>)[^<]*(</\2>)", rf"\1{_MASK}\3", text, flags=re.IGNORECASE)
    return re.sub(rf"((?:^|&)(?:{either})=)[^&]*", rf"\1{_MASK}", text, flags=re.IGNORECASE)


def _masked_request(request: Any, names: Collection[str]) -> Any:
    if isinstance(request.body, bytes):
        try:
            request.body = mask_secrets(request.body.decode(), names).encode()
        except UnicodeDecodeError:
            return request  # a file: it has no fields
    return request


def _masked_response(response: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    headers = {name: [_MASK] if name.lower() in _HEADERS else values for name, values in response["headers"].items()}
    body = response["body"]["string"]
    try:
        text = body.decode() if isinstance(body, bytes) else body
        masked: str | bytes = mask_secrets(text, names).encode()
    except UnicodeDecodeError:
        masked = body
    return {**response, "headers": headers, "body": {"string": masked}}
