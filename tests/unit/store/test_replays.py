from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nlp_service.store import replays
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Judgement, Known, Offence, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.replays import Replayed, ReplayStore
from nlp_service.store.tenants import TenantStore
from nlp_service.types import Abuse, Action, Analysis, Risk, Verdict

AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
DAY_S = 86_400.0
EMPTY = Analysis(None, None, None, Risk(0, None, None), Abuse(None, False), None, ())


def message(number: int, author: str = "u", *, minutes: float = 0, platform: str = "qq") -> Incoming:
    at = AT + timedelta(minutes=minutes)
    return Incoming(platform, "c", str(number), author, at, at, None, "", {}, (), EMPTY, b"", "m-1")


def strike(given: Incoming, known: Known) -> Judgement:
    """Judge every message an advert."""
    analysis = Analysis(
        None, None, None, Risk(0, None, None), Abuse(None, False), None, (), verdict=Verdict(Action.WARN)
    )
    return Judgement(analysis, "p-1", offence="ad" if given.author else None)


def record(database: Database, *messages: Incoming, tenant: str = "default") -> list[Replayed]:
    store = MessageStore(database)
    ids = [store.record(tenant, [one], strike, Windows())[0].id for one in messages]
    return [Replayed(message_id, one) for message_id, one in zip(ids, messages, strict=True)]


def test_only_what_came_before_is_known(database: Database) -> None:
    stored = record(database, *(message(number, minutes=number) for number in range(3)))
    known = ReplayStore(database).known("default", stored, DAY_S)
    assert [one.n_earlier for one in known] == [0, 1, 2]
    assert [one.offences for one in known] == [
        (), (Offence("ad", AT),), (Offence("ad", AT), Offence("ad", AT + timedelta(minutes=1)))
    ]  # fmt: skip
    assert {(one.copies_by_author, one.copies_by_others, one.recent_by_author) for one in known} == {(0, 0, 0)}


def test_the_order_in_which_it_is_asked_makes_no_difference(database: Database) -> None:
    stored = record(database, *(message(number, minutes=number) for number in range(3)))
    store = ReplayStore(database)
    assert store.known("default", stored[::-1], DAY_S) == store.known("default", stored, DAY_S)[::-1]
    assert store.known("default", stored[2:], DAY_S) == store.known("default", stored, DAY_S)[2:]
    assert store.known("default", [], DAY_S) == []


def test_strikes_count_for_a_time_and_messages_for_ever(database: Database) -> None:
    stored = record(database, message(1), message(2, minutes=61))
    assert ReplayStore(database).known("default", stored, 3_600.0)[1] == Known((), 1)


def test_authors_platforms_and_tenants_are_apart(database: Database) -> None:
    TenantStore(database).create("other")
    record(database, message(1, "v"), message(2, platform="wechat"))
    record(database, message(3), tenant="other")
    stored = record(database, message(4, minutes=1), message(5, "", minutes=2), message(6, "", minutes=3))
    assert ReplayStore(database).known("default", stored, DAY_S) == [Known()] * 3


def test_messages_are_counted_up_to_a_bound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_EARLIER", 2)
    replays._earlier.cache_clear()
    stored = record(database, *(message(number) for number in range(4)))
    assert [one.n_earlier for one in ReplayStore(database).known("default", stored, DAY_S)] == [0, 1, 2, 2]
    replays._earlier.cache_clear()
