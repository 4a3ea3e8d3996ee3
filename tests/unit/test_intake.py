from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from nlp_service.inference.analyser import Analyser
from nlp_service.intake import Analyse, Reader
from nlp_service.moderation.deciding import judge_text
from nlp_service.moderation.policy import DEFAULT_POLICY, Policy
from nlp_service.text.normalise import Batch, normalise_batch
from nlp_service.text.pii import find_pii
from nlp_service.types import Abuse, Action, Analysis, Message, Risk, Span
from nlp_service.wiring import TIERS

TEXTS = [
    "快递一周没到，怎么回事？",
    "",
    "电话１３８００１３８０００，找我",
    "你这个垃圾，滚",
    "今天天气不错[微笑]",
    "\ud800",
]


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser.load(TIERS["fast"])


def messages(*texts: str) -> list[Message]:
    return [Message(f"m{i}", text) for i, text in enumerate(texts)]


class Failing:
    """A model with a head that has no opinion; all else is calm."""

    version = "failing-1"

    def __init__(self, analyser: Analyse, *heads: str) -> None:
        self._analyser = analyser
        self._heads = heads

    def analyse(
        self, messages: Sequence[Message], *, evidence: bool = True, batch: Batch | None = None, vectors: object = None
    ) -> list[Analysis]:
        silent = {
            "intent": None,
            "sentiment": None,
            "risk": Risk(0, None, None),
            "abuse": Abuse(None, False),
        }
        calm = {"risk": Risk(0, 0.0, 0.0), "abuse": Abuse(0.0, False), "unsafe": ()}
        changes = calm | {head: silent[head] for head in self._heads}
        return [replace(one, **changes) for one in self._analyser.analyse(messages, evidence=evidence, batch=batch)]


def test_an_answer_is_the_analysis_with_personal_data_and_a_verdict(analyser: Analyser) -> None:
    asked = messages(*TEXTS)
    for message, analysis, answer in zip(asked, analyser.analyse(asked), Reader(analyser).read(asked), strict=True):
        assert answer == replace(analysis, pii=find_pii(message.text), verdict=judge_text(analysis, DEFAULT_POLICY))


def test_personal_data_is_shown_as_it_was_sent(analyser: Analyser) -> None:
    (answer,) = Reader(analyser).read(messages("电话１３８００１３８０００，找我"))
    assert answer.pii == (Span(2, 13, "１３８００１３８０００"),)


def test_a_message_without_personal_data_has_none(analyser: Analyser) -> None:
    (answer,) = Reader(analyser).read(messages("今天天气不错"))
    assert answer.pii == ()


class Curious:
    """A model that remembers what it was given."""

    version = "curious-1"

    def __init__(self, analyser: Analyse) -> None:
        self._analyser = analyser
        self.batches: list[Batch | None] = []

    def analyse(
        self, messages: Sequence[Message], *, evidence: bool = True, batch: Batch | None = None, vectors: object = None
    ) -> list[Analysis]:
        self.batches.append(batch)
        return self._analyser.analyse(messages, evidence=evidence, batch=batch)


def test_the_model_is_given_the_texts_normalised(analyser: Analyser) -> None:
    curious = Curious(analyser)
    Reader(curious).read(messages(*TEXTS))
    (batch,) = curious.batches
    assert batch is not None
    assert [part.tolist() for part in batch] == [part.tolist() for part in normalise_batch(TEXTS)]


def test_no_messages_give_no_answers(analyser: Analyser) -> None:
    assert Reader(analyser).read([]) == []


def test_answers_come_in_order_with_the_ids_of_the_messages(analyser: Analyser) -> None:
    asked = [*messages(*reversed(TEXTS), *TEXTS), Message(7, "好"), Message(None, "好")]
    assert [answer.id for answer in Reader(analyser).read(asked)] == [message.id for message in asked]


def test_the_verdict_does_not_depend_on_whether_evidence_is_asked_for(analyser: Analyser) -> None:
    reader = Reader(analyser)
    full, short = (reader.read(messages(*TEXTS), evidence=evidence) for evidence in (True, False))
    assert all(answer.evidence == () for answer in short)
    assert [answer.verdict for answer in full] == [answer.verdict for answer in short]


@pytest.mark.parametrize("head", ["intent", "sentiment", "risk", "abuse"])
def test_a_head_that_failed_asks_for_a_person(analyser: Analyser, head: str) -> None:
    for answer in Reader(Failing(analyser, head)).read(messages("今天天气不错", "")):
        assert answer.verdict is not None
        assert answer.verdict.action not in (Action.PASS, Action.BLOCK)
        assert f"head_failed:{head}" in answer.verdict.reasons


def test_all_heads_that_failed_are_a_review_and_nothing_else(analyser: Analyser) -> None:
    heads = ("intent", "sentiment", "risk", "abuse")
    (answer,) = Reader(Failing(analyser, *heads)).read(messages("今天天气不错"))
    assert answer.verdict is not None
    assert answer.verdict.action is Action.REVIEW
    assert answer.verdict.reasons == tuple(f"head_failed:{head}" for head in heads)


def test_versions_are_those_of_the_model_and_the_policy(analyser: Analyser) -> None:
    assert Reader(analyser).model_version == analyser.version
    assert Reader(analyser).policy_version == DEFAULT_POLICY.version
    assert Reader(analyser, Policy(version="strict-3")).policy_version == "strict-3"


def test_another_policy_decides_otherwise(analyser: Analyser) -> None:
    text = messages("今天天气不错")
    wary = Policy(version="wary", abuse_warn=0.0, certain=0.0)  # every probability is at least 0
    (default,), (warned,) = Reader(analyser).read(text), Reader(analyser, wary).read(text)
    assert warned.verdict is not None
    assert "abuse>=0.00" in warned.verdict.reasons
    assert warned.verdict.action is not Action.PASS
    assert replace(default, verdict=None) == replace(warned, verdict=None)


class Forgetful:
    """A model that loses the last message."""

    version = "forgetful-1"

    def __init__(self, analyser: Analyse) -> None:
        self._analyser = analyser

    def analyse(
        self, messages: Sequence[Message], *, evidence: bool = True, batch: Batch | None = None, vectors: object = None
    ) -> list[Analysis]:
        return self._analyser.analyse(messages, evidence=evidence, batch=batch)[:-1]


def test_a_model_that_loses_a_message_is_not_believed(analyser: Analyser) -> None:
    with pytest.raises(ValueError, match="zip"):
        Reader(Forgetful(analyser)).read(messages("好", "不好"))
