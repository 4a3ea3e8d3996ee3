from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nlp_service.crisis.incidents import BURST, Incident
from nlp_service.crisis.response.aftermath import came_back, read_review
from nlp_service.errors import BadInput

AT = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)


def incident(name: str, **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": name, "tenant": "t", "kind": BURST, "private": False, "category": "food_safety",
        "categories": {"food_safety": 1.0}, "severity": 3, "reach": 0.5, "gravity": 0.5, "speed": 0.5, "score": 9.0,
        "triggers": (), "platforms": ("wechat",), "channels": ("room-1",), "products": (), "regions": (),
        "people": 5, "n_messages": 5, "messages": (), "first_message_at": AT, "last_message_at": AT,
        "noticed_at": AT, "opened_at": AT, "updated_at": AT, "closed_at": None, "quotes": (), "curve": (),
        "outlook": (), "unusual": (), "steps": (),
    }  # fmt: skip
    return Incident(**(values | changes))


def ended(name: str, days: float, **changes: Any) -> Incident:
    return incident(name, closed_at=AT - timedelta(days=days), **changes)


def back(new: Incident, *earlier: Incident) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.incident_id, one.shared) for one in came_back(new, earlier)]


def test_the_same_in_the_same_place_came_back() -> None:
    assert back(incident("new"), ended("old", 3), ended("older", 20)) == [
        ("old", ("channel:room-1",)),
        ("older", ("channel:room-1",)),
    ]


@pytest.mark.parametrize(
    "other",
    [
        ended("x", 31),
        ended("x", -1),
        incident("x"),
        ended("x", 3, category="outage"),
        ended("x", 3, channels=("room-2",)),
        ended("x", 3, private=True),
        ended("new", 3),
    ],
)
def test_what_is_another_problem(other: Incident) -> None:
    assert back(incident("new"), other) == []


def test_another_product_is_another_problem_even_in_the_same_channel() -> None:
    new = incident("new", products=(("奶粉", 9), ("咖啡", 1)))
    assert back(new, ended("a", 3, products=(("咖啡", 9),))) == []
    assert back(new, ended("a", 3, products=(("奶粉", 4),), channels=("room-2",))) == [("a", ("product:奶粉",))]
    assert back(new, ended("a", 3)) == [("a", ("channel:room-1",))]


def test_a_review_is_five_whys_at_most() -> None:
    assert read_review({"whys": ["一", "二"], "summary": "…"}).whys == ("一", "二")
    for document in ({"whys": ["x"] * 6}, {"who": "me"}, {"summary": "长" * 2_001}, []):
        with pytest.raises(BadInput):
            read_review(document)
