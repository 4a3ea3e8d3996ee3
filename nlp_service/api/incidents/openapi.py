"""What the OpenAPI document says of incidents."""

from __future__ import annotations

from nlp_service.api.incidents.examples import EXAMPLES
from nlp_service.api.openapi import PROBABILITY, Operation, Part, Schema, paths_of
from nlp_service.store.incident_records import STATES
from nlp_service.types import RISK_CATEGORIES

_PARAMETERS: dict[str, Schema] = {
    "state": {"enum": list(STATES)},
    "category": {"enum": list(RISK_CATEGORIES)},
    "min_severity": {"type": "integer", "minimum": 0, "maximum": 4},
    "before": {"type": "integer", "minimum": 0},
    "after": {"type": "integer", "minimum": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
    "purpose": {"type": "string"},
    "emotion": {"type": "string"},
}

_ONE = "/v1/incidents/{incident}"
_STEP, _SETTINGS = f"{_ONE}/steps/{{step}}", "/v1/crisis/settings"
_CHANGED = "ChangedIncidentResponse"
_LIST = ("state", "min_severity", "category", "before", "limit")
_OVER = (404, 409)
_OPERATIONS = (
    Operation("get", "/v1/incidents", "listIncidents", "List incidents", "IncidentsResponse", query=_LIST, errors=()),
    Operation("get", _ONE, "showIncident", "Show an incident", "IncidentResponse"),
    Operation("get", f"{_ONE}/timeline", "showTimeline", "Show what happened to it", "TimelineResponse"),
    Operation(
        "get",
        f"{_ONE}/messages",
        "listIncidentMessages",
        "Show a page of its messages",
        "IncidentMessagesResponse",
        query=("after", "limit"),
    ),
    Operation(
        "get",
        f"{_ONE}/statements",
        "draftStatements",
        "Draft statements",
        "StatementsResponse",
        query=("purpose", "emotion"),
    ),
    Operation("post", f"{_ONE}/acknowledge", "acknowledge", "Take it on", _CHANGED, "ByRequest", errors=_OVER),
    Operation("post", f"{_ONE}/assign", "assign", "Give it to somebody", _CHANGED, "AssignRequest", errors=_OVER),
    Operation("post", f"{_ONE}/comments", "comment", "Add words to the timeline", _CHANGED, "CommentRequest"),
    Operation("post", f"{_ONE}/close", "closeIncident", "Close it", _CHANGED, "CloseRequest", errors=_OVER),
    Operation("post", f"{_ONE}/reopen", "reopenIncident", "Open it again", _CHANGED, "ByRequest", errors=_OVER),
    Operation(
        "post", f"{_ONE}/merge", "mergeIncident", "Let it go into another", _CHANGED, "MergeRequest", errors=_OVER
    ),
    Operation(
        "post", _STEP, "finishStep", "Note that a step was done", "IncidentResponse", "StepRequest", errors=_OVER
    ),
    Operation("delete", _STEP, "reopenStep", "Take a step back", "IncidentResponse", errors=_OVER),
    Operation(
        "put", f"{_ONE}/review", "writeReview", "Keep what was learnt", "IncidentResponse", "IncidentReviewRequest"
    ),
    Operation(
        "post", f"{_ONE}/actions", "addAction", "Add what is to be done", "IncidentResponse", "IncidentActionRequest"
    ),
    Operation(
        "post",
        f"{_ONE}/actions/{{action}}/done",
        "finishAction",
        "Note that it was done",
        "IncidentResponse",
        "ByRequest",
    ),
    Operation("get", _SETTINGS, "showCrisisSettings", "Show the settings", "CrisisSettingsResponse", errors=()),
    Operation(
        "put",
        _SETTINGS,
        "setCrisisSettings",
        "Set playbooks, statements and the helpline",
        "CrisisSettingsResponse",
        "CrisisSettingsRequest",
        errors=(409,),
    ),
)

_NARROWER: dict[tuple[str, str], Schema] = {
    ("Incident", "reach"): PROBABILITY,
    ("Incident", "gravity"): PROBABILITY,
    ("Incident", "speed"): PROBABILITY,
}

PART = Part(paths_of(_OPERATIONS, _PARAMETERS), EXAMPLES, _NARROWER)
