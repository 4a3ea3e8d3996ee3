from __future__ import annotations

from datetime import date, timedelta

import pytest

from nlp_service.store.database import Database
from nlp_service.store.messages import MessageStore
from nlp_service.store.topic_states import KEPT, TopicStateStore
from tests.unit.store.deliveries import NOON

DAY = date(2025, 3, 1)


@pytest.fixture
def store(database: Database) -> TopicStateStore:
    return TopicStateStore(database)


def test_the_last_day_is_what_tomorrow_begins_with(store: TopicStateStore) -> None:
    assert store.latest("t", "all") is None
    store.save("t", "all", DAY, b"one")
    store.save("t", "all", DAY + timedelta(1), b"two")
    assert store.latest("t", "all") == (DAY + timedelta(1), b"two")
    assert store.latest("t", "all", before=DAY + timedelta(1)) == (DAY, b"one")
    assert store.latest("t", "all", before=DAY) is None


def test_a_day_that_is_read_again_takes_the_place_of_the_first(store: TopicStateStore) -> None:
    store.save("t", "all", DAY, b"one")
    store.save("t", "all", DAY, b"again")
    assert store.latest("t", "all") == (DAY, b"again")


def test_names_and_tenants_are_apart(store: TopicStateStore) -> None:
    store.save("t", "all", DAY, b"one")
    assert store.latest("t", "vip") is None
    assert store.latest("u", "all") is None


def test_two_months_are_kept(store: TopicStateStore) -> None:
    for number in range(KEPT + 1):
        store.save("t", "all", DAY + timedelta(number), b"x")
    assert store.latest("t", "all", before=DAY + timedelta(1)) is None
    assert store.latest("t", "all", before=DAY + timedelta(2)) == (DAY + timedelta(1), b"x")


def test_they_go_with_the_messages_of_their_days(database: Database, store: TopicStateStore) -> None:
    store.save("t", "all", DAY - timedelta(1), b"old")
    store.save("t", "all", DAY, b"kept")
    store.save("u", "all", DAY - timedelta(1), b"of another")
    MessageStore(database).expire("t", NOON)
    assert store.latest("t", "all", before=DAY) is None
    assert store.latest("t", "all") == (DAY, b"kept")
    assert store.latest("u", "all") == (DAY - timedelta(1), b"of another")
