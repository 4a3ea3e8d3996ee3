"""Examples of what requests and answers of insights carry, for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from nlp_service.api.schemas.findings import (
    CountChange,
    FigureView,
    GroupView,
    HealthView,
    KeywordView,
    PainPointView,
    PeriodBucket,
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
    MembersResponse,
    MemberView,
    PainPointsResponse,
    RunRequest,
    RunsResponse,
    RunView,
    SegmentsResponse,
    TopicsResponse,
    TrendsResponse,
)
from nlp_service.api.schemas.jobs import CallbackRequest

_START, _END = datetime(2026, 3, 1, 16, tzinfo=UTC), datetime(2026, 3, 8, 16, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_RUN = RunView(
    run_id=12,
    start=_START,
    end=_END,
    zone="Asia/Shanghai",
    previous_from=datetime(2026, 2, 22, 16, tzinfo=UTC),
    previous_to=_START,
    channels=["吃货群"],
    messages=5_210,
    people=890,
    model_version="fast-1",
    created_at=datetime(2026, 3, 9, 1, tzinfo=UTC),
    job_id="5Zk3v0nT1qQ8xYb2cW9LrA",
    is_partial=False,
)
_FRAME: dict[str, Any] = {"request_id": _ID, "model_version": "fast-1", "run": _RUN, "notes": ["no_opinions"]}
_CHANGE = CountChange(61, 20, 2.05, True, 0.00001)
_TREND = [PeriodBucket(_START, 9, 8)]
_QUOTE = QuoteView(41, "wechat", "m-1", "吃货群", _START, "都三天了快递还没到", [QuoteSpan(4, 6, "快递")])
_SEGMENT = SegmentView("meta.weather", "rain", 32, 610, 0.052, 0.006, 8.67, 0.31, 0.00002, 0.0004)


def _url(path: str) -> str:
    return f"/v1/insights/{path}/messages?run=12"


_PAIN = PainPointView(
    id="delivery-delay",
    kind="pain",
    name="快递 太慢",
    target="物流",
    category="delivery_delay",
    terms=["快递", "三天", "没到"],
    people=48,
    messages=61,
    share=0.0117,
    severity=0.42,
    sentiment=-0.71,
    change=_CHANGE,
    trend=_TREND,
    segments=[_SEGMENT],
    quotes=[_QUOTE],
    messages_url=_url("pain-points/delivery-delay"),
)
_TOPIC = TopicView(
    id="t-18",
    name="春季 新品",
    terms=["新品", "樱花"],
    people=120,
    messages=230,
    share=0.044,
    change=_CHANGE,
    trend=_TREND,
    first_at=_START,
    quotes=[_QUOTE],
    messages_url=_url("topics/t-18"),
)
_KEYWORD = KeywordView(
    id="6c1f0a9be2d344e1a7",
    term="还没到",
    messages=44,
    people=40,
    score=61.5,
    change=_CHANGE,
    messages_url=_url("keywords/6c1f0a9be2d344e1a7"),
)
_GROUP = GroupView(
    id="91b2a0c7d3e84f55aa",
    name="价格敏感",
    source="rule",
    terms=["便宜", "优惠券"],
    members=33,
    messages=70,
    quotes=[_QUOTE],
    messages_url=_url("groups/91b2a0c7d3e84f55aa"),
)
_FIGURE = FigureView(
    id="ugc_share",
    name="ugc_share",
    value=0.22,
    numerator=1_146.0,
    denominator=5_210.0,
    before=0.25,
    benchmark=0.15,
    why=None,
    messages_url=_url("figures/ugc_share"),
)
_WARNING = WarningView(
    id="c04de11a8b90f3372e",
    kind="complaint_rate",
    channel=None,
    at=_END,
    value=0.09,
    bound=0.04,
    days=3,
    reach=0.11,
    urgency=0.8,
    quadrant="act",
    messages_url=_url("warnings/c04de11a8b90f3372e"),
)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    RunRequest(
        "2026-03-02",
        "2026-03-09",
        "Asia/Shanghai",
        ["吃货群"],
        CallbackRequest("https://hooks.example.invalid/nlp", "a secret of your own"),
    ),
    RunsResponse(_ID, [_RUN], "9"),
    PainPointsResponse(**_FRAME, pain_points=[_PAIN]),
    TopicsResponse(**_FRAME, topics=[_TOPIC], events=[TopicEventView("merged", "t-9", _END, "t-18")]),
    KeywordsResponse(**_FRAME, keywords=[_KEYWORD]),
    TrendsResponse(**_FRAME, series=[SeriesView("complaint_rate", "day", [_START], [0.04], [0.03], [0.035])]),
    SegmentsResponse(**_FRAME, segments=[SegmentLine("快递 太慢", _SEGMENT)], groups=[_GROUP]),
    CommunityHealthResponse(
        **_FRAME,
        health=[HealthView(channel=None, messages=5_210, people=890, figures=[_FIGURE])],
        warnings=[_WARNING],
    ),
    MembersResponse(
        request_id=_ID,
        model_version="fast-1",
        run_id=12,
        kind="pain",
        id="delivery-delay",
        count=61,
        people=48,
        messages=[MemberView(41, "wechat", "m-1", "吃货群", "u-17", _START, "都三天了快递还没到")],
        next="12.41",
    ),
)
"""One of each type that is a whole body."""
