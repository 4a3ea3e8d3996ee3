"""Where statements lie close together."""

import numpy as np
import pytest

from nlp_service.insight.topics import TopicOptions
from nlp_service.insight.topics.crowds import count_people, find_crowds, share_a_word

OPTIONS = TopicOptions(near=0.9, least_people=3, least_messages=4)


def around(direction: int, n: int, seed: int = 0) -> np.ndarray:
    """Unit vectors close to an axis."""
    found = np.random.default_rng(seed).normal(0, 0.05, (n, 8)).astype(np.float32)
    found[:, direction] += 1.0
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def people_of(*numbers: int) -> np.ndarray:
    """One person a statement."""
    found = np.zeros((len(numbers), 4), np.uint64)
    found[:, 0] = numbers
    return found


def crowds_of(vectors: np.ndarray, people: np.ndarray, messages=None, **more) -> list[list[int]]:
    messages = np.ones(len(vectors), np.float32) if messages is None else messages
    return [each.tolist() for each in find_crowds(vectors, messages, people, OPTIONS, **more)]


def test_each_crowd_is_found_once_the_larger_one_first():
    vectors = np.concatenate((around(0, 5), around(1, 8, seed=1), around(2, 2, seed=2)))
    assert crowds_of(vectors, people_of(*range(1, 16))) == [list(range(5, 13)), list(range(5))]


@pytest.mark.parametrize(("who", "n"), [((1, 1, 1, 1, 2), 0), ((1, 1, 1, 2, 3), 1)])
def test_a_crowd_is_of_different_people(who, n):
    assert len(crowds_of(around(0, 5), people_of(*who))) == n


def test_messages_are_counted_and_not_statements():
    two = around(0, 2)
    people = np.array([[1, 2, 3, 0], [4, 0, 0, 0]], np.uint64)
    assert crowds_of(two, people, np.array([3, 1], np.float32)) == [[0, 1]]
    assert crowds_of(two, people, np.array([2, 1], np.float32)) == []
    assert crowds_of(two, people, np.array([3, 1], np.float32), least=5.0) == []


def test_nothing_has_no_crowd():
    assert crowds_of(np.zeros((0, 8), np.float32), people_of()) == []


def test_nobody_is_not_counted():
    assert count_people(np.array([[7, 0, 0, 0], [7, 9, 0, 0]], np.uint64)) == 2


@pytest.mark.parametrize(("anchor", "shares"), [(0.5, True), (0.6, False)])
def test_statements_that_share_a_word(anchor, shares):
    words = np.array([[0, 0, 2, 3, 5], [1, 2, 2, 3, 2]])  # word 2 is in statements 0, 2 and 5
    assert share_a_word(np.array([0, 2, 3, 4]), words, anchor) is shares  # in 2 of these 4


def test_a_lone_statement_shares_its_own_word_and_none_share_nothing():
    words = np.array([[4], [9]])
    assert share_a_word(np.array([4]), words, 0.2)
    assert not share_a_word(np.zeros(0, np.int64), words, 0.2)
    assert not share_a_word(np.array([1, 4]), words, 0.2)  # a word of one of two is not shared
