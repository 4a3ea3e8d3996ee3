from __future__ import annotations

from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.evaluation import Ranking, evaluate
from nlp_service.knowledge.probes import Query
from nlp_service.knowledge.search.index import Index
from nlp_service.knowledge.ways import WAYS, compare_ways
from tests.unit.knowledge.small_shop import SHOP, shipped

FIRST = Ranking(1.0, 1.0, 1.0, 1.0)
NOT_FOUND = Ranking(0.0, 0.0, 0.0, 0.0)


def test_every_way_finds_a_wording_as_it_stands() -> None:
    queries = [Query(entry.id, entry.questions[0], entry.id) for entry in SHOP]
    assert compare_ways(Index(SHOP, shipped()), queries) == dict.fromkeys(WAYS, FIRST)


def test_what_only_an_answer_says_is_found_by_whole_entries() -> None:
    found = compare_ways(Index(SHOP, shipped()), [Query("a", "地库", "parking")])
    assert found["bm25_entries"] == found["bm25"] == FIRST
    assert found["bm25_wordings"] == NOT_FOUND


def test_what_holds_no_word_is_found_by_no_way() -> None:
    assert compare_ways(Index(SHOP, shipped()), [Query("a", "🎉🎉", "refund")]) == dict.fromkeys(WAYS, NOT_FOUND)


def test_fusion_prefers_what_both_ways_find() -> None:
    # Terms alone point to the powder, and word vectors to the powder and others: both agree on it.
    found = compare_ways(Index(SHOP, shipped()), [Query("a", "奶粉开罐", "powder")])
    assert found["fused"] == FIRST


def test_the_last_way_is_the_search_that_answers() -> None:
    index = Index(SHOP, shipped())
    queries = [
        Query("a", "钱啥时候能退", "refund"),
        Query("b", "停车场", "parking"),
        Query("c", "货到哪了", "delivery"),
    ]
    figures = evaluate(index, index.model.thresholds, queries)
    reranked = compare_ways(index, queries)["reranked"]
    assert [getattr(reranked, name) for name in Ranking.__struct_fields__] == [
        getattr(figures, name) for name in Ranking.__struct_fields__
    ]


def test_queries_that_nothing_answers_are_left_out() -> None:
    index = Index(SHOP, shipped())
    with_one = [Query("a", "怎么退款", "refund"), Query("b", "怎么退款", None)]
    assert compare_ways(index, with_one) == compare_ways(index, with_one[:1])
    assert compare_ways(index, with_one[1:])["bm25"] == Ranking(None, None, None, None)


def test_without_queries_the_wordings_of_the_base_are_asked_without_themselves() -> None:
    apart = [make_entry("a", ["甲乙丙", "丁戊己"], "庚辛壬"), make_entry("b", ["子丑寅", "卯辰巳"], "午未申")]
    alike = [make_entry("a", ["甲乙丙", "甲乙丁"], "庚辛壬"), make_entry("b", ["子丑寅", "子丑卯"], "午未申")]
    assert compare_ways(Index(apart, shipped()))["bm25"] == NOT_FOUND
    assert compare_ways(Index(alike, shipped()))["bm25"] == FIRST
