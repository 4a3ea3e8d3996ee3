from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nlp_service.errors import NotFound
from nlp_service.knowledge.entries import make_entry, to_record
from nlp_service.knowledge.versions import Change, Diff, diff, read_entries, read_published
from nlp_service.store.knowledge import KnowledgeStore

T, KB = "acme", "门店"
DAY = datetime(2025, 3, 1, tzinfo=UTC)
FIRST = [make_entry(id, ["问" + id], "答") for id in ("a", "b", "c")]


@pytest.fixture(autouse=True)
def _published(store: KnowledgeStore) -> None:
    store.create(T, KB)
    store.put(T, KB, [to_record(entry) for entry in FIRST])
    store.publish(T, KB)


def test_a_diff_names_entries_and_fields(store: KnowledgeStore) -> None:
    changed = make_entry("b", ["问b", "再问"], "答", category="新", valid_to=DAY)
    store.put(T, KB, [to_record(changed), to_record(make_entry("d", ["问d"], "答"))])
    store.remove(T, KB, ["a"])
    forward = diff(store, T, KB, 1)
    fields = ("questions", "category", "valid_to")
    assert forward == Diff(added=("d",), removed=("a",), changed=(Change("b", fields),))
    assert diff(store, T, KB, None, 1) == Diff(added=("a",), removed=("d",), changed=(Change("b", fields),))
    assert not forward.is_empty


def test_versions_that_are_equal_have_an_empty_diff(store: KnowledgeStore) -> None:
    assert diff(store, T, KB, 1).is_empty
    assert diff(store, T, KB, 0, 1) == Diff(added=("a", "b", "c"), removed=(), changed=())


def test_a_diff_with_a_version_that_is_not_there_is_refused(store: KnowledgeStore) -> None:
    with pytest.raises(NotFound, match="version 2"):
        diff(store, T, KB, 1, 2)


def test_the_published_entries_are_read_with_their_version(store: KnowledgeStore) -> None:
    store.remove(T, KB, ["a"])
    assert read_published(store, T, KB) == (1, FIRST)
    assert [entry.id for entry in read_entries(store, T, KB)] == ["b", "c"]


def test_before_the_first_publish_nothing_is_published(store: KnowledgeStore) -> None:
    store.create(T, "新")
    assert read_published(store, T, "新") == (0, [])
