"""Reviews, what people decide, and the best contributions of a day, as requests and answers carry them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from nlp_service.moderation.review import Agreement, Agreements
from nlp_service.store.contributions import Pick
from nlp_service.store.labels import Field, LabelsIn
from nlp_service.store.review_details import ReviewDetails
from nlp_service.store.review_records import Action, Kind, Review, ReviewOutcome

MAX_REVIEWER, MAX_NOTE = 100, 2_000
"""Code points in the name of a person, and in a note."""

MOST_CLAIMED = 100
LEASE_S, LEAST_LEASE_S, LONGEST_LEASE_S = 600, 30, 86_400
"""How long a claimed review is somebody's, in seconds."""

Line = Literal[2, 3]
LeaseS = Annotated[int, msgspec.Meta(ge=LEAST_LEASE_S, le=LONGEST_LEASE_S)]
Revision = Annotated[int, msgspec.Meta(ge=1, le=32_767)]


class ClaimRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Take the first reviews of a line that nobody has.

    Attributes:
        reviewer: Who, by a name that stays the same; 1 to 100 characters.
        number: How many at the most.
        lease_s: How long nobody else gets them, in seconds.
        line: 2 for moderators, 3 for experts, which needs the scope ``admin``.
        kind: Only of this kind.
    """

    reviewer: str
    number: Annotated[int, msgspec.Meta(ge=1, le=MOST_CLAIMED)] = 1
    lease_s: LeaseS = LEASE_S
    line: Line = 2
    kind: Kind | None = None


class ReviewerRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Who does it, and a note where one is kept."""

    reviewer: str
    note: str = ""


class RenewRequest(msgspec.Struct, forbid_unknown_fields=True):
    """For how long from now, in seconds."""

    reviewer: str
    lease_s: LeaseS = LEASE_S


class DecideRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is done with a message, and what it should have been read as.

    Attributes:
        reviewer: Who decides.
        action: What becomes of the message.
        labels: Fields that were looked at and set; what is left out stays as it was read, and is not learnt from.
        confirm: Fields that were looked at and found right.
        note: For those who look at it later, at most 2,000 characters.
        revision: Wording that was looked at; refused with 409 if the message was edited since.
    """

    reviewer: str
    action: Action
    labels: LabelsIn | None = None
    confirm: list[Field] = []
    note: str = ""
    revision: Revision | None = None


class BulkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Decide on a review, and alike on those of its near-duplicates that wait.

    Attributes:
        review_id: The one that was looked at.
        match: ``exact`` for copies with the same letters only.
        reviewer, action, labels, confirm, note, revision: As for one.
    """

    reviewer: str
    review_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    action: Action
    match: Literal["near", "exact"] = "near"
    labels: LabelsIn | None = None
    confirm: list[Field] = []
    note: str = ""
    revision: Revision | None = None


class LabelsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a message should have been read as; at least one of `labels` and `confirm`. What is done with it stays."""

    reviewer: str
    labels: LabelsIn | None = None
    confirm: list[Field] = []
    note: str = ""
    revision: Revision | None = None


class AppealRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the author says against what was done, at most 2,000 characters."""

    note: str = ""


class ReviewsResponse(msgspec.Struct):
    """Some reviews; `next` is what ``cursor`` takes for those after them, null at the end."""

    request_id: str
    reviews: list[Review]
    next: str | None


class ReviewResponse(msgspec.Struct):
    """A review with all that belongs to it."""

    request_id: str
    details: ReviewDetails


class ReviewOutcomeResponse(msgspec.Struct):
    """What a step led to."""

    request_id: str
    outcome: ReviewOutcome


class LeaseResponse(msgspec.Struct):
    """Until when a review is somebody's; null if it is free now."""

    request_id: str
    review_id: int
    lease_until: datetime | None


class BulkResponse(msgspec.Struct):
    """What became of near-duplicates.

    Attributes:
        decided: Those that were decided alike, the one that was named first.
        left: Ids of reviews that are alike but could not be decided: somebody has them, or they are for experts.
        may_be_more: Whether further ones may wait; ask again with one of them.
    """

    request_id: str
    decided: list[ReviewOutcome]
    left: list[int]
    may_be_more: bool


class AppealResponse(msgspec.Struct):
    """The review of an appeal; `is_new` is false for one that waited already."""

    request_id: str
    review_id: int
    is_new: bool


class WaitingLine(msgspec.Struct):
    """What waits on a line.

    Attributes:
        line: 2 for moderators, 3 for experts.
        open: How many reviews.
        claimed: How many of them somebody has now.
        oldest_s: How long the oldest waits, in seconds.
    """

    line: int
    open: int
    claimed: int
    oldest_s: float


class ReviewFiguresResponse(msgspec.Struct):
    """What waits now, and how the last days went.

    Attributes:
        days: How far back the figures of decisions go.
        waiting: By line; lines of which nothing waits are left out.
        decided: Reviews that people decided.
        median_s: Median time from the arrival of a review to its decision, in seconds; null without any.
        per_hour: Decisions an hour.
        machine: The machine against the first person who looked.
        expert: A person against another who looked later: an expert, or on appeal.
    """

    request_id: str
    days: int
    waiting: list[WaitingLine]
    decided: int
    median_s: float | None
    per_hour: float
    machine: Agreements
    expert: Agreement


class PicksResponse(msgspec.Struct):
    """The best contributions of a day, the best first; `timezone` says where the day begins."""

    request_id: str
    day: str
    timezone: str
    picks: list[Pick]
