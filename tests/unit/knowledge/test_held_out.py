from __future__ import annotations

from nlp_service.knowledge.entries import make_entry
from nlp_service.knowledge.held_out import MAX_ROUNDS, count_single, hold_out
from nlp_service.knowledge.probes import of_wordings
from nlp_service.knowledge.search.index import Index
from tests.unit.knowledge.small_shop import SHOP, shipped

ODD = make_entry("odd", ["怎么退卡", "呜哩哇啦噗噗"], "七天内退到原来的账户。")
"""The second wording shares no character with anything."""


def asked(index: Index, most: int = 600) -> list[tuple[str, str]]:
    """Ids of entries with the wordings that are asked of them, in the order of asking."""
    return [
        (index.entries[place].id, index.entries[place].questions[number])
        for held in hold_out(index, most)
        for place, number in zip(held.entry, held.number, strict=True)
    ]


def test_every_wording_is_asked_once_but_those_that_are_alone() -> None:
    index = Index(SHOP, shipped())
    expected = [(entry.id, text) for entry in SHOP for text in entry.questions if len(entry.questions) > 1]
    assert sorted(asked(index)) == sorted(expected)
    assert count_single(index) == 2


def test_an_index_lacks_the_wordings_that_are_asked_of_it_and_keeps_all_others() -> None:
    index = Index(SHOP, shipped())
    for held in hold_out(index):
        assert len(set(held.entry)) == len(held.entry)
        lacking = dict(zip(held.entry, held.number, strict=True))
        for place, entry in enumerate(index.entries):
            texts = [text for number, text in enumerate(entry.questions) if number != lacking.get(place)]
            assert list(held.rest.entries[place].questions) == texts


def test_nothing_of_a_wording_is_left_where_it_is_asked() -> None:
    index = Index([*SHOP, ODD], shipped())
    rows = [(rest, probe) for rest, probes in of_wordings(index) for probe in probes if probe.id == "odd#1"]
    assert [probe.right for _, probe in rows] == [len(SHOP), None]
    for rest, probe in rows:
        assert not rest.answers.postings.scores(probe.question.terms)[0].any()
        assert not rest.wordings.postings.scores(probe.question.terms)[0].any()


def test_no_more_are_asked_than_wanted() -> None:
    index = Index(SHOP, shipped())
    assert len(asked(index, 5)) == 5
    assert set(asked(index, 5)) < set(asked(index))
    assert asked(index, 0) == []


def test_of_one_entry_only_some_wordings_are_asked() -> None:
    many = make_entry("many", [f"第{number}种问法" for number in range(20)], "回答")
    assert len(asked(Index([many], shipped()))) == MAX_ROUNDS


def test_another_entry_changes_the_draw_by_itself_alone() -> None:
    before, after = (set(asked(Index(entries, shipped()), 4)) for entries in (SHOP, [ODD, *SHOP]))
    new = {pair for pair in after if pair[0] == "odd"}
    assert len(before - after) == len(new)
    assert after - before == new


def test_a_base_without_entries_asks_nothing() -> None:
    index = Index([], shipped())
    assert asked(index) == []
    assert count_single(index) == 0
