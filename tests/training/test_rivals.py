from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from nlp_service.types import INTENTS
from tests.training.made_up import KINDS, examples, row
from training import rivals
from training.evaluate import primary_codes, sentiment_codes, targets
from training.rivals import FastTextRival, LogisticRival, SnowRival, best_bounds

PRAISE = [f"{thing}真不错，很满意" for thing in "水壶 台灯 背包 键盘 耳机 雨伞".split()]
BLAME = [f"{thing}太差劲，要退货" for thing in "水壶 台灯 背包 键盘 耳机 雨伞".split()]
NEW = ["毛毯真不错，很满意", "毛毯太差劲，要退货", "奶锅太差劲，要退货"]

needs_fasttext = pytest.mark.skipif(importlib.util.find_spec("fasttext") is None, reason="fastText is not installed")
needs_snownlp = pytest.mark.skipif(importlib.util.find_spec("snownlp") is None, reason="SnowNLP is not installed")
LEARNERS = [
    pytest.param(LogisticRival, id="logistic"),
    pytest.param(FastTextRival, id="fasttext", marks=needs_fasttext),
]


@pytest.mark.parametrize("kind", LEARNERS)
def test_a_label_is_learnt(kind: type[LogisticRival] | type[FastTextRival]) -> None:
    codes = np.repeat([0, 1], len(PRAISE))
    assert kind().classify([*PRAISE, *BLAME], codes, 2, NEW).tolist() == [0, 1, 1]


@pytest.mark.parametrize("kind", LEARNERS)
def test_every_head_is_learnt_from_annotated_messages(kind: type[LogisticRival] | type[FastTextRival]) -> None:
    train = examples(12)
    asked = [row(name, 14)["text"] for name in KINDS]
    said = kind().read(train, asked)
    truth = targets(train)[:5]  # one of each kind, in the same order
    assert said.primary is not None
    assert said.sentiment is not None
    assert said.intent is not None
    assert said.risk is not None
    assert said.abuse is not None
    assert said.primary.tolist() == primary_codes(truth).tolist()
    assert said.sentiment.tolist() == sentiment_codes(truth).tolist()
    assert (said.intent.shape, said.risk.shape, said.abuse.shape) == ((5, len(INTENTS)), (5, 2), (5,))
    complaint = list(KINDS).index("complaint")
    for scores in (said.intent[:, INTENTS.index("complaint")], said.risk[:, 0], said.risk[:, 1], said.abuse):
        assert scores.argmax() == complaint
    assert said.spans is None


def test_a_label_that_nobody_has_is_never_given() -> None:
    codes = np.repeat([0, 2], len(PRAISE))
    assert set(LogisticRival().classify([*PRAISE, *BLAME], codes, 4, NEW).tolist()) == {0, 2}


def test_a_label_that_everybody_has_is_always_given() -> None:
    assert LogisticRival().classify(PRAISE, np.ones(len(PRAISE), np.int64), 2, NEW).tolist() == [1, 1, 1]


def test_nearness_is_that_of_pairs_of_characters() -> None:
    first, second = ["怎么退货", "怎么退货", "怎么退货", "好"], ["怎么退货", "怎么退款", "早上好呀", "好"]
    near = LogisticRival().similarities([], first, second)
    assert near[0] == pytest.approx(1.0)
    assert 0.0 < near[1] < 1.0
    assert near[2:].tolist() == [0.0, 0.0]  # nothing in common; and a single character has no pair


@needs_fasttext
def test_fasttext_takes_any_text() -> None:
    odd = ["__label__1", "a\nb\r\nc", "\ud83d", "\0", "", "</s>", " \u2028 "]
    codes = np.array([0, 1] * 7)
    assert set(FastTextRival().classify(odd * 2, codes, 2, odd).tolist()) <= {0, 1}


@needs_fasttext
def test_fasttext_says_the_commonest_class_of_a_text_without_words() -> None:
    codes = np.array([0] * 2 + [2] * 10)
    assert FastTextRival().classify([*PRAISE, *BLAME], codes, 3, [""]).tolist() == [2]


@needs_fasttext
def test_fasttext_says_the_same_twice() -> None:
    train = examples(4)
    one, two = (FastTextRival().read(train, NEW).given() for _ in range(2))
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)


@needs_snownlp
def test_snownlp_judges_sentiment_and_nothing_else() -> None:
    train = examples(12)
    rival = SnowRival()
    said = rival.read(train, [*PRAISE, *BLAME, ""])
    assert list(said.given()) == ["sentiment"]
    assert said.sentiment is not None
    assert said.sentiment.shape == (len(PRAISE) + len(BLAME) + 1,)
    assert said.sentiment[: len(PRAISE)].mean() > said.sentiment[len(PRAISE) : -1].mean()
    assert rival.classify(PRAISE, np.zeros(len(PRAISE), np.int64), 1, NEW) is None
    assert rival.similarities([], NEW, NEW) is None


def test_bounds_that_part_the_classes_are_found() -> None:
    scores = np.array([0.1, 0.2, 0.5, 0.6, 0.8, 0.9])
    codes = np.array([0, 0, 1, 1, 2, 2])
    bounds = best_bounds(scores, codes, 3, "accuracy")
    assert np.searchsorted(bounds, scores, "right").tolist() == codes.tolist()


@pytest.mark.parametrize(("aim", "n_above"), [("accuracy", 0), ("macro-F1", 4)])
def test_bounds_serve_what_they_are_for(aim: rivals.Aim, n_above: int) -> None:
    # The one of the rare class is the fourth from above: to find it costs three that were right.
    scores = np.arange(10.0)
    codes = np.array([0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    assert int((scores >= best_bounds(scores, codes, 2, aim)[0]).sum()) == n_above


def test_scores_that_are_all_the_same_have_a_bound() -> None:
    bounds = best_bounds(np.full(4, 0.5), np.array([0, 1, 1, 1]), 2, "accuracy")
    assert bounds.tolist() == [0.5]  # at the bound is above it


def test_every_rival_says_what_it_is_made_with() -> None:
    for rival in rivals.rivals():
        assert rival.version is None or rival.version.strip()
        assert rival.recipe
    assert len({rival.name for rival in rivals.rivals()}) == 3
