"""Exports of chats as messages: what people have on their disks before they have this service.

| what | told by | who writes it |
|---|---|---|
| messages, JSONL or CSV | `id` and `text` | this service, and whoever prepares a file for it |
| WeChat, CSV | `StrContent` | WeChatMsg (留痕, MemoTrace) |
| WeChat, text | time and name over each message | the same |
| WeChat, CSV | `MsgSvrID` | PyWxDump |
| WeChat, JSON | `talker`, `sender`, `content` | chatlog |
| QQ, text | time, name and number over each message | the message manager of QQ and TIM |
| Telegram, JSON | `messages` with `from_id` | Telegram Desktop, one chat or all of them |
| Discord, JSON | `guild`, `channel`, `messages` | DiscordChatExporter |
| WeCom, CSV | `msgid`, or 发送人 and 消息内容 | archives of conversations and the tools around them |

What a file is, its content says and not its name. Only what people wrote becomes a message: pictures, voice and notes
of the system are passed over and counted.
"""
