import msgspec
import pyarrow as pa
import pytest

from nlp_service.insight.pains import PainOptions, mine_pains
from tests.unit.insight.pains.community import PROBLEMS, WEEK, embed, weeks
from tests.unit.insight.stated import message, table

NOTHING = table([])


@pytest.fixture(scope="module")
def risen():
    """The gates break this week; the lifts are as they were."""
    return weeks({"门禁": (120, 20), "电梯": (30, 30)})


def test_a_problem_said_in_four_ways_is_one_pain_point_with_all_its_messages(risen):
    now, before = risen
    point = mine_pains(now, before, embed)[0]
    texts = dict(zip(now["id"].to_pylist(), now["text"].to_pylist(), strict=True))
    planted = {name for name, text in texts.items() if any(way in text for way in PROBLEMS["门禁"])}
    assert {key.id for key in point.keys} == planted
    assert (point.messages, point.change.before, point.change.rise) == (120, 20, 5.0)


def test_what_rises_comes_before_what_is_as_it_was(risen):
    points = mine_pains(*risen, embed)
    lifts = [rank for rank, point in enumerate(points) if any("电梯" in quote.text for quote in point.quotes)]
    assert "门禁" in points[0].name
    assert lifts
    assert min(lifts) > 0


def test_figures_agree_with_the_messages_behind_them(risen):
    now, before = risen
    authors = dict(zip(now["id"].to_pylist(), now["author"].to_pylist(), strict=True))
    for point in mine_pains(now, before, embed):
        assert point.messages == len(point.keys) == len(set(point.keys)) == point.change.now
        assert point.people == len({authors[key.id] for key in point.keys})
        assert point.share == point.messages / len(now)
        assert sum(bucket.messages for bucket in point.trend) == point.messages
        assert {quote.key for quote in point.quotes} <= set(point.keys)


def test_no_message_is_of_two_pain_points_and_no_two_have_one_id(risen):
    points = mine_pains(*risen, embed)
    keys = [key for point in points for key in point.keys]
    assert len(keys) == len(set(keys))
    assert len({point.id for point in points}) == len(points)


def test_a_rerun_gives_the_same_bytes(risen):
    first, second = (msgspec.json.encode(mine_pains(*risen, embed)) for _ in range(2))
    assert first == second


def test_chatter_is_no_pain():
    assert mine_pains(*weeks({}), embed) == ()


def test_a_harmless_reading_of_one_wording_does_not_lose_it():
    """The model takes one way of saying it for chat; it rises with the others, at the same times and places."""
    now, before = weeks({"门禁": (160, 16)})
    labels = [
        16 if "报警" in text else bits
        for text, bits in zip(*(now[c].to_pylist() for c in ("text", "labels")), strict=True)
    ]
    now = now.set_column(now.column_names.index("labels"), now.schema.field("labels"), pa.array(labels, pa.int32()))
    assert mine_pains(now, before, embed)[0].messages == 160


def test_without_a_period_before_nothing_rises():
    now, _ = weeks({"门禁": (120, 20)})
    point = mine_pains(now, NOTHING, embed)[0]
    assert (point.messages, point.change.known, point.change.rise) == (120, False, None)


def test_no_messages_have_no_pains():
    assert mine_pains(NOTHING, NOTHING, embed) == ()
    assert mine_pains(NOTHING, weeks({"门禁": (40, 40)})[1], embed) == ()


def test_one_message_is_one_persons_trouble():
    alone = table([message(WEEK, says="complaint", text="水管漏了三天没人修")])
    assert mine_pains(alone, NOTHING, embed) == ()
    assert mine_pains(alone, NOTHING, embed, PainOptions(least_people=1))[0].people == 1


def test_all_of_one_author_is_one_person():
    rows = [message(WEEK + i / 60, "ann", "complaint", text=f"{way}啊") for i, way in enumerate(PROBLEMS["电梯"] * 50)]
    assert mine_pains(table(rows), NOTHING, embed) == ()


def test_people_who_are_not_known_count_one_each():
    rows = [message(WEEK + i / 60, None, "complaint", text="电梯困人了") for i in range(9)]
    assert mine_pains(table(rows), NOTHING, embed)[0].people == 9


def test_pictures_alone_are_no_statement():
    rows = [message(WEEK + i / 60, f"u{i}", "complaint", text="😂😂[捂脸]🔥") for i in range(50)]
    assert mine_pains(table(rows), NOTHING, embed) == ()


def test_a_message_that_the_model_could_not_read_counts_as_harmless():
    rows = [message(WEEK + i / 60, f"u{i}", None, text="电梯困人了") for i in range(20)]
    assert mine_pains(table(rows), NOTHING, embed) == ()


def test_fifty_thousand_copies_are_one_statement_by_its_people():
    row = message(WEEK, says="complaint", text="快把我的押金退回来")
    rows = [{**row, "id": f"m{i:05}", "author": f"u{i % 700}"} for i in range(50_000)]
    (point,) = mine_pains(table(rows), NOTHING, embed)
    assert (point.messages, point.people, len(point.quotes)) == (50_000, 700, 1)
    assert "押金" in "".join(point.terms)
