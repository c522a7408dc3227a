"""The page on Kickserv and Dynamics says what the shipped mapping does."""

import re
from typing import TYPE_CHECKING

from transload_kickserv_source import plugin

if TYPE_CHECKING:
    from docs.conftest import Manual

MAPPINGS = {
    document.entity: document.filled_in("ks", {}) for document in plugin.mappings("kickserv", "dynamics365") or ()
}
KEYS = {entity: document.key.column if document.key else None for entity, document in MAPPINGS.items()}


def test_it_names_every_table_and_key_column(manual: "Manual") -> None:
    text = manual.page("mapping-kickserv-dynamics.md").text.partition("\n## ")[0]

    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `?(\w+)`? \|", text, re.MULTILINE)

    assert {entity: (table, key) for entity, table, key in rows} == {
        entity: (document.table, KEYS[entity] or "none") for entity, document in MAPPINGS.items()
    }


def test_every_column_that_it_names_exists(manual: "Manual") -> None:
    known = {name for document in MAPPINGS.values() for name, _ in document.rules()}
    known |= {document.flag for document in MAPPINGS.values() if document.flag} | set(filter(None, KEYS.values()))

    shown = set(re.findall(r"`(ks_\w+)`", manual.page("mapping-kickserv-dynamics.md").text))

    assert shown <= known
    assert len(shown) > 10


def test_its_table_of_job_states_is_the_mapping(manual: "Manual") -> None:
    finish = MAPPINGS["job"].finish
    states, reasons = finish["statecode"].values or {}, finish["statuscode"].values or {}

    rows = manual.page("mapping-kickserv-dynamics.md").rows("Jobs")

    shown = {status: (state, reason) for names, state, reason in rows for status in re.findall(r"\w+", names)}
    assert shown == {status: (states[status], reasons[status]) for status in states}
