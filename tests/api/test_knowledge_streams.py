from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio
import uvicorn

from tests.api.knowledge_app import make_base, running_bases, soon
from tests.api.phrasing_app import (
    FIRST,
    SECOND,
    WRITTEN,
    afresh,
    counted,
    done,
    outcomes,
    running_with,
    stream,
)
from tests.fakes_llm import INVENTED_PRICE, FakeModel, language_model

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def served_model() -> Iterator[FakeModel]:
    with language_model() as fake:
        yield fake


@pytest.fixture
def model(served_model: FakeModel) -> FakeModel:
    return afresh(served_model)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(served_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_with(served_model, tmp_path_factory.mktemp("db")) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A service without a language model."""
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        await make_base(client, "shop")
        yield client


@asynccontextmanager
async def on_a_port(client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The same application behind the server that it runs with, for what only shows over a connection."""
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    server = uvicorn.Server(
        uvicorn.Config(transport.app, port=0, http="httptools", lifespan="off", log_config=None, access_log=False)
    )
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as connected:
            yield connected
    finally:
        server.should_exit = True
        await serving


async def test_a_stream_gives_the_reply_then_sentences_then_the_whole(
    client: httpx.AsyncClient, model: FakeModel
) -> None:
    model.text = FIRST + INVENTED_PRICE + SECOND
    before = await outcomes(client)
    (first, reply), *others = await stream(client)
    assert (first, reply["decision"], reply["answer"], reply["phrased"]) == ("reply", "answer", None, False)
    assert reply["reply_id"]
    assert others == [
        ("piece", {"text": FIRST}),
        ("piece", {"text": SECOND}),
        ("done", done(FIRST + SECOND, phrased=True)),
    ]
    assert await counted(client, before) == {"phrased": 1}


async def test_a_stream_without_a_language_model_is_the_written_answer(plain: httpx.AsyncClient) -> None:
    (first, reply), last = await stream(plain)
    assert (first, reply["answer"]) == ("reply", WRITTEN)
    assert last == ("done", done(WRITTEN))
    assert await outcomes(plain) == {}


@pytest.mark.parametrize(("mode", "text"), [("error", FIRST), ("hang", FIRST), ("answer", INVENTED_PRICE)])
async def test_a_stream_that_fails_early_ends_with_the_written_answer(
    client: httpx.AsyncClient, model: FakeModel, mode: str, text: str
) -> None:
    model.mode, model.text = mode, text
    before = await outcomes(client)
    (_, reply), last = await stream(client)
    assert (reply["answer"], last) == (None, ("done", done(WRITTEN)))
    assert await counted(client, before) == {"written": 1}


@pytest.mark.parametrize("mode", ["break_off", "hang_after"])
async def test_a_stream_that_breaks_late_takes_its_pieces_back(
    client: httpx.AsyncClient, model: FakeModel, mode: str
) -> None:
    model.mode, model.text = mode, FIRST + SECOND[:4]
    before = await outcomes(client)
    _, *others = await stream(client)
    assert others == [("piece", {"text": FIRST}), ("done", done(WRITTEN, replaces=True))]
    assert await counted(client, before) == {"replaced": 1}


async def test_a_stream_of_what_is_not_there_is_refused_with_a_status(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/reply", json={"question": "a", "kb": "none", "stream": True})
    assert (response.status_code, response.json()["error"]["param"]) == (404, "kb")


async def test_pieces_arrive_while_the_model_still_speaks_and_hanging_up_ends_its_request(
    client: httpx.AsyncClient, model: FakeModel
) -> None:
    model.mode, model.text = "endless", FIRST
    before = await outcomes(client)
    body = {"question": "怎么退款", "kb": "shop", "stream": True}
    async with on_a_port(client) as connected:
        async with connected.stream("POST", "/v1/reply", json=body) as response:
            async for line in response.aiter_lines():
                if line == "event: piece":
                    break
            assert not model.client_left.is_set()
        assert await asyncio.to_thread(model.client_left.wait, 10)

        # Not "replaced": that would be the time limit of the model, which nobody waits for any more.
        async def is_counted() -> bool:
            return await counted(client, before) == {"gone": 1}

        assert await soon(is_counted)


async def test_hanging_up_on_a_silent_model_ends_its_request(client: httpx.AsyncClient, model: FakeModel) -> None:
    model.mode = "hang"
    before = await outcomes(client)
    body = {"question": "怎么退款", "kb": "shop", "stream": True}
    async with on_a_port(client) as connected:
        async with connected.stream("POST", "/v1/reply", json=body) as response:
            assert await anext(response.aiter_lines()) == "event: reply"

        async def is_counted() -> bool:
            return await counted(client, before) == {"gone": 1}

        assert await soon(is_counted)
