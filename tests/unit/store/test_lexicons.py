from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import pytest

from nlp_service.errors import BadInput, Conflict, NotFound, TooLarge
from nlp_service.store import wordlists
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database, open_database
from nlp_service.store.lexicons import LexiconStore
from nlp_service.store.rules import read_rules
from nlp_service.store.tenants import TenantStore
from nlp_service.store.wordlists import Written
from nlp_service.store.words import Chosen, Word, WordChange

T, NAME, WHO = "default", "广告", "key:test"
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def lexicons(database: Database) -> LexiconStore:
    TenantStore(database).create("other")
    store = LexiconStore(database, lambda: AT)
    store.create(T, NAME, "deny", "contact_spam", actor=WHO)
    return store


def words(*texts: str) -> list[Word]:
    return [Word(text) for text in texts]


def texts(store: LexiconStore, version: int | None = None) -> list[str]:
    return [word.word for word in store.words(T, NAME, version)]


def test_a_new_list_is_empty_and_has_no_version(lexicons: LexiconStore) -> None:
    lexicon = lexicons.get(T, NAME)
    assert (lexicon.name, lexicon.kind, lexicon.category) == (NAME, "deny", "contact_spam")
    assert (lexicon.version, lexicon.n_words, lexicon.created_at) == (0, 0, AT)
    assert (texts(lexicons), texts(lexicons, 0), lexicons.versions(T, NAME)) == ([], [], [])


def test_a_list_may_begin_with_words(lexicons: LexiconStore) -> None:
    made = lexicons.create(T, "新", "watch", entries=words("乙", "甲", "乙"), actor=WHO, note="第一批")
    assert (made.version, made.n_words) == (1, 2)
    assert [(one.version, one.author, one.note, one.n_words) for one in lexicons.versions(T, "新")] == [
        (1, WHO, "第一批", 2)
    ]


def test_the_name_of_a_list_is_taken_once_a_tenant(lexicons: LexiconStore) -> None:
    with pytest.raises(Conflict):
        lexicons.create(T, NAME, "deny", actor=WHO)
    lexicons.create("other", NAME, "allow", actor=WHO)
    assert [lexicon.kind for lexicon in lexicons.lists(T)] == ["deny"]


@pytest.mark.parametrize(
    ("name", "kind", "category", "param"),
    [
        ("", "deny", "", "name"),
        ("  ", "deny", "", "name"),
        ("一\n二", "deny", "", "name"),
        ("长" * 101, "deny", "", "name"),
        ("好", "forbid", "", "kind"),
        ("好", "deny", "长" * 51, "category"),
        ("好", "deny", "a\0", "category"),
    ],
)
def test_a_list_that_cannot_be_is_refused(
    lexicons: LexiconStore, name: str, kind: str, category: str, param: str
) -> None:
    for call in (lexicons.create, lexicons.put):
        with pytest.raises(BadInput) as caught:
            call(T, name, kind, category, actor=WHO)
        assert caught.value.param == param
    assert len(lexicons.lists(T)) == 1


def test_lists_come_by_code_point_on_every_database(lexicons: LexiconStore) -> None:
    for name in ("b", "B", "é", "a"):
        lexicons.create(T, name, "deny", actor=WHO)
    assert [lexicon.name for lexicon in lexicons.lists(T)] == ["B", "a", "b", "é", NAME]


CALLS: dict[str, Callable[[LexiconStore, str], object]] = {
    "get": lambda store, tenant: store.get(tenant, NAME),
    "delete": lambda store, tenant: store.delete(tenant, NAME, actor=WHO),
    "words": lambda store, tenant: store.words(tenant, NAME),
    "add": lambda store, tenant: store.add(tenant, NAME, words("丙"), actor=WHO),
    "replace": lambda store, tenant: store.replace(tenant, NAME, words("丙"), actor=WHO),
    "remove": lambda store, tenant: store.remove(tenant, NAME, ["甲"], actor=WHO),
    "versions": lambda store, tenant: store.versions(tenant, NAME),
    "compare": lambda store, tenant: store.compare(tenant, NAME, 0, None),
    "roll_back": lambda store, tenant: store.roll_back(tenant, NAME, 0, actor=WHO),
}


def test_the_list_of_another_tenant_is_not_there(lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, words("甲"), actor=WHO)
    for tenant in ("other", "nobody"):
        for name, call in CALLS.items():
            with pytest.raises(NotFound):
                call(lexicons, tenant)
            assert (texts(lexicons), lexicons.get(T, NAME).version, lexicons.lists(tenant)) == (["甲"], 1, []), name


def test_a_tenant_that_is_not_there_gets_no_list(lexicons: LexiconStore) -> None:
    for call in (lexicons.create, lexicons.put):
        with pytest.raises(NotFound):
            call("nobody", NAME, "deny", actor=WHO)
    assert lexicons.lists("nobody") == []


def test_every_change_is_a_version_and_earlier_ones_stay(lexicons: LexiconStore) -> None:
    assert lexicons.add(T, NAME, words("甲", "乙"), actor=WHO) == Written(1, 2, 0, 0, 0)
    changed = Word("乙", "scam", AT, None, "为什么")
    assert lexicons.add(T, NAME, [changed, *words("甲", "丙")], actor=WHO) == Written(2, 1, 1, 0, 1)
    assert lexicons.remove(T, NAME, ["甲", "没有"], actor=WHO) == Written(3, 0, 0, 1, 0)
    assert lexicons.replace(T, NAME, words("丙", "丁"), actor=WHO) == Written(4, 1, 0, 1, 1)
    assert [texts(lexicons, version) for version in range(5)] == [
        [],
        ["乙", "甲"],
        ["丙", "乙", "甲"],
        ["丙", "乙"],
        ["丁", "丙"],
    ]
    assert lexicons.words(T, NAME, 1)[0] == Word("乙")
    assert lexicons.words(T, NAME, 2)[1] == lexicons.words(T, NAME, 3)[1] == changed
    assert [(one.version, one.n_words, one.at) for one in lexicons.versions(T, NAME)] == [
        (1, 2, AT), (2, 3, AT), (3, 2, AT), (4, 2, AT)
    ]  # fmt: skip
    assert (lexicons.get(T, NAME).version, lexicons.get(T, NAME).n_words) == (4, 2)


AGAIN: list[Callable[[LexiconStore], object]] = [
    lambda store: store.add(T, NAME, words("甲", "乙"), actor=WHO),
    lambda store: store.add(T, NAME, words("乙"), actor=WHO),
    lambda store: store.add(T, NAME, [], actor=WHO),
    lambda store: store.replace(T, NAME, words("乙", "甲"), actor=WHO),
    lambda store: store.remove(T, NAME, ["没有"], actor=WHO),
    lambda store: store.put(T, NAME, "deny", "contact_spam", words("乙", "甲"), actor=WHO),
    lambda store: store.put(T, NAME, "deny", "contact_spam", actor=WHO),
]


def test_what_changes_nothing_makes_no_version_and_tells_nobody(database: Database, lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, words("甲", "乙"), actor=WHO)
    before = TenantStore(database).rules_versions(), AuditStore(database).browse(T)
    for place, again in enumerate(AGAIN):
        again(lexicons)
        assert lexicons.get(T, NAME).version == 1, place
        assert (TenantStore(database).rules_versions(), AuditStore(database).browse(T)) == before, place


def test_of_several_equal_words_the_last_counts(lexicons: LexiconStore) -> None:
    assert lexicons.add(T, NAME, [Word("甲", "一"), Word("甲", "二")], actor=WHO) == Written(1, 1, 0, 0, 0)
    assert lexicons.words(T, NAME) == [Word("甲", "二")]


def test_a_word_that_comes_back_begins_again(lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, words("甲"), actor=WHO)
    lexicons.remove(T, NAME, ["甲"], actor=WHO)
    lexicons.add(T, NAME, words("甲"), actor=WHO)
    assert [texts(lexicons, version) for version in (1, 2, 3)] == [["甲"], [], ["甲"]]
    assert lexicons.compare(T, NAME, 1, 3) == []  # another row, the same word


def test_versions_are_compared_both_ways(lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, words("甲", "乙", "丙"), actor=WHO)
    lexicons.replace(T, NAME, [Word("甲"), Word("乙", "scam"), Word("丁")], actor=WHO)
    forth = [
        WordChange("丁", None, Word("丁")),
        WordChange("丙", Word("丙"), None),
        WordChange("乙", Word("乙"), Word("乙", "scam")),
    ]
    assert lexicons.compare(T, NAME, 1, None) == lexicons.compare(T, NAME, 1, 2) == forth
    assert lexicons.compare(T, NAME, 2, 1) == [WordChange(one.word, one.new, one.old) for one in forth]
    assert [change.old for change in lexicons.compare(T, NAME, 0, 1)] == [None] * 3
    assert lexicons.compare(T, NAME, 2, 2) == []


def test_rolling_back_makes_a_new_version(lexicons: LexiconStore) -> None:
    first = [Word("甲", "scam", AT, None, "n"), Word("乙")]
    lexicons.add(T, NAME, first, actor=WHO)
    lexicons.replace(T, NAME, words("甲", "丙"), actor=WHO)
    assert lexicons.roll_back(T, NAME, 1, actor="key:other", note="误伤") == Written(3, 1, 1, 1, 0)
    assert lexicons.compare(T, NAME, 1, 3) == []
    assert lexicons.versions(T, NAME)[-1].author == "key:other"
    with pytest.raises(Conflict, match="version 1 has the same words as version 3"):
        lexicons.roll_back(T, NAME, 1, actor=WHO)
    assert lexicons.roll_back(T, NAME, 0, actor=WHO).version == 4
    assert texts(lexicons) == []


VERSIONED: list[Callable[[LexiconStore, int], object]] = [
    lambda store, version: store.words(T, NAME, version),
    lambda store, version: store.compare(T, NAME, version, None),
    lambda store, version: store.compare(T, NAME, None, version),
    lambda store, version: store.roll_back(T, NAME, version, actor=WHO),
]


def test_a_version_that_is_not_there_is_named(lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, words("甲"), actor=WHO)
    lexicons.add(T, NAME, words("乙"), actor=WHO)
    for version in (-1, 3, 2**31 - 1):
        for call in VERSIONED:
            with pytest.raises(NotFound) as caught:
                call(lexicons, version)
            assert caught.value.param == "version"


def test_words_come_in_pages_by_code_point(lexicons: LexiconStore) -> None:
    found = ["A1", "Z", "a", "b%c", "b_c", "é", "乙", "甲", "𠀀"]
    lexicons.add(T, NAME, words(*reversed(found)), actor=WHO)
    pages: list[str] = []
    while page := lexicons.words(T, NAME, None, Chosen(after=pages[-1] if pages else None, limit=2)):
        pages += [word.word for word in page]
    assert pages == sorted(found) == found


SEARCHES = [
    (Chosen(search="微"), ["加微", "微信"]),
    (Chosen(search="VX"), ["vx号"]),  # whatever the case of Latin letters
    (Chosen(search="%"), ["100%"]),  # no wildcard
    (Chosen(search="_"), []),
    (Chosen(search="没有"), []),
    (Chosen(category="scam"), ["微信"]),
    (Chosen(category=""), ["100%", "vx号", "加微"]),
    (Chosen(search="微", after="加微"), ["微信"]),
    (Chosen(limit=1), ["100%"]),
]


def test_words_are_searched(lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, [*words("加微", "vx号", "100%"), Word("微信", "scam")], actor=WHO)
    for chosen, expected in SEARCHES:
        assert [word.word for word in lexicons.words(T, NAME, None, chosen)] == expected, chosen


def test_putting_a_list_makes_it_or_sets_what_it_is_for(lexicons: LexiconStore) -> None:
    made, is_new = lexicons.put(T, "新", "watch", entries=words("甲"), actor=WHO)
    assert (is_new, made.kind, made.version) == (True, "watch", 1)
    put, is_new = lexicons.put(T, "新", "deny", "scam", actor=WHO)
    assert (is_new, put.kind, put.category, put.version, put.id) == (False, "deny", "scam", 1, made.id)
    put, _ = lexicons.put(T, "新", "deny", "scam", words("乙"), actor=WHO)
    assert (put.version, [word.word for word in lexicons.words(T, "新")]) == (2, ["乙"])


def test_a_list_that_was_removed_leaves_nothing(database: Database, lexicons: LexiconStore) -> None:
    lexicons.add(T, NAME, words("甲"), actor=WHO)
    first = lexicons.get(T, NAME).id
    lexicons.delete(T, NAME, actor=WHO)
    with pytest.raises(NotFound):
        lexicons.get(T, NAME)
    again = lexicons.create(T, NAME, "deny", actor=WHO)
    assert (again.id > first, again.version, lexicons.words(T, NAME), lexicons.versions(T, NAME)) == (True, 0, [], [])


def test_every_change_is_told_and_written_down(database: Database, lexicons: LexiconStore) -> None:
    tenants = TenantStore(database)
    lexicons.create(T, "二", "allow", actor=WHO)
    changes: list[tuple[str, Callable[[], object]]] = [
        ("lexicon.words", lambda: lexicons.add(T, "二", words("甲秘密", "乙"), actor=WHO)),
        ("lexicon.words", lambda: lexicons.remove(T, "二", ["乙"], actor=WHO)),
        ("lexicon.words", lambda: lexicons.roll_back(T, "二", 1, actor=WHO)),
        ("lexicon.change", lambda: lexicons.put(T, "二", "deny", "scam", actor=WHO)),
        ("lexicon.delete", lambda: lexicons.delete(T, "二", actor=WHO)),
    ]
    for action, change in changes:
        before = tenants.rules_versions()
        change()
        after = tenants.rules_versions()
        assert after[T] > before[T]
        assert after["other"] == before["other"]
        line = AuditStore(database).browse(T, limit=1)[0]
        assert (line.action, line.object, line.actor) == (action, "lexicon:二", WHO)
    assert "甲秘密" not in str(AuditStore(database).browse(T))


def test_a_list_has_a_bound_which_a_refused_write_leaves_alone(
    lexicons: LexiconStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wordlists, "MAX_WORDS", 3)
    lexicons.add(T, NAME, words("甲", "乙", "丙"), actor=WHO)
    with pytest.raises(TooLarge):
        lexicons.add(T, NAME, words("丁"), actor=WHO)
    assert (len(texts(lexicons)), lexicons.get(T, NAME).version) == (3, 1)
    assert lexicons.replace(T, NAME, words("丁", "甲", "乙"), actor=WHO).version == 2


def test_writers_of_one_list_make_versions_without_gaps(url: str, lexicons: LexiconStore) -> None:
    def write(writer: int) -> list[Written]:
        with open_database(url) as own:
            store = LexiconStore(own)
            return [
                store.add(T, NAME, words(f"词{writer}-{number}", "都有"), actor=f"w{writer}") for number in range(8)
            ]

    with ThreadPoolExecutor(4) as pool:
        written = [one for each in pool.map(write, range(4)) for one in each]
    assert sorted(one.version for one in written) == list(range(1, 33))
    assert sum(one.added for one in written) == len(texts(lexicons)) == 33
    assert [one.version for one in lexicons.versions(T, NAME)] == list(range(1, 33))
    for version in (1, 17, 32):
        assert len(texts(lexicons, version)) == lexicons.versions(T, NAME)[version - 1].n_words == version + 1


def test_two_that_make_a_list_of_one_name_make_one(url: str, lexicons: LexiconStore) -> None:
    def make(writer: int) -> bool:
        with open_database(url) as own:
            return LexiconStore(own).put(T, "同名", "deny", entries=words(f"词{writer}"), actor=WHO)[1]

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(make, range(4))) == 1
    assert [one.version for one in lexicons.versions(T, "同名")] == [1, 2, 3, 4]


def test_a_hundred_thousand_words_go_in_and_out_in_seconds(database: Database, lexicons: LexiconStore) -> None:
    rng = random.Random(1)
    many = [
        Word(f"{chr(rng.randrange(0x4E00, 0x9FA5))}{number}", "scam", AT if number % 10 == 0 else None)
        for number in range(100_000)
    ]
    started = time.process_time()
    assert lexicons.add(T, NAME, many, actor=WHO) == Written(1, 100_000, 0, 0, 0)
    assert lexicons.add(T, NAME, many, actor=WHO) == Written(1, 0, 0, 0, 100_000)
    assert lexicons.add(T, NAME, words("一个新词"), actor=WHO).version == 2
    rest = [msgspec.structs.replace(word, note="改") for word in many[:50_000]]
    assert lexicons.replace(T, NAME, rest, actor=WHO) == Written(3, 0, 50_000, 50_001, 0)
    assert len(read_rules(database, T).words[0]) == 50_000
    # Of this process alone: the server of PostgreSQL has its own. Unloaded, all of it takes 4 s at most.
    assert time.process_time() - started < 20
