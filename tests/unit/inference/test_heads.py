from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS, Calibration, probabilities, sigmoid, softmax
from nlp_service.types import INTENTS, RISK_CATEGORIES, UNSAFE

LOGITS = arrays(np.float32, (3, N_OUTPUTS), elements=st.floats(-1e4, 1e4, width=32))


def random_logits(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (n, N_OUTPUTS)).astype(np.float32)


def test_every_column_belongs_to_exactly_one_group() -> None:
    columns = [column for group in GROUPS for column in range(N_OUTPUTS)[COLUMNS[group.name]]]
    assert columns == list(range(N_OUTPUTS))
    assert all(COLUMNS[group.name].stop - COLUMNS[group.name].start == len(group.columns) for group in GROUPS)


def test_columns_are_named_as_the_values_that_travel() -> None:
    names = {group.name: group.columns for group in GROUPS}
    assert names["primary"] == names["intent"] == INTENTS
    assert names["category"] == RISK_CATEGORIES
    assert names["unsafe"] == UNSAFE


@given(LOGITS)
def test_any_finite_logits_become_probabilities(logits: np.ndarray) -> None:
    result = probabilities(logits)
    assert result.shape == logits.shape
    assert result.dtype == np.float32
    assert ((result >= 0) & (result <= 1)).all()


@given(LOGITS)
def test_a_higher_risk_is_never_more_probable_than_a_lower_one(logits: np.ndarray) -> None:
    risk = probabilities(logits)[:, COLUMNS["risk"]]
    assert (np.diff(risk, axis=1) <= 0).all()


def test_risks_that_are_in_order_stay_as_they_are() -> None:
    logits = np.zeros((1, N_OUTPUTS), np.float32)
    logits[0, COLUMNS["risk"]] = (2.0, 0.0, -2.0)
    np.testing.assert_allclose(probabilities(logits)[0, COLUMNS["risk"]], [0.880797, 0.5, 0.119203], atol=1e-6)


@pytest.mark.parametrize("name", ["primary", "sentiment"])
def test_what_excludes_one_another_adds_up_to_one(name: str) -> None:
    result = probabilities(random_logits(20))[:, COLUMNS[name]]
    np.testing.assert_allclose(result.sum(1), 1.0, atol=1e-6)


def test_what_can_be_true_together_is_judged_by_itself() -> None:
    logits = random_logits(1)
    other = logits.copy()
    first = COLUMNS["intent"].start
    other[0, first] += 5
    before, after = probabilities(logits)[0], probabilities(other)[0]
    assert after[first] > before[first]
    np.testing.assert_array_equal(np.delete(after, first), np.delete(before, first))


def test_the_logits_are_left_as_they_were() -> None:
    logits = random_logits(4)
    copy = logits.copy()
    probabilities(logits)
    np.testing.assert_array_equal(logits, copy)


def test_no_messages_give_no_probabilities() -> None:
    assert probabilities(np.zeros((0, N_OUTPUTS), np.float32)).shape == (0, N_OUTPUTS)


def test_a_sigmoid_takes_the_largest_float() -> None:
    limit = np.finfo(np.float32).max
    np.testing.assert_allclose(sigmoid(np.array([-limit, 0, limit], np.float32)), [0.0, 0.5, 1.0], atol=1e-6)


def test_a_softmax_is_that_of_the_differences() -> None:
    logits = np.array([1.0, 2.0, 4.0], np.float32)
    powers = np.exp([1.0, 2.0, 4.0])
    np.testing.assert_allclose(softmax(logits), powers / powers.sum(), rtol=1e-6)
    np.testing.assert_allclose(softmax(logits + 1e4), softmax(logits), atol=1e-3)


def test_a_broken_number_stays_broken() -> None:
    # The types refuse NaN; turned into a probability it would look like a safe message.
    logits = np.zeros((1, N_OUTPUTS), np.float32)
    logits[0, COLUMNS["risk"].start] = np.nan
    assert np.isnan(probabilities(logits)[0, COLUMNS["risk"]]).all()


def calibration(**parts: np.ndarray) -> Calibration:
    ones = np.ones(N_OUTPUTS, np.float32)
    return Calibration(**{"encoder": ones, "linear": ones, "bias": 0 * ones} | parts)


def test_calibration_weighs_both_parts_column_by_column() -> None:
    rng = np.random.default_rng(1)
    factors = {name: rng.normal(size=N_OUTPUTS).astype(np.float32) for name in ("encoder", "linear", "bias")}
    encoder, linear = random_logits(3, 2), random_logits(3, 3)
    joined = Calibration(**factors).join(encoder, linear)
    for i in range(3):
        for j in range(N_OUTPUTS):
            expected = encoder[i, j] * factors["encoder"][j] + linear[i, j] * factors["linear"][j] + factors["bias"][j]
            assert joined[i, j] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("part", ["encoder", "linear", "bias"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_calibration_refuses_what_is_not_finite(part: str, value: float) -> None:
    numbers = np.ones(N_OUTPUTS, np.float32)
    numbers[-1] = value
    with pytest.raises(ValueError, match="finite"):
        calibration(**{part: numbers})


@pytest.mark.parametrize("part", ["encoder", "linear", "bias"])
@pytest.mark.parametrize("shape", [(N_OUTPUTS - 1,), (N_OUTPUTS + 1,), (1, N_OUTPUTS), ()])
def test_calibration_refuses_another_number_of_columns(part: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=str(N_OUTPUTS)):
        calibration(**{part: np.ones(shape, np.float32)})
