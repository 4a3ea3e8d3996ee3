"""``/v1/insights/{kind}/{item}/messages``: the messages behind a number, page by page."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import tenant_of
from nlp_service.api.insights.finding import Shelf
from nlp_service.api.resources import Handler, find_id, query_number, respond
from nlp_service.api.schemas.insights import MembersResponse, MemberView
from nlp_service.errors import BadInput, NotFound
from nlp_service.store.insight_records import Run
from nlp_service.store.insights import read_run_id

PATHS = {
    "pain-points": ("pain", "need"),
    "topics": ("topic",),
    "keywords": ("keyword",),
    "groups": ("group",),
    "figures": ("figure",),
    "warnings": ("warning",),
}
"""Kinds of items by the part of the path that stands for them."""

PAGE, MOST_PAGE = 100, 1_000
_MAX_ID = 64
_NAMES = ("run", "cursor", "limit")


def page_of(shelf: Shelf, path: str) -> Handler:
    """What answers for the items of a part of the path.

    Args:
        shelf: What all routes of insights share.
        path: One of `PATHS`.
    """

    async def get(request: Request) -> Response:
        if unknown := [name for name in request.query_params if name not in _NAMES]:
            raise BadInput(f"{len(unknown)} parameters are unknown; there are {', '.join(_NAMES)}", param="query")
        item = find_id("item", request.path_params["item"], _MAX_ID)
        run_id, after = _start_of(request)
        limit = query_number(request, "limit", PAGE, least=1, most=MOST_PAGE)
        work = partial(_read, shelf, request, (path, item), (run_id, after), limit)
        return respond(await shelf.threads.run(work))

    return get


def _read(
    shelf: Shelf, request: Request, named: tuple[str, str], start: tuple[int | None, int | None], limit: int
) -> MembersResponse:
    tenant, item = tenant_of(request), named[1]
    run, kind = _find(shelf, tenant, named, start[0])
    page = shelf.members.page(tenant, run.id, kind, item, after=start[1], limit=limit)
    # Counted once, for the first page: a large item takes a second.
    counted = shelf.members.recount(tenant, run.id, kind, item) if start[1] is None else None
    return MembersResponse(
        request_id=request.state.request_id,
        model_version=run.model_version,
        run_id=run.id,
        kind=kind,
        id=item,
        count=counted and counted.messages,
        people=counted and counted.people,
        messages=[
            MemberView(one.id, one.platform, one.external_id, one.channel, one.author, one.at, one.text)
            for one in page.messages
        ],
        next=None if page.next_after is None else f"{run.id}.{page.next_after}",
    )


def _find(shelf: Shelf, tenant: str, named: tuple[str, str], run_id: int | None) -> tuple[Run, str]:
    """The run that is meant, else the newest that has the item; and the item's kind.

    Raises:
        NotFound: There is no such run, or no such item in it.
    """
    path, item = named
    for kind in PATHS[path]:
        if run_id is None:
            newest = shelf.runs.holding(tenant, kind, item)
            if newest is not None:
                return newest, kind
        else:
            run = shelf.runs.get(tenant, run_id)
            items = shelf.runs.document(tenant, run_id)["items"].get(kind, ())
            if any(one["id"] == item for one in items):
                return run, kind
    raise NotFound("there is nothing with this item", param="item")


def _start_of(request: Request) -> tuple[int | None, int | None]:
    """Run and the message after which a page begins.

    Raises:
        BadInput: The parameters cannot be read.
    """
    query = request.query_params
    cursor = query.get("cursor")
    if cursor is None:
        return (read_run_id(query["run"]) if "run" in query else None), None
    parts = cursor.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in parts):
        raise BadInput("the cursor is none of these pages", param="cursor")
    return int(parts[0]), int(parts[1])
