from __future__ import annotations

import ast
import logging
from pathlib import Path
from typing import Any

import pytest

from examples.robots.qq_group import Group, message_of
from examples.robots.steward import MUTE_S, Deeds, Steward
from tests.unit.examples.fake_service import FakeService


class FakeRobot:
    """OneBot V11. Calls whose names are in `broken` fail."""

    def __init__(self, *broken: str) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._broken = broken

    async def call_api(self, api: str, **data: Any) -> Any:
        if api in self._broken:
            raise RuntimeError("秘密")
        self.calls.append((api, data))


def said(calls: list[tuple[str, dict[str, Any]]], group_id: int) -> str:
    return "".join(
        part["data"].get("text", "")
        for api, data in calls
        if api == "send_group_msg" and data["group_id"] == group_id
        for part in data["message"]
    )


async def test_a_message_of_a_group_goes_to_the_service_and_the_verdict_is_carried_out() -> None:
    service, robot = FakeService(), FakeRobot()
    message = message_of(100, 7, 42, "恶意", 1_700_000_000, role="member", images=1)
    deeds = await Steward(service.client).handle(message)
    await Group(robot, 100, 900).do(deeds, 7, 42)
    assert service.messages == [
        {
            "id": "100-7",
            "text": "恶意",
            "platform": "qq",
            "channel": "100",
            "author": 42,
            "sent_at": 1_700_000_000,
            "meta": {"role": "member", "images": 1},
        }
    ]
    assert robot.calls[:2] == [
        ("delete_msg", {"message_id": 7}),
        ("set_group_ban", {"group_id": 100, "user_id": 42, "duration": MUTE_S}),
    ]
    assert said(robot.calls, 100)
    assert robot.calls[2][1]["message"][0] == {"type": "at", "data": {"qq": "42"}}


async def test_a_question_is_answered_and_a_person_called_where_that_is_needed() -> None:
    robot = FakeRobot()
    await Group(robot, 100, 900).do(Deeds(say="请稍等", call="来人"), 7, 42)
    assert (said(robot.calls, 100), said(robot.calls, 900)) == (" 请稍等", "来人")


async def test_nothing_is_said_to_a_staff_that_is_not_there() -> None:
    robot = FakeRobot()
    await Group(robot, 100).do(Deeds(call="来人"), 7, 42)
    assert robot.calls == []


async def test_what_fails_keeps_nothing_else_from_being_done(caplog: pytest.LogCaptureFixture) -> None:
    robot = FakeRobot("delete_msg")
    with caplog.at_level(logging.WARNING):
        await Group(robot, 100).do(Deeds(recall=True, mute_s=60, say="请注意"), 7, 42)
    assert [api for api, _ in robot.calls] == ["set_group_ban", "send_group_msg"]
    assert "RuntimeError" in caplog.text
    assert "秘密" not in caplog.text


def test_the_plugin_loads_where_nonebot2_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    nonebot = pytest.importorskip("nonebot", reason="nonebot2 is not installed: it is the plug-in's, not ours")
    monkeypatch.setenv("SERVICE_URL", "http://127.0.0.1:9")
    nonebot.init()
    assert nonebot.load_plugin("examples.robots.nonebot2_plugin")


def test_without_nonebot2_the_plugin_says_what_to_install(repository: Path) -> None:
    try:
        import nonebot  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="pip install"):
            __import__("examples.robots.nonebot2_plugin")
    source = (repository / "examples" / "robots" / "nonebot2_plugin" / "__init__.py").read_text("utf-8")
    handlers = [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.AsyncFunctionDef)]
    assert handlers == ["take_in", "take_back", "close"]
