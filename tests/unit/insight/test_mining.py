from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pytest

from nlp_service.insight.facts import FACTS, Floats
from nlp_service.insight.mined import MEMBERSHIPS, memberships, to_document, to_json
from nlp_service.insight.mining import Parts, mine, mine_from
from nlp_service.insight.results import MessageKey, Mining, Period
from nlp_service.store.packing import label_mask

START = datetime(2026, 3, 9, tzinfo=UTC)
PERIOD = Period(START, START + timedelta(days=7), "UTC")
CHAT = "中午吃什么 周末去爬山吗 今天好冷 猫又拆家了 地铁晚点 追剧到半夜 阳台的花开了 早上好呀".split()


def embed(texts: Sequence[str]) -> Floats:
    """Texts that share characters lie close."""
    vectors = np.zeros((len(texts), 64), np.float32)
    for vector, text in zip(vectors, texts, strict=True):
        for char in text:
            vector[crc32(char.encode()) % 64] += 1.0
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors


PARTS = Parts(embed)


def row(number: int, hours: float, text: str, **fields: Any) -> dict[str, Any]:
    """A message so many hours after the start; a complaint where it has a pain."""
    pains = fields.pop("pains", ())
    plain = {
        "id": f"m{number:05}",
        "platform": "qq",
        "channel": f"room-{number % 2}",
        "author": f"u{number % 40}",
        "at": START + timedelta(hours=hours),
        "text": text,
        "meta": [("weather", "clear")],
        "intent": "complaint" if pains else "chat",
        "labels": label_mask(["complaint" if pains else "chat"]),
        "sentiment": -0.8 if pains else 0.1,
        "risk": 1 if pains else 0,
        "risk_categories": [category for _, category in pains],
        "action": None,
        "pains": [{"target": what, "category": kind, "start": 0, "end": len(text)} for what, kind in pains],
        "opinions": [],
        "vector": embed([text])[0].astype("<f2").tobytes() + bytes(128),
        "message_id": None,
    }
    return {**plain, **fields}


def table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    rows = sorted(rows, key=lambda row: (row["at"], row["platform"], row["id"]))
    return pa.Table.from_pylist(list(rows), schema=FACTS)


def community() -> pa.Table:
    """Two weeks of chat; in the second, members wait for couriers when it rains."""
    rng = random.Random(5)
    rows = [row(n, -168 + n * 336 / 1200, rng.choice(CHAT) + "。" * (n % 3)) for n in range(1200)]
    pain = ("物流速度", "delivery_delay")
    late = [("快递等了三天还没到", pain), ("快递等了三天还没到！！", pain)]
    for n in range(150):
        text, pain = late[n % 2]
        rows.append(row(2000 + n, rng.random() * 167, text, pains=[pain], meta=[("weather", "rain")]))
    for n in range(30):
        rows.append(row(3000 + n, -rng.random() * 167, late[n % 2][0], pains=[late[n % 2][1]]))
    return table(rows)


@pytest.fixture(scope="module")
def facts() -> pa.Table:
    return community()


@pytest.fixture(scope="module")
def mining(facts: pa.Table) -> Mining:
    return mine(facts, PERIOD, PARTS, notes=["period_whole"], model_version="fake-1")


def test_the_counts_are_those_of_the_periods(mining: Mining) -> None:
    assert (mining.messages, mining.messages_before, mining.people) == (750, 630, 40)
    assert mining.previous == Period(START - timedelta(days=7), START, "UTC")
    assert (mining.model_version, mining.notes) == ("fake-1", ("period_whole", "no_opinions"))


def test_the_pain_of_the_week_is_first_with_its_rise_its_messages_and_where_it_hurts(mining: Mining) -> None:
    pain = mining.pain_points[0]
    assert "快递" in pain.name + "".join(pain.terms)
    assert (pain.messages, len(pain.keys), pain.change.now, pain.change.before) == (150, 150, 150, 30)
    assert pain.change.rise == pytest.approx(4.0)
    (segment,) = [one for one in pain.segments if one.field == "meta.weather" and one.value == "rain"]
    assert (segment.messages, segment.share_out) == (150, 0.0)
    assert (pain.id, segment) in mining.segments


def test_every_list_of_messages_is_as_long_as_its_count(mining: Mining, facts: pa.Table) -> None:
    known = set(facts.column("id").to_pylist())
    for item in (*mining.pain_points, *mining.topics):
        assert len(item.keys) == len(set(item.keys)) == item.messages
        assert {key.id for key in item.keys} <= known
        assert {quote.key for quote in item.quotes} <= set(item.keys)


def test_a_topic_has_the_couriers_and_was_born_in_the_days(mining: Mining) -> None:
    assert any("快递" in topic.name + "".join(topic.terms) for topic in mining.topics)
    assert all(PERIOD.start <= event.at <= PERIOD.end for event in mining.topic_events)


def test_days_and_hours_of_a_week_are_measured(mining: Mining) -> None:
    steps = {(one.name, one.step): one for one in mining.series}
    assert len(steps["messages", "day"].starts) == 7
    assert len(steps["messages", "hour"].starts) == 168
    assert sum(value or 0 for value in steps["messages", "day"].values) == 750


def test_the_same_facts_give_the_same_bytes(mining: Mining, facts: pa.Table) -> None:
    again = mine(facts, PERIOD, PARTS, notes=["period_whole"], model_version="fake-1")
    assert to_json(again) == to_json(mining)


def test_topics_go_on_from_the_state_of_the_day_before(mining: Mining, facts: pa.Table) -> None:
    first = mine_from(None, facts, Period(START - timedelta(days=1), START, "UTC"), PARTS)
    second = mine_from(first.topics, facts, PERIOD, PARTS)
    assert [topic.id for topic in second.mining.topics] == [topic.id for topic in mining.topics]
    later = mine_from(second.topics, facts, PERIOD, PARTS)  # of a later day: not used
    assert later.mining == mining or later.mining.topics == mining.topics


def test_the_document_has_the_names_that_others_call(mining: Mining) -> None:
    document = to_document(mining)
    pain = document["pain_points"][0]
    wanted = "name target terms people messages share change quotes message_ids segments messages_before".split()
    assert set(wanted) <= set(pain)
    assert (pain["change"], pain["messages_before"]) == (pytest.approx(4.0), 30)
    assert len(pain["message_ids"]) == 150
    assert {"id", "text"} <= set(pain["quotes"][0])
    assert {"topics", "keywords", "groups", "health", "series", "warnings", "notes", "period"} <= set(document)


def test_memberships_have_a_row_for_every_message_behind_a_number(mining: Mining) -> None:
    found = memberships(mining)
    assert found.schema.equals(MEMBERSHIPS)
    pain = mining.pain_points[0]
    rows = [row for row in found.to_pylist() if (row["kind"], row["item"]) == (pain.kind, pain.id)]
    assert [MessageKey(row["platform"], row["id"], row["message_id"]) for row in rows] == list(pain.keys)


def one_text(n: int) -> pa.Table:
    return table([row(i, 160 * i / n, "快递没到", pains=[("物流速度", "delivery_delay")]) for i in range(n)])


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ([], {"no_messages", "no_previous"}),
        ([row(1, -50, "早")], {"no_messages"}),
        ([row(1, 5, "早")], {"one_message", "no_previous", "no_opinions"}),
        ([row(1, 5, "")], {"one_message", "no_previous", "no_opinions"}),
        ([row(n, n, CHAT[n % 8], author="u1") for n in range(60)], {"one_author", "no_previous", "no_opinions"}),
        ([row(n, n, "早") for n in range(60)], {"one_text", "no_previous", "no_opinions"}),
        ([row(n, n, CHAT[n % 8], author="") for n in range(60)], {"no_previous", "no_opinions"}),
        ([row(n, 5, "👍") for n in range(60)], {"one_text", "no_previous", "no_opinions"}),
        ([row(n, n, "早", vector=None, intent=None, sentiment=None) for n in range(9)], None),
    ],
    ids="nothing, only before, one, one empty, one author, one text, nobody known, emoji, nothing read".split(", "),
)
def test_a_community_that_hardly_is_one_gives_an_honest_mining(rows: Any, notes: set[str] | None) -> None:
    found = mine(table(rows), PERIOD, PARTS)
    assert found.messages == sum(PERIOD.start <= row["at"] < PERIOD.end for row in rows)
    assert notes is None or set(found.notes) == notes
    assert all(len(item.keys) == item.messages for item in (*found.pain_points, *found.topics))
    if not found.messages:
        assert (found.pain_points, found.topics, found.keywords, found.groups) == ((), (), (), ())
    to_json(found)


def test_many_identical_messages_are_one_pain_counted_by_people() -> None:
    found = mine(one_text(5_000), PERIOD, PARTS)
    (pain,) = found.pain_points
    assert (pain.messages, pain.people, pain.share) == (5_000, 40, 1.0)
    assert len(pain.quotes) == 1


def test_a_period_that_starts_in_the_middle_of_a_day_has_all_its_messages(facts: pa.Table) -> None:
    period = Period(START + timedelta(hours=30), START + timedelta(hours=70), "Asia/Shanghai")
    found = mine(facts, period, PARTS)
    inside = [at for at in facts.column("at").to_pylist() if period.start <= at < period.end]
    assert found.messages == len(inside)
