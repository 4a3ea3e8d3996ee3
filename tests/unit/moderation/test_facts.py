from __future__ import annotations

from typing import Any

import pytest

from nlp_service.moderation.facts import NOTHING_KNOWN, gather
from nlp_service.store.incoming import Known
from nlp_service.text.normalise import normalise
from tests.unit.moderation.made import NOON, Word, message


def test_a_message_tells_who_when_and_where() -> None:
    facts = gather(message("看 t.cn/a", author="u7", platform="qq", meta={"role": " Admin "}))
    assert (facts.platform, facts.author, facts.role, facts.at) == ("qq", "u7", "admin", NOON)
    assert [link.host for link in facts.links] == ["t.cn"]
    assert facts.known == Known()


def test_links_are_looked_for_in_the_text_as_it_was_sent() -> None:
    facts = gather(message("看 **.cn/a"), text="看 t.cn/a")
    assert [link.host for link in facts.links] == ["t.cn"]


def test_topics_are_looked_for_in_the_normalised_text_where_it_is_there() -> None:
    text = "穩賺不賠的投資"
    assert gather(message(text)).topics == ()
    assert gather(message(text), normalised=normalise(text).normalised).topics == ("financial",)


def test_words_are_taken_as_they_are() -> None:
    hits = [Word("deny", "a")]
    assert gather(message(), hits).hits is hits


@pytest.mark.parametrize(
    ("meta", "has_qr", "n_images", "n_views", "n_likes"),
    [
        ({}, False, 0, 0, 0),
        ({"qr": True, "images": 3, "views": 1200, "likes": 7}, True, 3, 1200, 7),
        ({"qr": 1, "images": ["a.jpg", "b.jpg"], "views": 12.9}, True, 2, 12, 0),
        ({"qr": ["https://example.com"]}, True, 0, 0, 0),
        ({"qr": False, "images": True, "views": "many", "likes": None}, False, 0, 0, 0),
        ({"qr": "no", "images": -3, "views": float("inf"), "likes": float("nan")}, False, 0, 0, 0),
        ({"qr": 0, "images": {}, "views": 10**400}, False, 0, 10**400, 0),
    ],
)
def test_fields_of_the_caller_count_for_what_they_are(
    meta: dict[str, Any], has_qr: bool, n_images: int, n_views: int, n_likes: int
) -> None:
    facts = gather(message(meta=meta))
    assert (facts.has_qr, facts.n_images, facts.n_views, facts.n_likes) == (has_qr, n_images, n_views, n_likes)


@pytest.mark.parametrize("role", [None, 3, ["owner"], {}])
def test_a_role_that_is_no_text_is_none(role: object) -> None:
    assert gather(message(meta={"role": role})).role == ""


def test_nothing_is_known_by_default() -> None:
    assert NOTHING_KNOWN._replace(known=Known(n_earlier=3)).known.n_earlier == 3
    assert (NOTHING_KNOWN.author, NOTHING_KNOWN.links, NOTHING_KNOWN.at) == ("", (), None)
