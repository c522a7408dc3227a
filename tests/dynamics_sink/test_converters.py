"""File names as Dataverse takes them."""

import pytest

from transload_dynamics_sink.converters import CONVERTERS

LONG = "x" * 300


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("site photo.jpg", "site photo.jpg"),
        ("C:\\pictures\\roof.png", "roof.png"),
        ("../../etc/passwd", "passwd"),
        ('in"voice?.pdf', "in_voice_.pdf"),
        ("thermostat config.JS", "thermostat config.JS.txt"),
        (f"{LONG}.pdf", f"{'x' * 251}.pdf"),
        (LONG, "x" * 255),
        ("..", "file"),
    ],
)
def test_a_file_name_is_made_safe(name: str, taken: str) -> None:
    assert CONVERTERS["dynamics.file_name"](name) == taken


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no file name"):
        CONVERTERS["dynamics.file_name"](7)
