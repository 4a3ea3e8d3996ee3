"""Messages that wait for a review, made as the intake makes them: recorded with a judgement that asks for a person."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from nlp_service.moderation.review import check
from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Judgement, Known, ReviewWanted, Windows
from nlp_service.store.labels import LabelsIn
from nlp_service.store.messages import MessageStore
from nlp_service.store.review_details import DetailStore
from nlp_service.store.review_history import HistoryStore
from nlp_service.store.review_records import EXPERT, MODERATOR, Attempt, Review, Ruling
from nlp_service.store.reviews import ReviewStore, Wanted
from nlp_service.store.rulings import RulingStore
from nlp_service.text.normalise import normalise_batch
from nlp_service.text.sketch import keys
from nlp_service.types import (
    INTENTS,
    Abuse,
    Action,
    Analysis,
    Intent,
    Label,
    Pain,
    Risk,
    Sentiment,
    Span,
    UgcQuality,
    Verdict,
)

AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
TENANT = "default"

_numbers = itertools.count(1)


def analysis_of(text: str, **fields: Any) -> Analysis:
    """What a model says of a complaint that somebody should look at, but for what is given."""
    said: dict[str, Any] = {
        "intent": Intent("complaint", ("complaint",), dict.fromkeys(INTENTS, 0.1) | {"complaint": 0.9}),
        "sentiment": Sentiment("negative", -0.6),
        "risk": Risk(2, 0.8, 0.9, (Label("food_safety", 0.7), Label("other", 0.2))),
        "abuse": Abuse(0.1, False),
        "unsafe": (Label("contact_spam", 0.3),),
        "pain": (Pain("食品异物", Span(0, 2, text[:2]), "food_safety"),) if len(text) >= 2 else (),
    }
    return Analysis(id=None, **said | fields)


def contribution(text: str, score: float, *, compliance: float = 1.0) -> Analysis:
    """What a model says of a contribution of some quality."""
    intent = Intent("ugc", ("ugc",), dict.fromkeys(INTENTS, 0.1) | {"ugc": 0.9})
    quality = UgcQuality(score, 1.0, score, score, compliance)
    return analysis_of(text, intent=intent, risk=Risk(0, 0.0, 0.0), ugc_quality=quality, pain=())


class Desk:
    """A database with the parts that reviews need, and short ways to use them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.messages = MessageStore(database)
        self.queue = ReviewStore(database, check)
        self.rulings = RulingStore(database, check)
        self.details = DetailStore(database)
        self.history = HistoryStore(database)

    def receive(
        self,
        text: str = "汤里吃出了一根头发，恶心",
        *,
        tenant: str = TENANT,
        name: str = "",
        author: str = "u-1",
        channel: str = "吃货群",
        at: datetime = AT,
        edited_at: datetime | None = None,
        action: Action = Action.REVIEW,
        priority: float | None = 0.5,
        offence: str | None = None,
        analysis: Analysis | None = None,
    ) -> int:
        """Record a message that waits for a review unless its priority is None, and give its id."""
        reasons = ("risk>=2",)
        incoming = Incoming(
            platform="wechat",
            channel=channel,
            external_id=name or f"m-{next(_numbers)}",
            author=author,
            sent_at=at,
            received_at=at,
            edited_at=edited_at,
            text=text,
            meta={},
            keys=keys(normalise_batch([text]))[0],
            analysis=analysis or analysis_of(text),
            vector=b"",
            model_version="fast-1",
        )

        def judge(message: Incoming, known: Known) -> Judgement:
            judged = Verdict(action, reasons)
            wanted = None if priority is None else ReviewWanted(priority, reasons)
            analysis = _with_verdict(message.analysis, judged)
            return Judgement(analysis, "default-1", offence, wanted)

        return self.messages.record(tenant, [incoming], judge, Windows())[0].id

    def review_of(self, message_id: int, tenant: str = TENANT, state: str = "open") -> Review:
        """The review of a message."""
        found = self.queue.browse(tenant, Wanted(state), AT, limit=1_000).reviews
        return next(review for review in found if review.message.message_id == message_id)

    def open_review(self, **fields: Any) -> tuple[int, int]:
        """Record a message, and give its id and that of its review."""
        message_id = self.receive(**fields)
        return message_id, self.review_of(message_id, fields.get("tenant", TENANT)).id

    def decide(self, review_id: int, action: str = "pass", *, by: str = "小林", after_s: float = 60, **fields: Any):  # type: ignore[no-untyped-def]
        attempt = attempt_of("decide", by, after_s=after_s)
        return self.rulings.decide(TENANT, review_id, attempt, ruling(action, **fields), actor="key:abc")


def _with_verdict(analysis: Analysis, verdict: Verdict) -> Analysis:
    import msgspec

    return msgspec.structs.replace(analysis, verdict=verdict)


def attempt_of(
    what: str, by: str = "小林", *, line: int = MODERATOR, after_s: float = 60, revision: int | None = None
) -> Attempt:
    """Somebody's attempt, some seconds after the messages came."""
    return Attempt(what, by, line, AT + timedelta(seconds=after_s), revision)


def expert(what: str, by: str = "老周", *, after_s: float = 120) -> Attempt:
    """An expert's attempt."""
    return attempt_of(what, by, line=EXPERT, after_s=after_s)


def ruling(action: str | None = "pass", confirm: tuple[Any, ...] = (), note: str = "", **labels: Any) -> Ruling:
    """What is decided; keywords are labels."""
    return Ruling(action, LabelsIn(**labels) if labels else None, confirm, note)  # type: ignore[arg-type]
