import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from nlp_service.insight.statistics import (
    adjust,
    chi_square_p,
    cohens_h,
    fisher,
    log_factorial,
    log_likelihood,
    share_p,
)


@st.composite
def two_shares(draw: st.DrawFn, most: int = 60) -> tuple[int, int, int, int]:
    n, m = draw(st.integers(1, most)), draw(st.integers(1, most))
    return draw(st.integers(0, n)), n, draw(st.integers(0, m)), m


@given(st.integers(0, 10**7))
@example(255)  # the last of the table
@example(256)  # the first of the series
def test_log_factorial_is_that_of_the_gamma_function(n: int) -> None:
    assert float(log_factorial(n)) == pytest.approx(math.lgamma(n + 1), rel=1e-13, abs=1e-13)


@given(two_shares())
def test_fisher_is_that_of_scipy(counts: tuple[int, int, int, int]) -> None:
    a, n, b, m = counts
    expected = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
    assert fisher(a, n, b, m) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_fisher_by_hand() -> None:
    # The lady tasting tea: 3 of 4 against 1 of 4 is (16 + 1) / 70 on each side.
    assert fisher(3, 4, 1, 4) == pytest.approx(34 / 70)


@given(two_shares(2000))
def test_log_likelihood_is_that_of_scipy(counts: tuple[int, int, int, int]) -> None:
    a, n, b, m = counts
    if 0 < a + b < n + m:
        found = stats.chi2_contingency([[a, n - a], [b, m - b]], correction=False, lambda_="log-likelihood")
        assert float(log_likelihood(a, n, b, m)) == pytest.approx(found.statistic, rel=1e-6, abs=1e-6)
    else:
        assert float(log_likelihood(a, n, b, m)) == 0.0


@given(two_shares())
def test_a_test_knows_no_sides(counts: tuple[int, int, int, int]) -> None:
    a, n, b, m = counts
    p = float(share_p(a, n, b, m))
    assert 0.0 <= p <= 1.0
    assert float(share_p(b, m, a, n)) == pytest.approx(p)
    assert float(share_p(n - a, n, m - b, m)) == pytest.approx(p)


def test_nothing_to_compare_is_no_difference() -> None:
    assert share_p([0, 0, 5, 0], [0, 9, 5, 0], [3, 0, 7, 0], [9, 9, 7, 0]).tolist() == [1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("counts", [(3, 2, 0, 1), (-1, 2, 0, 1), (0, 1, 2, 1)])
def test_a_part_is_no_larger_than_its_whole(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="larger than its whole"):
        share_p(*counts)


@pytest.mark.parametrize(("a", "b", "least", "most"), [(18, 2, 0.0, 0.001), (12, 8, 0.3, 0.6), (10, 10, 0.99, 1.0)])
def test_exact_and_approximate_p_decide_alike_where_they_meet(a: int, b: int, least: float, most: float) -> None:
    # Ten are expected in the smallest cell, where the one takes over from the other.
    for p in (float(chi_square_p(log_likelihood(a, 1000, b, 1000))), fisher(a, 1000, b, 1000)):
        assert least <= p <= most


def test_chi_square_p_is_that_of_scipy() -> None:
    values = np.array([0.0, 0.5, 3.841458820694124, 30.0, 400.0])
    assert chi_square_p(values) == pytest.approx(stats.chi2.sf(values, 1), rel=1e-9)


def test_cohens_h_by_hand() -> None:
    assert float(cohens_h(1.0, 0.0)) == pytest.approx(math.pi)
    assert float(cohens_h(0.5, 0.25)) == pytest.approx(math.pi / 2 - math.pi / 3)  # asin sqrt: 45 and 30 degrees


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_q_values_are_those_of_scipy(p: list[float]) -> None:
    assert adjust(p) == pytest.approx(stats.false_discovery_control(p), abs=1e-12)


def test_no_tests_have_no_q_values() -> None:
    assert adjust([]).tolist() == []
