"""What mining really finds in stored messages: stored with the messages behind every number, and counted again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa

from nlp_service.api.insights.finding import Shelf, make_shelf
from nlp_service.api.insights.mining import mine_stored
from nlp_service.api.insights.reports import restore, write
from nlp_service.api.insights.storing import item_id, items_of
from nlp_service.api.insights.work import Asked, store
from nlp_service.insight.engine.reading import Tools
from nlp_service.insight.facts import VECTOR_COLUMNS, Floats
from nlp_service.insight.mining import Parts
from nlp_service.insight.results import Mining
from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Incoming, Windows
from nlp_service.store.messages import MAX_DELIVERY, MessageStore
from nlp_service.store.mining import MiningStore
from nlp_service.types import Analysis, Pain, Sentiment, Span
from tests.unit.store.deliveries import NOON, Judge, analysis, message

N_MESSAGES = 3_000

SAID = [
    ("快递{n}天了还没到", "快递", "complaint", "delivery_delay"),
    ("物流太慢了等了{n}天", "物流", "complaint", "delivery_delay"),
    ("退款{n}天没到账怎么回事", "退款", "complaint", "refund_aftersale"),
    ("客服{n}次都不回消息", "客服", "complaint", "service_attitude"),
    ("想要{n}毫升的小样", "小样", "question", "need"),
    ("请问{n}号面霜怎么用", "", "question", ""),
    ("今天晒了{n}张照片好看吗", "", "ugc", ""),
    ("早上好{n}", "", "chat", ""),
]


def embed(texts: Sequence[str]) -> Floats:
    """Characters, each in one of 64 columns."""
    found = np.zeros((len(texts), 64), np.float32)
    for row, text in enumerate(texts):
        for char in text:
            found[row, ord(char) % 64] += 1
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def equip() -> tuple[Parts, Tools]:
    return Parts(embed), Tools(None)


def read(place: int, text: str) -> Analysis:
    _, target, primary, category = SAID[place]
    found = analysis(primary)
    begin = text.index(target)
    return msgspec.structs.replace(
        found,
        pain=(Pain(target, Span(begin, begin + len(target), target), category),) if target else (),
        sentiment=Sentiment("negative", -0.6, {"negative": 0.8, "neutral": 0.1, "positive": 0.1})
        if primary == "complaint"
        else found.sentiment,
    )


def made_up() -> list[Incoming]:
    """Two weeks of messages, of which some have no author; vectors of one kind lie close together."""
    chance, rows = random.Random(11), []
    noise = np.random.default_rng(11)
    centres = noise.normal(size=(len(SAID), VECTOR_COLUMNS))
    for number in range(N_MESSAGES):
        place = chance.choices(range(len(SAID)), (4, 3, 2, 2, 2, 4, 4, 5))[0]
        text = SAID[place][0].format(n=chance.randint(1, 40))
        vector = centres[place] + noise.normal(scale=0.3, size=VECTOR_COLUMNS)
        at = timedelta(days=14).total_seconds() * number / N_MESSAGES
        rows.append(
            message(
                f"m{number:05}",
                text,
                at=at,
                platform=chance.choice(("wechat", "qq")),
                channel=chance.choice(("vip", "group")),
                author=chance.choice(("", *(f"u{one}" for one in range(200)))),
                analysis=read(place, text),
                vector=(vector / np.linalg.norm(vector)).astype("<f2").tobytes(),
                meta={"weather": "rain" if place < 2 and chance.random() < 0.7 else "sun"},
            )
        )
    return rows


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with open_database(str(tmp_path_factory.mktemp("mined") / "store.db")) as opened:
        incoming, messages = made_up(), MessageStore(opened)
        for begin in range(0, len(incoming), MAX_DELIVERY):
            messages.record("t", incoming[begin : begin + MAX_DELIVERY], Judge(), Windows())
        yield opened


WEEK = Asked(NOON + timedelta(days=7), NOON + timedelta(days=14), "Asia/Shanghai")


@pytest.fixture(scope="module")
def mined(database: Database) -> Mining:
    return mine_stored(equip, database, "t", WEEK, lambda done, what: None)


@pytest.fixture(scope="module")
def shelf(database: Database) -> Shelf:
    return make_shelf(database, None, None, lambda: datetime.now(UTC))  # type: ignore[arg-type]  # it asks nobody


def test_fifty_numbers_counted_again_by_sql_are_what_was_found(database: Database, mined: Mining, shelf: Shelf) -> None:
    run_id = store(database, "t", WEEK, mined, actor="cli", job_id=None)
    document = shelf.runs.document("t", run_id)
    found = [(item["kind"], item) for item in items_of(document, "pain", "need", "topic")]
    found += [("keyword", item) for item in items_of(document, "keyword")]
    found += [("group", item) for item in items_of(document, "group")]
    assert len(found) >= 10
    counted = sa.text(
        "SELECT COUNT(*), COUNT(DISTINCT CASE WHEN m.author = '' THEN '#' || m.id"
        " ELSE m.platform || '/' || m.author END)"
        " FROM insight_members i JOIN messages m ON m.id = i.message_id"
        " WHERE i.run_id = :run AND i.kind = :kind AND i.item = :item AND m.tenant = 't'"
    )
    with database.read() as connection:
        for kind, item in random.Random(5).sample(found, min(50, len(found))):
            named = {"run": run_id, "kind": kind, "item": item["id"]}
            n_messages, n_people = connection.execute(counted, named).one()
            assert (kind, item["id"], n_messages) == (kind, item["id"], item["messages"])
            if "people" in item:
                assert n_people == item["people"]


def test_whoever_wrote_once_and_not_now_is_a_silent_member(database: Database, mined: Mining) -> None:
    figures = {figure.name: figure for figure in mined.health[0].figures}
    n_known = MiningStore(database).n_members("t")
    assert figures["silent_members"].value == n_known - (figures["active_members"].value or 0)
    assert MiningStore(database).n_members("another") == 0


def test_a_run_comes_back_as_what_was_found(database: Database, mined: Mining, shelf: Shelf) -> None:
    run = shelf.runs.get("t", store(database, "t", WEEK, mined, actor="cli", job_id=None))
    again = restore(shelf, "t", run)
    for name in ("period", "previous", "messages", "people", "messages_before", "notes", "series", "topic_events"):
        assert getattr(again, name) == getattr(mined, name), name
    assert [point.quotes for point in again.pain_points] == [point.quotes for point in mined.pain_points]
    assert [item_id(point.id) for point in mined.pain_points] == [point.id for point in again.pain_points]
    assert [figure.value for one in again.health for figure in one.figures] == [
        figure.value for one in mined.health for figure in one.figures
    ]
    for before, after in zip(mined.topics, again.topics, strict=True):
        assert set(after.keys) <= set(before.keys)


def test_topics_go_on_where_the_week_before_ended(database: Database, mined: Mining) -> None:
    first = Asked(NOON - timedelta(hours=20), NOON + timedelta(days=6, hours=4), "Asia/Shanghai")
    second = Asked(NOON + timedelta(days=6, hours=4), NOON + timedelta(days=13, hours=4), "Asia/Shanghai")
    before, after = (mine_stored(equip, database, "t", asked, lambda done, what: None) for asked in (first, second))
    assert {topic.id for topic in before.topics} & {topic.id for topic in after.topics}


def test_only_the_channels_that_were_asked_for_are_looked_at(database: Database) -> None:
    asked = msgspec.structs.replace(WEEK, channels=("vip",))
    mining = mine_stored(equip, database, "t", asked, lambda done, what: None)
    with database.read() as connection:
        n_said = connection.scalar(
            sa.text("SELECT COUNT(*) FROM messages WHERE channel = 'vip' AND sent_at >= :start AND sent_at < :end"),
            {"start": f"{WEEK.start:%Y-%m-%d %H:%M:%S}.000000", "end": f"{WEEK.end:%Y-%m-%d %H:%M:%S}.000000"},
        )
    assert mining.messages == n_said


def test_a_tenant_without_messages_gets_an_honest_answer(database: Database, tmp_path: Path, shelf: Shelf) -> None:
    mining = mine_stored(equip, database, "empty", WEEK, lambda done, what: None)
    run = shelf.runs.get("empty", store(database, "empty", WEEK, mining, actor="cli", job_id=None))
    again = restore(shelf, "empty", run)
    assert (again.messages, again.people, again.pain_points) == (0, 0, ())
    assert "no_messages" in again.notes


@pytest.mark.parametrize(("format", "begins"), [("html", b"<!"), ("md", b"#"), ("docx", b"PK"), ("json", b"{")])
def test_a_stored_run_is_written_up(
    database: Database, mined: Mining, shelf: Shelf, format: str, begins: bytes
) -> None:
    run = shelf.runs.get("t", store(database, "t", WEEK, mined, actor="cli", job_id=None))
    mining = restore(shelf, "t", run)
    written = [write(mining, format=format, language="zh", made_at=NOON) for _ in range(2)]
    assert written[0].startswith(begins)
    assert written[0] == written[1]
    if format in ("html", "md"):
        assert mined.pain_points[0].name in written[0].decode()
