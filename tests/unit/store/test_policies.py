from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from nlp_service.errors import BadInput, NotFound
from nlp_service.moderation.rules import check_document
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database, open_database
from nlp_service.store.policies import PolicyStore, PolicyVersion, name_of
from nlp_service.store.tenants import TenantStore

T, ROOM, WHO = "default", "群/1", "key:test"
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def document(act: float) -> dict[str, Any]:
    return {"labels": {"ad": {"act": act, "action": "warn"}}}


@pytest.fixture
def policies(database: Database) -> PolicyStore:
    TenantStore(database).create("other")
    return PolicyStore(database, check_document, lambda: AT)


def held(store: PolicyStore) -> dict[str, int]:
    return {policy.community: policy.version for policy in store.active(T)}


def test_without_a_policy_there_is_nothing(policies: PolicyStore) -> None:
    assert (policies.active(T), policies.versions(T)) == ([], [])
    with pytest.raises(NotFound):
        policies.get(T)


def test_what_is_put_holds_and_what_held_stays_in_the_history(policies: PolicyStore) -> None:
    first, is_new = policies.put(T, "", document(0.5), actor=WHO, note="先试")
    assert is_new
    assert first == PolicyVersion("", 1, True, document(0.5), AT, WHO, "先试")
    second, _ = policies.put(T, "", document(0.7), actor=WHO)
    assert policies.get(T) == second
    assert [(one.version, one.is_active, one.document) for one in policies.versions(T)] == [
        (1, False, document(0.5)),
        (2, True, document(0.7)),
    ]
    assert policies.get(T, "", 1).document == document(0.5)


def test_communities_have_policies_of_their_own(policies: PolicyStore) -> None:
    policies.put(T, ROOM, document(0.5), actor=WHO)
    policies.put(T, "", document(0.6), actor=WHO)
    policies.put(T, "", document(0.7), actor=WHO)
    assert held(policies) == {"": 2, ROOM: 1}
    assert [policy.community for policy in policies.active(T)] == ["", ROOM]  # that for all comes first


def test_what_holds_already_makes_no_version_and_tells_nobody(database: Database, policies: PolicyStore) -> None:
    policies.put(T, "", document(0.5), actor=WHO)
    before = TenantStore(database).rules_versions(), AuditStore(database).browse(T)
    again, is_new = policies.put(T, "", document(0.5), actor="key:other", note="?")
    assert (again.version, again.author, is_new) == (1, WHO, False)
    policies.activate(T, "", 1, actor=WHO)
    assert (TenantStore(database).rules_versions(), AuditStore(database).browse(T)) == before


def test_an_earlier_version_can_hold_again(policies: PolicyStore) -> None:
    policies.put(T, "", document(0.5), actor=WHO)
    policies.put(T, "", document(0.7), actor=WHO)
    assert policies.activate(T, "", 1, actor=WHO).is_active
    assert policies.get(T).version == 1
    # The document of version 2 does not hold, so putting it makes a new version.
    assert policies.put(T, "", document(0.7), actor=WHO)[0].version == 3


def test_a_removed_policy_leaves_its_history_and_numbers_go_on(policies: PolicyStore) -> None:
    policies.put(T, ROOM, document(0.5), actor=WHO)
    policies.remove(T, ROOM, actor=WHO)
    assert held(policies) == {}
    with pytest.raises(NotFound):
        policies.get(T, ROOM)
    assert [one.is_active for one in policies.versions(T, ROOM)] == [False]
    with pytest.raises(NotFound):
        policies.remove(T, ROOM, actor=WHO)
    assert policies.put(T, ROOM, document(0.5), actor=WHO)[0].version == 2
    assert policies.activate(T, ROOM, 1, actor=WHO).version == 1


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"labels": {"ad": {"act": 1.5}}}, "labels.ad.act"),
    ({"labels": {"advert": {}}}, "labels.advert"),
    ({"colour": 1}, "colour"),
    ({"format": 2}, "format"),
    ({"labels": []}, "labels"),
]


def test_a_broken_document_is_never_stored(database: Database, policies: PolicyStore) -> None:
    policies.put(T, "", document(0.5), actor=WHO)
    before = TenantStore(database).rules_versions()
    for broken, param in BROKEN:
        with pytest.raises(BadInput) as caught:
            policies.put(T, "", broken, actor=WHO)
        assert caught.value.param == param
    assert [one.version for one in policies.versions(T)] == [1]
    assert TenantStore(database).rules_versions() == before


def test_a_document_that_is_broken_by_now_does_not_hold_again(database: Database, policies: PolicyStore) -> None:
    PolicyStore(database, lambda document: None).put(T, "", {"of": "another version"}, actor=WHO)
    policies.put(T, "", document(0.5), actor=WHO)
    with pytest.raises(BadInput):
        policies.activate(T, "", 1, actor=WHO)
    assert policies.get(T).version == 2


@pytest.mark.parametrize("community", ["长" * 201, "a\0", "a\nb", "a\ud800"])
def test_a_community_that_cannot_be_is_refused(policies: PolicyStore, community: str) -> None:
    with pytest.raises(BadInput) as caught:
        policies.put(T, community, document(0.5), actor=WHO)
    assert caught.value.param == "community"


CALLS: list[Callable[[PolicyStore, str], object]] = [
    lambda store, tenant: store.get(tenant),
    lambda store, tenant: store.get(tenant, "", 1),
    lambda store, tenant: store.activate(tenant, "", 1, actor=WHO),
    lambda store, tenant: store.remove(tenant, "", actor=WHO),
]


def test_the_policy_of_another_tenant_is_not_there(policies: PolicyStore) -> None:
    policies.put(T, "", document(0.5), actor=WHO)
    for tenant in ("other", "nobody"):
        for call in CALLS:
            with pytest.raises(NotFound):
                call(policies, tenant)
        assert (policies.active(tenant), policies.versions(tenant)) == ([], [])
    with pytest.raises(NotFound):
        policies.put("nobody", "", document(0.5), actor=WHO)
    assert held(policies) == {"": 1}


def test_every_change_is_told_and_written_down(database: Database, policies: PolicyStore) -> None:
    changes: list[tuple[str, Callable[[], object]]] = [
        ("policy.put", lambda: policies.put(T, ROOM, document(0.5), actor=WHO)),
        ("policy.put", lambda: policies.put(T, ROOM, document(0.6), actor=WHO)),
        ("policy.activate", lambda: policies.activate(T, ROOM, 1, actor=WHO)),
        ("policy.remove", lambda: policies.remove(T, ROOM, actor=WHO)),
    ]
    for number, (action, change) in enumerate(changes, start=1):
        change()
        assert TenantStore(database).rules_versions() == {T: number, "other": 0}
        line = AuditStore(database).browse(T, limit=1)[0]
        assert (line.action, line.object, line.actor) == (action, f"policy:{ROOM}", WHO)


def test_writers_of_one_policy_make_versions_without_gaps_and_one_holds(url: str, policies: PolicyStore) -> None:
    def write(writer: int) -> list[int]:
        with open_database(url) as own:
            store = PolicyStore(own, check_document)
            acts = [round(0.1 + (8 * writer + number) / 100, 2) for number in range(8)]
            return [store.put(T, "", document(act), actor=WHO)[0].version for act in acts]

    with ThreadPoolExecutor(4) as pool:
        versions = [version for each in pool.map(write, range(4)) for version in each]
    assert sorted(versions) == list(range(1, 33))
    assert [one.version for one in policies.versions(T) if one.is_active] == [32]


def test_the_policy_for_all_is_named_by_a_star() -> None:
    assert (name_of(""), name_of(ROOM)) == ("*", ROOM)
