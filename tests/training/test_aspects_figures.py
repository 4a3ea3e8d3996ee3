from __future__ import annotations

from pathlib import Path

import pytest

from training.aspects_data import Sentence
from training.aspects_figures import Said, pair_f1, say_of, score, show, textrank, tf_idf

TEXT = "茶很香，面太咸"
TRUTH = Sentence(TEXT, 0, ((0, 1), (4, 5)), ((1, 3, 2), (5, 7, 0)), frozenset({(0, 0), (1, 1)}))
RIGHT = Said([(0, 1), (4, 5)], [(1, 3), (5, 7)], [((0, 1), (1, 3)), ((4, 5), (5, 7))], {(1, 3): 2, (5, 7): 0})


def test_what_is_all_right_scores_one() -> None:
    assert set(score([TRUTH], [RIGHT]).values()) == {1.0}


def test_what_is_not_said_scores_nothing() -> None:
    assert set(score([TRUTH], [Said([], [], [], {})]).values()) == {0.0}


def test_half_a_span_is_right_with_an_overlap_only() -> None:
    said = RIGHT._replace(opinions=[(2, 3), (6, 7)])
    figures = score([TRUTH], [said])
    assert figures["opinions, exact"] == 0.0
    assert figures["opinions, overlap"] == 1.0  # one of two characters is just enough


def test_a_pair_is_right_when_both_spans_are() -> None:
    crossed = RIGHT._replace(pairs=[((0, 1), (5, 7)), ((4, 5), (5, 7))])
    assert score([TRUTH], [crossed])["pairs, exact"] == 0.5


def test_a_pair_matches_once() -> None:
    twice = RIGHT._replace(pairs=[RIGHT.pairs[0], RIGHT.pairs[0]])
    assert pair_f1([RIGHT], [twice], 1.0) == 0.5


def test_the_better_of_two_pairs_is_matched() -> None:
    true = Said([], [], [((0, 2), (4, 6)), ((0, 1), (4, 6))], {})
    guess = Said([], [], [((0, 1), (4, 6)), ((0, 2), (4, 6))], {})
    assert pair_f1([true], [guess], 0.5) == 1.0


def test_a_wrong_polarity_spoils_only_what_asks_for_it() -> None:
    said = RIGHT._replace(polarity={(1, 3): 0, (5, 7): 0})
    figures = score([TRUTH], [said])
    assert figures["pairs, exact"] == 1.0
    assert figures["pairs with polarity, exact"] == 0.5


def test_tf_idf_puts_the_rare_word_first() -> None:
    extract = tf_idf(["服务很好", "服务不错", "服务周到", "茶叶很好"])
    assert extract(["服务和茶叶"])[0][0] == "茶叶"


def test_textrank_puts_the_linked_word_first() -> None:
    assert textrank(["价格便宜 价格公道 价格实在"])[0][0] == "价格"


@pytest.mark.parametrize("extract", [tf_idf(["茶叶"]), textrank])
def test_nothing_has_no_keywords(extract: object) -> None:
    assert extract(["", "！？"]) == [[], []]  # type: ignore[operator]


def test_the_shipped_tagger_keeps_its_figures(repository: Path, shared_data: Path) -> None:
    from nlp_service.inference.aspecttagger import AspectTagger
    from training import aspects_data

    dev = aspects_data.zhang(shared_data / "public" / "zhang_aste" / "dev.jsonl.gz")[:400]
    figures = score(dev, say_of(AspectTagger.load(repository / "models" / "aspects"), dev))
    assert figures["aspects, overlap"] > 0.66
    assert figures["opinions, overlap"] > 0.61
    assert figures["pairs, overlap"] > 0.46


def test_the_data_must_be_there(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        show(repository / "models" / "aspects", tmp_path)
