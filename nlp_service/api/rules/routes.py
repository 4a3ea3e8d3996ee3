"""Every path of word lists and policies, and what answers it."""

from __future__ import annotations

from functools import partial

from nlp_service.api.resources import resource
from nlp_service.api.rules.dryrun import DryRuns
from nlp_service.api.rules.files import Files
from nlp_service.api.rules.history import History
from nlp_service.api.rules.lexicons import Lexicons
from nlp_service.api.rules.openapi import PART
from nlp_service.api.rules.parts import RuleParts
from nlp_service.api.rules.policies import Policies
from nlp_service.api.rules.words import Words
from nlp_service.moderation.rulebook import Rulebooks
from nlp_service.store.database import Database


class RulesRoutes:
    """The routes, and what runs behind them as long as the application does.

    Args:
        database: Where everything is; whoever opened it closes it.
        rulebooks: Started and stopped here; messages are judged by them elsewhere too.
        max_body_bytes: What one request may hold; files have a bound of their own.
    """

    described = PART

    def __init__(self, database: Database, rulebooks: Rulebooks, max_body_bytes: int) -> None:
        self._parts = parts = RuleParts(database, rulebooks)
        lexicons, words = Lexicons(parts, max_body_bytes), Words(parts, max_body_bytes)
        history, files = History(parts, max_body_bytes), Files(parts)
        policies, runs = Policies(parts, max_body_bytes), DryRuns(parts, max_body_bytes)
        kept, seen = partial(resource, read="review", write="admin"), partial(resource, read="review")
        name, community = "/v1/lexicons/{name}", "/v1/policies/{community:path}"
        self.all = [
            kept("/v1/lexicons", GET=lexicons.browse, POST=lexicons.create),
            # Nothing is changed by these two, and moderators try things out.
            seen("/v1/lexicons/test", POST=lexicons.test),
            seen("/v1/policies/dry-run", POST=runs.post),
            kept(name, GET=lexicons.get, PUT=lexicons.put, DELETE=lexicons.delete),
            kept(f"{name}/words", GET=words.browse, POST=words.post, DELETE=words.delete),
            kept(f"{name}/import", POST=files.post),
            kept(f"{name}/export", GET=files.get),
            kept(f"{name}/versions", GET=history.browse),
            kept(f"{name}/diff", GET=history.diff),
            kept(f"{name}/rollback", POST=history.roll_back),
            kept("/v1/policies", GET=policies.browse),
            kept("/v1/policies/default", GET=policies.get_default),
            kept(f"{community}/versions", GET=policies.browse_versions),
            kept(f"{community}/activate", POST=policies.activate),
            kept(community, GET=policies.get, PUT=policies.put, DELETE=policies.delete),
        ]

    async def start(self) -> None:
        """Follow what is changed."""
        await self._parts.start()

    async def stop(self) -> None:
        """End what runs in the background."""
        await self._parts.stop()
