"""One of each body of incidents, for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from nlp_service.api.schemas.incidents import (
    AssignRequest,
    ByRequest,
    ChangedIncidentResponse,
    CloseRequest,
    CommentRequest,
    CrisisSettingsRequest,
    CrisisSettingsResponse,
    IncidentActionRequest,
    IncidentMessage,
    IncidentMessagesResponse,
    IncidentResponse,
    IncidentReviewRequest,
    IncidentsResponse,
    IncidentSummary,
    LateStep,
    MergeRequest,
    PlaybookStep,
    StatementsResponse,
    StepRequest,
    TimelineResponse,
)
from nlp_service.crisis.incidents import BURST, Incident, MessageName, Outlook, Point, Quote
from nlp_service.crisis.response.aftermath import Recurrence
from nlp_service.crisis.response.statements import Draft
from nlp_service.store.incident_records import ActionRow, IncidentEvent, ReviewRow

_AT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
_LATER = _AT + timedelta(minutes=9)
_ID, _KEY = "0b9f3c1a5d7e4f60", "5b1f03c2"
_MESSAGE = MessageName("wechat", "m-1")
_INCIDENT = Incident(
    id=_KEY,
    tenant="default",
    kind=BURST,
    private=False,
    category="food_safety",
    categories={"food_safety": 0.9, "health_injury": 0.1},
    severity=3,
    reach=0.4,
    gravity=0.8,
    speed=0.7,
    score=14.2,
    triggers=("burst:food_safety",),
    platforms=("wechat",),
    channels=("room-07", "room-09"),
    products=(("鲜奶", 9),),
    regions=(("华东", 7),),
    people=11,
    n_messages=12,
    messages=(_MESSAGE,),
    first_message_at=_AT,
    last_message_at=_LATER,
    noticed_at=_LATER,
    opened_at=_LATER,
    updated_at=_LATER,
    closed_at=None,
    quotes=(Quote(_MESSAGE, "room-07", _AT, "喝完那批鲜奶一直不舒服，你们查一下吧", 2),),
    curve=(Point(_AT, 12),),
    outlook=(Outlook(1, 18.0, 9, 30),),
    unusual=(),
    steps=(),
)
_SUMMARY = IncidentSummary(
    _KEY, BURST, "food_safety", False, 3, "open", _AT, _LATER, _LATER, _LATER, None, 11, 12,
    _LATER, "小林", "小林", "golden-half-hour", None, 41,
)  # fmt: skip
_STEP = PlaybookStep(
    "isolate", "隔离：暂停相关内容与推广", "duty", "", _LATER + timedelta(minutes=3), None, "", False, "", 0.0
)
_REVIEW = {"whys": ["冷链断了两小时"], "summary": "一批鲜奶运输时温度过高。"}

EXAMPLES: tuple[msgspec.Struct, ...] = (
    IncidentsResponse(_ID, [_SUMMARY], None),
    IncidentResponse(
        _ID,
        _SUMMARY,
        _INCIDENT,
        [_STEP],
        ReviewRow(_REVIEW, _LATER, "小林"),
        [ActionRow(3, "冷链温度报警接入值班群", "物流组", _LATER, None, None)],
        [LateStep("apologise", "致歉与承诺", "spokesperson", 120.0, True)],
        [Recurrence("77aa01", _AT - timedelta(days=9), ("product:鲜奶",))],
    ),
    ChangedIncidentResponse(_ID, _SUMMARY),
    TimelineResponse(_ID, [IncidentEvent(7, _LATER, "watch", "opened", {"severity": 3, "messages": 12})]),
    IncidentMessagesResponse(
        _ID,
        [IncidentMessage(90_017, "m-1", "wechat", "room-07", "u-17", _AT, "喝完那批鲜奶一直不舒服", 2, "review")],
        None,
    ),
    ByRequest("小林"),
    AssignRequest("质量组"),
    CommentRequest("已联系门店核对批次", "小林"),
    CloseRequest("批次已召回，当事人都已联系"),
    MergeRequest("77aa01"),
    StepRequest("已下架该批次", False, "小林"),
    StatementsResponse(_ID, [Draft("first", "fear", "我们知道大家现在很担心……", "先说怎样保证安全", ("联系方式",))]),
    IncidentReviewRequest(_REVIEW),
    IncidentActionRequest("冷链温度报警接入值班群", "物流组", _LATER),
    CrisisSettingsRequest({"helpline": "……", "tell_from": 2}),
    CrisisSettingsResponse(_ID, 1, {"helpline": "……", "tell_from": 2}, ["golden-half-hour", "golden-hour"]),
)
"""One of each type that is a whole body."""
