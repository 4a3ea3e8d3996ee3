"""Every path of notices, and what answers it."""

from __future__ import annotations

from functools import partial

from nlp_service.api.notify.channels import Channels
from nlp_service.api.notify.openapi import PART
from nlp_service.api.notify.outbox import OutboxPages
from nlp_service.api.notify.parts import NotifyParts
from nlp_service.api.notify.routing import Routing
from nlp_service.api.resources import resource


class NotifyRoutes:
    """The routes, and what delivers as long as the application runs."""

    described = PART

    def __init__(self, parts: NotifyParts) -> None:
        self._parts = parts
        channels, routing, outbox = Channels(parts), Routing(parts), OutboxPages(parts)
        kept, one = partial(resource, read="review", write="admin"), "/v1/notify/channels/{name}"
        self.all = [
            kept("/v1/notify/channels", GET=channels.browse),
            kept(one, GET=channels.get, PUT=channels.put, DELETE=channels.delete),
            kept(f"{one}/switch", POST=channels.switch),
            kept(f"{one}/test", POST=channels.test),
            kept("/v1/notify/routes", GET=routing.get, PUT=routing.put),
            # Nothing is changed by it, and whoever is on duty may want to know.
            resource("/v1/notify/routes/preview", read="review", POST=routing.preview),
            kept("/v1/notify/outbox", GET=outbox.browse),
            kept("/v1/notify/outbox/{id}/retry", POST=outbox.retry),
        ]

    async def start(self) -> None:
        """Begin to deliver."""
        await self._parts.start()

    async def stop(self) -> None:
        """End."""
        await self._parts.stop()
