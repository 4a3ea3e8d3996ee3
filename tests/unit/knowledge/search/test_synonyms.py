from __future__ import annotations

import pytest

from nlp_service.errors import BadInput
from nlp_service.knowledge.search.synonyms import MAX_GROUPS, MAX_WORDS, Synonyms


def test_a_text_is_extended_by_what_its_words_also_mean() -> None:
    synonyms = Synonyms([["会员卡", "月卡", "小蓝卡"], ["停车", "泊车"]])
    assert synonyms.extend("月卡能停车吗") == "月卡能停车吗 会员卡 小蓝卡 泊车"
    assert synonyms.extend("几点开门") == "几点开门"


def test_what_stands_there_already_is_not_added() -> None:
    assert Synonyms([["会员卡", "月卡", "季卡"]]).extend("月卡和季卡") == "月卡和季卡 会员卡"


def test_words_are_read_as_the_normaliser_writes_them() -> None:
    assert Synonyms([["ＶＩＰ卡", "會員卡"]]).extend("vip卡") == "vip卡 会员卡"


def test_a_word_of_two_groups_means_both() -> None:
    assert Synonyms([["卡", "月卡"], ["卡", "慢"]]).extend("卡") == "卡 月卡 慢"


@pytest.mark.parametrize(
    "group",
    [
        [],
        ["卡"],
        ["VIP", "vip"],  # one word after normalising
        ["卡", " "],
        ["卡", "0123456789" * 4 + "0"],
        [f"词{i}" for i in range(MAX_WORDS + 1)],
    ],
)
def test_groups_that_cannot_be_taken_are_named(group: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        Synonyms([["停车", "泊车"], group])
    assert caught.value.param == "synonyms[1]"


def test_too_many_groups_are_refused() -> None:
    groups = [[f"甲{i}", f"乙{i}"] for i in range(MAX_GROUPS)]
    assert Synonyms(groups).extend("甲7") == "甲7 乙7"
    with pytest.raises(BadInput) as caught:
        Synonyms([*groups, ["丙", "丁"]])
    assert caught.value.param == "synonyms"
