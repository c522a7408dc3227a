"""A rollback makes the target what it was before, to the last byte, and can be stopped and repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from transload_sandbox.kickserv.company import number_of

if TYPE_CHECKING:
    from journey.conftest import Answer, Client, Company


@dataclass(frozen=True)
class Undone:
    """A company that came and went."""

    client: Client
    digests: tuple[dict[str, str], dict[str, str]]
    rolled_back: Answer
    again: Answer
    written_again: list[str]
    refused: Answer
    verified: Answer


@pytest.fixture(scope="module")
def undone(load_company: Callable[..., Company]) -> Undone:
    loaded = load_company()
    client, company = loaded.client, loaded.client.sandbox.kickserv.company
    resolved = next(row for row in company.jobs.rows() if row["status"] == "complete")
    company.update_job(number_of(resolved), description="Corrected after completion.")
    company.add_contact(None, first_name="Odalys", last_name="Fenwright")
    client.walk(("delta",), ("reconcile",), ("approve", "cutover", "--by", "Rosalind Vane"), ("rollback", "--dry-run"))
    (rolled_back,) = client.walk(("rollback", "--json"))
    digests = loaded.untouched, client.digest()
    with client.written() as written:
        again = client.do("rollback", "--json")
    refused = client.do("run")
    return Undone(client, digests, rolled_back, again, written, refused, client.do("audit-log", "verify"))


def test_rollback_restores_every_row_and_the_metadata(undone: Undone) -> None:
    before, after = undone.digests

    assert {name for name in before | after if before.get(name) != after.get(name)} == set()


def test_a_second_rollback_has_nothing_to_do(undone: Undone) -> None:
    assert undone.again.code == 0
    assert undone.written_again == []


def test_a_run_after_a_rollback_asks_for_prepare_first(undone: Undone) -> None:
    assert undone.refused.code == 2
    assert "Run `transload prepare` first." in undone.refused.err


def test_the_audit_log_is_whole_after_there_and_back(undone: Undone) -> None:
    assert undone.verified.code == 0
    assert "Whole" in undone.verified.out


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger_audit set body = '{}' where seq = 5",
        "delete from ledger_audit where seq = (select max(seq) from ledger_audit)",
        "update ledger_journal set write = replace(write, 'account', 'accounf') where id = 1",
        "delete from ledger_journal where id = 2",
    ],
)
def test_a_ledger_that_somebody_tampered_with_is_found_out(undone: Undone, statement: str) -> None:
    kept = undone.client.ledger.read_bytes()
    with sqlite3.connect(undone.client.ledger) as connection:
        connection.execute(statement)
    connection.close()

    answer = undone.client.do("audit-log", "verify")

    undone.client.ledger.write_bytes(kept)
    assert answer.code == 1
    assert "Broken at entry" in answer.out
    assert undone.client.do("audit-log", "verify").code == 0
