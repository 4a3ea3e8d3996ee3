"""Cross-encoders: small ones with random weights, beside what transformers itself computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig, BertForSequenceClassification

from nlp_service.errors import ArtifactError
from nlp_service.inference.hub.crossing import CrossEncoder
from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.search.features import read
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.search.searching import search
from nlp_service.wiring import build_search_model
from tests.unit.inference.hub.made_up import SMALL, WORDS, bert

PASSAGES = ["快递一周没到", "水壶台灯坏了", "客服不好退款" * 20]


def cross_encoder(folder: Path, *, outputs: int = 1, seed: int = 3) -> Path:
    bert(folder)  # for its tokenizer
    torch.manual_seed(seed)
    config = BertConfig(
        **SMALL, vocab_size=len(WORDS), max_position_embeddings=32, num_labels=outputs, initializer_range=0.5
    )
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_are_those_of_transformers(tmp_path: Path, outputs: int) -> None:
    folder = cross_encoder(tmp_path / "cross", outputs=outputs)
    found = CrossEncoder(str(folder)).scores("快递怎么没到", PASSAGES)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    for score, passage in zip(found, PASSAGES, strict=True):
        pair = tokenizer("快递怎么没到", passage, truncation="longest_first", max_length=32, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**pair).logits[0].numpy()
        assert score == pytest.approx(logits[0] if outputs == 1 else logits[1] - logits[0], abs=1e-4)


def test_no_passages_have_no_scores(tmp_path: Path) -> None:
    assert CrossEncoder(str(cross_encoder(tmp_path / "c"))).scores("快递", []).shape == (0,)


def test_three_outputs_are_no_cross_encoder(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="3 outputs"):
        CrossEncoder(str(cross_encoder(tmp_path / "c", outputs=3)))


def test_an_encoder_without_a_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is it a cross-encoder"):
        CrossEncoder(str(bert(tmp_path / "plain")))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such folder"):
        CrossEncoder(str(tmp_path / "nothing"))


def test_it_orders_what_a_search_finds(tmp_path: Path) -> None:
    folder = cross_encoder(tmp_path / "cross")
    plain, model = build_search_model(), build_search_model(reranker=str(folder))
    assert model.version.startswith(f"{plain.version}+cross-")
    entries = [make_entry(str(i), [text[:20]], text) for i, text in enumerate([*PASSAGES, "请问要等才能发货吗"])]
    index = Index(entries, model)
    (question,) = read(model, ["请问快递怎么还没到"], index.synonyms)
    found = search(index, question, {"question": 0.9})
    said = [f"{entry.questions[0]} {entry.answer}" for entry in entries]
    wanted = CrossEncoder(str(folder)).scores(question.text, said)
    places = [hit.entry for hit in found.hits]
    assert places == sorted(places, key=lambda place: -wanted[place])
    np.testing.assert_allclose([hit.score for hit in found.hits], wanted[places], atol=1e-4)
    chances = [hit.probability for hit in found.hits]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1.0
