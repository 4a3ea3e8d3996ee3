from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nlp_service.cli import app
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import open_database
from nlp_service.store.keys import Key, KeyStore
from nlp_service.store.scopes import OF_A_TENANT, SCOPES

KEY = re.compile(r"nlp_[0-9A-Za-z]{8}_[0-9A-Za-z]{40}")

Run = Callable[..., Result]
Ask = Callable[..., Any]


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "keys.db")


@pytest.fixture
def run(db: str) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--db", db])

    return run


@pytest.fixture
def ask(run: Run) -> Ask:
    def ask(*arguments: str) -> Any:
        done = run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    return ask


def authenticate(db: str, secret: str) -> Key | None:
    with open_database(db) as database:
        return KeyStore(database).authenticate(secret)


def test_a_key_is_made_shown_once_and_opens_what_was_asked_for(run: Run, db: str) -> None:
    done = run("keys", "create", "robot", "--scopes", "analyze, ingest", "--rate", "2.5", "--expires", "90d")
    assert done.exit_code == 0
    key = authenticate(db, done.stdout.split()[-1])
    assert key is not None
    assert (key.name, key.scopes, key.rate_per_s, key.burst) == ("robot", ("analyze", "ingest"), 2.5, 3)
    assert key.expires_at is not None
    assert abs(key.expires_at - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert not KEY.search(run("keys", "list").stdout)
    assert "robot: analyze,ingest, 2.5 requests a second; good" in run("keys", "list").stdout


def test_all_is_all_that_the_tenant_may_have(ask: Ask) -> None:
    ask("tenants", "create", "acme")
    assert ask("keys", "create", "a", "--scopes", "all")["key"]["scopes"] == list(SCOPES)
    assert ask("keys", "create", "a", "--scopes", "all", "--tenant", "acme")["key"]["scopes"] == list(OF_A_TENANT)


def test_a_time_with_its_zone_is_taken(ask: Ask) -> None:
    at = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    made = ask("keys", "create", "a", "--scopes", "analyze", "--expires", at)
    assert datetime.fromisoformat(made["key"]["expires_at"]) == datetime.fromisoformat(at)


@pytest.mark.parametrize("named_by", ["id", "prefix", "shown"])
def test_a_key_is_revoked_by_its_id_or_its_visible_part(ask: Ask, run: Run, db: str, named_by: str) -> None:
    made = ask("keys", "create", "a", "--scopes", "analyze")
    other = ask("keys", "create", "b", "--scopes", "analyze")
    name = {"id": str(made["key"]["id"]), "prefix": made["key"]["prefix"], "shown": f"nlp_{made['key']['prefix']}_…"}
    assert ask("keys", "revoke", name[named_by])["key"]["revoked_at"]
    assert authenticate(db, made["secret"]) is None
    assert authenticate(db, other["secret"]) is not None
    assert "revoked" in run("keys", "list").stdout


def test_a_key_is_rotated_with_a_time_of_grace(ask: Ask, db: str) -> None:
    old = ask("keys", "create", "a", "--scopes", "analyze")
    kept = ask("keys", "rotate", str(old["key"]["id"]))
    assert authenticate(db, old["secret"]) is not None
    new = ask("keys", "rotate", str(kept["key"]["id"]), "--grace", "0s")
    assert authenticate(db, kept["secret"]) is None
    assert authenticate(db, new["secret"]) is not None


def test_a_tenant_is_made_with_its_first_key_and_settings(ask: Ask, run: Run, db: str) -> None:
    made = ask("tenants", "create", "acme", "retention_days=30", "timezone=Asia/Tokyo")
    key = authenticate(db, made["secret"])
    assert key is not None
    assert key.tenant == "acme"
    assert made["tenant"]["settings"]["retention_days"] == 30
    assert run("tenants", "list").stdout.split() == ["acme", "default"]
    assert 'timezone="Asia/Tokyo"' in run("tenants", "show", "acme").stdout


def test_settings_are_set_and_leave_the_others(ask: Ask, db: str) -> None:
    ask("tenants", "set", "default", "retention_days=30")
    weights = '{"originality": 1, "usefulness": 0, "spread": 0, "compliance": 0}'
    settings = ask("tenants", "set", "default", "mask=none", f"ugc_weights={weights}")["tenant"]["settings"]
    assert (settings["retention_days"], settings["mask"], settings["ugc_weights"]["originality"]) == (30, "none", 1)
    with open_database(db) as database:
        lines = AuditStore(database).browse("default")
    assert [(line.actor, line.action) for line in lines] == [("cli", "tenant.settings")] * 2


def test_a_knowledge_base_that_the_command_line_changes_is_in_the_log(run: Run, db: str, tmp_path: Path) -> None:
    source = tmp_path / "entries.jsonl"
    source.write_text('{"id": "a", "question": "怎么退款", "answer": "在订单页"}')
    assert run("kb", "import", str(source), "--kb", "shop").exit_code == 0
    with open_database(db) as database:
        lines = AuditStore(database).browse("default")
    assert [(line.actor, line.action) for line in lines] == [("cli", "kb.write"), ("cli", "kb.create")]


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "create", "a", "--scopes", "root"),
        ("keys", "create", "a", "--scopes", ""),
        ("keys", "create", "a"),
        ("keys", "create", "a", "--scopes", "analyze", "--rate", "0"),
        ("keys", "create", "a", "--scopes", "analyze", "--expires", "soon"),
        ("keys", "create", "a", "--scopes", "analyze", "--expires", "2001-01-01T00:00:00+00:00"),
        ("keys", "rotate", "1", "--grace", "long"),
        ("tenants", "set", "default", "retention_days"),
        ("tenants", "set", "default", "retention_days=many"),
        ("tenants", "create", "Acme"),
    ],
)
def test_bad_usage_is_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys", "revoke", "7"),
        ("keys", "rotate", "abcdefgh"),
        ("keys", "create", "a", "--scopes", "analyze", "--tenant", "acme"),
        ("tenants", "show", "acme"),
        ("tenants", "set", "acme", "mask=none"),
    ],
)
def test_what_is_not_there_is_exit_code_3(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 3
    assert done.stderr.startswith("nlp-service: there is no such ")
