"""What is behind the routes of messages: what they are stored in, and the rules that they are judged by."""

from __future__ import annotations

from nlp_service.api.analyze import Limits
from nlp_service.api.compat.routes import CompatRoutes
from nlp_service.api.messages.routes import MessagesRoutes
from nlp_service.api.reviews.routes import ReviewRoutes
from nlp_service.api.rules.routes import RulesRoutes
from nlp_service.inference.batcher import Batcher
from nlp_service.knowledge.search.model import SearchModel
from nlp_service.moderation.rulebook import POLL_S, Rulebooks, RuleStore
from nlp_service.store.database import Database


class Community:
    """The parts behind the routes; belongs to one event loop.

    Args:
        database: Where everything is; whoever opened it closes it.
        poll_s: Time between two looks at what was changed of the rules, in seconds.
    """

    def __init__(self, database: Database, *, poll_s: float = POLL_S) -> None:
        self.database = database
        self.rulebooks = Rulebooks(RuleStore(database), poll_s=poll_s)


class CommunityRooms:
    """The routes of rules, messages and reviews, and the doors that other programs know.

    Attributes:
        messages: Asked for each message, so worth a short way.
        all: The rooms, in the order in which they start.
    """

    def __init__(
        self, community: Community, batcher: Batcher, limits: Limits, deadline_s: float, model: SearchModel | None
    ) -> None:
        database, rulebooks = community.database, community.rulebooks
        stored = MessagesRoutes(database, batcher, rulebooks, limits, deadline_s=deadline_s)
        self.messages = stored.messages
        self.all = (
            RulesRoutes(database, rulebooks, limits.max_body_bytes),
            stored,
            ReviewRoutes(database),
            CompatRoutes(batcher, limits, model, rulebooks),
        )
