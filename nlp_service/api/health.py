"""``/healthz`` and ``/readyz``: alive, and able to read messages."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.errors import detail_of
from nlp_service.api.schemas.health import Health, NotReadyResponse, Ready, WorkerHealth
from nlp_service.errors import NotReady
from nlp_service.inference.batcher import Batcher


class HealthRoutes:
    """The two routes with what they need."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher

    async def healthz(self, request: Request) -> Response:
        """200 as long as the process answers at all."""
        return _respond(200, Health(status="ok"))

    async def readyz(self, request: Request) -> Response:
        """200 when every worker has passed a real inference lately, else 503 with the reasons."""
        reasons = self._batcher.find_faults()
        workers = [
            WorkerHealth(lane.pid, lane.state, lane.last_inference_s, lane.n_restarts) for lane in self._batcher.lanes
        ]
        if reasons:
            error = NotReady("; ".join(reasons))
            request.state.error_code = error.code
            return _respond(503, NotReadyResponse(detail_of(error), request.state.request_id, reasons, workers))
        batcher = self._batcher
        return _respond(200, Ready("ready", batcher.model_version, batcher.policy_version, batcher.n_queued, workers))


def _respond(status: int, value: msgspec.Struct) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
