"""Requests and answers, kept with the writes that they carried, and with the records that were read from them.

The writes of a batch have journal entries in a row, so an exchange names the first and the last of them. A rollback
goes by the entry in which each row was written first: its exchanges name the span of these, and other rows may lie
between. A source is read in pieces of some hundred records, each with a number of its own; only the last reading of an
entity is kept.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from transload._ledger.codec import decode_plain, encode_plain
from transload._ledger.connection import Database
from transload._ledger.tables import EXCHANGE
from transload._recording import KeptExchange, Message


class Errand(StrEnum):
    """What something was sent for."""

    LOAD = "load"
    UNDO = "undo"
    READ = "read"


class Exchanges:
    """Keeps exchanges, and finds those of a write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, errand: Errand, subject: str, run_id: str, span: tuple[int, int], exchanges: Sequence[KeptExchange]
    ) -> None:
        """Keep what was exchanged.

        Args:
            errand: What for.
            subject: The table that was written to, or the entity that was read.
            run_id: The run.
            span: The first and the last journal entry of the batch, or twice the number of the reading.
            exchanges: In order.
        """
        if not exchanges:
            return
        with self._database.writing() as connection:
            last = connection.execute(select(func.max(EXCHANGE.c.id))).scalar() or 0
            common = {"errand": errand.value, "subject": subject, "run_id": run_id, "first": span[0], "last": span[1]}
            rows = [{"id": last + 1 + place, **common, **_row(kept)} for place, kept in enumerate(exchanges)]
            self._database.write_many(insert(EXCHANGE), rows)

    def last_reading(self) -> int:
        """Return the highest number that a reading has; 0 when none has one."""
        numbers = select(func.max(EXCHANGE.c.last)).where(EXCHANGE.c.errand == Errand.READ.value)
        with self._database.reading() as connection:
            return int(connection.execute(numbers).scalar() or 0)

    def forget_readings(self, entity: str, before: int) -> None:
        """Forget the readings of an entity with a lower number: it was read to its end again."""
        old = (EXCHANGE.c.errand == Errand.READ.value, EXCHANGE.c.subject == entity, EXCHANGE.c.last < before)
        with self._database.writing() as connection:
            connection.execute(delete(EXCHANGE).where(*old))

    def about(self, errand: Errand, number: int) -> list[tuple[KeptExchange, bool]]:
        """Return the exchanges whose span a number lies in, in order, and whether it is the only one there."""
        spanning = (EXCHANGE.c.errand == errand.value, EXCHANGE.c.first <= number, EXCHANGE.c.last >= number)
        with self._database.reading() as connection:
            rows = connection.execute(select(EXCHANGE).where(*spanning).order_by(EXCHANGE.c.id))
            return [(_kept(row), row.first == row.last) for row in rows]


def _row(kept: KeptExchange) -> dict[str, Any]:
    facts = {
        "at": kept.at.isoformat(),
        "method": kept.method,
        "url": kept.url,
        "status": kept.status,
        "ms": kept.milliseconds,
        "problem": kept.problem,
        "sent": _head(kept.sent),
        "received": _head(kept.received),
    }
    return {
        "facts": encode_plain(facts),
        "sent": kept.sent.packed,
        "received": kept.received.packed if kept.received is not None else b"",
    }


def _head(message: Message | None) -> dict[str, object] | None:
    return None if message is None else {"headers": message.headers, "size": message.size}


def _kept(row: Row[Any]) -> KeptExchange:
    facts = decode_plain(row.facts)
    sent, received = (
        None if head is None else Message(head["headers"], head["size"], bytes(packed))
        for head, packed in ((facts["sent"], row.sent), (facts["received"], row.received))
    )
    assert sent is not None  # something was sent, whatever came of it
    at = datetime.fromisoformat(facts["at"])
    return KeptExchange(
        at, facts["method"], facts["url"], facts["status"], facts["ms"], facts["problem"], sent, received
    )
