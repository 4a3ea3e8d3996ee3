from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from nlp_service.cli.export import export
from nlp_service.store.database import open_database
from nlp_service.types import Action
from tests.unit.store.conftest import postgresql, url
from tests.unit.store.reviewing import AT, TENANT, Desk, attempt_of, expert, ruling

__all__ = ["postgresql", "url"]

app = typer.Typer()
app.add_typer(export)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def desk(url: str) -> Iterator[Desk]:
    with open_database(url) as database:
        yield Desk(database)


def run(*arguments: object, url: str) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, arguments), "--db", url])


def rows_of(*arguments: object, url: str) -> list[dict[str, Any]]:
    done = run(*arguments, "-o", "out.jsonl", url=url)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in Path("out.jsonl").read_text("utf-8").splitlines()]


def test_labels_come_in_the_form_of_annotated_data(desk: Desk, url: str) -> None:
    message_id, review_id = desk.open_review(text="汤里有虫")
    desk.decide(review_id, "remove", intent=["complaint", "question"], confirm=("risk",))
    assert rows_of("labels", url=url) == [
        {
            "id": str(message_id),
            "text": "汤里有虫",
            "source": "review",
            "intent": ["complaint", "question"],
            "sentiment": -1,
            "risk": 2,
            "risk_categories": ["food_safety"],
            "abuse": 0,
            "unsafe": [],
            "pain": [{"start": 0, "end": 2, "target": "食品异物"}],
            "confirmed": ["intent", "risk"],
            "weight": 1.0,
        }
    ]


def test_an_expert_counts_more(desk: Desk, url: str) -> None:
    _, review_id = desk.open_review()
    desk.decide(review_id, intent=["chat"])
    desk.rulings.overturn(TENANT, review_id, expert("overturn"), ruling("warn", abuse=1), actor="a")
    (row,) = rows_of("labels", url=url)
    assert (row["intent"], row["abuse"], row["confirmed"], row["weight"]) == (["chat"], 1, ["intent", "abuse"], 2.0)


def test_what_nobody_has_looked_at_is_left_out_unless_all_is_wanted(desk: Desk, url: str) -> None:
    desk.decide(desk.open_review()[1])
    assert rows_of("labels", url=url) == []
    (row,) = rows_of("labels", "--all", url=url)
    assert row["confirmed"] == []


def test_deleted_and_erased_messages_are_never_exported(desk: Desk, url: str) -> None:
    for name, author in (("gone", "u-1"), ("erased", "u-2"), ("kept", "u-3")):
        desk.decide(desk.open_review(name=name, author=author)[1], intent=["chat"])
    desk.messages.remove(TENANT, "wechat", "gone", AT, "a")
    desk.messages.erase_author(TENANT, "wechat", "u-2", "a")
    assert len(rows_of("labels", url=url)) == 1
    assert len(rows_of("messages", url=url)) == 1


@pytest.mark.parametrize(
    ("since", "n_rows"), [("2026-05-04", 2), ("2026-05-05", 1), ("2026-05-05T09:31:00+00:00", 1), ("2026-05-06", 0)]
)
def test_labels_since_a_time(desk: Desk, url: str, since: str, n_rows: int) -> None:
    desk.decide(desk.open_review()[1], intent=["chat"])
    late = attempt_of("correct", after_s=86_400 + 60)
    desk.rulings.correct(TENANT, desk.receive(), late, ruling(None, risk=0), actor="a")
    assert len(rows_of("labels", "--since", since, url=url)) == n_rows


def test_messages_are_the_newest(desk: Desk, url: str) -> None:
    for n in range(3):
        desk.receive(f"第{n}句", at=AT + timedelta(days=n), action=Action.PASS, priority=None)
    assert [row["text"] for row in rows_of("messages", url=url)] == ["第2句", "第1句", "第0句"]
    assert [row["text"] for row in rows_of("messages", "--limit", 1, url=url)] == ["第2句"]
    assert [row["text"] for row in rows_of("messages", "--since", "2026-05-06", url=url)] == ["第2句"]


def test_it_says_how_many(desk: Desk, url: str) -> None:
    desk.receive("你好")
    done = run("messages", "-o", "out.jsonl", "--json", url=url)
    assert json.loads(done.stdout) == {"messages": 1, "output": "out.jsonl"}
    assert run("messages", "-o", "out.jsonl", url=url).stdout == "1 messages in out.jsonl\n"
    assert json.loads(run("messages", "-o", "-", url=url).stdout) == {"id": "1", "text": "你好"}


@pytest.mark.parametrize("since", ["yesterday", "2026-05-04T08:00", "2026-13-01"])
def test_a_time_that_is_none_is_bad_usage(url: str, since: str) -> None:
    assert run("labels", "-o", "out.jsonl", "--since", since, url=url).exit_code == 2


def test_a_tenant_that_is_not_there_is_told(url: str) -> None:
    done = run("labels", "-o", "out.jsonl", "--tenant", "nobody", url=url)
    assert done.exit_code == 3
    assert not list(Path().glob("out.jsonl*"))


def test_a_file_that_cannot_be_written_is_told(url: str) -> None:
    assert run("labels", "-o", "nowhere/out.jsonl", url=url).exit_code == 3
