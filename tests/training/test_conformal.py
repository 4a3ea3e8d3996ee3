from __future__ import annotations

import numpy as np
import pytest

from nlp_service.inference.heads import COLUMNS, N_OUTPUTS
from training.conformal import FEWEST, WANTED, for_precision, for_recall, promises


def drawn(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are right, and what came true."""
    rng = np.random.default_rng(seed)
    chance = rng.beta(0.5, 0.7, n)
    return chance, rng.random(n) < chance


@pytest.mark.parametrize("wanted", WANTED)
def test_a_promised_recall_holds_on_average_on_new_messages(wanted: float) -> None:
    kept = []
    for seed in range(200):
        chance, true = drawn(300, seed)
        fresh, fresh_true = drawn(2000, seed + 10_000)
        bound = for_recall(chance, true, wanted)
        assert bound is not None
        kept.append((fresh[fresh_true] >= bound).mean())
    assert np.mean(kept) >= wanted - 0.005
    assert np.mean(kept) < wanted + 0.03  # and it is not bought by taking everything


@pytest.mark.parametrize("wanted", [0.8, 0.9])
def test_a_promised_precision_fails_as_rarely_as_it_says(wanted: float) -> None:
    failed = n = 0
    for seed in range(200):
        chance, true = drawn(2000, seed)
        bound = for_precision(chance, true, wanted)
        if bound is not None:
            fresh, fresh_true = drawn(20_000, seed + 10_000)
            n += 1
            failed += fresh_true[fresh >= bound].mean() < wanted
    assert n > 150
    assert failed / n <= 0.12


def test_too_few_positives_promise_nothing() -> None:
    chance = np.linspace(0.1, 0.9, 9)
    assert for_recall(chance, np.ones(9, bool), 0.95) is None
    assert for_recall(chance, np.ones(9, bool), 0.8) == pytest.approx(0.2)


def test_a_model_that_knows_nothing_gets_no_promise_of_precision() -> None:
    rng = np.random.default_rng(0)
    assert for_precision(rng.random(2000), rng.random(2000) < 0.3, 0.8) is None


def test_promises_name_the_labels_that_have_enough_positives() -> None:
    rng = np.random.default_rng(0)
    chances = rng.random((400, N_OUTPUTS))
    targets = (rng.random((400, N_OUTPUTS)) < chances).astype(float)
    rare = COLUMNS["category"].start
    targets[:, rare] = 0.0
    targets[: FEWEST - 1, rare] = 1.0
    found = promises(chances, targets)
    assert {"intent.ad", "risk.>=2", "abuse", "unsafe.gambling"} <= set(found)
    assert not any(name.startswith(("primary", "sentiment")) for name in found)
    assert "category.product_quality" not in found
    assert set(found["intent.ad"]["recall"]) == {f"{wanted:g}" for wanted in WANTED}
    bounds = found["intent.ad"]["recall"]
    assert bounds["0.8"] > bounds["0.9"] > bounds["0.95"]
