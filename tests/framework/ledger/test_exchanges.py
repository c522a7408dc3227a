"""Requests and answers in the ledger: found by what they were sent for, in both databases."""

import zlib
from datetime import UTC, datetime

from transload._ledger import Errand, Ledger
from transload._recording import KeptExchange, Message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def exchange(name: str, *, answered: bool = True) -> KeptExchange:
    sent = Message({"if-match": "*"}, 9, zlib.compress(f"sent {name}".encode()))
    received = Message({}, 0) if answered else None
    status, problem = (204, "") if answered else (None, "ReadError: cut")
    return KeptExchange(NOON, "POST", f"https://crm.example.com/{name}", status, 12, problem, sent, received)


def about(ledger: Ledger, errand: Errand, number: int) -> list[tuple[str, bool]]:
    return [(kept.url.rpartition("/")[2], alone) for kept, alone in ledger.exchanges.about(errand, number)]


def test_an_exchange_comes_back_as_it_was_kept(ledger: Ledger) -> None:
    kept = [exchange("first"), exchange("second", answered=False)]

    ledger.exchanges.add(Errand.LOAD, "account", "run-1", (1, 1), kept)

    assert [found for found, _ in ledger.exchanges.about(Errand.LOAD, 1)] == kept
    assert ledger.exchanges.about(Errand.LOAD, 1)[0][0].sent.body == b"sent first"


def test_exchanges_are_found_by_the_span_that_they_were_sent_for(ledger: Ledger) -> None:
    ledger.exchanges.add(Errand.LOAD, "account", "run-1", (1, 3), [exchange("a"), exchange("b")])
    ledger.exchanges.add(Errand.LOAD, "contact", "run-1", (4, 4), [exchange("c")])
    ledger.exchanges.add(Errand.UNDO, "account", "run-2", (1, 9), [exchange("d")])
    ledger.exchanges.add(Errand.LOAD, "task", "run-1", (5, 6), [])

    assert about(ledger, Errand.LOAD, 2) == [("a", False), ("b", False)]
    assert about(ledger, Errand.LOAD, 4) == [("c", True)]
    assert about(ledger, Errand.LOAD, 5) == []
    assert about(ledger, Errand.UNDO, 2) == [("d", False)]


def test_of_a_source_only_the_last_reading_of_an_entity_is_kept(ledger: Ledger) -> None:
    assert ledger.exchanges.last_reading() == 0
    for number, entity in enumerate(("customer", "customer", "job", "customer"), start=1):
        ledger.exchanges.add(Errand.READ, entity, "run-1", (number, number), [exchange(f"page{number}")])
    ledger.exchanges.add(Errand.LOAD, "customer", "run-1", (1, 1), [exchange("write")])

    ledger.exchanges.forget_readings("customer", before=4)

    assert ledger.exchanges.last_reading() == 4
    assert [about(ledger, Errand.READ, number) for number in range(1, 5)] == [
        [], [], [("page3", True)], [("page4", True)],
    ]  # fmt: skip
    assert about(ledger, Errand.LOAD, 1) == [("write", True)]
