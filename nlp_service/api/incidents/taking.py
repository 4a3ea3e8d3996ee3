"""``/take/{token}``: somebody who was told says "I have it", without a key.

Opening the link changes nothing: robots of chat groups and mail scanners open every link that they see. The button
does.
"""

from __future__ import annotations

import html
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from nlp_service.api.body import read_body
from nlp_service.api.incidents.parts import IncidentParts
from nlp_service.duty.telling import SEVERITIES
from nlp_service.errors import NotFound
from nlp_service.store.incident_records import IncidentRow
from nlp_service.store.notifying import Link

MAX_NAME = 40
"""Characters of the name that somebody gives."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}

_STYLE = """:root{color-scheme:light dark}
body{font:17px/1.7 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;max-width:26em;margin:12vh auto;padding:0 1em}
h1{font-size:1.3em}p{margin:.4em 0}.s{opacity:.7}
input,button{font:inherit;width:100%;padding:.6em;margin-top:.8em;box-sizing:border-box;border:1px solid #8888}
button{background:#1a6dd4;color:#fff;border:0;border-radius:8px}input{border-radius:8px}"""

_HEAD = (
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    f"<title>事件处理</title><style>{_STYLE}</style>"
)


class Taking:
    """The routes with what they need."""

    def __init__(self, parts: IncidentParts) -> None:
        self._parts = parts

    async def answer(self, request: Request) -> Response:
        """Show the page of a link, or do what it is for."""
        return await (self.post if request.method == "POST" else self.get)(request)

    async def get(self, request: Request) -> Response:
        """Show what the link is for, and a button."""
        token = request.path_params["token"][:100]
        try:
            link, row = await self._parts.threads.run(lambda: self._parts.desk.look_at_link(token))
        except NotFound:
            return _gone()
        return _page(_about(row) + (_taken(link, row) if _is_taken(link, row) else _form()))

    async def post(self, request: Request) -> Response:
        """Take the incident on."""
        token = request.path_params["token"][:100]
        asked = parse_qs((await read_body(request, 4_096)).decode("utf-8", "replace"), max_num_fields=5)
        name = "".join(char for char in asked.get("name", [""])[0] if char.isprintable()).strip()[:MAX_NAME]
        try:
            link, row = await self._parts.threads.run(
                lambda: self._parts.desk.acknowledge_by_link(token, name or "收到通知的人")
            )
        except NotFound:
            return _gone()
        return _page(_about(row) + _taken(link, row))


def _is_taken(link: Link, row: IncidentRow) -> bool:
    return link.used_at is not None or row.acknowledged_at is not None or row.state != "open"


def _about(row: IncidentRow) -> str:
    # What is private says nothing here that a wrong eye could read.
    what = "一条需要私下关注的消息" if row.is_private else f"{row.people} 人，{row.n_messages} 条消息"
    return f"<h1>事件：{SEVERITIES[row.severity]}</h1><p>{what}</p>"


def _form() -> str:
    return (
        '<form method="post"><input name="name" maxlength="40" placeholder="你的名字" autocomplete="name">'
        '<button>我来处理</button></form><p class="s">点按后，不再继续通知其他人。</p>'
    )


def _taken(link: Link, row: IncidentRow) -> str:
    if row.state != "open":
        return "<p>该事件已经结束。</p>"
    return f"<p>处理人：<b>{html.escape(row.acknowledged_by or link.used_by or '')}</b></p><p>不再继续通知其他人。</p>"


def _gone() -> Response:
    return _page("<h1>链接不存在或已过期</h1>", 404)


def _page(body: str, status: int = 200) -> Response:
    return HTMLResponse(f"{_HEAD}{body}</html>", status, headers=_HEADERS)
