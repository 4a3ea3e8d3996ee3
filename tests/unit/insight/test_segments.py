import random
import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_service.insight.contrasts import SegmentBounds
from nlp_service.insight.counting import Ledger
from nlp_service.insight.facts import FACTS
from nlp_service.insight.fields import Meta, find_fields
from nlp_service.insight.results import Segment
from nlp_service.insight.segments import find_segments
from nlp_service.insight.statistics import share_p
from tests.unit.insight.stated import message, table

ALL = SegmentBounds(1, 1, 1, 1.0, 0.0, -1.0, -1.0, 1.0)
"""Nothing is too small to be told."""


def rows_with(*groups: tuple[int, dict[str, str]], **more: Any) -> list[dict[str, Any]]:
    """So many messages of each group, in the order of time, each by somebody else."""
    metas = [meta for size, meta in groups for _ in range(size)]
    return [message(place / 60, **{"author": f"u{place}", "meta": meta, **more}) for place, meta in enumerate(metas)]


def names(found: list[tuple[str, Segment]]) -> list[tuple[str, str, str]]:
    return [(item, segment.field, segment.value) for item, segment in found]


RAINY = rows_with((100, {"weather": "rain"}), (300, {"weather": "clear"}))
WET = [*range(40), *range(100, 110)]  # 40 of 100 in the rain, 10 of 300 elsewhere


def test_what_is_said_in_the_rain_is_found_among_all_fields() -> None:
    rows = [{**row, "meta": {**row["meta"], "shop": f"s{place % 5}"}} for place, row in enumerate(RAINY)]
    found = find_segments(table(rows), {"late": WET, "calm": range(0, 400, 2)})
    assert names(found) == [("late", "meta.weather", "rain")]
    segment = found[0][1]
    assert (segment.messages, segment.total, segment.share_in) == (40, 100, 0.4)
    assert segment.share_out == pytest.approx(1 / 30)
    assert segment.ratio == pytest.approx(12)
    assert segment.effect == pytest.approx(1.0022, abs=1e-4)  # 2 asin sqrt .4 = 1.3694, 2 asin sqrt 1/30 = .3672
    assert segment.p_value == pytest.approx(float(share_p(40, 100, 10, 300)))
    assert segment.p_value < segment.q_value < 1e-15


def test_what_is_missing_somewhere_is_found_too() -> None:
    rows = rows_with(*((60, {"site": site}) for site in "abcd"))
    found = find_segments(table(rows), {"late": [0, *(place for place in range(60, 240) if place % 2)]})
    assert names(found) == [("late", "meta.site", "a")]
    assert found[0][1].effect < 0


def test_one_who_shouts_is_no_segment() -> None:
    rows = [{**row, "author": "loud"} if place < 40 else row for place, row in enumerate(RAINY)]
    assert find_segments(table(rows), {"late": WET}) == []


def test_messages_of_few_weigh_less_than_messages_of_many() -> None:
    few = [{**row, "author": f"loud{place % 4}"} if place < 40 else row for place, row in enumerate(RAINY)]
    by_few, by_many = (find_segments(table(rows), {"late": WET}, ALL) for rows in (few, RAINY))
    p = [next(s.p_value for _, s in found if s.value == "rain") for found in (by_few, by_many)]
    assert p[0] > 1e6 * p[1]


def test_rooms_of_a_region_are_explained_by_it() -> None:
    rows = [
        {**row, "channel": f"room{place // 100}", "meta": {"region": "south" if place < 400 else "north"}}
        for place, row in enumerate(rows_with((800, {})))
    ]
    said = [place for place in range(800) if place % 100 < (20 if place < 400 else 1)]
    assert names(find_segments(table(rows), {"cut off": said})) == [("cut off", "meta.region", "south")]


def test_a_room_that_is_worse_than_its_region_is_told_as_well() -> None:
    rows = [
        {**row, "channel": f"room{place // 100}", "meta": {"region": "south" if place < 400 else "north"}}
        for place, row in enumerate(rows_with((800, {})))
    ]
    said = [place for place in range(800) if place % 100 < (60 if place < 100 else 6 if place < 400 else 1)]
    found = names(find_segments(table(rows), {"cut off": said}))
    assert found == [("cut off", "channel", "room0"), ("cut off", "meta.region", "south")]


def test_a_trifle_is_not_told_however_sure() -> None:
    rows = rows_with((2000, {"app": "old"}), (2000, {"app": "new"}))
    said = [*range(520), *range(2000, 2400)]
    assert float(share_p(520, 2000, 400, 2000)) < 1e-4  # 26 % against 20 %
    assert find_segments(table(rows), {"slow": said}) == []


def test_what_most_items_share_is_no_news_of_one() -> None:
    # Each item has sixteen messages in the rain and eight elsewhere: six times the share.
    same = {f"pain {i}": [*range(12 * i, 12 * i + 16), *range(100 + 8 * i, 108 + 8 * i)] for i in range(7)}
    assert find_segments(table(RAINY), same) == []
    assert names(find_segments(table(RAINY), {"pain 0": same["pain 0"]})) == [("pain 0", "meta.weather", "rain")]
    apart = {**same, "apart": [*range(90), 100, 101]}  # by its ratio twenty times as much as they
    assert names(find_segments(table(RAINY), apart)) == [("apart", "meta.weather", "rain")]


def test_chance_makes_few_segments() -> None:
    draw = random.Random(3)
    rows = [
        {**row, "meta": {field: draw.choice("abcdefgh") for field in ("one", "two", "three")}}
        for row in rows_with((1500, {}))
    ]
    items = {f"item {i}": draw.sample(range(1500), 60) for i in range(30)}
    assert len(find_segments(table(rows), items)) <= 1  # of 720 pairs, at a q of .01


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [message()],
        [message(meta=None), message(1, meta=None)],
        [message(place, author="ann", meta={"a": "b"}) for place in range(100)],  # one author, one value
        [message(0, channel=None, platform=None, author=None, says=None, meta=None) for _ in range(50)],
    ],
)
def test_tables_that_cannot_be_parted_have_no_segments(rows: list[dict[str, Any]]) -> None:
    for said in ([], range(len(rows)), range(min(1, len(rows)))):
        assert find_segments(table(rows), {"x": list(said)}) == []
    assert find_segments(table(rows), {}) == []


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_every_number_is_that_of_a_database(data: st.DataObject) -> None:
    metas = st.fixed_dictionaries({}, optional={"a": st.sampled_from("xyz"), "b": st.sampled_from("uv")})
    drawn = data.draw(st.lists(st.tuples(metas, st.sampled_from(["hall", "shop"]), st.booleans()), max_size=60))
    rows = [message(place, f"u{place % 7}", meta=meta, channel=room) for place, (meta, room, _) in enumerate(drawn)]
    base = sqlite3.connect(":memory:")
    base.execute("create table f (row integer, field text, value text, said integer)")
    for place, (meta, room, said) in enumerate(drawn):
        fields = {"channel": room, "platform": "qq", **{f"meta.{key}": value for key, value in meta.items()}}
        base.executemany("insert into f values (?, ?, ?, ?)", [(place, *pair, said) for pair in fields.items()])
    items = {"x": [place for place, (_, _, said) in enumerate(drawn) if said]}
    found = find_segments(table(rows), items, ALL)
    for _, segment in found:
        query = "select sum(said), count(*) from f where field = ? and value = ?"
        messages, total = base.execute(query, (segment.field, segment.value)).fetchone()
        assert (segment.messages, segment.total) == (messages, total)
        assert segment.share_in == messages / total
        assert segment.share_out == pytest.approx((len(items["x"]) - messages) / (len(drawn) - total))
        assert 0 <= segment.p_value <= segment.q_value <= 1
    base.close()
    assert find_segments(table(rows), items, ALL) == found


def test_fields_that_name_each_message_are_no_grouping() -> None:
    rows = [message(place, meta={"order": f"o{place}", "shop": "ab"[place % 2]}) for place in range(100)]
    assert [field.name for field in find_fields(Ledger(table(rows)), 20, 200)] == ["meta.shop"]
    assert find_fields(Ledger(table(rows)), 20, 1) == ()  # two values are more than one


def test_a_part_of_a_table_has_its_own_fields() -> None:
    rows = [message(place, meta=None if place % 3 else {"k": f"v{place}", "l": "w"}) for place in range(9)]
    for start, length in ((0, 9), (4, 5), (1, 2)):
        part = table(rows).slice(start, length)
        column = Meta(part).field("k")
        values = [column.names[code] if code >= 0 else None for code in column.codes.tolist()]
        assert values == [dict(meta or {}).get("k") for meta in part.column("meta").to_pylist()]
    assert Meta(FACTS.empty_table()).names == ()
