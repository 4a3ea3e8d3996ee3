from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from nlp_service.insight import facts
from nlp_service.insight.aspects import Opinion
from nlp_service.insight.engine.reading import PART_SCHEMA, Known, Tools, analyse, pack_vectors, to_table
from nlp_service.insight.engine.rows import Failure, Row
from nlp_service.store.packing import LABELS
from nlp_service.types import Analysis
from tests.fakes import BROKEN
from tests.unit.insight.engine.readers import Reader

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def row(line: int, text: str, **fields: object) -> Row:
    return Row(line, f"m{line}", "qq", "room", "u", AT, None, text, (), {"b": "2", "a": "1"})._replace(**fields)


def test_what_is_said_twice_is_read_once() -> None:
    reader = Reader()
    found = analyse([row(1, "早"), row(2, "晚安"), row(3, "早"), row(4, "早", context=("几点了",))], Tools(reader))
    assert reader.read == ["早", "早", "晚安"]  # one of them in another context
    known = [one for one in found if isinstance(one, Known)]
    assert [one.row.line for one in known] == [1, 2, 3, 4]
    assert known[0].vector == known[2].vector != known[1].vector


def test_a_text_that_the_model_cannot_take_fails_alone() -> None:
    found = analyse([row(1, "早"), row(2, BROKEN), row(3, "晚")], Tools(Reader()))
    assert [isinstance(one, Failure) for one in found] == [False, True, False]
    failure = found[1]
    assert isinstance(failure, Failure)
    assert (failure.line, failure.code, failure.message) == (2, "internal", "the model failed with ValueError")


def test_rows_have_what_the_analysis_says() -> None:
    tools = Tools(Reader(), canonical=lambda target: f"<{target}>")
    known = [one for one in analyse([row(1, "三天了")], tools) if isinstance(one, Known)]
    table = to_table(known, tools)
    assert table.schema.equals(PART_SCHEMA)
    (found,) = table.to_pylist()
    assert found["meta"] == [("a", "1"), ("b", "2")]  # sorted: the order of writing is not to be seen
    assert found["pains"] == [{"target": "<3>", "category": "need", "start": 0, "end": 3}]
    assert (found["intent"], found["risk"], found["risk_categories"]) == ("chat", 1, ["other"])
    assert found["labels"] == 1 << LABELS.index("chat")
    assert found["action"] is None  # nobody has decided
    assert found["opinions"] == []
    vectors, there = facts.vectors(table)
    assert there.all()
    assert vectors[0, 3] == 1.0


def test_vectors_of_other_widths_are_cut_or_filled_up() -> None:
    wide = np.zeros((1, 200), np.float32)
    wide[0, [0, 150]] = 0.6, 0.8
    (packed,) = pack_vectors(wide)
    assert np.frombuffer(packed, "<f2")[0] == 1.0  # of unit length again
    (packed,) = pack_vectors(np.full((1, 4), 0.5, np.float32))
    assert np.frombuffer(packed, "<f2").tolist() == [0.5] * 4 + [0.0] * 124


class Opinions:
    """Tells of each text how long it is, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, texts: Sequence[str], analyses: Sequence[Analysis]) -> list[tuple[Opinion, ...]]:
        self.asked += texts
        return [(Opinion(text, "其他", None, None, 0, len(text), -1.0, 0.5),) for text in texts]


def test_opinions_are_told_of_every_copy_and_looked_for_once() -> None:
    opinions = Opinions()
    tools = Tools(Reader(), opinions)
    known = analyse([row(1, "慢"), row(2, "太慢"), row(3, "慢"), row(4, "慢死了"), row(5, "太慢")], tools)
    table = to_table([one for one in known if isinstance(one, Known)], tools)
    assert opinions.asked == ["慢", "太慢", "慢死了"]
    assert [some[0]["target"] for some in table.column("opinions").to_pylist()] == [
        "慢",
        "太慢",
        "慢",
        "慢死了",
        "太慢",
    ]
    assert table.column("opinions").to_pylist()[0][0]["aspect_start"] is None
