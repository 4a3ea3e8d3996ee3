from __future__ import annotations

import re

import httpx
import pytest

from tests.api.conftest import running_app
from tests.fakes import BROKEN, CRASH

pytestmark = pytest.mark.asyncio


async def figures(client: httpx.AsyncClient) -> dict[str, float]:
    """Every sample with its labels."""
    text = (await client.get("/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^([^#\s][^\n]*) (\S+)$", text, re.MULTILINE)}


async def test_requests_messages_and_batches_are_counted() -> None:
    async with running_app() as client:
        await client.post("/v1/analyze", json={"messages": [{"text": "a"}, {"text": BROKEN}, {"text": "b"}]})
        await client.post("/v1/analyze", content=b"no")
        await client.post("/v1/analyze", content=b"no")
        found = await figures(client)
    assert found['nlp_requests_total{method="POST",route="/v1/analyze",status="200"}'] == 1
    assert found['nlp_requests_total{method="POST",route="/v1/analyze",status="422"}'] == 2
    assert found['nlp_request_seconds_count{route="/v1/analyze"}'] == 3
    assert found["nlp_messages_total"] == 3
    assert found["nlp_messages_failed_total"] == 1
    assert found["nlp_batch_messages_sum"] == 3
    assert found["nlp_inference_seconds_count"] == 1
    assert found["nlp_queue_messages"] == 0
    assert found['nlp_model_info{model_version="fake-1",policy_version="policy-1"}'] == 1


async def test_a_lost_worker_is_counted() -> None:
    async with running_app() as client:
        await client.post("/v1/analyze", json={"messages": [{"text": CRASH}]})
        assert (await figures(client))["nlp_workers_lost_total"] == 1


async def test_nothing_that_a_caller_chose_becomes_a_label() -> None:
    async with running_app() as client:
        await client.get("/my-secret-path?key=my-secret-key", headers={"x-request-id": "my-secret-id"})
        await client.request("MYSECRET", "/healthz")
        await client.post("/v1/analyze", json={"messages": [{"id": "my-secret", "text": "my-secret"}]})
        text = (await client.get("/metrics")).text
    assert "secret" not in text.lower()
    assert 'route="unknown"' in text
