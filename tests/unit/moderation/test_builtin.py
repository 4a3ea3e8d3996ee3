from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nlp_service.moderation.builtin import ALLOW, DENY, WATCH, everyday, unwanted
from nlp_service.moderation.lexicon import Kind, Matcher
from nlp_service.text.normalise import normalise_batch
from nlp_service.types import UNSAFE


def test_the_lists_that_ship_are_of_known_categories_and_have_each_word_once() -> None:
    kinds: dict[Kind, set[str]] = {"deny": set(), "watch": set(), "allow": set()}
    for entry in unwanted():
        assert entry.category in UNSAFE
        assert entry.word not in kinds[entry.kind]
        kinds[entry.kind].add(entry.word)
    assert not kinds["deny"] & kinds["watch"]
    assert {entry.list_name for entry in everyday()} == {ALLOW}
    assert len({entry.word for entry in everyday()}) == len(everyday()) > 1_000


def test_lists_are_named_after_their_kind() -> None:
    assert {(entry.list_name, entry.kind) for entry in unwanted() if entry.kind != "allow"} == {
        (DENY, "deny"),
        (WATCH, "watch"),
    }


@pytest.mark.parametrize(("text", "found"), [("看公众号", []), ("看公*众*号", ["公众号"]), ("百家乐", ["百家乐"])])
def test_ordinary_words_of_the_lists_are_found_in_disguise_only(text: str, found: list[str]) -> None:
    (hits,) = Matcher.build(unwanted()).find([text], normalise_batch([text]), datetime(2026, 11, 22, tzinfo=UTC))
    assert [hit.word for hit in hits] == found


def test_everyday_phrases_are_longer_than_the_usual_denied_words() -> None:
    assert min(len(entry.word) for entry in everyday()) >= 2
