"""What a robot does with a message, whatever platform it speaks to: take it in, act on the verdict, answer questions.

message ─ /v1/messages ─ verdict ─► recall, mute, say
                       └ a question that may stay ─ /v1/reply ─► say the answer, ask back, or call a person
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from nlp_service.client import NewMessage
from nlp_service.client.values import MessageResult, Removed, Reply, Sent
from nlp_service.types import Action

WARNED = "请注意：这条消息不符合群规，请勿再发。"
REMOVED = "刚才的一条消息不符合群规，已经处理。"
HANDED_OVER = "这个问题已经转给工作人员，请稍等。"
ASKED_BACK = "您想问的是哪一个？"

MUTE_S = 86_400
"""How long somebody is muted whose message is blocked, in seconds."""

URGENT = 2
"""Risk level from which a person is called at once."""


class Service(Protocol):
    """What is needed of `nlp_service.client.AsyncClient`."""

    async def send_messages(self, messages: list[NewMessage]) -> Sent:
        """Take messages in."""
        ...

    async def delete_message(self, platform: str, id: str | int) -> Removed:
        """Delete a message as its author did."""
        ...

    async def reply(self, question: str, kb: str, *, channel: str = "", author: str | int = "") -> Reply:
        """Decide what to do with a question."""
        ...


@dataclass(frozen=True, slots=True)
class Deeds:
    """What is to be done.

    Attributes:
        recall: Whether the message goes.
        mute_s: How long its author may not write, in seconds.
        say: What is answered in the group; empty for nothing.
        call: What a person of the staff is told; empty if nobody is called. It quotes no message.
    """

    recall: bool = False
    mute_s: int = 0
    say: str = ""
    call: str = ""


class Steward:
    """Decides what is to be done with messages.

    Args:
        service: The client.
        kb: Name of the knowledge base that questions are answered from; empty to answer none.
    """

    def __init__(self, service: Service, kb: str = "") -> None:
        self._service = service
        self._kb = kb

    async def handle(self, message: NewMessage) -> Deeds:
        """Take a message in and say what is to be done.

        Raises:
            ClientError: The service cannot be asked. To try again does no harm: a message is stored once.
        """
        (result,) = (await self._service.send_messages([message])).results
        deeds = deeds_of(result)
        if self._kb and is_question(result) and deeds == Deeds():
            channel, author = message.channel, message.author
            reply = await self._service.reply(message.text, self._kb, channel=channel, author=author)
            return answer_of(reply, message.channel)
        return deeds


def deeds_of(result: MessageResult) -> Deeds:
    """What a verdict asks for."""
    action = result.verdict.action if result.verdict else Action.REVIEW
    where = f"{result.platform}/{result.id}"
    call = f"消息 {where} 风险等级 {result.risk.level}，请尽快查看。" if result.risk.level >= URGENT else ""
    if action is Action.BLOCK:
        return Deeds(recall=True, mute_s=MUTE_S, say=REMOVED, call=call)
    if action is Action.REMOVE:
        return Deeds(recall=True, say=REMOVED, call=call)
    if action is Action.WARN:
        return Deeds(say=WARNED, call=call)
    return Deeds(call=call)  # a review is somebody's work, and nothing that the group sees


def is_question(result: MessageResult) -> bool:
    """Whether somebody asks, and may."""
    passes = result.verdict is not None and result.verdict.action is Action.PASS
    return passes and result.intent is not None and "question" in result.intent.labels


def answer_of(reply: Reply, channel: str) -> Deeds:
    """What a reply asks for."""
    if reply.decision == "answer":
        return Deeds(say=reply.answer or "")
    if reply.decision == "clarify":
        return Deeds(say="\n".join([ASKED_BACK, *(f"· {one.question}" for one in reply.alternatives[:3])]))
    if reply.decision == "handoff":
        about = "、".join(reply.summary.nearest[:3]) if reply.summary else ""
        return Deeds(say=HANDED_OVER, call=f"群 {channel} 有问题需要人工回答（{reply.reason}）。可能有关：{about}")
    return Deeds()
