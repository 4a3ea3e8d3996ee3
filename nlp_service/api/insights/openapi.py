"""What the OpenAPI document says of insights."""

from __future__ import annotations

from nlp_service.api.insights.asked import MOST_ITEMS, MOST_WAIT_S
from nlp_service.api.insights.examples import EXAMPLES
from nlp_service.api.insights.members import PATHS
from nlp_service.api.insights.reports import FORMATS, LANGUAGES
from nlp_service.api.openapi import PROBABILITY, Operation, Part, Schema, paths_of, responses_of

_TIME: Schema = {
    "type": "string",
    "description": "A date, as 2026-03-01, or a time of ISO 8601; the period is half-open.",
}
_PARAMETERS: dict[str, Schema] = {
    "from": _TIME,
    "to": _TIME,
    "zone": {"type": "string", "description": "IANA zone of days and hours; the tenant's unless given."},
    "channel": {"type": "string", "description": "Only messages of this one; of several, if given several times."},
    "run": {"type": "integer", "minimum": 0, "description": "This very run."},
    "wait": {"type": "integer", "minimum": 0, "maximum": MOST_WAIT_S, "description": "Seconds to wait for a run."},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS},
    "format": {"enum": list(FORMATS)},
    "language": {"enum": list(LANGUAGES)},
    "cursor": {"type": "string"},
}
_ALL = ("from", "to", "zone", "channel", "run", "wait", "limit")
_KINDS = (
    ("pain-points", "PainPoints", "Show pains and needs", "PainPointsResponse"),
    ("topics", "Topics", "Show what is talked about", "TopicsResponse"),
    ("keywords", "Keywords", "Show words and phrases that are said more or less than before", "KeywordsResponse"),
    ("trends", "Trends", "Show measures over time", "TrendsResponse"),
    ("segments", "Segments", "Show where things are said more or less, and groups of members", "SegmentsResponse"),
    ("health", "CommunityHealth", "Show figures of health and early warnings", "CommunityHealthResponse"),
)
_OPERATIONS = (
    Operation(
        "post",
        "/v1/insights/runs",
        "startRun",
        "Look at a period anew",
        "JobStartedResponse",
        "RunRequest",
        statuses=(202,),
        errors=(),
    ),
    Operation(
        "get",
        "/v1/insights/runs",
        "listRuns",
        "Show stored runs, the newest first",
        "RunsResponse",
        query=("cursor", "limit"),
        errors=(),
    ),
    *(
        Operation("get", f"/v1/insights/{path}", f"show{name}", summary, answer, query=_ALL, errors=(404, 409))
        for path, name, summary, answer in _KINDS
    ),
    Operation(
        "get",
        "/v1/insights/report",
        "showReport",
        "Give a report, in the format of the query or of Accept",
        "RunsResponse",  # replaced below: a report has no type of its own
        query=(*_ALL, "format", "language"),
        errors=(404, 409),
    ),
    *(
        Operation(
            "get",
            f"/v1/insights/{path}/{{item}}/messages",
            f"list{''.join(part.capitalize() for part in path.split('-'))}Messages",
            "Show the messages behind an item",
            "MembersResponse",
            query=("run", "cursor", "limit"),
        )
        for path in PATHS
    ),
)

_SHARES = [("PainPointView", "share"), ("PainPointView", "severity"), ("TopicView", "share")]
_SHARES += [("SegmentView", name) for name in ("share_in", "share_out", "p_value", "q_value")]
_SHARES += [("WarningView", name) for name in ("reach", "urgency")]


def _paths() -> dict[str, Schema]:
    found = paths_of(_OPERATIONS, _PARAMETERS)
    for path in (*(kind[0] for kind in _KINDS), "report"):
        responses = found[f"/v1/insights/{path}"]["get"]["responses"]
        responses |= responses_of({202: "JobStartedResponse"})
    files = {media.partition(";")[0]: {"schema": {"type": "string"}} for media in FORMATS.values()}
    found["/v1/insights/report"]["get"]["responses"]["200"]["content"] = files | {
        "application/json": {"schema": {"type": "object"}}
    }
    return found


PART = Part(_paths(), EXAMPLES, dict.fromkeys(_SHARES, PROBABILITY))
"""The paths and types of `api.insights`."""
