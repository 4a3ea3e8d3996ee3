"""The whole way, with models that do as the texts say and a real database of either kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from nlp_service.errors import NotReady, Overloaded, ServiceError
from nlp_service.intake.arrivals import Arrival
from nlp_service.intake.taking import Intake, Taken
from nlp_service.store.browsing import Filters
from nlp_service.store.contributions import ContributionStore
from nlp_service.store.database import Database
from nlp_service.store.incoming import Recorded
from nlp_service.store.messages import MessageStore
from nlp_service.types import Action
from tests.unit.intake.fakes import ADVERT, BROKEN, DOWN, NOW, STORY, FakeRulebooks, FakeRules, Models, arrival

PHONE = "退款打13800138000"


@pytest.fixture
def store(database: Database) -> MessageStore:
    return MessageStore(database)


@pytest_asyncio.fixture
async def intake(database: Database, store: MessageStore) -> AsyncIterator[Intake]:
    intake = Intake(Models(), FakeRulebooks(), store, ContributionStore(database))
    await intake.start()
    yield intake
    await intake.stop()


def actions(taken: Sequence[Taken]) -> list[str]:
    return [one.analysis.verdict.action if one.analysis.verdict else "" for one in taken]


def states(taken: Sequence[Taken]) -> list[str]:
    return [one.state for one in taken]


async def test_messages_are_judged_stored_and_answered_in_order(intake: Intake, store: MessageStore) -> None:
    taken = await intake.take("default", [arrival("好", "1"), arrival(ADVERT, "2"), arrival("", "3")])
    assert [one.arrival.id for one in taken] == [one.analysis.id for one in taken] == ["1", "2", "3"]
    assert (states(taken), actions(taken)) == (["stored"] * 3, ["pass", "warn", "pass"])
    for one in taken:
        stored = store.get("default", one.message_id)
        assert stored.analysis == one.analysis
        assert (stored.text, stored.policy_version, stored.model_version) == (one.arrival.text, "default-1", "fake-1")


async def test_no_messages_are_no_work(intake: Intake) -> None:
    assert await intake.take("default", []) == []


async def test_the_same_again_gets_what_was_stored(intake: Intake) -> None:
    first = await intake.take("default", [arrival(ADVERT, "1")])
    again = await intake.take("default", [arrival(ADVERT, "1"), arrival(ADVERT, "2")])
    assert states(again) == ["duplicate", "stored"]
    assert again[0].analysis == first[0].analysis
    assert actions(again) == ["warn", "remove"]  # the first counts once


async def test_adverts_climb_also_within_one_delivery(intake: Intake) -> None:
    taken = await intake.take("default", [arrival(ADVERT, str(i)) for i in range(3)])
    assert actions(taken) == ["warn", "remove", "block"]


async def test_an_edit_replaces_and_an_older_wording_does_not(intake: Intake, store: MessageStore) -> None:
    later, latest = (NOW + timedelta(minutes=minutes) for minutes in (1, 2))
    await intake.take("default", [arrival("好", "1", sent_at=NOW.isoformat())])
    edited = arrival(ADVERT, "1", received_at=latest, sent_at=NOW.isoformat(), edited_at=latest.isoformat())
    outdated = arrival("旧的", "1", received_at=latest, sent_at=NOW.isoformat(), edited_at=later.isoformat())
    taken = await intake.take("default", [edited, outdated])
    assert states(taken) == ["edited", "outdated"]
    assert actions(taken) == ["warn", "warn"]  # what is there holds
    assert store.get("default", taken[0].message_id).text == ADVERT


async def test_a_message_that_was_recalled_before_it_came_is_left_alone(intake: Intake, store: MessageStore) -> None:
    store.remove("default", "qq", "1", NOW, "ingest")
    (taken,) = await intake.take("default", [arrival(ADVERT, "1")])
    assert taken.state == "deleted"
    assert taken.analysis.intent is None
    assert taken.analysis.verdict is not None
    assert (taken.analysis.verdict.action, taken.analysis.verdict.reasons) == (Action.PASS, ("deleted",))


async def test_pieces_are_those_of_the_text_as_it_was_sent_and_kept_covered(
    intake: Intake, store: MessageStore
) -> None:
    first = await intake.take("default", [arrival(PHONE, "1")])
    again = await intake.take("default", [arrival(PHONE, "1")])
    for taken in (*first, *again):
        assert [span.text for span in taken.analysis.pii] == ["13800138000"]
        assert [pain.span.text for pain in taken.analysis.pain] == [PHONE]
    stored = store.get("default", first[0].message_id)
    assert stored.text == "退款打138****8000"
    assert stored.analysis is not None
    assert [span.text for span in stored.analysis.pii] == ["138****8000"]
    assert "0013" not in str(stored)


async def test_what_could_not_be_read_is_stored_for_a_person(intake: Intake, store: MessageStore) -> None:
    taken = await intake.take("default", [arrival("好", "1"), arrival(BROKEN, "2")])
    assert actions(taken) == ["pass", "review"]
    assert store.browse("default", Filters(action="review")).messages[0].external_id == "2"


async def test_a_contribution_is_compared_with_what_is_there(intake: Intake) -> None:
    post = f"{STORY}我家的扫地机用了三个月，拖布要每周洗一次，不然会有味道，建议买两块轮换着用"
    (first,) = await intake.take("default", [arrival(post, "1", author="a")])
    (copy,) = await intake.take("default", [arrival(post, "2", author="b")])
    assert first.analysis.ugc_quality is not None
    assert copy.analysis.ugc_quality is not None
    assert (first.analysis.ugc_quality.originality, copy.analysis.ugc_quality.originality) == (1.0, 0.0)


async def test_many_callers_with_the_same_messages_store_each_once(intake: Intake, store: MessageStore) -> None:
    async def send(first: int) -> list[Taken]:
        return await intake.take("default", [arrival(ADVERT, str(i), author=f"u{i}") for i in range(first, first + 4)])

    answers = await asyncio.gather(*(send(first) for first in (0, 2, 0, 4, 1, 3) * 3))
    found = {one.external_id: one for one in store.browse("default", limit=100).messages}
    assert sorted(found) == [str(i) for i in range(8)]
    for taken in (one for answer in answers for one in answer):
        assert taken.message_id == found[taken.arrival.external_id].id
        assert taken.analysis == found[taken.arrival.external_id].analysis
    assert sum(one.state == "stored" for answer in answers for one in answer) == 8


async def test_tenants_know_nothing_of_one_another(database: Database, intake: Intake, store: MessageStore) -> None:
    from nlp_service.store.tenants import TenantStore

    TenantStore(database).create("other")
    answers = await asyncio.gather(
        *(intake.take(tenant, [arrival(ADVERT, "1")]) for tenant in ("default", "other", "default", "other"))
    )
    assert [actions(answer) for answer in answers] == [["warn"]] * 4
    assert sorted(states(answers[0]) + states(answers[2])) == ["duplicate", "stored"]
    assert sorted(states(answers[1]) + states(answers[3])) == ["duplicate", "stored"]
    with pytest.raises(ServiceError):
        store.get("other", answers[0][0].message_id)


class Book:
    """A store that tells what it is asked, and refuses what it is told to."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store
        self.transactions: list[int] = []
        self.windows: list[float] = []
        self.is_away = False

    def record(self, tenant: str, incoming: Any, judge: Any, windows: Any, *, actor: str = "ingest") -> list[Recorded]:
        self.transactions.append(len(incoming))
        self.windows.append(windows.copies_s)
        if self.is_away:
            raise NotReady("the database cannot be used now")
        if any(message.text == "refused" for message in incoming):
            raise ServiceError("the database refuses")
        return self._store.record(tenant, incoming, judge, windows, actor=actor)


def made(database: Database, **options: Any) -> tuple[Intake, Book]:
    book = Book(MessageStore(database))
    return Intake(Models(), FakeRulebooks(), book, ContributionStore(database), **options), book


async def test_many_callers_with_one_message_share_transactions(database: Database) -> None:
    intake, book = made(database)
    await asyncio.gather(*(intake.take("default", [arrival("好", str(i))]) for i in range(40)))
    assert sum(book.transactions) == 40
    assert len(book.transactions) <= 10
    await intake.stop()


async def test_what_one_caller_sends_wrong_fails_nobody_else(database: Database) -> None:
    intake, _ = made(database)
    texts = ["好"] * 10 + ["refused"] + ["好"] * 10
    outcomes = await asyncio.gather(
        *(intake.take("default", [arrival(text, str(i))]) for i, text in enumerate(texts)), return_exceptions=True
    )
    assert [i for i, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [10]
    await intake.stop()


async def test_a_delivery_is_stored_whole_or_not_at_all(database: Database) -> None:
    intake, _ = made(database)
    with pytest.raises(ServiceError):
        await intake.take("default", [arrival("好", "1"), arrival("refused", "2")])
    assert MessageStore(database).browse("default").messages == ()
    await intake.stop()


@pytest.mark.parametrize("away", ["models", "database"])
async def test_while_something_is_away_nothing_is_stored_and_to_ask_again_helps(database: Database, away: str) -> None:
    intake, book = made(database)
    book.is_away = away == "database"
    asked: list[Arrival] = [arrival("好", "1"), arrival(DOWN if away == "models" else "好", "2")]
    with pytest.raises(NotReady):
        await intake.take("default", asked)
    assert MessageStore(database).browse("default").messages == ()
    book.is_away = False
    taken = await intake.take("default", [arrival("好", "1"), arrival("好", "2")])
    assert states(taken) == ["stored", "stored"]
    await intake.stop()


async def test_what_has_no_room_is_refused_before_anything_is_done(database: Database) -> None:
    intake, book = made(database, most_inside=3)
    busy = asyncio.create_task(intake.take("default", [arrival("好", str(i)) for i in range(3)]))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await intake.take("default", [arrival("好", "x")])
    assert len(await busy) == 3
    assert states(await intake.take("default", [arrival("好", "x")])) == ["stored"]  # there is room again
    assert sum(book.transactions) == 4
    await intake.stop()


async def test_what_failed_leaves_its_room(database: Database) -> None:
    intake, book = made(database, most_inside=1)
    for _ in range(3):
        with pytest.raises(NotReady):
            await intake.take("default", [arrival(DOWN)])
    book.is_away = True
    for _ in range(3):
        with pytest.raises(NotReady):
            await intake.take("default", [arrival("好")])
    book.is_away = False
    assert states(await intake.take("default", [arrival("好")])) == ["stored"]
    await intake.stop()


async def test_rules_that_change_hold_for_what_comes_after(database: Database) -> None:
    from dataclasses import replace

    from nlp_service.moderation.policy import DEFAULT_POLICY

    rulebooks = FakeRulebooks()
    store = MessageStore(database)
    intake = Intake(Models(), rulebooks, store, ContributionStore(database))
    before = await intake.analyse("default", [arrival(ADVERT, "1", author="x")])
    strict = replace(DEFAULT_POLICY, version="*/2", ad_action=Action.REMOVE)
    rulebooks.rules = FakeRules(policies={"c": strict})
    after = await intake.analyse("default", [arrival(ADVERT, "2", author="y")])
    (first,), (second,) = await asyncio.gather(intake.record(before), intake.record(after))
    assert [actions([one]) for one in (first, second)] == [["warn"], ["remove"]]
    assert [one.policy_version for one in (first, second)] == ["default-1", "*/2"]
    await intake.stop()


async def test_callers_who_look_back_over_different_times_share_no_transaction(database: Database) -> None:
    from dataclasses import replace

    from nlp_service.moderation.flooding import FloodingRules
    from nlp_service.moderation.policy import DEFAULT_POLICY

    short = replace(DEFAULT_POLICY, version="c/1", flooding=FloodingRules(window_s=60))
    book = Book(MessageStore(database))
    rulebooks = FakeRulebooks(FakeRules(policies={"c": short}))
    intake = Intake(Models(), rulebooks, book, ContributionStore(database))
    channels = ["c", "d"] * 10
    await asyncio.gather(
        *(intake.take("default", [arrival("好", str(i), channel=channel)]) for i, channel in enumerate(channels))
    )
    assert set(book.windows) == {60.0, DEFAULT_POLICY.flooding.window_s}
    assert sum(book.transactions) == 20
    await intake.stop()
