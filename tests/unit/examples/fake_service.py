"""A service that decides by a word in the text, spoken to by the real client."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from nlp_service.client import AsyncClient, Retries

VERDICTS = {"广告": "warn", "违规": "remove", "恶意": "block", "可疑": "review"}


class FakeService:
    """Answers ``/v1/messages`` and ``/v1/reply``.

    Attributes:
        messages: What was sent.
        questions: What was asked.
        deleted: Paths of what was deleted.
        is_down: Whether everything is refused with 503.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.is_down = False
        self.client = AsyncClient(
            "http://service", "k", retries=Retries(most=0), transport=httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer k"
        if self.is_down:
            return _refused(503, "not_ready")
        if request.method == "DELETE":
            self.deleted.append(request.url.path)
            _, _, _, platform, id = request.url.path.split("/", 4)
            return _json({"message_id": 1, "platform": platform, "id": id, "state": "deleted"})
        body = msgspec.json.decode(request.content)
        if request.url.path == "/v1/reply":
            self.questions.append(body)
            return _json(reply(body["question"]))
        if any(len(message["text"]) > 4000 for message in body["messages"]):
            return _refused(413, "too_large", "messages[0].text")
        self.messages += body["messages"]
        results = [result(message) for message in body["messages"]]
        versions = {"request_id": "r", "model_version": "m", "policy_version": "p"}
        return _json(versions | {"results": results})


def result(message: dict[str, Any]) -> dict[str, Any]:
    """What is said of a message."""
    text = message["text"]
    action = next((action for word, action in VERDICTS.items() if word in text), "pass")
    label = "question" if "吗" in text else "chat"
    level = 2 if "变质" in text else 0
    return {
        "id": message["id"],
        "intent": {"primary": label, "labels": [label], "probabilities": {label: 0.9}},
        "sentiment": {"label": "neutral", "score": 0.0},
        "risk": {"level": level, "probability": level / 2, "probability_watch": level / 2},
        "abuse": {"probability": 0.0, "flagged": False},
        "unsafe": [],
        "pain": [],
        "verdict": {"action": action, "reasons": [] if action == "pass" else ["made-up"]},
        "message_id": 1,
        "platform": message["platform"],
        "state": "stored",
        "model_version": "m",
        "policy_version": "p",
    }


def reply(question: str) -> dict[str, Any]:
    """What is to be done with a question."""
    found = [{"entry_id": "a", "question": "停车收费吗", "probability": 0.8}]
    answer = {
        "reply_id": "r",
        "decision": "answer",
        "reason": "probability>=0.62",
        "probability": 0.8,
        "margin": 0.5,
        "threshold": 0.62,
        "kb_version": 1,
        "answer": "前两小时免费。",
        "alternatives": found,
    }
    if "哪个" in question:
        return answer | {"decision": "clarify", "answer": None}
    if "人工" in question:
        summary = {
            "intents": [],
            "sentiment": None,
            "risk": 0,
            "categories": [],
            "pains": [],
            "nearest": ["停车收费吗"],
        }
        return answer | {"decision": "handoff", "answer": None, "reason": "too_unsure", "summary": summary}
    return answer | {"decision": "none", "answer": None} if "闲聊" in question else answer


def _json(body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def _refused(status: int, code: str, param: str | None = None) -> httpx.Response:
    error = {"code": code, "message": "no", "type": "t", "param": param}
    return httpx.Response(status, json={"error": error, "request_id": "r"})
