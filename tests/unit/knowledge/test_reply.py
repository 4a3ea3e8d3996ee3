from __future__ import annotations

import msgspec
import pytest

from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.reply import ANGRY_SCORE, ASKS, Decision, Reply, decide
from nlp_service.knowledge.search.searching import Found, Hit
from nlp_service.knowledge.thresholds import Thresholds
from nlp_service.types import Abuse, Analysis, Intent, Label, Pain, Risk, Sentiment, Span

ENTRIES = [make_entry(id, [f"问题{id}", f"另一种{id}"], f"答案{id}") for id in "abcde"]
BOUNDS = Thresholds(answer=0.6, clarify=0.4, margin=0.1)

QUESTION = Intent("question", ("question",), {"question": 0.9, "complaint": 0.0})
CHAT = Intent("chat", ("chat",), {"question": 0.1, "complaint": 0.0, "chat": 0.9})
COMPLAINT = Intent("complaint", ("complaint", "question"), {"question": 0.2, "complaint": 0.9})
CALM = Risk(0, 0.01, 0.02)


def asks(chance: float) -> Intent:
    return Intent("chat", ("chat",), {"question": chance, "chat": 0.5})


def complains(chance: float, *, primary: str = "complaint") -> Intent:
    return Intent(primary, (primary,), {"question": 0.0, "complaint": chance})


def analysis(
    intent: Intent | None = QUESTION, risk: Risk = CALM, *, feels: float | None = 0.0, abusive: bool = False
) -> Analysis:
    """What the models say, as far as a decision reads it."""
    sentiment = None if feels is None else Sentiment("negative" if feels < 0 else "neutral", feels)
    return Analysis(None, intent, sentiment, risk, Abuse(0.9 if abusive else 0.1, abusive), (), (), ())


def found(*chances: float) -> Found:
    return Found([Hit(entry, entry % 2, 1.0 - entry, chance) for entry, chance in enumerate(chances)], sum(chances))


SURE, TORN, UNSURE, LOST = (0.8, 0.1), (0.5, 0.45, 0.03), (0.3, 0.15, 0.1), (0.1, 0.05, 0.02)


@pytest.mark.parametrize(
    ("chances", "said", "decision", "reason"),
    [
        # Somebody must take over, however sure the base is.
        (SURE, analysis(None), "handoff", "analysis_failed"),
        (SURE, analysis(QUESTION, Risk(0, None, None)), "handoff", "analysis_failed"),
        (SURE, analysis(QUESTION, Risk(2, 0.7, 0.9)), "handoff", "risk_level=2"),
        (SURE, analysis(QUESTION, Risk(3, 0.9, 0.9)), "handoff", "risk_level=3"),
        (SURE, analysis(QUESTION, Risk(1, 0.3, 0.9)), "answer", "probability>=0.60"),
        (SURE, analysis(COMPLAINT, abusive=True), "handoff", "anger"),
        (SURE, analysis(COMPLAINT, feels=ANGRY_SCORE), "handoff", "anger"),  # the bound itself is angry
        (SURE, analysis(COMPLAINT, feels=ANGRY_SCORE + 0.01), "answer", "probability>=0.60"),
        (SURE, analysis(COMPLAINT, feels=None), "answer", "probability>=0.60"),
        (SURE, analysis(QUESTION, feels=-1.0, abusive=True), "answer", "probability>=0.60"),  # rude, but no complaint
        # Sure of one entry.
        ((0.6, 0.5), analysis(), "answer", "probability>=0.60"),  # both bounds are included
        ((0.6,), analysis(), "answer", "probability>=0.60"),
        ((0.5999, 0.1), analysis(), "clarify", "probability<0.60"),
        ((0.6, 0.5001), analysis(), "clarify", "margin<0.10"),
        (SURE, analysis(CHAT), "answer", "probability>=0.60"),
        # Nobody asked anything.
        ((0.3, 0.1999), analysis(CHAT), "none", "no_question"),
        ((0.3, 0.2), analysis(CHAT), "clarify", "probability<0.60"),  # UNASKED is included: a story may mean a question
        ((0.65, 0.6), analysis(CHAT), "clarify", "margin<0.10"),
        ((), analysis(CHAT), "none", "no_question"),
        (LOST, analysis(asks(ASKS)), "handoff", "probability<0.60"),  # the bound itself asks
        (LOST, analysis(asks(ASKS - 0.01)), "none", "no_question"),
        (LOST, analysis(complains(ASKS)), "handoff", "probability<0.60"),
        (LOST, analysis(complains(ASKS - 0.01)), "none", "no_question"),
        (LOST, analysis(complains(0.9, primary="chat")), "none", "no_question"),
        # Sure of a few together.
        (TORN, analysis(), "clarify", "probability<0.60"),
        ((0.2, 0.1, 0.1), analysis(), "clarify", "probability<0.60"),  # 0.4: the bound is included
        ((0.2, 0.1, 0.0999), analysis(), "handoff", "probability<0.60"),
        ((0.2, 0.1, 0.05, 0.05), analysis(), "handoff", "probability<0.60"),  # the fourth is not offered
        ((0.5,), analysis(), "handoff", "probability<0.60"),  # nothing to choose from
        ((0.5, 0.0), analysis(), "handoff", "probability<0.60"),
        # Anything else.
        ((), analysis(), "handoff", "probability<0.60"),
    ],
)
def test_the_decision(chances: tuple[float, ...], said: Analysis, decision: str, reason: str) -> None:
    reply = decide(found(*chances), ENTRIES, said, BOUNDS, 4)
    assert (reply.decision, reply.reason) == (decision, reason)
    assert reply.threshold == 0.6
    assert reply.kb_version == 4
    # What belongs to one decision alone.
    assert (reply.summary is not None) == (decision == "handoff")
    answered = decision == "answer"
    assert (reply.answer, reply.entry_id, reply.wording) == (("答案a", "a", 0) if answered else (None, None, None))
    assert reply.citations == (("a",) if answered else ())


def test_numbers_are_those_of_the_hits() -> None:
    reply = decide(found(0.30004, 0.15, 0.1), ENTRIES, analysis(), BOUNDS, 1)
    assert (reply.probability, reply.margin) == (0.3, 0.15)
    assert [(each.entry_id, each.question, each.probability) for each in reply.alternatives] == [
        ("a", "问题a", 0.3),
        ("b", "问题b", 0.15),
        ("c", "问题c", 0.1),
    ]


def test_an_empty_base_has_no_chance() -> None:
    reply = decide(found(), [], analysis(), BOUNDS, 0)
    assert (reply.probability, reply.margin, reply.alternatives) == (0.0, 0.0, ())
    assert reply.decision is Decision.HANDOFF


def test_bounds_of_zero_make_no_answer_of_nothing() -> None:
    open_bounds = Thresholds(answer=0.0, clarify=0.0, margin=0.0)
    assert decide(found(), [], analysis(), open_bounds, 1).decision is Decision.HANDOFF
    assert decide(found(0.0, 0.0), ENTRIES, analysis(), open_bounds, 1).decision is Decision.HANDOFF
    assert decide(found(0.01), ENTRIES, analysis(), open_bounds, 1).decision is Decision.ANSWER


def test_the_wording_that_matched_is_named() -> None:
    hits = Found([Hit(3, 1, 2.0, 0.9)], 0.9)
    reply = decide(hits, ENTRIES, analysis(), BOUNDS, 1)
    assert (reply.entry_id, reply.wording, reply.answer) == ("d", 1, "答案d")


def test_who_takes_over_sees_what_is_known() -> None:
    pain = Pain("物流", Span(0, 3, "等太久"), "delivery_delay")
    risk = Risk(2, 0.8, 0.9, (Label("delivery_delay", 0.9), Label("other", 0.5)))
    said = msgspec.structs.replace(analysis(COMPLAINT, risk, feels=-0.9), pain=(pain,))
    summary = decide(found(0.4, 0.3, 0.1, 0.05), ENTRIES, said, BOUNDS, 1).summary
    assert summary is not None
    assert summary.intents == ("complaint", "question")
    assert (summary.sentiment, summary.risk) == ("negative", 2)
    assert (summary.categories, summary.pains) == (("delivery_delay", "other"), ("等太久",))
    assert summary.nearest == ("问题a", "问题b", "问题c")


def test_who_takes_over_after_a_failure_sees_what_is_left() -> None:
    summary = decide(found(), ENTRIES, analysis(None, Risk(0, None, None), feels=None), BOUNDS, 1).summary
    assert summary is not None
    assert (summary.intents, summary.sentiment, summary.risk, summary.nearest) == ((), None, 0, ())


@pytest.mark.parametrize("chances", [(float("nan"),), (0.5, float("nan")), (1.5,), (-0.1,)])
def test_what_is_no_probability_is_refused(chances: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="probability"):
        decide(found(*chances), ENTRIES, analysis(), BOUNDS, 1)


@pytest.mark.parametrize("name", ["answer", "clarify", "margin", "precision"])
@pytest.mark.parametrize("value", [float("nan"), -0.01, 1.01])
def test_bounds_are_probabilities(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Thresholds(**{name: value})


def test_a_reply_travels_as_json() -> None:
    reply = decide(found(*TORN), ENTRIES, analysis(), BOUNDS, 1)
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply) == reply
