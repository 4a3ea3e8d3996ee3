from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from nlp_service.knowledge import finding
from nlp_service.knowledge.finding import MOST_TOGETHER, Finder
from nlp_service.knowledge.loaded import Asked, Loaded, Wish
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.searching import Ranked
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.store.records import Standing
from tests.unit.knowledge.asking import NOW
from tests.unit.knowledge.search.made_up import SHOP, sensible


class Watched(Loaded):
    """Tells how many questions were searched for at once, and fails at one of them."""

    def __init__(self) -> None:
        super().__init__(Index(SHOP, sensible()), Thresholds(), Standing(1, 0))
        self.sizes: list[int] = []

    def rank_all(self, wishes: Sequence[Wish]) -> list[Ranked]:
        self.sizes.append(len(wishes))
        if any(wish.asked.text == "坏" for wish in wishes):
            raise ZeroDivisionError
        return super().rank_all(wishes)


def wish(text: str) -> Wish:
    return Wish(Asked(text, NOW))


@pytest.fixture(params=[finding.AT_ONCE, 0], ids=["at once", "in a thread"])
def _where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "AT_ONCE", request.param)


@pytest.mark.usefixtures("_where")
async def test_those_who_ask_at_the_same_time_are_searched_for_together() -> None:
    finder, loaded = Finder(), Watched()
    texts = ["怎么退款", "停车", "几点开门", "发票", "奶粉"] * 3
    found = await asyncio.gather(*(finder.rank(loaded, wish(text)) for text in texts))
    assert loaded.sizes == [MOST_TOGETHER, len(texts) - MOST_TOGETHER]
    for text, ranked in zip(texts, found, strict=True):
        (alone,) = loaded.rank_all([wish(text)])
        assert [row[0] for row in ranked.rows] == [row[0] for row in alone.rows]
    finder.stop()


@pytest.mark.usefixtures("_where")
async def test_one_that_cannot_be_searched_fails_alone() -> None:
    finder, loaded = Finder(), Watched()
    asked = (finder.rank(loaded, wish(text)) for text in ("停车", "坏", "发票"))
    first, bad, last = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, Ranked)
    assert isinstance(bad, ZeroDivisionError)
    assert isinstance(last, Ranked)
    assert (await finder.rank(loaded, wish("停车"))).rows == first.rows  # and nothing is left behind
    finder.stop()


@pytest.mark.usefixtures("_where")
async def test_whoever_has_gone_holds_up_nobody() -> None:
    finder, loaded = Finder(), Watched()
    gone = asyncio.create_task(finder.rank(loaded, wish("停车")))
    stays = asyncio.create_task(finder.rank(loaded, wish("发票")))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).rows
    assert gone.cancelled()
    finder.stop()


async def test_of_a_larger_base_fewer_are_searched_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = Watched()
    monkeypatch.setattr(finding, "_CELLS", 2 * loaded.index.n_wordings)
    finder = Finder()
    await asyncio.gather(*(finder.rank(loaded, wish("停车")) for _ in range(5)))
    assert loaded.sizes == [2, 2, 1]
    finder.stop()
