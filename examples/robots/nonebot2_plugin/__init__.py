"""A plug-in of NoneBot2 for QQ groups (OneBot V11): each message is taken in, and what the verdict asks for is done.

    pip install "nonebot2[fastapi]" nonebot-adapter-onebot
    export SERVICE_URL=http://127.0.0.1:8000 SERVICE_KEY=nlp_... ROBOT_KB=shop ROBOT_STAFF_GROUP=12345

and in the robot's ``bot.py``: ``nonebot.load_plugin("examples.robots.nonebot2_plugin")``.
"""

from __future__ import annotations

import os

try:
    import nonebot
    from nonebot.adapters.onebot.v11 import Bot, GroupMessageEvent, GroupRecallNoticeEvent
except ImportError as error:
    raise ImportError('this plug-in needs: pip install "nonebot2[fastapi]" nonebot-adapter-onebot') from error

from examples.robots.qq_group import Group, message_of
from examples.robots.steward import Steward
from nlp_service.client import AsyncClient, ClientError

client = AsyncClient(os.environ["SERVICE_URL"], os.environ.get("SERVICE_KEY") or None)
steward = Steward(client, os.environ.get("ROBOT_KB", ""))
staff_group = int(os.environ.get("ROBOT_STAFF_GROUP") or 0)
log = nonebot.logger

written = nonebot.on_message(priority=5, block=False)
recalled = nonebot.on_notice(priority=5, block=False)


@written.handle()
async def take_in(bot: Bot, event: GroupMessageEvent) -> None:
    """Take a message in and do what is to be done."""
    images = sum(segment.type == "image" for segment in event.message)
    role = event.sender.role or "member"
    message = message_of(
        event.group_id, event.message_id, event.user_id, event.get_plaintext(), event.time, role=role, images=images
    )
    try:
        deeds = await steward.handle(message)
    except ClientError as error:
        # Never the text: a log is no place for it.
        log.warning("message {} of group {} was not taken in: {}", event.message_id, event.group_id, type(error))
        return
    await Group(bot, event.group_id, staff_group).do(deeds, event.message_id, event.user_id)


@recalled.handle()
async def take_back(event: GroupRecallNoticeEvent) -> None:
    """Delete what its author has recalled."""
    try:
        await client.delete_message("qq", f"{event.group_id}-{event.message_id}")
    except ClientError as error:
        log.warning("recall of {} was not passed on: {}", event.message_id, type(error))


@nonebot.get_driver().on_shutdown
async def close() -> None:
    """Close the connections."""
    await client.aclose()
