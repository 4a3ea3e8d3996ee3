from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.knowledge.entries import Entry, make_entry
from nlp_service.knowledge.loaded import Asked, Loaded
from nlp_service.knowledge.search.features import MAX_UNITS
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.store.records import Standing
from tests.unit.knowledge.search.made_up import ASKS, SHOP, entry, planted, sensible, with_ranker

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def load(entries: list[Entry]) -> Loaded:
    return Loaded(Index(entries, sensible(), version=1), Thresholds(), Standing(1, 0))


def found(loaded: Loaded, text: str, *context: str, at: datetime = NOW, channel: str = "") -> list[str]:
    """Ids of what comes back, best first."""
    hits = loaded.find(Asked(text, at, context, channel), ASKS).hits
    return [loaded.index.entries[hit.entry].id for hit in hits]


times = st.none() | st.integers(-3, 3).map(lambda days: NOW + days * DAY)
audiences = st.lists(st.sampled_from(["vip", "群一"]), unique=True, max_size=2).map(tuple)


@st.composite
def bases(draw: st.DrawFn) -> list[Entry]:
    """The shop, each entry with a validity and an audience."""
    entries = []
    for each in SHOP:
        begin, end = draw(times), draw(times)
        if begin and end and begin >= end:
            begin = None
        period = {"valid_from": begin, "valid_to": end}
        entries.append(msgspec.structs.replace(each, **period, audience=draw(audiences)))
    return entries


@given(
    bases(),
    st.integers(-4, 4).map(lambda days: NOW + days * DAY),
    st.sampled_from(["", "vip", "群一", "群二"]),
    st.sampled_from(["怎么退款", "停车", "几点开门", "发票"]),
    st.sampled_from([(), ("奶粉能放几天",)]),
)
@settings(max_examples=60)
def test_what_does_not_hold_now_or_here_never_comes_back(
    entries: list[Entry], at: datetime, channel: str, text: str, context: tuple[str, ...]
) -> None:
    may = {each.id for each in entries if each.is_valid(at) and (not each.audience or channel in each.audience)}
    # All that may come back does: the shop is smaller than the number of hits.
    assert set(found(load(entries), text, *context, at=at, channel=channel)) == may


@pytest.mark.parametrize(
    ("at", "comes"),
    [
        (NOW - timedelta(microseconds=1), False),
        (NOW, True),  # from the one, inclusive
        (NOW + DAY - timedelta(microseconds=1), True),
        (NOW + DAY, False),  # to the other, exclusive
        ((NOW + DAY).astimezone(timezone(timedelta(hours=8))), False),  # the same moment elsewhere
    ],
)
def test_an_entry_holds_from_and_to(at: datetime, comes: bool) -> None:
    dated = make_entry("dated", ["怎么退款"], "三天内", valid_from=NOW, valid_to=NOW + DAY)
    assert ("dated" in found(load([dated, *SHOP[1:]]), "怎么退款", at=at)) == comes


def test_without_dates_and_audiences_all_may_come_back() -> None:
    loaded = load(SHOP)
    assert loaded.allowed(NOW, "vip") is None
    assert len(found(loaded, "怎么退款")) == len(SHOP)


def test_a_base_of_nothing_answers_nothing() -> None:
    assert found(load([]), "怎么退款", "你好") == []


def test_no_more_hits_come_back_than_are_wanted() -> None:
    loaded = load(SHOP)
    assert len(loaded.find(Asked("怎么退款", NOW), ASKS, n=2).hits) == 2


CARDS = [entry("ticket", "门票怎么退款"), entry("card", "会员卡怎么退款"), entry("hours", "几点开门")]


@pytest.mark.parametrize(("before", "first"), [("门票在哪里买", "ticket"), ("会员卡在哪里办", "card")])
def test_a_short_question_is_read_with_what_was_said_before_it(before: str, first: str) -> None:
    assert found(load(CARDS), "那退款呢", before)[0] == first


def test_what_was_said_last_counts() -> None:
    assert found(load(CARDS), "那退款呢", "会员卡在哪里办", "门票在哪里买")[0] == "ticket"


def test_a_question_stays_in_view_behind_a_long_text() -> None:
    # Different characters, since the normaliser shortens what is repeated.
    long = "".join(map(chr, range(0x5000, 0x5000 + 2 * MAX_UNITS)))
    # The sum of the weights of the terms that are met: it halves where the question is cut off behind the text.
    model = with_ranker(planted({"terms.wording": 10.0}))
    loaded = Loaded(Index(CARDS, model), Thresholds(), Standing(1, 0))
    alone = loaded.find(Asked("几点开门", NOW), ASKS).hits[0]
    behind = loaded.find(Asked("几点开门", NOW, (long,)), ASKS).hits[0]
    assert behind.entry == alone.entry == 2
    assert behind.score == pytest.approx(alone.score, rel=0.05)


def test_a_long_question_is_understood_alone() -> None:
    text = "我上个星期天和朋友一起来店里买东西的时候办的会员卡现在不想用了请问怎么退款"
    loaded = load(CARDS)
    assert loaded.find(Asked(text, NOW, ("门票在哪里买",)), ASKS) == loaded.find(Asked(text, NOW), ASKS)
