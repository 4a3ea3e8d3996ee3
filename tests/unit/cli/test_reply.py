from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nlp_service.cli import app
from nlp_service.cli.queries import read_questions
from nlp_service.cli.reply import BATCH, Desk
from nlp_service.knowledge.loaded import Asked
from nlp_service.knowledge.probes import ASKING
from nlp_service.knowledge.reply import Decision, Reply
from nlp_service.types import Analysis, Message

REPOSITORY = Path(__file__).resolve().parents[3]
COFFEE, QUESTIONS = REPOSITORY / "examples" / "kb_coffee.jsonl", REPOSITORY / "examples" / "questions.jsonl"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the example, and an entry for one channel alone, both published."""
    path = tmp_path_factory.mktemp("store") / "x.db"
    private = path.with_name("private.jsonl")
    row = {"id": "p", "question": "会员日是哪天", "answer": "每月八号", "audience": ["vip"]}
    private.write_text(json.dumps(row), encoding="utf-8")
    for name, source in (("coffee", COFFEE), ("private", private)):
        for arguments in (("import", str(source), "--kb", name), ("publish", name)):
            done = CliRunner().invoke(app, ["kb", *arguments, "--db", str(path)])
            assert done.exit_code == 0, done.output
    return path


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(database: Path, queries: Path, *options: str, kb: str = "coffee") -> Result:
    arguments = ["--kb", kb, "--queries", str(queries), "-o", "out.jsonl", "--db", str(database), *options]
    return CliRunner().invoke(app, ["reply", *arguments])


def write(*rows: object) -> Path:
    path = Path("q.jsonl")
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return path


def read(name: str = "out.jsonl") -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]


def test_each_question_has_its_reply_in_order(database: Path) -> None:
    done = run(database, QUESTIONS, "--json")
    assert done.exit_code == 0, done.output
    rows = read()
    assert [row["id"] for row in rows] == [json.loads(line)["id"] for line in QUESTIONS.read_text().splitlines()]
    assert json.loads(done.stdout)["replies"] == len(rows) == 32
    for row in rows:
        assert row["decision"] in {"answer", "clarify", "handoff", "none"}
        assert (row["answer"] is not None) == (row["decision"] == "answer") == (row["entry_id"] is not None)
        assert len(row["alternatives"]) == 10  # type: ignore[arg-type]  # of the base's 20 entries
        assert row["kb_version"] == 1
    assert not Path("out.jsonl.errors.jsonl").exists()


def test_lines_that_cannot_be_read_are_named_and_cost_nothing_else(database: Path) -> None:
    queries = write({"id": 7, "text": "几点开门"}, "{", {"id": "b"}, {"id": "c", "text": "怎么开发票", "channel": 5})
    done = run(database, queries, "--json")
    assert done.exit_code == 1
    assert [row["id"] for row in read()] == [7]
    errors = read("out.jsonl.errors.jsonl")
    assert [(row["line"], row.get("id")) for row in errors] == [(2, None), (3, "b"), (4, "c")]
    assert json.loads(done.stdout)["failed"] == 3
    assert run(database, write({"id": 7, "text": "几点开门"})).exit_code == 0
    assert not Path("out.jsonl.errors.jsonl").exists()


def test_what_was_said_before_and_the_channel_count(database: Path) -> None:
    question = {"id": "a", "text": "会员日是哪天"}
    done = run(database, write(question, question | {"channel": "vip"}), kb="private")
    assert done.exit_code == 0, done.output
    assert [len(row["alternatives"]) for row in read()] == [0, 1]  # type: ignore[arg-type]


def test_an_empty_file_gives_an_empty_one(database: Path) -> None:
    assert run(database, write()).exit_code == 0
    assert read() == []


@pytest.mark.parametrize(
    ("kb", "queries", "code", "message"),
    [
        ("coffee", "none.jsonl", 2, "cannot read none.jsonl"),
        ("coffee", "out.jsonl", 2, "is the input and would be written over"),
        ("tea", "out.jsonl", 3, "no such knowledge base"),
    ],
)
def test_what_cannot_be_done_leaves_an_older_output_alone(
    database: Path, kb: str, queries: str, code: int, message: str
) -> None:
    Path("out.jsonl").write_text('{"id": "old", "text": "x"}')
    done = run(database, Path(queries), kb=kb)
    assert (done.exit_code, message in done.output) == (code, True)
    assert Path("out.jsonl").read_text() == '{"id": "old", "text": "x"}'


def test_a_base_that_was_never_published_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "new.db"
    assert CliRunner().invoke(app, ["kb", "import", str(COFFEE), "--kb", "c", "--db", str(database)]).exit_code == 0
    done = run(database, write({"id": "a", "text": "x"}), kb="c")
    assert done.exit_code == 3
    assert "nothing of this knowledge base is published yet" in done.output


class FakeReader:
    """Fails on one text, whatever comes with it."""

    def read(self, messages: Sequence[Message], *, evidence: bool = True) -> list[Analysis]:
        if any(message.text == "boom" for message in messages):
            raise RuntimeError("a text that no message may show")
        return [ASKING for _ in messages]


class FakeAssistant:
    """Replies with the text as it was asked."""

    model_version = "fake-1"

    async def reply(self, tenant: str, kb: str, asked: Asked, analysis: Analysis) -> Reply:
        return Reply(Decision.ANSWER, asked.text, 1.0, 1.0, 0.5, asked.text, "e", 0, ("e",), (), 1)

    async def stop(self) -> None:
        """There is nothing to stop."""


def test_a_question_that_the_models_cannot_take_costs_no_other_its_reply() -> None:
    texts = [f"问题{i}" for i in range(BATCH + 3)]
    texts[2] = "boom"
    queries = write(*({"id": i, "text": text} for i, text in enumerate(texts)))
    desk = Desk(FakeAssistant(), FakeReader(), "default", "kb")  # type: ignore[arg-type]
    counts = asyncio.run(desk.answer(read_questions(queries), Path("out.jsonl"), Path("errors.jsonl")))
    assert counts == {"answer": BATCH + 2, "failed": 1}
    assert [row["answer"] for row in read()] == [text for text in texts if text != "boom"]
    (error,) = read("errors.jsonl")
    assert (error["line"], error["id"]) == (3, 2)
    assert error["error"] == {"code": "internal", "message": "the model failed with RuntimeError", "param": None}
