from __future__ import annotations

import pytest

from nlp_service.crisis.baseline import Baseline
from nlp_service.crisis.outlook import look_ahead
from nlp_service.crisis.severity import factors, severity
from nlp_service.crisis.wordings import N_HASHES, Wordings, overlap, wording
from tests.unit.crisis.talk import grave, say


def test_a_baseline_that_saw_nothing_knows_nothing() -> None:
    assert Baseline().usual(0) is None


def test_an_hour_that_was_never_seen_leans_on_the_same_hour_of_other_days() -> None:
    baseline = Baseline()
    for day in range(5):
        baseline.add(day * 24 + 3, 1.0, 1.0)
        baseline.add(day * 24 + 20, 50.0, 1.0)
    night, evening = baseline.usual(6 * 24 + 3), baseline.usual(6 * 24 + 20)
    assert night is not None
    assert evening is not None
    assert (night.weeks, evening.weeks) == (0.0, 0.0)
    assert night.mean < 15 < 35 < evening.mean


def test_a_crisis_does_not_become_usual() -> None:
    baseline = Baseline()
    for _ in range(8):
        baseline.add(10, 20.0, 1.0)
    baseline.add(10, 5_000.0, 1.0)
    usual = baseline.usual(10)
    assert usual is not None
    assert usual.mean < 25


@pytest.mark.parametrize(
    ("people", "rooms", "serious", "fastest", "expected"),
    [
        (2, 1, 0.5, 3, 2),  # just begun
        (12, 1, 0.8, 15, 3),
        (80, 4, 0.9, 90, 4),
        (80, 4, 0.9, 1, 2),  # as many, but over days
        (1, 1, 0.0, 1, 2),  # never below an incident
    ],
)
def test_severity(people: int, rooms: int, serious: float, fastest: int, expected: int) -> None:
    assert severity(factors(people, rooms, serious, fastest)) == expected


def test_every_factor_raises_severity() -> None:
    least = factors(5, 1, 0.5, 5).product
    assert all(
        each.product > least
        for each in (factors(10, 1, 0.5, 5), factors(5, 2, 0.5, 5), factors(5, 1, 0.8, 5), factors(5, 1, 0.5, 9))
    )


def test_the_outlook_of_a_rising_incident_is_above_that_of_a_falling_one() -> None:
    rising = look_ahead({10 + i: n for i, n in enumerate((1, 2, 4, 8, 12, 16))}, 15)
    falling = look_ahead({10 + i: n for i, n in enumerate((16, 12, 8, 4, 2, 1))}, 15)
    assert [each.hour for each in rising] == [1, 2, 3]
    assert rising[0].expected > falling[0].expected
    assert all(each.low <= each.expected <= each.high for each in (*rising, *falling))


def test_the_outlook_gets_less_certain() -> None:
    found = look_ahead(dict.fromkeys(range(6), 10), 5)
    spread = [(each.high - each.low) / each.expected for each in found]
    assert spread == sorted(spread)


def test_a_word_before_or_behind_leaves_the_wording() -> None:
    text = "这批奶茶喝完全家都拉肚子了，到底谁来管"
    assert overlap(wording(text), wording(f"我说，{text}😂啊")) >= 0.6
    assert overlap(wording(text), wording("今天的天气真是好得很适合出去走走")) == 0.0
    assert len(wording(text)) == N_HASHES
    assert wording("！！？") == ()


def test_what_was_just_said_is_not_familiar_yet() -> None:
    said = Wordings()
    for block in range(4):
        said.turn(block, 1.0)
        said.add(wording("收到就漏液了一箱子都是"))
        said.add(wording("收到就漏液了一箱子都是"))  # a block counts once
    assert said.times(wording("收到就漏液了一箱子都是")) == 2.0


def test_the_unheard_of_is_forgotten() -> None:
    said = Wordings()
    said.add(wording("收到就漏液了一箱子都是"))
    said.turn(2, 0.5)
    assert said.counts
    said.turn(9, 0.5)
    assert not said.counts


def test_a_sighting_needs_zones_and_probabilities() -> None:
    fine = say(0)
    with pytest.raises(ValueError, match="zone"):
        say(0, sent_at=fine.sent_at.replace(tzinfo=None))
    with pytest.raises(ValueError, match="p_high"):
        say(0, p_high=1.5)
    with pytest.raises(ValueError, match="category"):
        grave(0, "no_such_category")
