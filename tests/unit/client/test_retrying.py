from __future__ import annotations

import httpx
import pytest

from nlp_service.client.errors import InvalidInput, Overloaded, Unavailable, UnexpectedAnswer, Unreachable
from nlp_service.client.retrying import Retries, may_repeat

BUSY = Overloaded("m", status=429)


@pytest.mark.parametrize(("n_tried", "bound"), [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0)])
def test_the_bound_of_a_pause_doubles_and_all_below_it_is_possible(n_tried: int, bound: float) -> None:
    retries = Retries()
    assert retries.pause(n_tried, BUSY, lambda: 0.0) == 0.0
    assert retries.pause(n_tried, BUSY, lambda: 0.5) == pytest.approx(bound / 2)
    assert retries.pause(n_tried, BUSY, lambda: 1.0) == pytest.approx(bound)


def test_there_is_an_end() -> None:
    assert Retries(most=4).pause(5, BUSY, lambda: 0.0) is None
    assert Retries(most=0).pause(1, BUSY, lambda: 0.0) is None


def test_a_pause_is_never_longer_than_the_longest() -> None:
    assert Retries(most=99).pause(90, BUSY, lambda: 1.0) == 20.0


def test_what_the_service_asks_for_is_waited_and_no_longer_than_is_bearable() -> None:
    asked = Overloaded("m", status=429, retry_after_s=3.0)
    assert Retries().pause(1, asked, lambda: 0.0) == 3.0
    assert Retries().pause(1, asked, lambda: 1.0) == 3.25
    assert Retries(longest_s=2.0).pause(1, asked, lambda: 0.0) is None


def unreachable(cause: Exception) -> Unreachable:
    error = Unreachable("m")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "harmless", "harmful"),
    [
        (BUSY, True, True),  # nothing was done
        (Unavailable("m", status=503), True, False),
        (unreachable(httpx.ConnectError("m")), True, True),  # it was never sent
        (unreachable(httpx.ConnectTimeout("m")), True, True),
        (unreachable(httpx.ReadTimeout("m")), True, False),  # it may have been done
        (unreachable(httpx.RemoteProtocolError("m")), True, False),
        (InvalidInput("m", status=422), False, False),
        (UnexpectedAnswer("m", status=200), False, False),
    ],
)
def test_only_what_may_help_and_does_no_harm_is_repeated(error: Exception, harmless: bool, harmful: bool) -> None:
    assert may_repeat(error, is_harmless=True) is harmless  # type: ignore[arg-type]
    assert may_repeat(error, is_harmless=False) is harmful  # type: ignore[arg-type]
