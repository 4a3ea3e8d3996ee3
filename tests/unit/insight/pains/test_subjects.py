import numpy as np

from nlp_service.insight.pains import cluster, subjects
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


def test_a_matter_outweighs_the_story_around_it():
    stories = ["上个月刚从外地搬来，", "跟朋友聊起这事都很无奈，", "打了几次电话，"]
    brakes = [
        f"{word}不太对，{story}请给个交代" for word, story in zip(("刹车盘", "制动", "卡钳"), stories, strict=True)
    ]
    lights = [f"{word}不太对，{story}请给个交代" for word, story in zip(("近光", "尾灯", "雾灯"), stories, strict=True)]
    label = cluster(brakes + lights, np.zeros((6, 128), np.float32), lambda texts: np.zeros((len(texts), 4)), 2)
    assert label.tolist() == [0, 0, 0, 1, 1, 1]  # each brake shares all its words with a light, and none with a brake


def test_texts_beyond_those_that_are_agreed_on_join_the_nearest_group(monkeypatch):
    monkeypatch.setattr(subjects, "MOST_AGREED", len(TEXTS) // 2)
    label = cluster(TEXTS, VECTORS, embed, k_max=2)
    subject = np.array(["电梯" in text for text in TEXTS])
    assert len(label) == len(TEXTS)
    assert len(set(label[subject])) == len(set(label[~subject])) == 1
    assert label[subject][0] != label[~subject][0]
