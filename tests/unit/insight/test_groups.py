"""Groups of members by what they say."""

import pytest

from nlp_service.errors import BadInput
from nlp_service.insight.groups import GroupRule, find_groups, load_rules
from tests.unit.insight.stated import message, table
from tests.unit.insight.topics.talks import THEMES, statements

NO_RULES: tuple[GroupRule, ...] = ()


def said_by(texts_of: dict[str, list[str]], says: str = "chat"):
    rows = [(author, text) for author, texts in texts_of.items() for text in texts]
    return table([message(i / 60, author, says, text=text) for i, (author, text) in enumerate(rows)])


def names_of(facts, **more) -> dict[str, list[str]]:
    return {group.name: [author for _, author in group.authors] for group in find_groups(facts, **more)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("成分党", "我是成分党，买之前都要查"),
        ("成分党", "习惯先看配料表再决定"),
        ("价格敏感", "等双11再买吧，不急"),
        ("价格敏感", "沒有優惠就不買"),  # traditional, as the normaliser reads it
        ("新手", "我是新手，这个怎么弄"),
        ("新手", "第一次养猫求指点"),
        ("老用户", "我是你们家老用户了"),
        ("老用户", "这个牌子用了五年了"),
        ("送礼", "想送女朋友，选哪款好"),
        ("送礼", "给妈妈的生日礼物选什么"),
        ("新手父母", "我家宝宝6个月，能喝吗"),
        ("新手父母", "我是新手妈妈"),
        ("投诉型", "我要投诉你们"),
        ("投诉型", "打了12315也没用"),
        ("达人分享", "我整理了一份避坑攻略"),
    ],
)
def test_one_strong_statement_is_enough(name, text):
    assert names_of(said_by({"ann": [text, "今天天气真好"]}), least_people=1).get(name) == ["ann"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("成分党", "你是什么成分，我是成分党"),
        ("新手", "小白菜怎么炒"),
        ("老用户", "不会再回购了，一直用这个"),
        ("送礼", "主播在直播间要礼物"),
        ("达人分享", "求攻略求测评"),
        ("投诉型", "收到一条投诉，投诉热线是多少"),
    ],
)
def test_what_only_looks_like_a_sign_is_none(name, text):
    assert name not in names_of(said_by({"ann": [text, text + "吧"]}), least_people=1)


def test_two_different_signs_are_needed_where_none_is_strong():
    facts = said_by({"ann": ["有点贵", "有没有优惠券"], "bob": ["有点贵"], "eve": ["有点贵", "有点贵！", "有点贵……"]})
    assert names_of(facts, least_people=1)["价格敏感"] == ["ann"]


def test_who_says_much_says_everything_once():
    much = [f"今天在{place}号楼散步" for place in range(200)]
    facts = said_by({"ann": ["有点贵", "有没有优惠券", *much]})
    assert "价格敏感" not in names_of(facts, least_people=1)


def test_intents_are_signs_too_and_some_groups_need_most_of_the_messages():
    asked = [
        message(i, author, "question", text=f"{what}在哪里看")
        for i, what in enumerate(THEMES["parcels"])
        for author in ("ann", "bob")
    ]
    other = [message(10, "bob", text=text) for text in ("晚上吃火锅", "散步去", "看电影", "下雨啦", "加班中")]
    assert names_of(table([*asked, *other]), least_people=1)["求助型"] == ["ann"]


def test_somebody_may_be_in_several_groups_and_groups_of_too_few_are_left_out():
    texts = ["我是成分党", "等双11再买"]
    assert set(names_of(said_by(dict.fromkeys("abc", texts)))) == {"成分党", "价格敏感"}
    assert names_of(said_by(dict.fromkeys("ab", texts))) == {}


def test_a_group_shows_its_evidence():
    facts = said_by({name: [f"我是成分党{name}", "今天天气真好"] for name in "abc"})
    (group,) = find_groups(facts)
    assert (group.source, group.messages) == ("rule", 3)
    assert group.authors == (("qq", "a"), ("qq", "b"), ("qq", "c"))
    assert [key.id for key in group.keys] == ["m0", "m2", "m4"]
    assert group.terms == ("我是成分党",)
    assert all(quote.text[slice(*quote.spans[0])] == "我是成分党" for quote in group.quotes)


def test_adverts_and_nobody_known_are_in_no_group():
    assert names_of(said_by({name: ["我是成分党"] for name in "abc"}, says="ad"), least_people=1) == {}
    assert names_of(said_by({"": ["我是成分党", "我是成分党吧"]}), least_people=1) == {}


def test_those_who_talk_alike_are_a_circle():
    alike = {f"{theme}{i}": statements(THEMES[theme], 8, seed=i) for theme in ("coffee", "pets") for i in range(8)}
    found = find_groups(said_by(alike), NO_RULES)
    assert {group.source for group in found} == {"cluster"}
    members = sorted({author[:-1] for _, author in group.authors} for group in found)
    assert members == [{"coffee"}, {"pets"}] or members == [{"pets"}, {"coffee"}]
    for group in found:
        assert len(group.authors) == 8
        assert set(group.terms) & {*THEMES["coffee"], *THEMES["pets"]}


def test_who_says_little_is_in_no_circle():
    few = {f"{theme}{i}": statements(THEMES[theme], 4, seed=i) for theme in ("coffee", "pets") for i in range(8)}
    assert find_groups(said_by(few), NO_RULES) == ()


def test_to_talk_of_everything_is_not_to_talk_alike():
    every = [word for words in THEMES.values() for word in words]
    assert find_groups(said_by({f"p{i}": statements(every, 60, seed=i) for i in range(20)}), NO_RULES) == ()


@pytest.mark.parametrize("facts", [table([]), said_by({"ann": ["你好"]}), said_by({"ann": ["快递没到"] * 50})])
def test_little_is_taken_as_it_is(facts):
    assert find_groups(facts) == ()


def test_the_same_table_gives_the_same_groups():
    facts = said_by({f"p{i}": [*statements(THEMES["pets"], 8, seed=i), "我是成分党"] for i in range(6)})
    assert find_groups(facts) == find_groups(facts)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[group]\nname=", "groups.toml"),
        ('[[group]]\nname = "a"\nstrong = ["("]', "group 1: a pattern"),
        ('[[group]]\nname = "a"\nstrong = ["x*"]', "group 1: a pattern"),  # it finds everything
        ('[[group]]\nname = "a"\nstrong = ["(?=x)"]', "group 1: a pattern"),
        ('[[group]]\nname = " "\nstrong = ["x"]', "no name"),
        ('[[group]]\nname = "a"', "neither"),
        ('[[group]]\nname = "a"\nweak = ["x"]\nshare = 2.0', "share"),
        ('[[group]]\nname = "a"\nweak = ["x"]\nleast = 0', "least"),
        ('[[group]]\nname = "a"\nweak = ["x"]\n[[group]]\nname = "a"\nweak = ["y"]', "one name"),
        ('[[group]]\nname = "a"\nweek = ["x"]', "week"),
    ],
)
def test_rules_that_are_not_right_are_refused_and_named(tmp_path, text, complaint):
    path = tmp_path / "groups.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=complaint):
        load_rules(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match="none"):
        load_rules(tmp_path / "none.toml")


def test_rules_of_ones_own_take_the_place_of_the_built_in_ones(tmp_path):
    path = tmp_path / "groups.toml"
    path.write_text('[[group]]\nname = "火锅爱好者"\nstrong = ["爱吃火锅"]', "utf-8")
    facts = said_by({"ann": ["我最爱吃火锅", "我是成分党"]})
    assert names_of(facts, rules=load_rules(path), least_people=1) == {"火锅爱好者": ["ann"]}
