import numpy as np

from training.insight_figures import plain, purity

CLASSES = np.array(["a", "a", "b", "b", "b"])


def test_purity_is_the_part_of_the_most_frequent_class_of_each_group():
    assert purity(np.array([0, 0, 1, 1, 0]), CLASSES) == 0.8  # one b sits among the a
    assert purity(np.zeros(5, np.int64), CLASSES) == 0.6
    assert purity(np.arange(5), CLASSES) == 1.0


def test_the_rival_parts_what_shares_no_word():
    texts = ["刹车异响 刹车发软", "刹车发软 异响", "电池掉电 续航缩水", "续航缩水 电池掉电"]
    label = plain(texts, 2)
    assert label[0] == label[1] != label[2] == label[3]
