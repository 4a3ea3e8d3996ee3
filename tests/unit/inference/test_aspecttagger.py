"""The shipped tagger, as it is served."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nlp_service.errors import ArtifactError
from nlp_service.inference.aspecttagger import FILES, AspectTagger, mark_kinds
from nlp_service.text.normalise import normalise_batch


@pytest.fixture(scope="module")
def folder(repository: Path) -> Path:
    return repository / "models" / "aspects"


@pytest.fixture(scope="module")
def tagger(folder: Path) -> AspectTagger:
    return AspectTagger.load(folder)


def said(tagger: AspectTagger, text: str) -> set[tuple[str, str, int]]:
    """Words of each pair, and 1 or -1 for its polarity."""
    tagged = tagger.tag([text])
    found = set()
    for aspect, opinion in tagged.pairs.tolist():
        (_, a, b), (_, c, d) = tagged.aspects[aspect].tolist(), tagged.opinions[opinion].tolist()
        chances = tagged.chances[opinion]
        found.add((text[a:b], text[c:d], 1 if chances[2] > chances[0] else -1))
    return found


def test_what_is_said_of_two_things_is_kept_apart(tagger: AspectTagger) -> None:
    found = said(tagger, "味道很好，服务太差了。")
    assert {(aspect, side) for aspect, _, side in found} == {("味道", 1), ("服务", -1)}


def test_one_opinion_of_two_things_is_paired_with_both(tagger: AspectTagger) -> None:
    assert {row[0] for row in said(tagger, "环境和服务都很不错")} == {"环境", "服务"}


def test_a_negation_is_read(tagger: AspectTagger) -> None:
    assert said(tagger, "味道不好吃") == {("味道", "不好吃", -1)}


def test_places_are_those_of_the_text_as_it_was_sent(tagger: AspectTagger) -> None:
    assert ("服務", "太差了", -1) in said(tagger, "😀\u200b  服務太差了！！！！！！")


@pytest.mark.parametrize("text", ["好的，明天见", "请问几点开门？", "在吗"])
def test_small_talk_says_nothing(tagger: AspectTagger, text: str) -> None:
    assert not len(tagger.tag([text]).pairs)


def test_nothing_gives_nothing(tagger: AspectTagger) -> None:
    for texts in ([], [""], ["", "\u200b"]):
        tagged = tagger.tag(texts)
        assert [part.shape for part in tagged] == [(0, 3), (0, 3), (0, 3), (0, 2)]


def test_messages_without_units_keep_their_numbers(tagger: AspectTagger) -> None:
    tagged = tagger.tag(["", "味道很好", "", "服务太差了"])
    assert tagged.opinions[:, 0].tolist() == [1, 3]


def test_a_batch_that_is_normalised_already_is_taken(tagger: AspectTagger) -> None:
    texts = ["味道很好", "服务太差了"]
    given, own = tagger.tag(texts, batch=normalise_batch(texts)), tagger.tag(texts)
    assert all(np.array_equal(a, b) for a, b in zip(given, own, strict=True))


def test_a_very_long_message_is_read(tagger: AspectTagger) -> None:
    tagged = tagger.tag(["味道很好，" * 800])
    assert len(tagged.opinions) > 700


def test_a_tagger_fits_in_what_it_may_take(folder: Path) -> None:
    assert sum((folder / name).stat().st_size for name in FILES) < 15e6


def test_marks_are_told_apart() -> None:
    assert mark_kinds(normalise_batch(["好,。！ a"]).units).tolist() == [0, 1, 2, 2, 1, 0]


def test_a_manifest_of_another_format_is_refused(folder: Path, tmp_path: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"format": 0}), "utf-8")
    with pytest.raises(ArtifactError, match=r"manifest\.json: its format"):
        AspectTagger.load(tmp_path)


def test_a_graph_of_something_else_is_refused(folder: Path, tmp_path: Path, repository: Path) -> None:
    from nlp_service.inference.artifact import write_parts

    for name in FILES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / FILES[0]).write_bytes((repository / "models" / "fast" / "encoder.onnx").read_bytes())
    write_parts(tmp_path, FILES, json.loads((folder / "manifest.json").read_text("utf-8")))
    with pytest.raises(ArtifactError, match=r"tagger\.onnx: not the graph of a tagger"):
        AspectTagger.load(tmp_path)
