import numpy as np

from nlp_service.insight.pains.likeness import Field, counts, factors, fields_of
from tests.unit.insight.stated import message, table

EVEN = np.array([50.0, 50.0])


def test_sharing_what_others_lack_speaks_for_one_event():
    rain = np.array([[40.0, 2.0], [35.0, 3.0]])
    assert factors(rain, np.array([200.0, 800.0]))[0, 1] > 3


def test_being_as_all_are_says_little():
    assert 0 < factors(np.array([[20.0, 20.0], [20.0, 20.0]]), EVEN)[0, 1] < 2


def test_differing_speaks_against():
    assert factors(np.array([[30.0, 0.0], [0.0, 30.0]]), EVEN)[0, 1] < -10


def test_few_messages_say_next_to_nothing():
    assert abs(factors(np.array([[1.0, 0.0], [0.0, 1.0]]), EVEN)[0, 1]) < 0.5


def test_rows_without_an_item_count_for_all_of_them_alone():
    own, everywhere = counts(Field("x", np.array([0, 1, 1, -1]), 2), np.array([0, -1, 0, 0]), 1)
    assert own.tolist() == [[1.0, 1.0]]
    assert everywhere.tolist() == [1.0, 2.0]


def test_fields_are_those_that_group_messages():
    rows = [message(i, meta={"rain": "yn"[i % 2], "order": f"n{i}", "one": "same"}) for i in range(100)]
    facts = table(rows)
    names = [field.name for field in fields_of(facts, np.arange(100) % 3, 3)]
    assert names == ["at", "meta.rain"]  # one channel; numbers of orders name messages; a constant says nothing
