"""Every path of reviews and of the best contributions, and what answers it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from nlp_service.api.resources import resource
from nlp_service.api.reviews.desk import Desk, now
from nlp_service.api.reviews.figures import Figures
from nlp_service.api.reviews.openapi import PART
from nlp_service.api.reviews.queue import Queue
from nlp_service.api.reviews.rulings import Rulings
from nlp_service.store.database import Database


class ReviewRoutes:
    """The routes, and what runs behind them as long as the application does.

    Args:
        database: Where reviews are; whoever opened it closes it.
        clock: Says what time it is, aware.
    """

    described = PART

    def __init__(self, database: Database, clock: Callable[[], datetime] = now) -> None:
        self._desk = desk = Desk(database, clock)
        queue, rulings, figures = Queue(desk), Rulings(desk), Figures(desk)
        review, one = partial(resource, read="review"), "/v1/reviews/{review_id}"
        self.all = [
            review("/v1/reviews", GET=queue.browse),
            review("/v1/reviews/claim", POST=queue.claim),
            review("/v1/reviews/bulk", POST=rulings.bulk),
            review("/v1/reviews/figures", GET=figures.get),
            review(one, GET=queue.get),
            review(f"{one}/renew", POST=queue.renew),
            review(f"{one}/release", POST=queue.release),
            review(f"{one}/decide", POST=rulings.decide),
            review(f"{one}/escalate", POST=rulings.escalate),
            review(f"{one}/overturn", POST=rulings.overturn),
            review(f"{one}/undo", POST=rulings.undo),
            review("/v1/messages/{message_id}/labels", POST=rulings.label),
            resource("/v1/messages/{message_id}/appeal", read="ingest", POST=rulings.appeal),
            review("/v1/ugc/picks", GET=figures.picks),
        ]

    async def start(self) -> None:
        """Nothing runs before the first request."""

    async def stop(self) -> None:
        """Finish what is being written."""
        await asyncio.to_thread(self._desk.threads.close)
