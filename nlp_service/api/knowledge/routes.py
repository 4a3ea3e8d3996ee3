"""Every path of knowledge bases, and what answers it."""

from __future__ import annotations

from functools import partial

from nlp_service.api.analyze import Limits
from nlp_service.api.knowledge.bases import Bases
from nlp_service.api.knowledge.entries import Entries
from nlp_service.api.knowledge.files import Files
from nlp_service.api.knowledge.openapi import PART
from nlp_service.api.knowledge.operations import Operations
from nlp_service.api.knowledge.parts import Knowledge
from nlp_service.api.knowledge.recorder import Recorder
from nlp_service.api.knowledge.reply import Replies
from nlp_service.api.knowledge.versions import Versions
from nlp_service.api.metrics import Metrics
from nlp_service.api.resources import resource
from nlp_service.inference.batcher import Batcher


class KnowledgeRoutes:
    """The routes, and what runs behind them as long as the application does."""

    described = PART

    def __init__(self, knowledge: Knowledge, batcher: Batcher, metrics: Metrics, limits: Limits) -> None:
        self._knowledge = knowledge
        self._recorder = recorder = Recorder(knowledge.replies, knowledge.salts, metrics.replies_dropped)
        most = limits.max_body_bytes
        replies = Replies(knowledge, batcher, recorder, metrics, limits)
        bases, entries, versions = Bases(knowledge, most), Entries(knowledge, most), Versions(knowledge, most)
        files, operations = Files(knowledge), Operations(knowledge, recorder, most)
        kb, kept = "/v1/kb/{kb}", partial(resource, read="kb:read", write="kb:write")
        self.reply = resource("/v1/reply", read="kb:read", POST=replies.post)
        """Asked for each message, so worth a short way."""
        self.all = [
            self.reply,
            resource("/v1/reply/feedback", read="kb:read", POST=operations.post_feedback),
            kept("/v1/kb", GET=bases.browse, POST=bases.create),
            kept(kb, GET=bases.get, DELETE=bases.delete),
            kept(f"{kb}/synonyms", PUT=bases.put_synonyms),
            kept(f"{kb}/entries", GET=entries.browse, POST=entries.post),
            kept(f"{kb}/entries/{{entry_id:path}}", GET=entries.get, PUT=entries.put, DELETE=entries.delete),
            kept(f"{kb}/import", POST=files.post),
            kept(f"{kb}/export", GET=files.get),
            kept(f"{kb}/publish", POST=versions.publish),
            kept(f"{kb}/versions", GET=versions.browse),
            kept(f"{kb}/diff", GET=versions.diff),
            kept(f"{kb}/rollback", POST=versions.roll_back),
            resource(f"{kb}/search", read="kb:read", POST=replies.search),
            kept(f"{kb}/calibrate", POST=replies.calibrate),
            kept(f"{kb}/gaps", GET=operations.get_gaps),
            kept(f"{kb}/gaps/{{gap_id}}/entry", POST=operations.open_gap),
            kept(f"{kb}/usage", GET=operations.get_usage),
            kept(f"{kb}/conflicts", GET=operations.get_conflicts),
            kept(f"{kb}/alerts", GET=operations.get_alerts),
        ]

    async def start(self) -> None:
        """Follow what is published, and write replies down."""
        await self._knowledge.start()
        await self._recorder.start()

    async def stop(self) -> None:
        """Write what waits, and end."""
        await self._recorder.stop()
        await self._knowledge.stop()
