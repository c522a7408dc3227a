"""What a refusal means."""

import pytest

from transload.errors import AuthenticationError, NotOfferedError, RefusedError, RunError
from transload_dynamics_sink.errors import CODES, Act, Refusal, read_refusal, stopping_error, unexpected

OWN_USER = "5e100006-7d10-4c3e-9b21-6045bd00002a"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b'{"error": {"code": "0x8004431A", "message": "out of range"}}', Refusal(400, "0x8004431a", "out of range")),
        (b'{"error": {"code": "", "message": ""}}', Refusal(400, "", "no reason given")),
        (b'{"Message": "gateway says no"}', Refusal(400, "", "gateway says no")),
        (b'{"error": "plain"}', Refusal(400, "", "plain")),
        (b"<html><body>Busy</body></html>", Refusal(400, "", "<html><body>Busy</body></html>")),
        (b"[1]", Refusal(400, "", "no reason given")),
        (b"", Refusal(400, "", "no reason given")),
        (b"\xff\xfe", Refusal(400, "", "\ufffd\ufffd")),
    ],
)
def test_reads_whatever_body_comes(body: bytes, refusal: Refusal) -> None:
    assert read_refusal(400, body) == refusal


@pytest.mark.parametrize(
    ("refusal", "act"),
    [
        (Refusal(500, "0x80044150", ""), Act.RETRY),
        (Refusal(500, "0x80044151", ""), Act.SMALLER),
        (Refusal(413, "0x80040203", ""), Act.SMALLER),
        (Refusal(503, "", ""), Act.RETRY),
        (Refusal(412, "0x80040237", ""), Act.HAVE),
        (Refusal(400, "0x12345678", ""), Act.DATA),
    ],
)
def test_the_code_decides_what_happens_next(refusal: Refusal, act: Act) -> None:
    assert refusal.act is act


def test_an_error_of_a_record_has_code_message_and_remedy() -> None:
    error = Refusal(400, "0x80044331", "The name is too long.").error("customer 7")

    assert isinstance(error, RefusedError)
    assert str(error) == "customer 7: the target refused it (0x80044331): The name is too long."
    assert "Shorten" in error.remedy


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal(401, "", "no"), AuthenticationError),
        (Refusal(403, "0x80072560", "not a member"), AuthenticationError),
        (Refusal(403, "0x80040220", f"Principal user (Id={OWN_USER}, ...) is missing prvCreate"), NotOfferedError),
    ],
)
def test_what_is_wrong_with_us_ends_the_run(refusal: Refusal, error: type[RunError]) -> None:
    assert isinstance(stopping_error(refusal, OWN_USER), error)


def test_a_privilege_that_an_owner_lacks_is_trouble_of_the_record() -> None:
    refusal = Refusal(403, "0x80040220", "Principal user (Id=5e100009-...) is missing prvRead")

    assert stopping_error(refusal, OWN_USER) is None
    assert "security role" in refusal.error("customer 7").remedy


def test_a_thing_that_is_not_there_is_not_offered() -> None:
    assert isinstance(unexpected(Refusal(404, "0x8006088a", "no set"), "list rows"), NotOfferedError)


def test_codes_are_lower_case_and_every_one_has_a_remedy() -> None:
    assert all(code == code.lower() and entry.remedy.endswith(".") for code, entry in CODES.items())
