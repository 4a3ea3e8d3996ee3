from __future__ import annotations

import enum
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nlp_service.inference import artifact
from nlp_service.inference.analyser import CONTEXT_REACH, Analyser
from nlp_service.inference.encoder import Encoded, OnnxEncoder
from nlp_service.inference.heads import COLUMNS, N_OUTPUTS, Calibration
from nlp_service.inference.lookup import Lookup
from nlp_service.inference.ngrams import LinearPart
from nlp_service.inference.pains import PainFinder
from nlp_service.inference.reading import Thresholds
from nlp_service.inference.targets import TARGETS
from nlp_service.text.normalise import Batch, normalise, normalise_batch
from nlp_service.types import INTENTS, RISK_CATEGORIES, SENTIMENTS, UNSAFE, Analysis, Message
from nlp_service.wiring import TIERS

TEXTS = [
    "快递一周没到，怎么回事？",
    "",
    "加微信领红包，兼职日结三百，名额有限",
    "今天在家做了红烧肉，先焯水再炒糖色，小火炖一小时，软烂入味。",
    "哈哈哈哈哈哈[微笑]",
    "吃出虫子还不给退款，客服骂人，我要打12315投诉！！！",
    "\u200b",
    "ＶＸ：ａｂｃ１２３　看主页",
    "你这个垃圾，滚",
    "早",
]

ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=60),  # lone surrogates and NUL among them
    st.text("快递退款差好吗？加微信[微笑]Ａ㎏…\u200b\u0301\ud83d\0 \n", max_size=60),
)

MESSAGES = st.lists(
    st.builds(Message, st.none() | st.text(max_size=5), ANY_TEXT, st.lists(ANY_TEXT, max_size=2).map(tuple)),
    min_size=1,
    max_size=5,
)

SAME = 5e-5
"""Numbers of five decimals that come of the same message differ by no more, however it was batched."""

LOUD = {
    "primary": {"complaint": 60.0},
    "intent": {"complaint": 60.0, "question": 60.0, "ad": 60.0, "ugc": 60.0},
    "sentiment": {"-2": 60.0},
    "risk": {">=1": 60.0, ">=2": 60.0},
    "category": {"food_safety": 60.0},
    "abuse": {"abuse": 60.0},
    "unsafe": dict.fromkeys(UNSAFE, 60.0),
}
"""Added to the logits, these make a model say everything of everybody, so that all of it must be explained."""

Biases = Mapping[str, Mapping[str, float]]


def model_with(folder: Path, biases: Biases, **thresholds: float) -> Analyser:
    """The shipped model with other biases and thresholds."""
    for path in TIERS["fast"].iterdir():
        if path.name not in ("heads.npz", "manifest.json"):
            (folder / path.name).symlink_to(path)
    with np.load(TIERS["fast"] / "heads.npz") as stored:
        heads = {name: stored[name] for name in stored.files}
    for group, columns in biases.items():
        for column, bias in columns.items():
            heads["bias"][COLUMNS[group].start + artifact.labels()[group].index(column)] += bias
    stream = io.BytesIO()
    np.savez(stream, **heads)
    (folder / "heads.npz").write_bytes(stream.getvalue())
    manifest = json.loads((TIERS["fast"] / "manifest.json").read_text("utf-8"))
    artifact.write(folder, manifest | {"thresholds": manifest["thresholds"] | thresholds})
    return Analyser.load(folder)


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return Analyser.load(TIERS["fast"])


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Analyser:
    return model_with(tmp_path_factory.mktemp("loud"), LOUD, pain_prior=4.0, target=0.3)


@pytest.fixture(scope="module", params=["analyser", "loud"])
def either(request: pytest.FixtureRequest) -> Analyser:
    model: Analyser = request.getfixturevalue(request.param)
    return model


def messages(*texts: str) -> list[Message]:
    return [Message(str(i), text) for i, text in enumerate(texts)]


def analyse(analyser: Analyser, text: str, *context: str) -> Analysis:
    (analysis,) = analyser.analyse([Message(None, text, context)])
    return analysis


def numbers(analysis: Analysis) -> list[float]:
    """The probabilities and the score that are given whatever the labels are."""
    assert analysis.intent is not None
    assert analysis.sentiment is not None
    assert analysis.risk.probability is not None
    assert analysis.risk.probability_watch is not None
    assert analysis.abuse.probability is not None
    return [
        *(analysis.intent.probabilities[name] for name in INTENTS),
        *(analysis.sentiment.probabilities[name] for name in SENTIMENTS),
        analysis.sentiment.score,
        analysis.risk.probability,
        analysis.risk.probability_watch,
        analysis.abuse.probability,
    ]


def explainable(analysis: Analysis) -> set[str]:
    """Labels of an analysis that evidence may be given for."""
    assert analysis.intent is not None
    assert analysis.sentiment is not None
    return {
        *(f"intent.{name}" for name in analysis.intent.labels if name != "chat"),
        *(f"sentiment.{name}" for name in (analysis.sentiment.label,) if name != "neutral"),
        *("risk" for _ in range(analysis.risk.level > 0)),
        *("abuse" for _ in range(analysis.abuse.flagged)),
        *(f"unsafe.{kind.name}" for kind in analysis.unsafe if kind.probability >= 0.5),
    }


def assert_valid(message: Message, analysis: Analysis) -> None:
    assert analysis.id == message.id
    values = numbers(analysis)
    assert all(0.0 <= value <= 1.0 for i, value in enumerate(values) if i != len(INTENTS) + len(SENTIMENTS))
    spans = [(pain.span, None) for pain in analysis.pain]
    spans += [(evidence.span, evidence.normalised) for evidence in analysis.evidence]
    for span, read in spans:
        assert 0 <= span.start < span.end <= len(message.text)
        assert span.text == message.text[span.start : span.end]
        assert read is None or (read != span.text and read in normalise(message.text).normalised)
    assert {evidence.label for evidence in analysis.evidence} <= explainable(analysis)
    assert all(evidence.source == "model" for evidence in analysis.evidence)
    assert max(Counter(evidence.label for evidence in analysis.evidence).values(), default=0) <= 3
    assert {pain.category for pain in analysis.pain} <= {*RISK_CATEGORIES, "need"}
    assert all(pain.target for pain in analysis.pain)


def leaves(value: object) -> Iterator[object]:
    """Every value inside structs, tuples and dictionaries."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from leaves(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from (leaf for item in value.items() for leaf in leaves(item))
    elif isinstance(value, tuple | list):
        yield from (leaf for item in value for leaf in leaves(item))
    else:
        yield value


def test_no_messages_give_no_answers(analyser: Analyser) -> None:
    assert analyser.analyse([]) == []


@pytest.mark.parametrize("evidence", [True, False])
def test_answers_come_in_order_with_the_ids_of_the_messages(analyser: Analyser, evidence: bool) -> None:
    # Lengths go up and down, and there are more than one run of the encoder takes.
    given_ids = [None if i % 7 == 3 else i if i % 7 == 5 else f"m{i % 50}" for i in range(80)]
    texts = [TEXTS[i % len(TEXTS)] * (1 + i % 3) for i in range(80)]
    asked = [Message(id_, text) for id_, text in zip(given_ids, texts, strict=True)]
    answers = analyser.analyse(asked, evidence=evidence)
    assert [answer.id for answer in answers] == given_ids
    for message, answer in zip(asked, answers, strict=True):
        assert_valid(message, answer)


def test_a_message_is_read_the_same_alone_and_among_others(analyser: Analyser) -> None:
    for message, among in zip(messages(*TEXTS), analyser.analyse(messages(*TEXTS)), strict=True):
        (alone,) = analyser.analyse([message])
        assert numbers(alone) == pytest.approx(numbers(among), abs=SAME)


def test_the_same_batch_is_read_the_same_every_time(either: Analyser) -> None:
    assert either.analyse(messages(*TEXTS)) == either.analyse(messages(*TEXTS))


@pytest.mark.parametrize("evidence", [True, False])
def test_texts_that_were_normalised_before_are_read_the_same(either: Analyser, evidence: bool) -> None:
    asked = [*messages(*TEXTS), Message("c", "我也是", (BEFORE,))]
    batch = normalise_batch([message.text for message in asked])
    assert either.analyse(asked, evidence=evidence, batch=batch) == either.analyse(asked, evidence=evidence)


def test_what_was_normalised_before_is_not_normalised_again(analyser: Analyser) -> None:
    # Another text's units show that it is they that are read.
    (answer,) = analyser.analyse(messages("好"), evidence=False, batch=normalise_batch([TEXTS[5]]))
    assert numbers(answer) == numbers(analyser.analyse(messages(TEXTS[5]), evidence=False)[0])


@settings(max_examples=60)
@given(MESSAGES)
def test_any_text_gets_a_valid_answer(either: Analyser, asked: list[Message]) -> None:
    for message, answer in zip(asked, either.analyse(asked), strict=True):
        assert_valid(message, answer)


@pytest.mark.parametrize("text", ["", "\u200b", "  \n ", "\u0301\u0301", "\u200d", "\x00"])
def test_a_text_without_units_has_labels_but_nothing_to_show(either: Analyser, text: str) -> None:
    assert len(normalise(text)) == 0
    for asked in (messages(text), messages(text, "快递太慢"), messages("快递太慢", text)):
        for message, answer in zip(asked, either.analyse(asked), strict=True):
            assert_valid(message, answer)
            if message.text == text:
                assert (answer.pain, answer.evidence) == ((), ())


def test_the_longest_text_is_read_among_short_ones(either: Analyser) -> None:
    longest = ("快递没到，客服不理人，我要退款。" * 250)[:4000]
    asked = messages("好", longest, "", longest[::-1])
    for message, answer in zip(asked, either.analyse(asked), strict=True):
        assert_valid(message, answer)


def test_without_evidence_the_rest_is_the_same(either: Analyser) -> None:
    full, short = (either.analyse(messages(*TEXTS), evidence=evidence) for evidence in (True, False))
    assert all(answer.evidence == () for answer in short)
    assert any(answer.evidence for answer in full)
    assert [replace(answer, evidence=()) for answer in full] == short


def test_every_label_of_a_message_full_of_words_can_be_explained(loud: Analyser) -> None:
    answer = analyse(loud, TEXTS[5])
    labels = [evidence.label for evidence in answer.evidence]
    assert len(set(labels)) >= 5  # a label for which no character speaks has none, but not all can be like that
    assert set(labels) <= explainable(answer)
    assert len(explainable(answer)) == 4 + 1 + 1 + 1 + len(UNSAFE)


def test_evidence_of_one_label_does_not_overlap(loud: Analyser) -> None:
    for answer in loud.analyse(messages(*TEXTS)):
        for label in {evidence.label for evidence in answer.evidence}:
            spans = sorted((one.span.start, one.span.end) for one in answer.evidence if one.label == label)
            assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_evidence_does_not_begin_or_end_with_punctuation(loud: Analyser) -> None:
    answers = loud.analyse(messages("，，快递，，没到，，", "《差》，。《差》"))
    texts = [evidence.span.text for answer in answers for evidence in answer.evidence]
    worded = [text for text in texts if text.strip("，。《》")]
    assert worded
    assert all(text == text.strip("，。《》") for text in worded)


def test_evidence_that_was_disguised_says_what_it_was_read_as(loud: Analyser) -> None:
    answer = analyse(loud, "ＶＸ")
    assert answer.evidence
    assert all(one.normalised == normalise(one.span.text).normalised for one in answer.evidence)
    assert all(one.normalised is None for one in analyse(loud, "vx").evidence)


def test_values_are_plain_python_and_can_be_written(either: Analyser) -> None:
    for answer in either.analyse(messages(*TEXTS)):
        plain = (str, int, float, bool, type(None))
        assert {type(leaf) for leaf in leaves(answer)} <= set(plain)
        assert not any(isinstance(leaf, enum.Enum) for leaf in leaves(answer))
        assert msgspec.json.decode(msgspec.json.encode(answer), type=Analysis) == answer


def test_probabilities_have_five_decimals(analyser: Analyser) -> None:
    written = msgspec.json.encode(analyser.analyse(messages(*TEXTS)))
    assert max(len(digits) for digits in re.findall(rb"\d\.(\d+)(?=[,}\]])", written)) == 5


def test_the_version_is_that_of_the_artefact(analyser: Analyser) -> None:
    assert analyser.version == artifact.load(TIERS["fast"]).version
    assert re.fullmatch(r"\S+-\S+\+[0-9a-f]{8}", analyser.version)


@pytest.mark.parametrize("threshold", [0.0001, 0.5, 0.9999])
def test_thresholds_decide_on_the_same_numbers(analyser: Analyser, tmp_path: Path, threshold: float) -> None:
    asked = messages(*TEXTS)
    other = model_with(tmp_path, {}, abuse=threshold)
    for before, after in zip(analyser.analyse(asked), other.analyse(asked), strict=True):
        assert numbers(before) == numbers(after)
        assert after.abuse.probability is not None
        assert after.abuse.flagged is (after.abuse.probability >= threshold)


def test_pains_of_a_question_are_needs(tmp_path: Path) -> None:
    calm = {group: dict.fromkeys(artifact.labels()[group], -60.0) for group in ("intent", "risk")}
    asking = model_with(tmp_path, {"primary": {"question": 60.0}} | calm, pain_prior=7.0)
    answer = analyse(asking, "请问哪里可以买到这款手机？")
    assert answer.intent is not None
    assert answer.intent.labels == ("question",)
    assert answer.pain
    assert {pain.category for pain in answer.pain} == {"need"}


def test_pains_go_by_a_known_target_or_by_their_own_words(loud: Analyser) -> None:
    pains = [pain for answer in loud.analyse(messages(*TEXTS)) for pain in answer.pain]
    categories = {target.name: target.category for target in TARGETS}
    assert pains
    for pain in pains:
        assert pain.target == pain.span.text or pain.target in categories
        known = categories.get(pain.target, "other")
        # What the target does not say, the likeliest risk category of the message does.
        assert pain.category == (known if known != "other" else "food_safety")


def test_chat_without_any_risk_has_no_pains(tmp_path: Path) -> None:
    quiet = {"primary": {"chat": 60.0}, "risk": {">=1": -60.0, ">=2": -60.0, ">=3": -60.0}}
    for answer in model_with(tmp_path, quiet, pain_prior=4.0).analyse(messages(*TEXTS)):
        assert answer.pain == ()


BEFORE = "这家店的快递三天了还没到，客服也不回，太差了"


def words(n: int) -> str:
    """A text of `n` units."""
    text = "这个东西我上个月也买过确实和你说的一样呀"[:n]
    assert len(normalise(text)) == n
    return text


@pytest.mark.parametrize("n_units", [1, 3, CONTEXT_REACH - 1])
def test_what_was_said_before_changes_the_answer_to_a_short_message(analyser: Analyser, n_units: int) -> None:
    text = words(n_units)
    assert numbers(analyse(analyser, text, BEFORE)) != numbers(analyse(analyser, text))


@pytest.mark.parametrize("n_units", [CONTEXT_REACH, CONTEXT_REACH + 1])
def test_a_longer_message_is_understood_without_it(analyser: Analyser, n_units: int) -> None:
    text = words(n_units)
    assert analyse(analyser, text, BEFORE) == analyse(analyser, text)


def test_a_message_of_repeats_and_invisible_characters_is_a_short_one(analyser: Analyser) -> None:
    text = "哦" * 40 + "\u200b" * 40
    assert numbers(analyse(analyser, text, BEFORE)) != numbers(analyse(analyser, text))


@pytest.mark.parametrize("context", [("",), ("\u200b",), ("  ", "\n")])
def test_a_context_that_says_nothing_changes_nothing(analyser: Analyser, context: tuple[str, ...]) -> None:
    for text in ("我也是", "", words(12)):
        with_it, without = analyse(analyser, text, *context), analyse(analyser, text)
        assert numbers(with_it) == pytest.approx(numbers(without), abs=SAME)
        assert with_it.intent is not None
        assert without.intent is not None
        assert with_it.intent.labels == without.intent.labels


def test_only_the_last_thing_said_counts(analyser: Analyser) -> None:
    assert analyse(analyser, "我也是", "早上好呀", BEFORE) == analyse(analyser, "我也是", BEFORE)
    assert analyse(analyser, "我也是", BEFORE, "早上好呀") != analyse(analyser, "我也是", BEFORE)


@pytest.mark.parametrize("text", ["我也是", "嗯", ""])
def test_a_context_draws_the_answer_at_most_half_way_to_that_to_both_together(analyser: Analyser, text: str) -> None:
    alone, together = analyser.probabilities([text, f"{BEFORE} {text}"])[:, COLUMNS["intent"]].astype(float)
    half_way = 1 / (1 + np.sqrt((1 - alone) / alone * (1 - together) / together))  # in log-odds
    moved = analyse(analyser, text, BEFORE).intent
    assert moved is not None
    for i, name in enumerate(INTENTS):
        low, high = sorted((alone[i], half_way[i]))
        assert low - SAME <= moved.probabilities[name] <= high + SAME


def test_the_context_of_one_message_is_not_that_of_another(analyser: Analyser) -> None:
    asked = [Message("a", "我也是", (BEFORE,)), Message("b", "我也是"), Message("c", "好吃", (BEFORE,))]
    for message, answer in zip(asked, analyser.analyse(asked), strict=True):
        assert numbers(answer) == pytest.approx(numbers(analyse(analyser, message.text, *message.context)), abs=SAME)


def test_evidence_never_points_at_what_only_the_context_says(either: Analyser) -> None:
    for text in ("我也是", "好的", "ＶＸ"):
        alone, answer = analyse(either, text), analyse(either, text, BEFORE)
        assert {one.label for one in answer.evidence} <= {one.label for one in alone.evidence}
        assert_valid(Message(None, text), answer)


def test_vectors_have_unit_length_but_for_nothing(analyser: Analyser) -> None:
    texts = [*TEXTS, "\ud800", "好" * 4000]
    vectors = analyser.vectors(texts)
    assert vectors.dtype == np.float32
    expected = [1.0 if len(normalise(text)) else 0.0 for text in texts]
    assert 0.0 in expected
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), expected, atol=1e-5)


def test_the_first_columns_of_vectors_are_vectors_too(analyser: Analyser) -> None:
    first = analyser.vectors(TEXTS)[:, :32]
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-9)
    np.testing.assert_allclose(analyser.vectors(TEXTS, columns=32), first, atol=1e-5)
    assert analyser.vectors([], columns=32).shape == (0, 32)


def test_vectors_come_in_the_order_of_the_texts(analyser: Analyser) -> None:
    vectors = analyser.vectors(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(analyser.vectors([text])[0], vector, atol=1e-5)
    np.testing.assert_allclose(analyser.vectors(TEXTS[::-1])[::-1], vectors, atol=1e-5)


def test_no_texts_have_no_vectors(analyser: Analyser) -> None:
    assert len(analyser.vectors([])) == 0


def test_two_writings_of_the_same_words_have_one_vector(analyser: Analyser) -> None:
    one, other = analyser.vectors(["加ＶＸ退貨！！！！！！", "加vx退货!!!"])
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_probabilities_are_those_of_the_answers(analyser: Analyser) -> None:
    table = analyser.probabilities(TEXTS)
    assert table.shape == (len(TEXTS), N_OUTPUTS)
    assert ((table >= 0) & (table <= 1)).all()
    for row, answer in zip(table, analyser.analyse(messages(*TEXTS)), strict=True):
        assert numbers(answer)[: len(INTENTS)] == pytest.approx(row[COLUMNS["intent"]].tolist(), abs=1e-5)


def test_no_texts_have_no_probabilities_and_no_logits(analyser: Analyser) -> None:
    assert analyser.probabilities([]).shape == (0, N_OUTPUTS)
    assert [part.shape for part in analyser.logits([])] == [(0, N_OUTPUTS)] * 2


class FailingEncoder(OnnxEncoder):
    """The encoder with heads that give no numbers."""

    failed: Sequence[str] = ()

    def encode(self, batch: Batch) -> Iterator[Encoded]:
        for run in super().encode(batch):
            for head in self.failed:
                run.logits[:, COLUMNS[head]] = np.nan
            yield run


def model_without(*heads: str) -> Analyser:
    loaded = artifact.load(TIERS["fast"])
    encoder = FailingEncoder(loaded.content("encoder.onnx"), Lookup(**loaded.arrays("vocabulary.npz")))
    encoder.failed = heads
    stored = loaded.arrays("heads.npz")
    return Analyser(
        loaded.version,
        encoder,
        stored["weight"],
        LinearPart(**loaded.arrays("linear.npz")),
        Calibration(stored["encoder"], stored["linear"], stored["bias"]),
        PainFinder(stored["target_weight"], stored["target_bias"], prior=0.0, least=1.0, begin=0.5, sure=0.5),
        Thresholds(**loaded.manifest["thresholds"]),
    )


@pytest.mark.parametrize(
    ("heads", "failed"),
    [
        (["primary"], {"intent"}),
        (["intent"], {"intent"}),
        (["sentiment"], {"sentiment"}),
        (["risk"], {"risk"}),
        (["abuse"], {"abuse"}),
        (["primary", "intent", "sentiment", "risk", "category", "abuse"], {"intent", "sentiment", "risk", "abuse"}),
    ],
)
def test_a_head_without_numbers_has_no_opinion_and_the_others_do(heads: list[str], failed: set[str]) -> None:
    for answer in model_without(*heads).analyse([*messages(*TEXTS), Message("c", "我也是", (BEFORE,))]):
        opinions = {
            "intent": answer.intent,
            "sentiment": answer.sentiment,
            "risk": answer.risk.probability,
            "abuse": answer.abuse.probability,
        }
        assert {name for name, opinion in opinions.items() if opinion is None} == failed
        assert not {evidence.label.split(".")[0] for evidence in answer.evidence} & failed
