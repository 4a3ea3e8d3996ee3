from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from nlp_service.types import Abuse, Action, Intent, Label, Message, Risk, Sentiment, Span, Verdict, check_probability

NAN = float("nan")


@pytest.mark.parametrize("value", [None, 0, 0.0, 0.5, 1.0, 1])
def test_a_probability_is_from_0_to_1_or_not_known(value: float | None) -> None:
    check_probability("abuse", value)


@pytest.mark.parametrize("value", [-1e-9, 1.0000001, NAN, float("inf")])
def test_what_is_no_probability_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match="abuse must be in"):
        check_probability("abuse", value)


WRONG: dict[str, Callable[[], object]] = {
    "empty span": lambda: Span(3, 3, ""),
    "span that ends before it starts": lambda: Span(3, 2, "a"),
    "span before the text": lambda: Span(-1, 2, "abc"),
    "label": lambda: Label("scam", 1.1),
    "primary intent that does not apply": lambda: Intent("ad", ("chat",), {}),
    "probability of an intent": lambda: Intent("ad", ("ad",), {"ad": NAN}),
    "probability of a sentiment": lambda: Sentiment("neutral", 0.0, {"neutral": 1.5}),
    "sentiment too strong": lambda: Sentiment("positive", 1.01),
    "sentiment that is no number": lambda: Sentiment("positive", NAN),
    "level": lambda: Risk(4, 0.1, 0.2),
    "level below none": lambda: Risk(-1, 0.1, 0.2),
    "risk": lambda: Risk(1, -0.1, 0.2),
    "watch": lambda: Risk(1, 0.1, 1.2),
    "abuse": lambda: Abuse(2.0, True),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_when_it_is_made(name: str) -> None:
    with pytest.raises(ValueError, match=r"in \[|span|among|0 to 3"):
        WRONG[name]()


@pytest.mark.parametrize(
    "value", [Message("1", "a"), Span(0, 1, "a"), Risk(0, None, None), Verdict(Action.PASS), Sentiment("neutral", 0.0)]
)
def test_values_cannot_be_changed(value: msgspec.Struct) -> None:
    name = value.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(value, name, getattr(value, name))


def test_two_sentiments_do_not_share_their_probabilities() -> None:
    one, other = Sentiment("neutral", 0.0), Sentiment("neutral", 0.0)
    assert one.probabilities is not other.probabilities
