import numpy as np

from nlp_service.insight.pains import cluster
from tests.unit.insight.pains.community import PROBLEMS, embed

TEXTS = [f"{way}，{time}都这样" for time in ("早上", "晚上", "周末") for ways in PROBLEMS.values() for way in ways]
VECTORS = np.zeros((len(TEXTS), 128), np.float32)


def test_texts_of_one_subject_are_of_one_group():
    label = cluster(TEXTS, VECTORS, embed, k_max=2)
    subject = np.array(["电梯" in text for text in TEXTS])
    assert len(set(label[subject])) == len(set(label[~subject])) == 1
    assert label[subject][0] != label[~subject][0]


def test_groups_are_numbered_in_the_order_of_their_first_text():
    label = cluster(TEXTS, VECTORS, embed, k_max=8)
    assert list(dict.fromkeys(label.tolist())) == list(range(len(set(label.tolist()))))
    assert len(set(label.tolist())) <= 8


def test_equal_texts_are_of_one_group():
    assert cluster(["灯坏了", "灯坏了！", "灯坏了😂"], VECTORS[:3], embed).tolist() == [0, 0, 0]


def test_no_texts_have_no_groups():
    assert cluster([], np.zeros((0, 128), np.float32), embed).shape == (0,)


def test_a_rerun_gives_the_same_groups():
    assert (cluster(TEXTS, VECTORS, embed, 5) == cluster(TEXTS, VECTORS, embed, 5)).all()
