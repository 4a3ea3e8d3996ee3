from __future__ import annotations

import pytest

from nlp_service.moderation.deciding import decide
from nlp_service.moderation.facts import Facts
from nlp_service.moderation.policy import DEFAULT_POLICY
from nlp_service.store.incoming import Known
from nlp_service.types import Analysis
from tests.unit.moderation.made import analysis


def priority(read: Analysis, facts: Facts | None = None) -> float:
    review = decide(read, DEFAULT_POLICY, facts or Facts()).review
    assert review is not None
    return review.priority


def test_the_order_of_the_queue_by_what_is_wrong() -> None:
    queue = [
        analysis(categories={"self_harm": 0.3}),
        analysis(level=3, risk=0.99),
        analysis(level=2, risk=0.95),
        analysis(level=2, risk=0.55),
        analysis(abuse=None),
        analysis(unsafe={"scam": 0.75}),
        analysis(unsafe={"politics_sensitive": 1.0}),
    ]
    priorities = [priority(read) for read in queue]
    assert priorities == sorted(set(priorities), reverse=True)
    assert priorities[0] == 1.0


@pytest.mark.parametrize(
    "facts",
    [
        Facts(n_views=1_000),
        Facts(n_likes=50),
        Facts(known=Known(copies_by_others=10)),
        Facts(known=Known(recent_by_author=30)),
    ],
)
def test_what_many_see_comes_before_what_nobody_does(facts: Facts) -> None:
    read = analysis(unsafe={"scam": 0.7})
    assert priority(read) < priority(read, facts) < 1


def test_reach_puts_nobody_before_somebody_in_need() -> None:
    viral = priority(analysis(level=3, risk=1.0), Facts(n_views=10**400))
    assert viral <= priority(analysis(categories={"self_harm": 0.3}))


@pytest.mark.parametrize(
    ("read", "facts", "expected"),
    [
        # severity: 0.5 x 0.25 + 0.3 x (1 - |2 x 0.5 - 1|) = 0.425
        (analysis(unsafe={"scam": 0.5}), Facts(), 0.425),
        # reach of a hundred thousand: 0.425 + 0.575 x 0.425 = 0.6694
        (analysis(unsafe={"scam": 0.5}), Facts(n_views=99_999), 0.6694),
        (analysis(level=2, risk=0.5), Facts(), 0.65),
    ],
)
def test_the_formula(read: Analysis, facts: Facts, expected: float) -> None:
    assert priority(read, facts) == pytest.approx(expected, abs=1e-4)
