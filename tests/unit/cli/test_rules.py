from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer import Typer
from typer.testing import CliRunner

from nlp_service.cli.lexicons import lexicon
from nlp_service.cli.policies import policy
from nlp_service.store.audit import AuditStore
from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Incoming, Judgement, Known, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.tenants import TenantStore
from nlp_service.types import INTENTS, Abuse, Action, Analysis, Intent, Risk, Sentiment, Verdict

STRICT = {"labels": {"ad": {"act": 0.65, "action": "remove"}}}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def database() -> Iterator[Database]:
    """The database that the commands use by default."""
    with open_database("data/nlp_service.db") as opened:
        yield opened


def run(app: Typer, *arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def answer(app: Typer, *arguments: object) -> Any:
    done = run(app, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def test_a_list_goes_in_and_out() -> None:
    source = write("words.csv", "word,category\n出售发票,scam\n办理假证,\n")
    report = answer(lexicon, "import", source, "--list", "票", "--kind", "deny", "--category", "illegal_service")
    assert report == {
        "rows": 2, "version": 1, "added": 2, "changed": 0, "removed": 0, "unchanged": 0, "failed": [],
        "is_written": True, "ignored": [],
    }  # fmt: skip
    again = answer(lexicon, "import", source, "--list", "票", "--kind", "deny")
    assert (again["version"], again["unchanged"]) == (1, 2)
    assert answer(lexicon, "export", "票", "-o", "out.jsonl") == {"words": 2, "output": "out.jsonl"}
    assert [json.loads(line)["word"] for line in Path("out.jsonl").read_text().splitlines()] == ["出售发票", "办理假证"]
    assert answer(lexicon, "import", "out.jsonl", "--list", "另一个", "--kind", "watch")["added"] == 2
    assert answer(lexicon, "export", "票", "-o", "none.txt", "--version", 0)["words"] == 0
    assert [one["name"] for one in answer(lexicon, "list")["lexicons"]] == ["另一个", "票"]
    shown = answer(lexicon, "show", "票")
    assert (shown["lexicon"]["n_words"], [one["author"] for one in shown["versions"]]) == (2, ["cli"])
    assert run(lexicon, "show", "票").stdout.startswith("票 (deny, illegal_service): 2 words, version 1\nversion 1, ")


def test_the_extension_says_what_a_file_is() -> None:
    answer(lexicon, "import", write("words.txt", "关键词\n"), "--list", "a", "--kind", "deny")
    assert answer(lexicon, "export", "a", "-o", "out.txt")["words"] == 1
    assert run(lexicon, "import", write("words.csv", "无名\n"), "--list", "a").exit_code == 2


def test_a_replacement_removes_what_is_not_in_the_file(database: Database) -> None:
    answer(lexicon, "import", write("a.txt", "甲词\n乙词\n"), "--list", "a", "--kind", "deny")
    done = run(lexicon, "import", write("b.txt", "乙词\n"), "--list", "a", "--replace", "--note", "清理")
    assert done.stdout == "1 rows: 0 words new, 0 changed, 1 same, 1 removed; version 2\n"
    assert answer(lexicon, "show", "a")["versions"][-1]["note"] == "清理"
    assert AuditStore(database).browse("default", limit=1)[0].actor == "cli"


def test_bad_rows_are_named_beside_the_working_directory() -> None:
    done = run(lexicon, "import", write("words.txt", "甲词\n\u200b\n"), "--list", "a", "--kind", "deny")
    assert done.exit_code == 1
    assert "1 rows failed, see words.txt.errors.jsonl" in done.stdout
    errors = Path("words.txt.errors.jsonl")
    assert json.loads(errors.read_text())["line"] == 2
    done = run(lexicon, "import", write("words.txt", "丙词\n\u200b\n"), "--list", "a", "--all-or-nothing")
    assert (done.exit_code, "nothing was written" in done.stdout) == (1, True)
    assert run(lexicon, "import", write("words.txt", "甲词\n"), "--list", "a").exit_code == 0
    assert not errors.exists()


def test_a_list_is_made_only_with_words_and_a_kind() -> None:
    for arguments in (("--list", "a"), ("--list", "a", "--kind", "deny")):
        assert run(lexicon, "import", write("bad.txt", "\u200b\n"), *arguments).exit_code == 3
    assert run(lexicon, "import", write("good.txt", "甲词\n"), "--list", "a").exit_code == 3
    assert answer(lexicon, "list") == {"lexicons": []}


def test_a_test_says_where_words_are() -> None:
    answer(lexicon, "import", write("words.txt", "出售发票\n"), "--list", "票", "--kind", "deny")
    (one, two) = answer(lexicon, "test", "早上好", "这里出售发票")["results"]
    assert (one["hits"], two["hits"][0]["span"]) == ([], {"start": 2, "end": 6, "text": "出售发票"})
    assert run(lexicon, "test", "这里出售发票").stdout == "1: 2-6 出售发票: 出售发票 (deny, list 票)\n"
    assert run(lexicon, "test", "早上好").stdout == "nothing found\n"


def test_tenants_are_apart(database: Database) -> None:
    TenantStore(database).create("other")
    answer(lexicon, "import", write("words.txt", "出售发票\n"), "--list", "票", "--kind", "deny", "--tenant", "other")
    answer(policy, "put", write("p.json", json.dumps(STRICT)), "--tenant", "other")
    assert run(lexicon, "show", "票").exit_code == 3
    assert run(policy, "show").exit_code == 3
    assert answer(lexicon, "test", "出售发票") == {"results": [{"hits": []}]}
    assert answer(policy, "list") == {"policies": []}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("import", "none.csv", "--list", "a"), 2, "cannot be read"),
        (("import", "words.txt", "--list", "a/b", "--kind", "deny"), 2, "the name of a list"),
        (("import", "words.txt", "--list", "a", "--kind", "ban"), 2, "kind must be one of"),
        (("export", "a", "-o", "x.pdf"), 2, "must end with"),
        (("export", "none", "-o", "x.csv"), 3, "no such list"),
        (("show", "none"), 3, "no such list"),
        (("list", "--db", "mysql://x/y"), 2, "SQLite or PostgreSQL"),
        (("test", "a", "--tenant", "nobody"), 3, "no such tenant"),
    ],
)
def test_what_cannot_be_done_with_lists_is_said(arguments: tuple[str, ...], code: int, message: str) -> None:
    write("words.txt", "甲词\n")
    done = run(lexicon, *arguments)
    assert (done.exit_code, message in done.output) == (code, True), done.output


def test_a_list_keeps_its_kind() -> None:
    answer(lexicon, "import", write("words.txt", "甲词\n"), "--list", "a", "--kind", "deny")
    done = run(lexicon, "import", "words.txt", "--list", "a", "--kind", "allow")
    assert (done.exit_code, "of the kind deny" in done.output) == (2, True)


def test_a_policy_goes_from_put_to_activate(database: Database) -> None:
    mild = {"labels": {"ad": {"act": 0.75}}}
    first = answer(policy, "put", write("strict.json", json.dumps(STRICT)), "--note", "先试")
    assert (first["is_new"], first["policy"]["policy_version"], first["policy"]["note"]) == (True, "*/1", "先试")
    assert answer(policy, "put", "strict.json")["is_new"] is False
    assert answer(policy, "put", write("mild.json", json.dumps(mild)))["policy"]["version"] == 2
    assert answer(policy, "show")["document"] == mild
    assert answer(policy, "show", "--version", 1)["document"] == STRICT
    assert "links" in answer(policy, "show", "--version", 0)["document"]
    assert run(policy, "activate", 1).stdout == "*/1 holds now\n"
    assert [one["is_active"] for one in answer(policy, "versions")["versions"]] == [True, False]
    assert run(policy, "versions").stdout.startswith("*/1 (holds), ")
    assert answer(policy, "put", "mild.json", "--community", "群")["policy"]["community"] == "群"
    assert run(policy, "list").stdout == "*/1\n群/1\n"
    assert json.loads(run(policy, "show", "--community", "群").stdout) == mild
    assert AuditStore(database).browse("default", limit=1)[0].actor == "cli"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("show",), 3, "no policy of its own"),
        (("put", "none.json"), 2, "cannot be read"),
        (("put", "list.json"), 2, "no JSON object"),
        (("put", "broken.json"), 2, "labels.ad.act"),
        (("put", "good.json", "--community", "default"), 2, "paths need this name"),
        (("activate", "1"), 3, "no version 1"),
        (("dry-run",), 2, "a file or a --version"),
        (("dry-run", "good.json", "--version", "0"), 2, "a file or a --version"),
        (("dry-run", "broken.json"), 2, "labels.ad.act"),
        (("dry-run", "good.json", "--against", "7"), 3, "no version 7"),
        (("dry-run", "good.json", "--from", "yesterday"), 2, "--from must be"),
        (("dry-run", "good.json", "--limit", "20001"), 2, "20000"),
    ],
)
def test_what_cannot_be_done_with_policies_is_said(arguments: tuple[str, ...], code: int, message: str) -> None:
    write("good.json", "{}")
    write("list.json", "[]")
    write("broken.json", '{"labels":{"ad":{"act":2}}}')
    done = run(policy, *arguments)
    assert (done.exit_code, message in done.output) == (code, True), done.output


def record(database: Database, ad: float, channel: str) -> int:
    at = datetime(2026, 3, 1, 8, tzinfo=UTC)
    intent = Intent("ad", ("ad",), dict.fromkeys(INTENTS, 0.1) | {"ad": ad})
    risk, feeling = Risk(0, 0.0, 0.0), Sentiment("neutral", 0.0)
    said = Analysis(None, intent, feeling, risk, Abuse(0.0, False), (), (), verdict=Verdict(Action.PASS))
    message = Incoming("qq", channel, f"{ad} {channel}", "", at, at, None, "特价", {}, (), said, b"", "m-1")

    def judge(given: Incoming, known: Known) -> Judgement:
        return Judgement(said, "p-1")

    return MessageStore(database).record("default", [message], judge, Windows())[0].id


def test_a_dry_run_says_what_would_change(database: Database) -> None:
    ids = [record(database, ad, "c") for ad in (0.5, 0.7)]
    record(database, 0.7, "群")
    source = write("strict.json", json.dumps(STRICT))
    answer(policy, "put", write("own.json", "{}"), "--community", "群")
    found = answer(policy, "dry-run", source)
    assert (found["policy"], found["against"], found["messages"], found["left_out"]) == ("document", "active", 2, 1)
    assert [(one["before"], one["after"], one["count"], one["examples"]) for one in found["changes"]] == [
        ("pass", "pass", 1, []), ("warn", "remove", 1, [ids[1]])
    ]  # fmt: skip
    assert found["not_known"]
    words = run(policy, "dry-run", source, "--against", "0", "--channel", "c", "--from", "2026-01-01T00:00:00Z").stdout
    assert words.startswith("document against default-1: 2 messages\n1 stricter, 0 milder\n")
    assert f"warn -> remove: 1: {ids[1]}\n" in words
    none = answer(policy, "dry-run", "--version", 0, "--to", "2026-01-01T00:00:00Z")
    assert (none["policy"], none["messages"]) == ("default-1", 0)
    assert answer(policy, "dry-run", "--version", 1, "--community", "群", "--against", source)["messages"] == 1
