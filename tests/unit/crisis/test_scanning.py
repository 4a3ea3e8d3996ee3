from __future__ import annotations

import pytest

from nlp_service.crisis.bounds import WatchSettings
from nlp_service.crisis.evidence import Evidence, Shares, familiar, weigh
from nlp_service.crisis.scanning import ANY, scan

SETTINGS = WatchSettings()
USUAL = Shares(0.0005, 0.01)


def heard(minute: float, ratio: float = 100.0, category: str = "outage", *, weight: float = 1.0) -> Evidence:
    return Evidence(
        at=minute * 60,
        platform="forum",
        id=str(minute),
        channel="tea",
        author="a",
        ratio=ratio,
        weight=weight,
        categories={category: 0.9} if category else {},
        words=(),
        level=2,
        serious=0.8,
        text="",
    )


def score(evidence: list[Evidence], rate: float = 25.0) -> float:
    return scan(evidence, [rate] * len(evidence), evidence[-1].at, SETTINGS).score


def test_one_message_never_gives_more_than_its_share() -> None:
    assert score([heard(0, ratio=1e9)]) == SETTINGS.most < SETTINGS.alarm


def test_messages_close_together_say_more_than_messages_far_apart() -> None:
    near = [heard(2 * i, ratio=10) for i in range(4)]
    far = [heard(40 * i, ratio=10) for i in range(4)]
    assert score(near) > score(far)


def test_the_same_messages_say_less_where_more_is_talked() -> None:
    evidence = [heard(2 * i, ratio=10) for i in range(3)]
    assert score(evidence, rate=5) > score(evidence, rate=500)


def test_messages_of_one_subject_say_more_than_of_many() -> None:
    names = ["outage", "food_safety", "fraud_fake"]
    assert score([heard(i, 5) for i in range(3)]) > score([heard(i, 5, name) for i, name in enumerate(names)])


def test_messages_without_a_subject_are_summed_too() -> None:
    found = scan([heard(i, 50, "") for i in range(4)], [25.0] * 4, 180.0, SETTINGS)
    assert found.subject == ANY
    assert found.score > SETTINGS.alarm


def test_repeats_of_one_author_count_by_their_weight() -> None:
    assert score([heard(0), heard(1, weight=0.1)]) < score([heard(0), heard(1)])


def test_what_went_before_a_burst_is_no_member_of_it() -> None:
    evidence = [heard(-170, 3, "price_dispute"), heard(0), heard(1), heard(2)]
    assert scan(evidence, [25.0] * 4, 120.0, SETTINGS).members == [1, 2, 3]


@pytest.mark.parametrize(
    ("p_high", "p_watch", "at_least", "at_most"),
    [
        (0.0, 0.0, 0.0, 0.1),  # ordinary talk speaks against a crisis
        (0.1, 0.4, 1.0, 5.0),
        (0.9, 0.95, 50.0, 1000.0),
        (1.0, 1.0, 100.0, 2000.0),  # never without bound: some ordinary talk is serious
    ],
)
def test_what_a_message_says(p_high: float, p_watch: float, at_least: float, at_most: float) -> None:
    assert at_least <= weigh(p_high, p_watch, 1.0, USUAL).ratio <= at_most


def test_where_complaints_are_usual_a_complaint_says_less() -> None:
    assert weigh(0.1, 0.8, 1.0, Shares(0.01, 0.2)).ratio < weigh(0.1, 0.8, 1.0, USUAL).ratio / 3


def test_familiar_words_say_less() -> None:
    said = [weigh(0.5, 0.7, familiar(times), USUAL).ratio for times in (0, 5, 50)]
    assert said == sorted(said, reverse=True)
    assert said[2] < 1.0 < said[0]
