"""A value map survives the way into a cell and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transload._workbook.value_maps import parse_values, render_values
from transload.mapping import Constant

CONSTANTS = st.none() | st.booleans() | st.integers() | st.text()


@given(st.dictionaries(st.text(), CONSTANTS))
@example({"7": "7", "true": "true", "": None, '"': '"', "a -> b": " c ", "line\nbreak": "\u2028", "\ud800": "-0"})
def test_a_value_map_reads_back_as_it_was(values: dict[str, Constant]) -> None:
    read = parse_values(render_values(values))

    assert read == values
    assert [type(value) for value in read.values()] == [type(value) for value in values.values()]


def test_an_ordinary_value_map_reads_as_a_person_would_write_it() -> None:
    assert render_values({"urgent": "High", "usual": 2, "none": None}) == "urgent -> High\nusual -> 2\nnone ->"


@pytest.mark.parametrize("line", ["urgent => High", "urgent → High", "  urgent->High  ", '"urgent" -> "High"'])
def test_people_may_write_the_arrow_as_they_like(line: str) -> None:
    assert parse_values(f"\n{line}\r\n") == {"urgent": "High"}


@pytest.mark.parametrize("text", ["urgent", "urgent: High", "a -> 1\na -> 2", '"urgent -> High', 'a -> "b" c', "-> "])
def test_what_is_no_value_map_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"`"):
        parse_values(text)
