from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from nlp_service.inference.frames import HEADER, Answer, ReadRequest, decode_word, read_analysis
from nlp_service.inference.process import FAILED, read_batch
from nlp_service.types import Action, Analysis, Message
from tests.fakes import BROKEN, Broken, Obedient, analysis_of


class Forgetful(Obedient):
    """Answers one message too few when there are several."""

    def read(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        return [analysis_of(message) for message in messages[: max(1, len(messages) - 1)]]


class Unsendable(Obedient):
    """Gives a value that no frame can carry for one text."""

    def read(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        return [
            replace(analysis, pii=object()) if message.text == "odd" else analysis
            for message, analysis in zip(messages, super().read(messages), strict=True)
        ]


class Said(NamedTuple):
    """An answer, its analyses read."""

    analyses: list[Analysis]
    failures: list[str]


def answer(reader: Obedient, *texts: str, evidence: bool = True) -> Said:
    request = ReadRequest([Message(str(index), text) for index, text in enumerate(texts)], evidence)
    word = decode_word(read_batch(reader, request)[HEADER.size :])
    assert isinstance(word, Answer)
    return Said(list(map(read_analysis, word.analyses)), word.failures)


def is_empty(analysis: Analysis) -> bool:
    return analysis.intent is None and analysis.sentiment is None and analysis.risk.probability is None


def test_a_batch_is_read_in_order() -> None:
    assert [analysis.id for analysis in answer(Obedient(), "a", "b", "c").analyses] == ["0", "1", "2"]


def test_evidence_is_left_out_when_it_is_not_wanted() -> None:
    assert answer(Obedient(), "a").analyses[0].evidence
    assert not answer(Obedient(), "a", evidence=False).analyses[0].evidence


def test_a_message_that_cannot_be_read_fails_alone() -> None:
    word = answer(Obedient(), "good", BROKEN, "fine")
    assert [is_empty(analysis) for analysis in word.analyses] == [False, True, False]
    assert [analysis.id for analysis in word.analyses] == ["0", "1", "2"]
    assert word.failures == ["ValueError"]


def test_a_message_that_cannot_be_read_asks_for_review() -> None:
    (analysis,) = answer(Obedient(), BROKEN).analyses
    assert analysis.verdict is not None
    assert analysis.verdict.action is Action.REVIEW
    assert analysis.verdict.reasons == (FAILED,)


def test_a_failure_is_named_by_its_type_and_never_by_its_words() -> None:
    request = ReadRequest([Message("1", BROKEN + "秘密")], True)
    word = answer(Obedient(), BROKEN + "秘密")
    assert word.failures == ["ValueError"]
    assert "秘密".encode() not in read_batch(Obedient(), request)


def test_a_reader_that_drops_a_message_is_asked_one_by_one() -> None:
    word = answer(Forgetful(), "a", "b", "c")
    assert [analysis.id for analysis in word.analyses] == ["0", "1", "2"]
    assert word.failures == []


def test_an_analysis_that_cannot_be_sent_fails_alone() -> None:
    word = answer(Unsendable(), "a", "odd")
    assert [is_empty(analysis) for analysis in word.analyses] == [False, True]


def test_when_nothing_can_be_read_every_message_still_gets_an_answer() -> None:
    word = answer(Broken(), "a", "b")
    assert word.failures == ["RuntimeError", "RuntimeError"]
    assert len(word.analyses) == 2
