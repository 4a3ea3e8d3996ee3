from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlp_service.cli import app
from nlp_service.cli.bench import read_texts


def test_texts_are_those_of_the_lines_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text('{"id": "1", "text": "一"}\n{broken\n\n{"id": "2", "text": "二"}')
    assert read_texts(path) == ["一", "二"]


@pytest.mark.parametrize("content", [None, "", "{broken"])
def test_without_messages_there_is_nothing_to_measure(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "messages.jsonl"
    if content is not None:
        path.write_text(content)
    done = CliRunner().invoke(app, ["bench", "--messages", str(path)])
    assert (done.exit_code, str(path) in done.stderr, done.stdout) == (2, True, "")
