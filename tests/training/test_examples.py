from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_service.inference.heads import COLUMNS, GROUPS, N_OUTPUTS
from nlp_service.types import INTENTS, RISK_CATEGORIES, UNSAFE
from tests.training.made_up import row, write, write_data
from training.examples import Example, Splits, gold, key, public, split


def one(tmp_path: Path, **labels: Any) -> Example:
    write(tmp_path / "gold.jsonl.gz", [row("chat", 1) | labels])
    (example,) = gold(tmp_path / "gold.jsonl.gz")
    return example


def marked(example: Example, group: str) -> list[str]:
    names = next(g.columns for g in GROUPS if g.name == group)
    return [name for name, target in zip(names, example.targets[COLUMNS[group]], strict=True) if target == 1]


def test_an_annotated_message_settles_every_output(tmp_path: Path) -> None:
    example = one(tmp_path)
    assert example.targets.shape == (N_OUTPUTS,)
    assert example.targets.dtype == np.float32
    assert set(example.targets.tolist()) == {0.0, 1.0}


def test_the_first_intent_is_the_primary_one_and_all_of_them_apply(tmp_path: Path) -> None:
    example = one(tmp_path, intent=["complaint", "question"])
    assert marked(example, "primary") == ["complaint"]
    assert marked(example, "intent") == ["question", "complaint"]


@pytest.mark.parametrize(("level", "name"), [(-2, "-2"), (-1, "-1"), (0, "+0"), (1, "+1"), (2, "+2")])
def test_one_level_of_sentiment_is_true(tmp_path: Path, level: int, name: str) -> None:
    assert marked(one(tmp_path, sentiment=level), "sentiment") == [name]


@pytest.mark.parametrize(("level", "reached"), [(0, []), (1, [">=1"]), (2, [">=1", ">=2"]), (3, [">=1", ">=2", ">=3"])])
def test_a_risk_reaches_all_levels_up_to_its_own(tmp_path: Path, level: int, reached: list[str]) -> None:
    assert marked(one(tmp_path, risk=level), "risk") == reached


def test_categories_abuse_and_unsafe_kinds_apply_each_by_itself(tmp_path: Path) -> None:
    labels = {"risk_categories": ["other", "outage"], "abuse": 1, "unsafe": ["scam", "gambling"]}
    example = one(tmp_path, **labels)
    assert set(marked(example, "category")) == {"outage", "other"} <= set(RISK_CATEGORIES)
    assert marked(example, "abuse") == ["abuse"]
    assert set(marked(example, "unsafe")) == {"gambling", "scam"} <= set(UNSAFE)
    assert marked(one(tmp_path), "category") + marked(one(tmp_path), "abuse") + marked(one(tmp_path), "unsafe") == []


def test_pain_spans_keep_their_places_and_targets(tmp_path: Path) -> None:
    pain = [{"start": 2, "end": 4, "target": "台灯"}]
    assert one(tmp_path, pain=pain).spans == [(2, 4, "台灯")]
    assert one(tmp_path).spans == []  # looked for and not found


def of_set(tmp_path: Path, name: str, labels: list[Any]) -> list[Example]:
    rows = [{"text": f"第{i}句", "label": label} for i, label in enumerate(labels)]
    write(tmp_path / "public" / name / "train.jsonl.gz", rows)
    return public(tmp_path, name)


def known(example: Example) -> set[int]:
    return set(np.flatnonzero(~np.isnan(example.targets)).tolist())


def columns(group: str) -> set[int]:
    return set(range(N_OUTPUTS)[COLUMNS[group]])


@pytest.mark.parametrize(
    ("name", "label", "allowed"),
    [
        ("waimai_10k", 0, ["-2", "-1"]),
        ("waimai_10k", 1, ["+1", "+2"]),
        ("car_review_posneg", "neg", ["-2", "-1"]),
        ("smp2020_usual", "neutral", ["+0"]),
        ("smp2020_virus", "happy", ["+1", "+2"]),
    ],
)
def test_a_public_feeling_allows_both_strengths_and_says_nothing_else(
    tmp_path: Path, name: str, label: Any, allowed: list[str]
) -> None:
    (example,) = of_set(tmp_path, name, [label])
    assert marked(example, "sentiment") == allowed
    assert known(example) == columns("sentiment")
    assert example.spans is None


def test_a_feeling_on_neither_side_settles_nothing(tmp_path: Path) -> None:
    (example,) = of_set(tmp_path, "smp2020_usual", ["surprise"])
    assert known(example) == set()
    assert example.auxiliary == ("smp2020_usual", 0)


@pytest.mark.parametrize("label", [0, 1])
def test_a_public_advert_settles_that_intent_alone(tmp_path: Path, label: int) -> None:
    (example,) = of_set(tmp_path, "tg_spam", [label])
    column = COLUMNS["intent"].start + INTENTS.index("ad")
    assert known(example) == {column}
    assert example.targets[column] == label


def test_each_class_of_a_public_set_has_one_code(tmp_path: Path) -> None:
    codes = [example.auxiliary for example in of_set(tmp_path, "cic", ["买", "退", "问", "退"])]
    assert codes[1] == codes[3]
    assert {code for _, code in codes} == {0, 1, 2}
    assert {name for name, _ in codes} == {"cic"}


def test_rows_without_one_label_are_left_out(tmp_path: Path) -> None:
    assert [example.text for example in of_set(tmp_path, "cold", [None, 1, [{"aspect": "屏幕"}], 0])] == [
        "第1句",
        "第3句",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("ＡＢＣ 优惠", "abc优惠"), ("優惠 活動", "优惠活动"), ("优\u200b惠", "优惠"), ("好好好好好好", "好好好")],
)
def test_writings_of_one_text_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


def test_other_texts_have_other_keys() -> None:
    assert key("优惠") != key("优惠吗")


def keys(part: list[Example]) -> set[str]:
    return {key(example.text) for example in part}


def parts(splits: Splits) -> dict[str, list[Example]]:
    return {name: getattr(splits, name) for name in ("train", "calibration", "test", "dev")}


def assert_no_leak(splits: Splits) -> None:
    found = {name: keys(part) for name, part in parts(splits).items()}
    names = list(found)
    for i, name in enumerate(names):
        assert found[name], name
        for other in names[i + 1 :]:
            assert found[name].isdisjoint(found[other]), (name, other)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drawn = [row("ad", n, id=f"t{n}") for n in range(1900)]
    hard = [row("chat", n, id=f"v{n}") for n in range(60)]
    groups = [row("ugc", n, id=f"a{n}", source=f"authored-{1 + n % 3}") for n in range(330)]
    whole = [row("question", n, id=f"d{n}", source="authored-4") for n in range(40)]
    later = [row("complaint", n, id=f"j{n}", source="authored-6") for n in range(50)]
    dev = [row("ad", n, id=f"e{n}") for n in range(2000, 2040)]
    # The same words in another writing: twice in train, and in both train and dev.
    twins = [line | {"id": f"v9{i}", "text": line["text"].replace("群", " 羣")} for i, line in enumerate(drawn[:50])]
    leaks = [line | {"id": f"t9{i}", "text": line["text"].replace("，", ",")} for i, line in enumerate(dev[:20])]
    folder = tmp_path_factory.mktemp("data")
    return write_data(folder, train=drawn + hard + groups + whole + later + twins + leaks, dev=dev)


def test_no_text_stands_in_two_parts_or_in_dev(data: Path) -> None:
    assert_no_leak(split(data))


def test_each_text_is_kept_once_and_none_is_lost(data: Path) -> None:
    splits = split(data)
    mine = [*splits.train, *splits.calibration, *splits.test]
    assert len(mine) == len(keys(mine)) == 1900 + 60 + 330 + 40 + 50
    assert len(splits.dev) == 40


def test_one_whole_group_is_calibrated_on_and_seen_nowhere_else(data: Path) -> None:
    splits = split(data)
    where = {name for name, part in parts(splits).items() if any(e.source == "authored-4" for e in part)}
    assert where == {"calibration"}
    assert sum(example.source == "authored-4" for example in splits.calibration) == 40


def test_calibration_and_test_are_drawn_as_dev_is(data: Path) -> None:
    splits = split(data)
    # All of the random draw bear the source "street" and are adverts; the hard ones are chat.
    advert = COLUMNS["primary"].start + INTENTS.index("ad")
    drawn = {name: sum(e.targets[advert] == 1 for e in part) for name, part in parts(splits).items()}
    assert (drawn["calibration"], drawn["test"], drawn["train"]) == (1000, 700, 200)
    groups = [e.source for e in splits.test if e.targets[advert] == 0]
    assert len(groups) == 300
    assert set(groups) == {"authored-1", "authored-2", "authored-3"}
    assert len(splits.calibration) == 1000 + 40


def test_what_was_chosen_for_being_hard_is_for_training_alone(data: Path) -> None:
    splits = split(data)
    chat = COLUMNS["primary"].start + INTENTS.index("chat")
    assert sum(e.targets[chat] == 1 for e in splits.train) == 60
    assert sum(e.source == "authored-6" for e in splits.train) == 50


def test_a_split_is_the_same_for_the_same_seed_alone(data: Path) -> None:
    one, again, other = ([e.text for e in split(data, seed=seed).test] for seed in (7, 7, 8))
    assert one == again
    assert set(one) != set(other)


def test_the_real_data_is_split_without_a_leak(shared_data: Path) -> None:
    splits = split(shared_data)
    assert_no_leak(splits)
    assert len(splits.test) == 1000
    assert len(splits.calibration) > 1300
    assert len(splits.train) > 20_000
    assert {name for name, part in parts(splits).items() if any(e.source == "authored-4" for e in part)} == {
        "calibration"
    }
    for part in parts(splits).values():
        assert not any(np.isnan(example.targets).any() for example in part)
        assert all(example.targets[COLUMNS["primary"]].sum() == 1 for example in part)
