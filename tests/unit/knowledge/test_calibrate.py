from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.knowledge.calibrate import LEAST, calibrate, least_bound
from nlp_service.knowledge.entries import Entry, make_entry
from nlp_service.knowledge.probes import seek_own
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.thresholds import Thresholds
from tests.unit.knowledge.search.made_up import planted, sensible, with_ranker

THINGS = "会员卡 停车场 优惠券 储物柜 健身房 游泳池 自习室 投影仪".split()
DEEDS = "开门时间 收费标准 预约方式 损坏赔偿 使用年龄".split()


def base(n: int, *, alike: bool = True) -> list[Entry]:
    """`n` entries of two wordings; those that are not `alike` share no character."""
    pairs = [(thing, deed) for deed in DEEDS for thing in THINGS][:n]
    return [
        make_entry(f"e{i}", [f"{thing}{deed}", f"{thing}的{deed}" if alike else chr(0x5000 + i)], "请看公告。")
        for i, (thing, deed) in enumerate(pairs)
    ]


def brute_bound(chances: list[float], right: list[bool], precision: float) -> float:
    """The lowest chance from which enough are right, by trying each."""
    good = []
    for bound in chances:
        taken = [is_right for chance, is_right in zip(chances, right, strict=True) if chance >= bound]
        if sum(taken) / (len(taken) + 1) >= precision:
            good.append(bound)
    return min(good, default=1.0)


@given(
    # Few different chances, so that some are equal.
    st.lists(st.tuples(st.integers(0, 20).map(lambda n: n / 20), st.booleans()), max_size=40),
    st.sampled_from([0.3, 0.5, 0.6, 0.9]),
)
def test_the_bound_is_that_of_trying_each(asked: list[tuple[float, bool]], precision: float) -> None:
    chances, right = [chance for chance, _ in asked], [is_right for _, is_right in asked]
    found = least_bound(np.array(chances, np.float64), np.array(right, np.bool_), precision)
    assert found == brute_bound(chances, right, precision)


def test_a_few_lucky_ones_set_no_bound() -> None:
    assert least_bound(np.full(8, 0.9), np.ones(8, np.bool_), 0.9) == 1.0
    assert least_bound(np.full(9, 0.9), np.ones(9, np.bool_), 0.9) == 0.9  # 9 of 9, and one wrong one: 0.9


# Both wordings of an entry are asked, each with the other left.
@pytest.mark.parametrize(("n", "asked"), [(LEAST // 2 - 1, 0), (LEAST // 2, LEAST)])
def test_too_few_wordings_leave_the_thresholds(n: int, asked: int) -> None:
    usual = Thresholds(0.55, 0.33, 0.02)
    index = Index(base(n), with_ranker(planted({"terms.wording.share": 20.0}, constant=9.0), usual))
    fitted = calibrate(index, 0.8)
    assert fitted.asked == asked
    assert fitted.thresholds.precision == 0.8
    assert bool(fitted.reason) == (asked == 0)
    if not asked:
        assert fitted.thresholds == Thresholds(0.55, 0.33, 0.02, 0.8)
        assert (fitted.precision, fitted.coverage, fitted.false_answers) == (None, None, None)


def test_entries_of_one_wording_are_not_asked() -> None:
    lone = [make_entry(f"e{i}", [f"第{i}个问题"], "答") for i in range(50)]
    assert calibrate(Index(lone, sensible())).asked == 0
    assert calibrate(Index([], sensible())).asked == 0


def test_the_thresholds_keep_what_they_promise() -> None:
    # How sure the search is rises with the share of terms that are met: a wording that is left meets most of those of
    # the other, entries of the same thing about half.
    ranker = planted({"terms.wording.share": 30.0}, {"score": 0.5}, constant=-9.0)
    entries = [*base(20), *base(40, alike=False)[20:]]
    fitted = calibrate(Index(entries, with_ranker(ranker, Thresholds(margin=0.03))), 0.9)
    assert fitted.asked == 80
    assert fitted.precision is not None
    assert fitted.precision >= 0.9
    assert fitted.coverage == pytest.approx(0.5, abs=0.03)  # those that have a wording left which is like them
    assert fitted.false_answers is not None
    assert fitted.false_answers <= 0.05
    assert 0 < fitted.thresholds.clarify <= fitted.thresholds.answer < 1
    assert fitted.thresholds.margin == 0.03
    assert fitted.reason == ""


def test_a_higher_precision_wants_a_higher_threshold() -> None:
    index = Index(base(40), sensible())
    low, high = calibrate(index, 0.3), calibrate(index, 0.97)
    assert low.thresholds.answer <= high.thresholds.answer
    assert low.coverage is not None
    assert high.coverage is not None
    assert low.coverage >= high.coverage


@pytest.mark.parametrize("feature", ["terms.entry.share", "aligned.entry", "terms.wording.share"])
def test_a_wording_does_not_find_itself_in_what_its_entry_says(feature: str) -> None:
    # No wording shares anything with the others of its entry, so hardly anything can be right.
    index = Index(base(40, alike=False), with_ranker(planted({feature: 20.0}, constant=9.0)))
    fitted = calibrate(index)
    assert fitted.thresholds.answer == 1.0
    assert fitted.precision is None
    assert (fitted.coverage, fitted.false_answers) == (0.0, 0.0)


def test_of_many_wordings_the_same_ones_are_drawn() -> None:
    index = Index(base(40), sensible())
    fitted = calibrate(index, sought=seek_own(index, 31))
    assert fitted.asked == 31
    assert calibrate(index, sought=seek_own(index, 31)) == fitted


def test_what_was_sought_already_gives_the_same_thresholds() -> None:
    index = Index(base(40), sensible())
    assert calibrate(index, 0.8, seek_own(index)) == calibrate(index, 0.8)
