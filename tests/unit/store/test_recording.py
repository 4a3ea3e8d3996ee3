from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Recorded, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.schema import messages
from tests.unit.store.deliveries import Judge, analysis, message, rows

AD = analysis("ad")
RISKY = analysis(risk=2)


@pytest.fixture
def messages_of(database: Database) -> MessageStore:
    return MessageStore(database)


def states(recorded: Sequence[Recorded]) -> list[str]:
    return [one.state for one in recorded]


def made_up(rng: random.Random, number: int) -> list[Incoming]:
    """Messages of few ids, authors and keys, so that all that can happen to them does."""
    kinds = (AD, RISKY, analysis(), analysis("ad", risk=2))
    return [
        message(
            f"m{rng.randrange(12)}",
            f"第{n}句",
            at=n,
            edited=rng.choice((None, None, rng.randrange(-5, 60))),
            author=rng.choice(("lin", "lin", "mei", "")),
            channel=rng.choice(("group", "elsewhere")),
            keys=tuple(rng.sample(range(5), rng.randrange(4))),
            analysis=rng.choice(kinds),
        )
        for n in range(number)
    ]


def stored(database: Database, tenant: str) -> list[list[tuple[Any, ...]]]:
    """All that a tenant has, with its own numbers for messages, and without reviews that ended."""
    with database.read() as connection:
        query = sa.select(messages.c.id, messages.c.external_id).where(messages.c.tenant == tenant)
        names = {row.id: row.external_id for row in connection.execute(query)}
    tables = {
        "messages": (
            "id",
            "external_id",
            "author",
            "channel",
            "text",
            "edited_at",
            "received_at",
            "revision",
            "action",
        ),
        "copies": ("message_id", "key", "received_ms"),
        "strikes": ("message_id", "author", "offence", "at"),
        "reviews": ("message_id", "kind", "priority", "state"),
    }
    found = [
        sorted((names[row[0]], *row[1:-1]) for row in rows(database, table, *columns, "tenant") if row[-1] == tenant)
        for table, columns in tables.items()
    ]
    found[-1] = [row for row in found[-1] if row[-1] == "open"]
    return [*found, [row[1:] for row in rows(database, "authors") if row[0] == tenant and row[-1]]]


@pytest.mark.parametrize("seed", range(4))
def test_one_delivery_does_what_many_do(database: Database, messages_of: MessageStore, seed: int) -> None:
    delivery = made_up(random.Random(seed), 60)
    windows = Windows(strikes_s=25, copies_s=20)
    together, apart = Judge(), Judge()
    begin, rest = delivery[:10], delivery[10:]
    for tenant in ("together", "apart"):
        messages_of.record(tenant, begin, Judge(), windows)
    at_once = messages_of.record("together", rest, together, windows)
    one_by_one = [messages_of.record("apart", [one], apart, windows)[0] for one in rest]
    assert states(at_once) == states(one_by_one)
    assert {"stored", "edited", "duplicate", "outdated"} == set(states(at_once))
    assert [one.analysis for one in at_once] == [one.analysis for one in one_by_one]
    assert together.told == apart.told
    assert stored(database, "together") == stored(database, "apart")
