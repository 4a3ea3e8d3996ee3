from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store.database import Database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Difference, Record, Standing, Written

T, KB = "acme", "门店"


def records(**contents: str) -> list[Record]:
    return [Record(entry_id, content) for entry_id, content in contents.items()]


def contents(store: KnowledgeStore, version: int | None = None) -> dict[str, str]:
    return {record.entry_id: record.content for record in store.entries(T, KB, version)}


@pytest.fixture(autouse=True)
def _base(store: KnowledgeStore) -> None:
    store.create(T, KB)


def test_a_new_base_is_empty_and_unpublished(store: KnowledgeStore) -> None:
    base = store.get(T, KB)
    assert (base.tenant, base.name, base.published, base.draft, base.settings) == (T, KB, 0, 1, {})
    assert store.get(T, base.id) == base
    assert (contents(store), contents(store, 0), store.versions(T, KB)) == ({}, {}, [])


def test_the_name_of_a_base_is_taken_once_a_tenant(store: KnowledgeStore) -> None:
    with pytest.raises(Conflict):
        store.create(T, KB)
    store.create("other", KB)
    assert [base.name for base in store.bases(T)] == [KB]


@pytest.mark.parametrize("name", ["", "  ", "一\n二", "长" * 101])
def test_a_bad_name_is_refused(store: KnowledgeStore, name: str) -> None:
    with pytest.raises(BadInput):
        store.create(T, name)
    with pytest.raises(BadInput):
        store.put(T, name, [], may_create=True)


def test_a_write_makes_a_base_only_where_it_may(store: KnowledgeStore) -> None:
    with pytest.raises(NotFound):
        store.put(T, "新", records(a="1"))
    assert store.put(T, "新", records(a="1"), may_create=True) == Written(1, 0, 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda store, kb: store.get("other", kb),
        lambda store, kb: store.entries("other", kb),
        lambda store, kb: store.entry("other", kb, "a"),
        lambda store, kb: store.count("other", kb),
        lambda store, kb: store.put("other", kb, records(a="9")),
        lambda store, kb: store.remove("other", kb, ["a"]),
        lambda store, kb: store.discard("other", kb),
        lambda store, kb: store.compare("other", kb, 0, None),
        lambda store, kb: store.publish("other", kb),
        lambda store, kb: store.roll_back("other", kb, 1),
        lambda store, kb: store.versions("other", kb),
        lambda store, kb: store.version("other", kb, 1),
        lambda store, kb: store.calibrate("other", kb, 1, {}),
        lambda store, kb: store.change_settings("other", kb, {}),
        lambda store, kb: store.delete("other", kb),
    ],
)
def test_the_base_of_another_tenant_is_not_there(
    store: KnowledgeStore, call: Callable[[KnowledgeStore, int | str], object]
) -> None:
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    for kb in (KB, store.get(T, KB).id):
        with pytest.raises(NotFound):
            call(store, kb)
    assert contents(store) == {"a": "1"}
    assert store.standings("other") == {}


def test_a_draft_is_seen_only_once_it_is_published(store: KnowledgeStore) -> None:
    assert store.put(T, KB, records(a="1", b="1")) == Written(2, 0, 0)
    assert contents(store, 0) == {}
    assert store.publish(T, KB) == 1
    assert store.put(T, KB, records(a="2", b="1", c="1")) == Written(1, 1, 1)
    assert store.remove(T, KB, ["b", "nobody"]) == 1
    assert contents(store, 1) == {"a": "1", "b": "1"}
    assert contents(store) == {"a": "2", "c": "1"}
    assert store.publish(T, KB) == 2
    assert contents(store, 1) == {"a": "1", "b": "1"}
    assert contents(store, 2) == {"a": "2", "c": "1"}


@pytest.mark.parametrize(
    "edits",
    [
        [{"a": "2"}, {"a": "1"}],  # changed and changed back
        [{"a": "2"}, {"a": "3"}, {"a": "1"}],
        [{"a": None}, {"a": "1"}],  # removed and put back
        [{"a": "2"}, {"a": None}, {"a": "1"}],
        [{"new": "1"}, {"new": "2"}, {"new": None}],  # made and removed
        [{"a": None}, {"a": "2"}, {"a": None}, {"a": "1"}],
    ],
)
def test_an_edit_that_is_taken_back_is_no_change(store: KnowledgeStore, edits: list[dict[str, str | None]]) -> None:
    store.put(T, KB, records(a="1", b="1"))
    store.publish(T, KB)
    for edit in edits:
        for entry_id, content in edit.items():
            if content is None:
                store.remove(T, KB, [entry_id])
            else:
                store.put(T, KB, [Record(entry_id, content)])
        assert contents(store, 1) == {"a": "1", "b": "1"}
    assert contents(store) == {"a": "1", "b": "1"}
    with pytest.raises(Conflict, match="nothing was changed since version 1"):
        store.publish(T, KB)


def test_of_several_with_one_id_the_last_counts(store: KnowledgeStore) -> None:
    assert store.put(T, KB, [Record("a", "1"), Record("a", "2")]) == Written(1, 0, 0)
    assert contents(store) == {"a": "2"}


def test_discarding_gives_the_published_entries_back(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1", b="1"))
    store.publish(T, KB)
    store.put(T, KB, records(a="2", c="1"))
    store.remove(T, KB, ["b"])
    store.discard(T, KB)
    assert contents(store) == contents(store, 1) == {"a": "1", "b": "1"}


def test_a_publish_says_who_and_when_and_what_was_measured(database: Database) -> None:
    at = datetime(2025, 6, 1, 12, tzinfo=UTC)
    store = KnowledgeStore(database, now=lambda: at)
    store.put(T, KB, records(a="1"))
    store.publish(T, KB, author="小李", note="开业", figures={"hit_at_1": 0.7}, calibration={"slope": 2.0})
    version = store.version(T, KB, 1)
    assert (version.number, version.published_at, version.based_on) == (1, at, 0)
    assert (version.author, version.note) == ("小李", "开业")
    assert (version.figures, version.calibration) == ({"hit_at_1": 0.7}, {"slope": 2.0})


def test_a_draft_that_was_published_meanwhile_is_not_published_unseen(store: KnowledgeStore) -> None:
    looked_at = store.get(T, KB).draft
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    store.put(T, KB, records(a="2"))
    with pytest.raises(Conflict, match="draft 1 was published meanwhile"):
        store.publish(T, KB, draft=looked_at)


def test_rolling_back_publishes_an_earlier_version_anew(store: KnowledgeStore) -> None:
    for step in (records(a="1", b="1"), records(a="2", c="1"), records(b="3")):
        store.put(T, KB, step)
        store.publish(T, KB, figures={"n": len(step)})
    store.remove(T, KB, ["b"])
    store.publish(T, KB)
    before = {number: contents(store, number) for number in range(1, 5)}
    assert store.roll_back(T, KB, 1, author="小王", note="回到开业") == 5
    assert contents(store, 5) == contents(store) == {"a": "1", "b": "1"}
    assert {number: contents(store, number) for number in range(1, 5)} == before
    version = store.version(T, KB, 5)
    assert (version.based_on, version.author, version.figures) == (1, "小王", {"n": 2})
    # And forward again.
    assert store.roll_back(T, KB, 4) == 6
    assert contents(store, 6) == before[4]


def test_rolling_back_does_not_lose_a_draft_unasked(store: KnowledgeStore) -> None:
    for content in ("1", "2"):
        store.put(T, KB, records(a=content))
        store.publish(T, KB)
    store.put(T, KB, records(a="3", b="1"))
    with pytest.raises(Conflict, match="not published"):
        store.roll_back(T, KB, 1)
    assert contents(store) == {"a": "3", "b": "1"}
    assert store.roll_back(T, KB, 1, discard=True) == 3
    assert contents(store) == {"a": "1"}


def test_rolling_back_to_the_same_entries_is_refused(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    with pytest.raises(Conflict, match="same entries"):
        store.roll_back(T, KB, 1)
    with pytest.raises(NotFound, match="version 2"):
        store.roll_back(T, KB, 2)


def test_a_refused_roll_back_keeps_the_draft_it_would_have_discarded(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    store.put(T, KB, records(a="2"))
    with pytest.raises(Conflict):
        store.roll_back(T, KB, 1, discard=True)
    assert contents(store) == {"a": "2"}


@pytest.mark.parametrize("version", [-1, 2, 99])
def test_a_version_that_is_not_there_is_named(store: KnowledgeStore, version: int) -> None:
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    with pytest.raises(NotFound, match=f"version {version}"):
        store.entries(T, KB, version)


def test_comparing_gives_what_each_version_holds(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1", b="1", c="1"))
    store.publish(T, KB)
    store.put(T, KB, records(b="2", d="1"))
    store.remove(T, KB, ["a"])
    expected = [Difference("a", "1", None), Difference("b", "1", "2"), Difference("d", None, "1")]
    assert store.compare(T, KB, 1, None) == expected
    assert store.compare(T, KB, None, 1) == [Difference(one.entry_id, one.new, one.old) for one in expected]
    assert store.compare(T, KB, 1, 1) == []


def test_entries_come_in_pages_by_code_point(store: KnowledgeStore) -> None:
    store.put(T, KB, [Record(entry_id, "1") for entry_id in ("b", "B", "a", "乙", "-", "a1")])
    order = ["-", "B", "a", "a1", "b", "乙"]
    assert list(contents(store)) == order
    assert [record.entry_id for record in store.entries(T, KB, after="B", limit=2)] == ["a", "a1"]
    assert (store.count(T, KB), store.count(T, KB, 0)) == (6, 0)


def test_one_entry_is_read_from_its_version(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1"))
    assert store.entry(T, KB, "a") == Record("a", "1")
    with pytest.raises(NotFound):
        store.entry(T, KB, "a", 0)


def test_settings_change_at_once_and_are_counted(store: KnowledgeStore) -> None:
    base = store.change_settings(T, KB, {"synonyms": [["退款", "退钱"]], "precision": 0.9})
    assert (base.settings_version, base.published) == (1, 0)
    base = store.change_settings(T, KB, {"precision": None})
    assert (base.settings, base.settings_version) == ({"synonyms": [["退款", "退钱"]]}, 2)
    assert store.change_settings(T, KB, {"precision": None}).settings_version == 2  # nothing new to load


def test_a_calibration_is_learnt_of_like_settings(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    store.calibrate(T, KB, 1, {"slope": 3.0})
    assert store.version(T, KB, 1).calibration == {"slope": 3.0}
    kb_id = store.get(T, KB).id
    assert store.standings(T) == {kb_id: Standing(1, 1)}
    with pytest.raises(NotFound):
        store.calibrate(T, KB, 2, {})


def test_standings_are_of_one_tenant_or_of_all(store: KnowledgeStore) -> None:
    other = store.create("other", "b")
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    kb_id = store.get(T, KB).id
    assert store.standings() == {kb_id: Standing(1, 0), other.id: Standing(0, 0)}
    assert store.standings(T) == {kb_id: Standing(1, 0)}


def test_a_deleted_base_takes_its_entries_along_and_its_id_is_not_used_again(store: KnowledgeStore) -> None:
    store.put(T, KB, records(a="1"))
    store.publish(T, KB)
    kb_id = store.get(T, KB).id
    store.delete(T, KB)
    assert store.create(T, KB).id > kb_id
    assert contents(store) == {}


def test_more_entries_than_a_statement_takes_parameters(store: KnowledgeStore) -> None:
    many = [Record(f"e{i:05}", "1") for i in range(12_000)]
    assert store.put(T, KB, many) == Written(12_000, 0, 0)
    assert store.put(T, KB, many) == Written(0, 0, 12_000)
    assert len(store.compare(T, KB, 0, None)) == 12_000
