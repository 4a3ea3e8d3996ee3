from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nlp_service.inference.analyser import Analyser
from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.search.model import COVER, FEATURES, Ranker
from tests.conftest import REPOSITORY
from tests.unit.knowledge.search.made_up import SHOP, planted, with_ranker
from training import ranker
from training.bases import Base
from training.ranker import Asked

TOLD = FEATURES.index("terms.labels")
"""The feature that tells the right candidate in these tests; the others are noise."""

NO_COVER = np.zeros(len(COVER) + 1, np.float32)


def asked(n: int, *, seed: int = 0, told: float = 2.0, n_entries: int = 6) -> list[Asked]:
    """Questions of six entries with two wordings each, one of the right entry's wordings told by a feature."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        features = rng.normal(size=(2 * n_entries, len(FEATURES))).astype(np.float32)
        right = int(rng.integers(n_entries))
        features[2 * right + int(rng.integers(2)), TOLD] += told * 3
        intents = {"question": float(rng.uniform()), "chat": 0.1, "ad": 0.0}
        found.append(Asked(features, np.repeat(np.arange(n_entries), 2), right, intents, 1.0))
    return found


def first(network: Ranker, each: Asked) -> int:
    """The entry that is ranked first."""
    return int(each.entries[np.argmax(network.scores(each.features))])


def test_a_planted_feature_is_learnt() -> None:
    weights: dict[str, Any] = ranker.fit(asked(600))
    network = Ranker(**weights, cover=NO_COVER)
    fresh = asked(200, seed=1)
    hits = np.mean([first(network, each) == each.right for each in fresh])
    by_feature = np.mean([each.entries[np.argmax(each.features[:, TOLD])] == each.right for each in fresh])
    assert by_feature > 0.9
    assert hits > by_feature - 0.05
    unseen = np.mean([first(network, each) == each.right for each in asked(200, seed=1, told=0.0)])
    assert unseen < 0.35  # six entries: without the feature it can only guess


def test_questions_without_their_entry_among_the_candidates_are_not_learnt_from() -> None:
    known = asked(100)
    lost = [Asked(each.features + 100, each.entries, -1, each.intents, each.length) for each in asked(50, seed=2)]
    with_lost, without = (ranker.fit(rows, seeds=(1,)) for rows in ([*known, *lost], known))
    for name, values in without.items():
        assert with_lost[name].tolist() == values.tolist(), name


def test_candidates_of_different_number_are_learnt_together() -> None:
    mixed = [*asked(300), *asked(300, seed=3, n_entries=2)]
    network = Ranker(**ranker.fit(mixed, seeds=(1,)), cover=NO_COVER)
    assert np.mean([first(network, each) == each.right for each in asked(100, seed=4)]) > 0.85


def test_the_same_seeds_give_the_same_ranker() -> None:
    rows = asked(64)
    one, two, other = (ranker.fit(rows, seeds=(seed,)) for seed in (1, 1, 2))
    assert all(one[name].tolist() == two[name].tolist() for name in one)
    assert one["direct"].tolist() != other["direct"].tolist()


def unanswered(n: int, *, seed: int = 7) -> list[Asked]:
    """Messages that no entry answers: nothing is told, and few of them ask."""
    found = []
    for each in asked(n, seed=seed, told=0.0):
        intents = {"question": 0.05, "chat": 0.9, "ad": 0.0}
        found.append(Asked(each.features, each.entries, -1, intents, each.length))
    return found


def told_by(weight: float) -> Ranker:
    return planted({FEATURES[TOLD]: weight})


def covers(weights: np.ndarray, network: Ranker, rows: list[Asked]) -> np.ndarray:
    """Probability that each is answered at all."""
    whole = Ranker(**ranker_arrays(network), cover=weights.astype(np.float32))
    signs = [ranker._judge(each, network).signs for each in rows]
    return np.array([whole.cover(each) for each in signs])


def ranker_arrays(network: Ranker) -> dict[str, Any]:
    names = ("mean", "scale", "direct", "hidden", "bias", "out")
    return {name: getattr(network, f"_{name}") for name in names}


@pytest.mark.parametrize("n_outside", [200, 20])  # as many as the others, and far fewer
def test_cover_separates_what_is_answered_from_what_is_not(n_outside: int) -> None:
    network = told_by(1.0)
    rows = [(each, network) for each in (*asked(200), *unanswered(n_outside))]
    weights = ranker.fit_cover(rows)
    assert weights.shape == (len(COVER) + 1,)
    inside = covers(weights, network, asked(100, seed=8))
    outside = covers(weights, network, unanswered(100, seed=9))
    assert np.mean(inside > 0.5) > 0.9
    assert np.mean(outside < 0.5) > 0.9  # however few of them there were


def test_cover_that_nothing_tells_is_even() -> None:
    network = told_by(0.0)
    same = asked(300, told=0.0)
    lost = [Asked(each.features, each.entries, -1, each.intents, each.length) for each in same[:30]]
    weights = ranker.fit_cover([(each, network) for each in (*same, *lost)])
    # Both kinds count alike in all, so where nothing tells them apart neither is likelier.
    assert np.mean(covers(weights, network, same)) == pytest.approx(0.5, abs=0.12)


def test_thresholds_are_fitted_on_what_is_likely_right() -> None:
    network = told_by(2.0)
    rows = [(each, network) for each in (*asked(200), *unanswered(100))]
    cover = ranker.fit_cover(rows)
    bounds = ranker.fit_thresholds(rows, ranker_arrays(network), cover, 0.9)
    assert 0 < bounds.clarify <= bounds.answer < 1
    assert bounds.precision == 0.9
    strict = ranker.fit_thresholds(rows, ranker_arrays(network), cover, 0.98)
    assert strict.answer >= bounds.answer


def test_syllables_are_those_of_characters_without_tones() -> None:
    pytest.importorskip("pypinyin")
    codes = ranker.syllables()
    nai, other_nai, mian = (int(codes[ord(char)]) for char in "奶奈面")
    assert nai == other_nai != mian
    assert codes[ord("a")] == codes[ord("。")] == codes[ord(" ")] == 0
    assert 300 < len(set(codes.tolist())) < 500  # Mandarin has some 400 syllables without tones


@pytest.fixture(scope="module")
def reader() -> Analyser:
    return Analyser.load(REPOSITORY / "models" / "fast")


def test_questions_are_collected_with_what_the_service_would_see(reader: Analyser) -> None:
    extra = [make_entry(f"x{i}", [f"第{i}号公告"], "见附件。") for i in range(4)]
    queries = ["钱退到哪里", "几点关门", "停车要钱吗", "奈粉能放多久", "开票", "什么时候到货", "退钱", "车停哪"]
    base = Base("shop", [*SHOP, *extra], queries, [0, 1, 2, 3, 4, 5, 0, 2], ["今天真冷"])
    blank = with_ranker(planted({}))
    found = ranker.collect(base, blank, reader, seed=3)
    # All queries and what nothing answers, and all of it again with others' queries as wordings.
    rights = [each.right for each in found]
    assert len(rights) == 2 * (8 + 1)
    assert sorted(rights[:8]) == sorted(base.answers)
    assert rights[8] == -1
    assert sorted(rights) == sorted(2 * [*base.answers, -1])
    for each in found:
        assert each.features.shape == (len(each.entries), len(FEATURES))
        assert set(each.intents) >= {"question", "chat", "ad"}
        assert each.length > 0
    again = ranker.collect(base, blank, reader, seed=3)
    assert all(np.array_equal(one.features, two.features) for one, two in zip(found, again, strict=True))
