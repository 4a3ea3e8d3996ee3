"""Messages as statements."""

import numpy as np
import pytest

from nlp_service.errors import BadInput
from nlp_service.insight import wording
from nlp_service.insight.topics import TopicOptions, TopicState
from nlp_service.insight.topics.reading import known_of, read_statements, sketch
from tests.unit.insight.stated import message, table
from tests.unit.insight.topics.talks import embed

NOTHING = known_of(TopicState())


def read(rows, options=TopicOptions(), **more):  # noqa: B008 - it cannot be changed
    return read_statements(table(rows), embed, options, NOTHING, learn=True, **more)


def test_copies_with_other_heads_and_tails_are_one_statement():
    texts = ["快递又丢了", "快递又丢了！！", "快递又丢了[捂脸]", "咖啡豆子真香"]
    said, known = read([message(i, f"p{i}", text=text) for i, text in enumerate(texts)])
    assert said.of_row[:3].tolist() == [said.of_row[0]] * 3
    assert said.of_row[3] != said.of_row[0]
    assert said.messages[said.of_row[0]] == said.n_people[said.of_row[0]] == 3
    assert known.statements == 2


def test_a_person_has_the_same_number_every_day_and_another_on_another_platform():
    one, _ = read([message(0, "ann", text="快递丢了"), message(1, "ann", platform="wechat", text="快递丢了")])
    two, _ = read([message(30, "bob", text="咖啡"), message(31, "ann", text="快递丢了")])
    assert one.row_people[0] == two.row_people[1]
    assert len({*one.row_people.tolist(), *two.row_people.tolist()}) == 3


def test_vectors_are_of_unit_length_and_half_words():
    said, _ = read([message(i, text=text) for i, text in enumerate(["快递驿站", "快递签收", "咖啡豆子"])])
    assert np.linalg.norm(said.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    words = said.vectors[:, 64:]
    assert np.linalg.norm(words, axis=1) == pytest.approx(np.sqrt(0.5), abs=1e-5)
    assert words[0] @ words[1] > 0.05  # one word of two, and the commoner one
    assert abs(words[0] @ words[2]) < 0.02


def test_rare_words_are_worth_more():
    # Word 0 is in all three things, word 1 in two, word 2 in one.
    own, word = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2])
    a, b, c = sketch(own, word, ["甲", "乙", "丙"], 3)
    assert a @ b > 0.9
    assert abs(a @ c) < 0.5


def test_words_of_another_table_are_refused():
    with pytest.raises(BadInput, match="words of 2 rows"):
        read([message(text="快递")], corpus=wording.read(["快递", "咖啡"]))


def test_words_that_were_read_before_give_the_same():
    rows = [message(i, f"p{i}", text=text) for i, text in enumerate(["快递驿站", "快递签收", "咖啡豆子"])]
    plain, _ = read(rows)
    given, _ = read(rows, corpus=wording.read(table(rows).column("text")))
    assert (plain.vectors == given.vectors).all()
    assert (plain.keys == given.keys).all()
