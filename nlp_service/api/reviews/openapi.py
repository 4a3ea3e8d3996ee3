"""What the OpenAPI document says of reviews and of the best contributions."""

from __future__ import annotations

from functools import partial

from nlp_service.api.openapi import PROBABILITY, Operation, Part, Schema, paths_of
from nlp_service.api.reviews.examples import EXAMPLES
from nlp_service.store.reviews import STATES

_PARAMETERS: dict[str, Schema] = {
    "state": {"enum": list(STATES)},
    "line": {"enum": [2, 3]},
    "kind": {"enum": ["review", "appeal", "correction"]},
    "reviewer": {"type": "string"},
    "cursor": {"type": "string"},
    "limit": {"type": "integer", "minimum": 1},
    "days": {"type": "integer", "minimum": 1},
    "day": {"type": "string", "format": "date"},
    "channel": {"type": "string"},
}

_ONE = "/v1/reviews/{review_id}"
_step = partial(Operation, "post", answer="ReviewOutcomeResponse", errors=(403, 404, 409))

_OPERATIONS = (
    Operation(
        "get",
        "/v1/reviews",
        "listReviews",
        "Show a page of reviews: what waits in the order in which it is claimed",
        "ReviewsResponse",
        query=("state", "line", "kind", "reviewer", "cursor", "limit"),
        errors=(),
    ),
    Operation(
        "post",
        "/v1/reviews/claim",
        "claimReviews",
        "Take the first reviews that nobody has",
        "ReviewsResponse",
        "ClaimRequest",
        errors=(403,),
    ),
    Operation(
        "post",
        "/v1/reviews/bulk",
        "decideAlike",
        "Decide on a review and on its near-duplicates that wait",
        "BulkResponse",
        "BulkRequest",
        errors=(403, 404, 409),
    ),
    Operation(
        "get",
        "/v1/reviews/figures",
        "reviewFigures",
        "Show what waits, how fast it is decided, and how well people and machine agree",
        "ReviewFiguresResponse",
        query=("days",),
        errors=(),
    ),
    Operation("get", _ONE, "showReview", "Show a review with all that belongs to it", "ReviewResponse"),
    Operation(
        "post",
        f"{_ONE}/renew",
        "renewReview",
        "Keep a claimed review for longer",
        "LeaseResponse",
        "RenewRequest",
        errors=(404, 409),
    ),
    Operation(
        "post",
        f"{_ONE}/release",
        "releaseReview",
        "Give a claimed review back",
        "LeaseResponse",
        "ReviewerRequest",
        errors=(404, 409),
    ),
    _step(f"{_ONE}/decide", "decideReview", "Decide on an open review", body="DecideRequest"),
    _step(f"{_ONE}/escalate", "escalateReview", "Hand an open review to experts", body="ReviewerRequest"),
    _step(f"{_ONE}/overturn", "overturnReview", "Decide anew on a decided review", body="DecideRequest"),
    _step(f"{_ONE}/undo", "undoReview", "Take the last step back, within ten minutes", body="ReviewerRequest"),
    Operation(
        "post",
        "/v1/messages/{message_id}/labels",
        "labelMessage",
        "Say what a message should have been read as",
        "ReviewOutcomeResponse",
        "LabelsRequest",
        statuses=(201,),
        errors=(404, 409),
    ),
    Operation(
        "post",
        "/v1/messages/{message_id}/appeal",
        "appeal",
        "Ask for another look at what was done with a message; 200 if one was asked for already",
        "AppealResponse",
        "AppealRequest",
        statuses=(200, 201),
        errors=(404, 409),
    ),
    Operation(
        "get",
        "/v1/ugc/picks",
        "listPicks",
        "Show the best contributions of a day",
        "PicksResponse",
        query=("day", "channel", "limit"),
        errors=(),
    ),
)

PART = Part(
    paths_of(_OPERATIONS, _PARAMETERS),
    EXAMPLES,
    {
        **{
            (name, "reviewer"): {"minLength": 1, "maxLength": 100}
            for name in (
                "ClaimRequest",
                "ReviewerRequest",
                "RenewRequest",
                "DecideRequest",
                "BulkRequest",
                "LabelsRequest",
            )
        },
        ("Agreement", "share"): PROBABILITY,
        ("Review", "priority"): PROBABILITY,
        ("NearDuplicate", "resemblance"): PROBABILITY,
    },
)
"""The paths and types of `api.reviews`."""
