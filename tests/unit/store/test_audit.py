from __future__ import annotations

import pytest

from nlp_service.store.audit import AuditStore, note
from nlp_service.store.database import Database
from nlp_service.store.knowledge import KnowledgeStore
from nlp_service.store.records import Record


def write(database: Database, *actions: str, tenant: str = "default", actor: str = "cli") -> None:
    with database.write() as connection:
        for action in actions:
            note(connection, tenant, actor, action, f"thing:{action}", n=len(action))


def actions(database: Database, tenant: str = "default", **wanted: object) -> list[str]:
    return [line.action for line in AuditStore(database).browse(tenant, **wanted)]  # type: ignore[arg-type]


def test_a_line_says_who_did_what_to_what_and_when(database: Database) -> None:
    write(database, "key.create", actor="key:abc")
    (line,) = AuditStore(database).browse("default")
    assert (line.actor, line.action, line.object, line.detail) == (
        "key:abc",
        "key.create",
        "thing:key.create",
        {"n": 10},
    )
    assert line.at.tzinfo is not None


def test_a_change_that_fails_leaves_no_line(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            note(connection, "default", "cli", "key.create", "key:1")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert actions(database) == []


def test_pages_follow_one_another_and_miss_nothing(database: Database) -> None:
    write(database, "a.1", "a.2", "a.3", "a.4", "a.5")
    store = AuditStore(database)
    first = store.browse("default", limit=2)
    write(database, "a.6")  # what comes later does not move the pages that follow
    second = store.browse("default", limit=2, before=first[-1].id)
    third = store.browse("default", limit=2, before=second[-1].id)
    assert [line.action for page in (first, second, third) for line in page] == ["a.5", "a.4", "a.3", "a.2", "a.1"]


def test_a_tenant_sees_its_own_changes_only(database: Database) -> None:
    write(database, "a.1")
    write(database, "b.1", tenant="acme")
    assert actions(database) == ["a.1"]
    assert actions(database, "acme") == ["b.1"]
    assert actions(database, "none") == []


def test_lines_are_found_by_actor_action_subject_and_object(database: Database) -> None:
    write(database, "key.create", "key.revoke", "keys.other")
    write(database, "kb.publish", actor="key:abc")
    assert actions(database, actor="key:abc") == ["kb.publish"]
    assert actions(database, action="key.revoke") == ["key.revoke"]
    assert actions(database, action="key.") == ["key.revoke", "key.create"]
    assert actions(database, action="k%.") == []  # a sign of the database's own patterns is a sign here
    assert actions(database, object="thing:kb.publish") == ["kb.publish"]


def test_every_change_of_a_knowledge_base_is_written_down(database: Database) -> None:
    store = KnowledgeStore(database)
    record = Record("hours", '{"a":1}')
    store.create("default", "shop", actor="a")
    store.put("default", "shop", [record], actor="b")
    store.put("default", "shop", [record], actor="nobody")  # changes nothing
    store.publish("default", "shop", author="小王", actor="c")
    store.remove("default", "shop", ["hours"], actor="d")
    store.remove("default", "shop", ["hours"], actor="nobody")
    store.discard("default", "shop", actor="e")
    store.calibrate("default", "shop", 1, {"asked": 1}, actor="f")
    store.change_settings("default", "shop", {"synonyms": [["a", "b"]]}, actor="g")
    store.change_settings("default", "shop", {"synonyms": [["a", "b"]]}, actor="nobody")
    store.put("default", "shop", [Record("hours", '{"a":2}')], actor="h")
    store.publish("default", "shop", actor="i")
    store.roll_back("default", "shop", 1, actor="j")
    store.delete("default", "shop", actor="k")
    store.put("default", "other", [record], may_create=True, actor="l")
    lines = AuditStore(database).browse("default")[::-1]
    assert "".join(line.actor for line in lines) == "abcdefghijkll"
    assert [line.action.removeprefix("kb.") for line in lines] == [
        *("create", "write", "publish", "remove", "discard", "calibrate", "settings", "write", "publish"),
        *("roll_back", "delete", "create", "write"),
    ]
    assert {line.object for line in lines[:11]} == {lines[0].object}
    assert lines[9].detail == {"to": 1, "version": 3}
