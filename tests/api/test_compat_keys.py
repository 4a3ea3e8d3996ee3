"""The doors in the shapes of others with the service's own keys, each asked by the library that its users have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cohere
import httpx
import openai
import pytest
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from nlp_service.store.keys import KeyStore, Wanted
from tests.api.compat_app import only_loopback, serving
from tests.unit.client.whole_app import whole_app

COMMENT = {"comment": {"text": "你好"}, "requestedAttributes": {"TOXICITY": {}}}


@pytest.fixture(autouse=True)
def _no_other_network(monkeypatch: pytest.MonkeyPatch) -> None:
    only_loopback(monkeypatch)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """Address, a key that may read messages, and one that may not."""
    folder: Path = tmp_path_factory.mktemp("doors")
    app, database, _ = whole_app(folder)
    keys = KeyStore(database)
    good = keys.create("shop", Wanted("good", ["analyze"]), actor="test").secret
    poor = keys.create("shop", Wanted("poor", ["kb:read"]), actor="test").secret
    with database, serving(app) as url:
        yield url, good, poor


def perspective(url: str, key: str) -> Any:
    address = f"{url}/$discovery/rest?version=v1alpha1"
    return discovery.build(
        "commentanalyzer", "v1alpha1", discoveryServiceUrl=address, developerKey=key, static_discovery=False
    )


def test_openai(service: tuple[str, str, str]) -> None:
    url, good, poor = service
    with openai.OpenAI(base_url=f"{url}/v1", api_key=good, max_retries=0) as sdk:
        assert sdk.moderations.create(input="你好").results[0].flagged is False
    for key, kind in ((poor, openai.PermissionDeniedError), (good[:-1], openai.AuthenticationError)):
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as sdk, pytest.raises(kind):
            sdk.moderations.create(input="你好")


def test_cohere(service: tuple[str, str, str]) -> None:
    url, good, poor = service
    with cohere.ClientV2(api_key=good, base_url=url) as sdk:
        assert len(sdk.rerank(model="m", query="怎么退款", documents=["三天内到账", "九点开门"]).results) == 2
    for key, kind in ((poor, cohere.ForbiddenError), (good[:-1], cohere.UnauthorizedError)):
        with cohere.ClientV2(api_key=key, base_url=url) as sdk, pytest.raises(kind):
            sdk.rerank(model="m", query="怎么退款", documents=["三天内到账"])


def test_perspective(service: tuple[str, str, str]) -> None:
    url, good, poor = service
    with perspective(url, good) as sdk:
        assert sdk.comments().analyze(body=COMMENT).execute()["attributeScores"]["TOXICITY"]
    with perspective(url, poor) as sdk, pytest.raises(HttpError) as refused:
        sdk.comments().analyze(body=COMMENT).execute()
    assert refused.value.resp.status == 403
    bare = httpx.post(f"{url}/v1alpha1/comments:analyze", json=COMMENT)
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "unauthorized")
