"""Figures for Prometheus. Labels are routes, methods, statuses and versions, never anything that a caller chose."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response

LATENCY_BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """All figures of one service, in a registry of its own. It listens to the lanes of the batcher."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter("nlp_requests", "Requests answered.", ("route", "method", "status"), registry=registry)
        self._latency = Histogram(
            "nlp_request_seconds", "Time to answer.", ("route",), buckets=LATENCY_BUCKETS_S, registry=registry
        )
        # The series of each combination of labels; all of them are few, and to look one up takes longer than to count.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._queue = Gauge("nlp_queue_messages", "Messages that wait for a worker.", registry=registry)
        self._batches = Histogram(
            "nlp_batch_messages", "Messages in a batch.", buckets=BATCH_BUCKETS, registry=registry
        )
        self._inference = Histogram(
            "nlp_inference_seconds", "Time of a batch in its worker.", buckets=LATENCY_BUCKETS_S, registry=registry
        )
        self._messages = Counter("nlp_messages", "Messages read.", registry=registry)
        self._failed = Counter("nlp_messages_failed", "Messages that the models could not read.", registry=registry)
        self._lost = Counter("nlp_workers_lost", "Workers that ended or hung and were replaced.", registry=registry)
        self._replies = Counter("nlp_replies", "Replies from knowledge bases.", ("decision",), registry=registry)
        self._phrased = Counter(
            "nlp_phrased", "Replies that a language model was asked to phrase.", ("outcome",), registry=registry
        )
        self._unwritten = Counter("nlp_replies_dropped", "Replies that were not written down.", registry=registry)
        self._model = Gauge(
            "nlp_model_info", "1 for the versions in use.", ("model_version", "policy_version"), registry=registry
        )

    def watch_queue(self, n_queued: Callable[[], int]) -> None:
        """Ask for the length of the queue whenever the figures are read."""
        self._queue.set_function(n_queued)

    def set_versions(self, model_version: str, policy_version: str) -> None:
        """Name what is in use."""
        self._model.clear()
        self._model.labels(model_version, policy_version).set(1)

    def request_answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request."""
        key = (route, method, status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = (self._requests.labels(*key), self._latency.labels(route))
        series[0].inc()
        series[1].observe(seconds)

    def batch_read(self, n_messages: int, n_failed: int, inference_s: float) -> None:
        """Count a batch."""
        self._messages.inc(n_messages)
        self._failed.inc(n_failed)
        self._batches.observe(n_messages)
        self._inference.observe(inference_s)

    def worker_lost(self) -> None:
        """Count a worker that has to be replaced."""
        self._lost.inc()

    def reply_given(self, decision: str) -> None:
        """Count a reply; `decision` is one of a few."""
        self._replies.labels(decision).inc()

    def reply_phrased(self, outcome: str) -> None:
        """Count a reply that was to be phrased; `outcome` is one of a few."""
        self._phrased.labels(outcome).inc()

    def replies_dropped(self, n_replies: int) -> None:
        """Count replies that gaps and usage will not know of."""
        self._unwritten.inc(n_replies)

    async def get(self, request: Request) -> Response:
        """``/metrics`` in the text format of Prometheus."""
        return Response(generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})
