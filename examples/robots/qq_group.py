"""A QQ group as the plug-in acts in it; knows nothing of NoneBot but the calls of OneBot V11."""

from __future__ import annotations

import logging
from typing import Any, Protocol

from examples.robots.steward import Deeds
from nlp_service.client import NewMessage

log = logging.getLogger(__name__)


class Api(Protocol):
    """What is needed of a robot of OneBot V11."""

    async def call_api(self, api: str, **data: Any) -> Any:
        """Call one of its actions."""
        ...


class Group:
    """Does things in a group.

    Args:
        api: The robot, which must be an administrator to recall and to mute.
        group_id: The group.
        staff_group: Group that is told when a person is needed; 0 for none.
    """

    def __init__(self, api: Api, group_id: int, staff_group: int = 0) -> None:
        self._api = api
        self._group_id = group_id
        self._staff_group = staff_group

    async def do(self, deeds: Deeds, message_id: int, user_id: int) -> None:
        """Do all that is asked for; what fails does not keep the rest from being done."""
        if deeds.recall:
            await self._try("delete_msg", message_id=message_id)
        if deeds.mute_s:
            await self._try("set_group_ban", group_id=self._group_id, user_id=user_id, duration=deeds.mute_s)
        if deeds.say:
            at = {"type": "at", "data": {"qq": str(user_id)}}
            said = [at, {"type": "text", "data": {"text": f" {deeds.say}"}}]
            await self._try("send_group_msg", group_id=self._group_id, message=said)
        if deeds.call and self._staff_group:
            text = [{"type": "text", "data": {"text": deeds.call}}]
            await self._try("send_group_msg", group_id=self._staff_group, message=text)

    async def _try(self, api: str, **data: Any) -> None:
        try:
            await self._api.call_api(api, **data)
        except Exception as error:
            # The robot is no administrator, or the message is gone already: errors of every adapter differ.
            log.warning("%s failed in group %d: %s", api, self._group_id, type(error).__name__)


def message_of(
    group_id: int, message_id: int, user_id: int, text: str, sent_at: int, *, role: str = "member", images: int = 0
) -> NewMessage:
    """A message of a group as the service takes it. Ids of messages are unique within a group only."""
    return NewMessage(
        f"{group_id}-{message_id}",
        text,
        "qq",
        channel=str(group_id),
        author=user_id,
        sent_at=sent_at,
        meta={"role": role, "images": images},
    )
