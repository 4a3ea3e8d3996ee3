import numpy as np

from nlp_service.insight.pains.grouping import group, numbered, units

ROWS = units(np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]))


def test_rows_that_are_near_are_of_one_group():
    label = group(ROWS, np.ones(4, np.int64), 2)
    assert label[0] == label[1] != label[2] == label[3]


def test_there_are_no_more_groups_than_different_rows():
    assert set(group(np.repeat(ROWS[:1], 3, axis=0), np.ones(3, np.int64), 2)) == {0}


def test_groups_are_numbered_by_their_first_member():
    assert numbered(np.array([7, 3, 7, 0, 3])).tolist() == [0, 1, 0, 2, 1]


def test_zero_rows_stay_zero():
    assert units(np.array([[0.0, 0.0], [3.0, 4.0]])).tolist() == [[0.0, 0.0], [np.float32(0.6), np.float32(0.8)]]
