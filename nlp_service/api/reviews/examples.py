"""Examples of what requests and answers of reviews carry, for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from nlp_service.api.schemas.reviews import (
    AppealRequest,
    AppealResponse,
    BulkRequest,
    BulkResponse,
    ClaimRequest,
    DecideRequest,
    LabelsRequest,
    LeaseResponse,
    PicksResponse,
    RenewRequest,
    ReviewerRequest,
    ReviewFiguresResponse,
    ReviewOutcomeResponse,
    ReviewResponse,
    ReviewsResponse,
    WaitingLine,
)
from nlp_service.moderation.review import Agreement, Agreements
from nlp_service.store.contributions import Pick
from nlp_service.store.labels import Labels, LabelsIn, PainLabel
from nlp_service.store.review_details import AuthorHistory, NearDuplicate, ReviewDetails, StrikeLine
from nlp_service.store.review_records import DecisionLine, MessageBrief, Review, ReviewOutcome
from nlp_service.types import (
    Abuse,
    Action,
    Analysis,
    Evidence,
    Intent,
    Label,
    Pain,
    Risk,
    Sentiment,
    Span,
    UgcQuality,
    Verdict,
)

_AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
_ID = "0b9f3c1a5d7e4f60"
_MESSAGE = MessageBrief(41, "wechat", "m-1", "吃货群", "u-17", _AT, "汤里吃出了一根头发", "review", ["complaint"], 2)
_REVIEW = Review(7, "review", "open", 2, 0.6, ["risk>=2"], _AT, "小林", _AT, None, None, _MESSAGE)
_LABELS_IN = LabelsIn(intent=["complaint"], risk=2, risk_categories=["food_safety"])
_LABELS = Labels(
    ("complaint",),
    -1,
    2,
    ("food_safety",),
    0,
    (),
    (PainLabel(0, 9, "食品异物"),),
    ("intent", "risk", "risk_categories"),
)
_OUTCOME = ReviewOutcome(7, 41, 12, "decided", 2, "remove", _LABELS, 0, 1)
_ANALYSIS = Analysis(
    id="m-1",
    intent=Intent(
        "complaint", ("complaint",), {"question": 0.02, "ugc": 0.05, "ad": 0.01, "complaint": 0.95, "chat": 0.02}
    ),
    sentiment=Sentiment("negative", -0.62, {"negative": 0.9, "neutral": 0.09, "positive": 0.01}),
    risk=Risk(2, 0.74, 0.93, (Label("food_safety", 0.91),)),
    abuse=Abuse(0.02, False),
    unsafe=(),
    pain=(Pain("食品异物", Span(0, 9, "汤里吃出了一根头发"), "food_safety"),),
    evidence=(Evidence("risk", "model", Span(5, 9, "一根头发")),),
    verdict=Verdict(Action.REVIEW, ("risk>=2",)),
)
_DETAILS = ReviewDetails(
    _REVIEW,
    1,
    {"order": "A-9"},
    _ANALYSIS,
    "default-1",
    "fast-1",
    [DecisionLine(12, "decide", 2, "小林", _AT, "remove", _LABELS, "已联系门店", 1, None)],
    AuthorHistory(3, _AT, _AT, [StrikeLine("ad", _AT, 12)], [_MESSAGE]),
    [_MESSAGE],
    [],
    [NearDuplicate(8, 42, 0.93)],
)
_AGREED = Agreement(120, 0.9333, 0.8412)

EXAMPLES: tuple[msgspec.Struct, ...] = (
    ClaimRequest("小林", 10, 600, 2, "review"),
    ReviewerRequest("小林", "拿不准，请专家看"),
    RenewRequest("小林", 600),
    DecideRequest("小林", "remove", _LABELS_IN, ["abuse"], "已联系门店", 1),
    BulkRequest("小林", 7, "remove", "near", LabelsIn(intent=["ad"]), ["sentiment"], "同一条广告"),
    LabelsRequest("小林", LabelsIn(sentiment=-2), ["intent"]),
    AppealRequest("我没有发广告，请再看看"),
    ReviewsResponse(_ID, [_REVIEW], "0:-1772006400.0:7"),
    ReviewResponse(_ID, _DETAILS),
    ReviewOutcomeResponse(_ID, _OUTCOME),
    LeaseResponse(_ID, 7, _AT),
    BulkResponse(_ID, [_OUTCOME], [9], False),
    AppealResponse(_ID, 11, True),
    ReviewFiguresResponse(
        _ID,
        7,
        [WaitingLine(2, 14, 3, 5_400.0)],
        310,
        840.0,
        1.845,
        Agreements(_AGREED, _AGREED, _AGREED, _AGREED, _AGREED),
        _AGREED,
    ),
    PicksResponse(
        _ID,
        "2026-02-28",
        "Asia/Shanghai",
        [Pick(43, "wechat", "m-3", "吃货群", "u-9", _AT, "红烧肉不腻的做法", UgcQuality(0.82, 1.0, 0.8, 0.53, 0.99))],
    ),
)
"""One of each type that is a whole body."""
