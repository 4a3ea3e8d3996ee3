"""Every operation of the OpenAPI document is asked what the document allows and what it does not: none answers 5xx."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode

from nlp_service.api.access import Access
from nlp_service.store.database import open_database
from tests.api.full_app import full_app, make_keys

EXAMPLES = 10
"""Requests of each kind for each operation."""

WITHIN_S = 30.0
"""All of them together; what is not reached in time is asked in the next run of a quicker machine."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FastAPI, str, str]]:
    """The application on a port of its own, and a key that may do everything."""
    with open_database(str(tmp_path_factory.mktemp("db") / "full.db")) as database:
        key = make_keys(database)["owner"]
        app = full_app(database, Access(database))
        server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="on", log_config=None, access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            until = time.monotonic() + 60
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < until
                time.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield app, f"http://127.0.0.1:{port}", key
        finally:
            server.should_exit = True
            thread.join()


def without_security(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a service that asks for no keys: else half of the requests would be sent without one."""
    return {
        **document,
        "paths": {
            path: {
                method: {name: value for name, value in operation.items() if name != "security"}
                for method, operation in methods.items()
            }
            for path, methods in document["paths"].items()
        },
    }


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_operation_answers_5xx(served: tuple[FastAPI, str, str], mode: GenerationMode) -> None:
    app, address, key = served
    schema = schemathesis.openapi.from_dict(without_security(app.openapi()))
    until = time.monotonic() + WITHIN_S / 2
    failed, asked = [], set()
    headers = {"authorization": f"Bearer {key}"}
    with requests.Session() as session:
        for operation in (found.ok() for found in schema.get_all_operations()):
            if time.monotonic() > until:
                break
            if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
                continue  # any text will do for a name in a path, so nothing can be wrong
            cases = operation.as_strategy(generation_mode=mode)

            @hypothesis.settings(
                max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
            )
            @hypothesis.given(case=cases)
            def ask(case: schemathesis.Case) -> None:
                response = case.call(base_url=address, session=session, headers=headers)
                asked.add(case.operation.label)
                if response.status_code >= 500 or response.status_code == 401:
                    failed.append(f"{case.operation.label}: {response.status_code} {response.text[:300]}")

            ask()
    assert failed == []
    assert len(asked) > 5  # however slow the machine is
