from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlp_service.inference.heads import COLUMNS, N_OUTPUTS
from nlp_service.inference.lookup import EMPTY
from nlp_service.text.normalise import normalise_batch
from nlp_service.wiring import TIERS
from tests.training.made_up import row, write_data
from training.distil import DistilPlan, choose, opinion, pool
from training.examples import key

TEXTS = ["快递三天没动静了", "", "哈哈早上好[微笑]", "加微信领红包"]


def test_a_student_begins_as_one_of_its_teachers() -> None:
    with pytest.raises(ValueError, match="one of them"):
        DistilPlan(("a.toml",), "b.toml")


def test_an_opinion_is_the_mean_of_the_teachers() -> None:
    chances, tags = opinion([TIERS["fast"]], TEXTS)
    both, both_tags = opinion([TIERS["fast"], TIERS["fast"]], TEXTS)
    assert chances.shape == (len(TEXTS), N_OUTPUTS)
    np.testing.assert_allclose(both, chances, atol=1e-5)
    sizes = np.maximum(np.diff(normalise_batch(TEXTS).offsets), 1)  # a text without units is read as one, `EMPTY`
    assert EMPTY > 0
    for one, two, size in zip(tags, both_tags, sizes.tolist(), strict=True):
        assert one.shape == two.shape == (size, 3)
        np.testing.assert_allclose(one.astype(float).sum(1), 1.0, atol=5e-3)
        np.testing.assert_allclose(one, two, atol=5e-3)


def test_half_are_the_messages_with_the_most_of_something_rare() -> None:
    chances = np.full((20, N_OUTPUTS), 0.01, np.float32)
    chances[[3, 7], COLUMNS["abuse"].start] = 0.9
    tags = [np.full((1, 3), i, np.float16) for i in range(20)]
    texts = [str(i) for i in range(20)]
    chosen = choose(texts, chances, tags, 4, seed=1)
    assert {example.text for example in chosen[:2]} == {"3", "7"}
    assert len({example.text for example in chosen}) == 4
    for example in chosen:
        assert example.tags is not None
        assert example.tags[0, 0] == int(example.text)  # each with its own tags
        assert example.spans is None


def test_what_teachers_are_sure_of_is_still_a_probability() -> None:
    chances = np.zeros((2, N_OUTPUTS), np.float32)
    chances[:, 0] = 1.0
    for example in choose(["a", "b"], chances, [np.ones((1, 3), np.float16)] * 2, 2, seed=1):
        assert 0.0 < example.targets.min() < example.targets.max() < 1.0


def test_what_is_held_out_is_never_read_by_a_teacher(tmp_path: Path) -> None:
    corpus = [f"第{n}个杯子到了" for n in range(30)]
    reviews = [{"text": f"第{n}条评价写完", "label": 1} for n in range(30)]
    data = write_data(tmp_path, train=[row("chat", 1)], dev=[], corpus={"cups": corpus}, public={"reviews": reviews})
    held_out = {key(text) for text in corpus[:25]}
    texts = pool(data, held_out, 40, seed=1)
    assert not held_out & {key(text) for text in texts}
    assert {text for text in texts if "杯子" in text} == set(corpus[25:])
    assert len(texts) == 20 + 5
