from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from nlp_service.errors import BadInput, Conflict, NotFound
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database
from nlp_service.store.schema import tenants
from nlp_service.store.tenants import TenantSettings, TenantStore, UgcWeights, read_settings, touch_rules


@pytest.fixture
def store(database: Database) -> TenantStore:
    return TenantStore(database)


def test_the_default_tenant_is_there_from_the_beginning(store: TenantStore) -> None:
    (tenant,) = store.list()
    assert (tenant.name, tenant.settings, tenant.rules_version) == ("default", TenantSettings(), 0)


def test_the_defaults_are_what_was_asked_for() -> None:
    settings = TenantSettings()
    assert (settings.retention_days, settings.mask, settings.timezone) == (None, "stored", "Asia/Shanghai")
    assert settings.ugc_weights == UgcWeights(originality=0.4, usefulness=0.2, spread=0.3, compliance=0.1)


def test_a_tenant_is_made_with_settings_and_written_down(store: TenantStore, database: Database) -> None:
    made = store.create("acme", {"retention_days": 30}, actor="key:abc")
    assert made.settings == TenantSettings(retention_days=30)
    assert store.get("acme") == made
    assert [one.name for one in store.list()] == ["acme", "default"]
    (line,) = AuditStore(database).browse("acme")
    assert (line.actor, line.action, line.object) == ("key:abc", "tenant.create", "tenant:acme")


def test_a_name_is_taken_once(store: TenantStore) -> None:
    store.create("acme")
    with pytest.raises(Conflict):
        store.create("acme")


def test_of_many_who_make_the_same_tenant_one_does(store: TenantStore) -> None:
    barrier = threading.Barrier(4)

    def make(_: int) -> bool:
        barrier.wait()
        try:
            store.create("acme")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [False, False, False, True]


@pytest.mark.parametrize("name", ["", "Acme", "-a", "a b", "a/b", "店", "a\n", "a" * 65])
def test_a_name_that_cannot_stand_in_paths_is_refused(store: TenantStore, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        store.create(name)
    assert caught.value.param == "name"


def test_a_tenant_that_is_not_there_is_not_found(store: TenantStore, database: Database) -> None:
    with pytest.raises(NotFound):
        store.get("acme")
    with pytest.raises(NotFound):
        store.update_settings("acme", {})
    with pytest.raises(NotFound), database.write() as connection:
        touch_rules(connection, "acme")


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"retention": 30}, "retention"),
        ({"retention_days": 0}, "retention_days"),
        ({"retention_days": "30"}, "retention_days"),
        ({"retention_days": True}, "retention_days"),
        ({"mask": "never"}, "mask"),
        ({"timezone": "Asia/Atlantis"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "a" * 5000}, "timezone"),
        ({"timezone": "\0"}, "timezone"),
        ({"ugc_weights": {"spread": "much"}}, "ugc_weights.spread"),
        ({"ugc_weights": {"fun": 1}}, "ugc_weights.fun"),
        ({"ugc_weights": {"spread": 1.5}}, "ugc_weights.spread"),
        ({"ugc_weights": {"spread": 0.4}}, "ugc_weights"),  # they add up to 1.1
    ],
)
def test_a_setting_that_cannot_be_taken_is_named(document: dict[str, Any], param: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_settings(document)
    assert caught.value.param == param


def test_settings_that_are_not_named_stay(store: TenantStore) -> None:
    store.update_settings("default", {"retention_days": 30})
    weights = {"originality": 1.0, "usefulness": 0.0, "spread": 0.0, "compliance": 0.0}
    settings = store.update_settings("default", {"ugc_weights": weights})
    assert settings == TenantSettings(retention_days=30, ugc_weights=UgcWeights(1.0, 0.0, 0.0, 0.0))
    assert store.settings("default") == settings


def test_a_change_of_settings_is_written_down_and_told_to_replicas(store: TenantStore, database: Database) -> None:
    store.create("acme")
    store.update_settings("acme", {"retention_days": 30, "mask": "stored"}, actor="key:abc")
    assert store.rules_versions() == {"acme": 1, "default": 0}
    line = AuditStore(database).browse("acme")[0]
    assert (line.actor, line.action, line.detail) == ("key:abc", "tenant.settings", {"retention_days": 30})


def test_settings_that_stay_the_same_are_no_change(store: TenantStore, database: Database) -> None:
    store.update_settings("default", {"mask": "stored"})
    assert store.rules_versions() == {"default": 0}
    assert AuditStore(database).browse("default") == []


def test_settings_that_cannot_be_taken_change_nothing(store: TenantStore) -> None:
    with pytest.raises(BadInput):
        store.update_settings("default", {"retention_days": 30, "mask": "never"})
    assert store.settings("default") == TenantSettings()


def test_changes_of_rules_at_the_same_time_are_all_counted(store: TenantStore, database: Database) -> None:
    def change(_: int) -> None:
        with database.write() as connection:
            touch_rules(connection, "default")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(12)))
    assert store.rules_versions() == {"default": 12}


def test_a_field_of_a_newer_version_is_passed_over(store: TenantStore, database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.update(tenants).values(settings={"retention_days": 7, "colour": "red"}))
    assert store.settings("default") == TenantSettings(retention_days=7)
