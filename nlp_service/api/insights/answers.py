"""``GET /v1/insights/{kind}``: what a run found, each kind as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.caller import tenant_of
from nlp_service.api.insights.asked import wanted_of
from nlp_service.api.insights.finding import Shelf, find_run, is_partial
from nlp_service.api.insights.storing import items_of, quoted_in, quotes_of
from nlp_service.api.resources import respond
from nlp_service.api.schemas.findings import (
    FigureView,
    GroupView,
    HealthView,
    KeywordView,
    PainPointView,
    QuoteSpan,
    QuoteView,
    SegmentLine,
    SegmentView,
    SeriesView,
    TopicEventView,
    TopicView,
    WarningView,
)
from nlp_service.api.schemas.insights import (
    CommunityHealthResponse,
    KeywordsResponse,
    PainPointsResponse,
    RunView,
    SegmentsResponse,
    TopicsResponse,
    TrendsResponse,
)
from nlp_service.insight.results import Quote
from nlp_service.store.insight_records import Document, MemberMessage, Run

V = TypeVar("V", bound=msgspec.Struct)


class Found(NamedTuple):
    """A run with its document, as an answer shows it; `texts` are the messages that its items quote."""

    run: Run
    document: Document
    limit: int
    texts: Mapping[int, MemberMessage]

    def views(self, kind: type[V], of: str, *kinds: str) -> list[V]:
        """Items of some kinds of the document; `of` is the path of their messages."""
        return [
            msgspec.convert(
                item
                | {"quotes": [_quote(quote) for quote in quotes_of(item, self.texts)]}
                | {"messages_url": f"/v1/insights/{of}/{item['id']}/messages?run={self.run.id}"},
                kind,
            )
            for item in items_of(self.document, *kinds)[: self.limit]
        ]


Show = Callable[[Found, dict[str, Any]], msgspec.Struct]


class Answers:
    """The routes with what they need."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def pain_points(self, request: Request) -> Response:
        """Show pains and needs."""
        return await self._answer(request, _pain_points, "pain", "need")

    async def topics(self, request: Request) -> Response:
        """Show topics, and what became of them."""
        return await self._answer(request, _topics, "topic")

    async def keywords(self, request: Request) -> Response:
        """Show words and phrases."""
        return await self._answer(request, _keywords)

    async def trends(self, request: Request) -> Response:
        """Show measures over time."""
        return await self._answer(request, _trends)

    async def segments(self, request: Request) -> Response:
        """Show where things are said more or less, and groups of members."""
        return await self._answer(request, _segments, "group")

    async def health(self, request: Request) -> Response:
        """Show figures of health, and early warnings."""
        return await self._answer(request, _health)

    async def _answer(self, request: Request, show: Show, *quoting: str) -> Response:
        """Answer from a run, or say that it is being made.

        Args:
            request: What was sent.
            show: Makes the answer.
            quoting: Kinds of items whose quotes it shows.
        """
        wanted = wanted_of(request)
        run = await find_run(self._shelf, request, wanted)
        if isinstance(run, Response):
            return run
        tenant, members = tenant_of(request), self._shelf.members

        def work() -> msgspec.Struct:
            document = self._shelf.runs.document(tenant, run.id)
            shown = items_of(document, *quoting)[: wanted.limit]
            texts = members.read(tenant, quoted_in(shown)) if shown else {}
            found = Found(run, document, wanted.limit, texts)
            frame = {
                "request_id": request.state.request_id,
                "model_version": run.model_version,
                "run": show_run(run),
                "notes": document["head"]["notes"],
            }
            return show(found, frame)

        return respond(await self._shelf.threads.run(work))


def show_run(run: Run) -> RunView:
    """A run as answers carry it."""
    return RunView(
        run_id=run.id,
        start=run.period_start,
        end=run.period_end,
        zone=run.zone,
        previous_from=run.previous_start,
        previous_to=run.previous_end,
        channels=list(run.parameters.get("channels", ())),
        messages=run.messages,
        people=run.people,
        model_version=run.model_version,
        created_at=run.created_at,
        job_id=run.job_id,
        is_partial=is_partial(run),
    )


def _pain_points(found: Found, frame: dict[str, Any]) -> msgspec.Struct:
    return PainPointsResponse(**frame, pain_points=found.views(PainPointView, "pain-points", "pain", "need"))


def _topics(found: Found, frame: dict[str, Any]) -> msgspec.Struct:
    events = msgspec.convert(found.document["head"]["topic_events"], list[TopicEventView])
    return TopicsResponse(**frame, topics=found.views(TopicView, "topics", "topic"), events=events)


def _keywords(found: Found, frame: dict[str, Any]) -> msgspec.Struct:
    return KeywordsResponse(**frame, keywords=found.views(KeywordView, "keywords", "keyword"))


def _trends(found: Found, frame: dict[str, Any]) -> msgspec.Struct:
    return TrendsResponse(**frame, series=msgspec.convert(found.document["head"]["series"], list[SeriesView]))


def _segments(found: Found, frame: dict[str, Any]) -> msgspec.Struct:
    pairs = found.document["head"]["segments"][: found.limit]
    lines = [SegmentLine(item, msgspec.convert(segment, SegmentView)) for item, segment in pairs]
    return SegmentsResponse(**frame, segments=lines, groups=found.views(GroupView, "groups", "group"))


def _health(found: Found, frame: dict[str, Any]) -> msgspec.Struct:
    every = found._replace(limit=len(items_of(found.document, "figure")))
    figures = iter(every.views(FigureView, "figures", "figure"))
    health = [
        HealthView(
            channel=one["channel"],
            messages=one["messages"],
            people=one["people"],
            figures=[next(figures) for _ in range(one["n_figures"])],
        )
        for one in found.document["head"]["health"]
    ]
    return CommunityHealthResponse(**frame, health=health, warnings=found.views(WarningView, "warnings", "warning"))


def _quote(quote: Quote) -> QuoteView:
    spans = [QuoteSpan(begin, end, quote.text[begin:end]) for begin, end in quote.spans]
    key = quote.key
    return QuoteView(key.message_id or 0, key.platform, key.id, quote.channel, quote.at, quote.text, spans)
