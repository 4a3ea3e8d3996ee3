from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from nlp_service.telemetry import set_up_logging


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What was logged; the logging of the test run is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    set_up_logging("info", stream)
    yield stream
    root.handlers, root.level = handlers, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_facts(written: io.StringIO) -> None:
    logging.getLogger("here").warning("worker_restarted", extra={"fields": {"pid": 7, "name": "数\n据"}})
    (line,) = lines(written)
    assert (line["level"], line["event"], line["logger"]) == ("warning", "worker_restarted", "here")
    assert (line["pid"], line["name"]) == (7, "数\n据")
    assert line["timestamp"].endswith("+00:00")


def test_what_is_below_the_level_is_left_out(written: io.StringIO) -> None:
    logging.getLogger("here").debug("detail")
    assert lines(written) == []


def test_an_exception_is_told_by_type_and_place_but_not_by_its_words(written: io.StringIO) -> None:
    try:
        int("秘密")
    except ValueError:
        logging.getLogger("here").exception("failed")
    (line,) = lines(written)
    assert line["error"] == "ValueError"
    assert line["at"][-1].startswith("test_telemetry.py:")
    assert "秘密" not in written.getvalue()


def test_a_fact_of_any_kind_can_be_written(written: io.StringIO) -> None:
    logging.getLogger("here").info("odd", extra={"fields": {"value": complex(1, 2)}})
    (line,) = lines(written)
    assert line["value"] == "(1+2j)"


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        set_up_logging("loud", io.StringIO())
