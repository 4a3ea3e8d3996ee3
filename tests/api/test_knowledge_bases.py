from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.knowledge_app import ask, make_base, running_bases

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with running_bases(tmp_path_factory.mktemp("db")) as client:
        yield client


async def test_a_base_is_made_empty_and_shown(client: httpx.AsyncClient) -> None:
    made = await client.post("/v1/kb", json={"name": "门店", "settings": {"synonyms": [["退货", "退换"]]}})
    assert made.status_code == 201
    base = made.json()["base"]
    assert (base["name"], base["published"], base["draft"]) == ("门店", 0, 1)
    assert base["settings"] == {"synonyms": [["退货", "退换"]]}
    assert made.json()["entries"] == 0
    for name in ("门店", base["id"]):
        assert (await client.get(f"/v1/kb/{name}")).json()["base"] == base
    assert base in (await client.get("/v1/kb")).json()["bases"]


async def test_a_second_base_of_a_name_is_a_conflict(client: httpx.AsyncClient) -> None:
    await make_base(client, "twice", [])
    again = await client.post("/v1/kb", json={"name": "twice"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")


async def test_a_base_that_was_removed_is_gone(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "removed")
    assert (await client.delete(path)).json()["deleted"] == 1
    assert (await client.get(path)).status_code == (await client.delete(path)).status_code == 404
    assert (await client.post(f"{path}/search", json={"text": "a"})).status_code == 404


async def test_synonyms_are_set_and_taken_away(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "synonyms", [])
    base = (await client.put(f"{path}/synonyms", json={"groups": [["a", "b"]]})).json()["base"]
    assert (base["settings"], base["settings_version"]) == ({"synonyms": [["a", "b"]]}, 1)
    assert (await client.put(f"{path}/synonyms", json={"groups": []})).json()["base"]["settings"] == {}


async def test_the_secret_of_a_base_is_not_shown_and_changes_nothing_that_is(client: httpx.AsyncClient) -> None:
    path = await make_base(client, "secret")
    await ask(client, "secret", "可以带宠物吗", author="u-1")
    assert (await client.get(f"{path}/gaps")).json()["gaps"][0]["people"] == 1  # it is written by now
    base = (await client.get(path)).json()["base"]
    assert (base["settings"], base["settings_version"]) == ({}, 0)


REFUSED: dict[str, tuple[str, str, Any, int, str]] = {
    "no name": ("POST", "/v1/kb", {}, 422, "name"),
    "name a number": ("POST", "/v1/kb", {"name": 1}, 422, "name"),
    "name empty": ("POST", "/v1/kb", {"name": ""}, 422, "name"),
    "name blank": ("POST", "/v1/kb", {"name": "  "}, 422, "name"),
    "name of digits, as ids are": ("POST", "/v1/kb", {"name": "12"}, 422, "name"),
    "name with a slash": ("POST", "/v1/kb", {"name": "a/b"}, 422, "name"),
    "name with NUL": ("POST", "/v1/kb", {"name": "a\0"}, 422, "name"),
    "name of 101 characters": ("POST", "/v1/kb", {"name": "a" * 101}, 422, "name"),
    "settings a list": ("POST", "/v1/kb", {"name": "a", "settings": []}, 422, "settings"),
    "setting unknown": ("POST", "/v1/kb", {"name": "a", "settings": {"colour": 1}}, 422, "settings"),
    "secret set": ("POST", "/v1/kb", {"name": "a", "settings": {"_author_salt": "00"}}, 422, "settings"),
    "synonym alone": ("POST", "/v1/kb", {"name": "a", "settings": {"synonyms": [["b"]]}}, 422, "settings.synonyms[0]"),
    "groups missing": ("PUT", "/v1/kb/there/synonyms", {}, 422, "groups"),
    "group of equals": ("PUT", "/v1/kb/there/synonyms", {"groups": [["a", "b"], ["ａ", "a"]]}, 422, "groups[1]"),
    "group a string": ("PUT", "/v1/kb/there/synonyms", {"groups": ["ab"]}, 422, "groups[0]"),
    "too many groups": ("PUT", "/v1/kb/there/synonyms", {"groups": [["a", "b"]] * 2001}, 422, "groups"),
    "synonyms of none": ("PUT", "/v1/kb/none/synonyms", {"groups": []}, 404, "kb"),
    "show none": ("GET", "/v1/kb/none", None, 404, "kb"),
    "show an id that is not there": ("GET", "/v1/kb/99999", None, 404, "kb"),
    "show an id without end": ("GET", f"/v1/kb/{'9' * 40}", None, 404, "kb"),
    "show a name that cannot be": ("GET", "/v1/kb/%00", None, 404, "kb"),
    "remove none": ("DELETE", "/v1/kb/none", None, 404, "kb"),
}


@pytest.fixture(scope="module")
def there() -> list[str]:
    """Names of the bases that are made once."""
    return []


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_taken_is_refused_by_field(client: httpx.AsyncClient, there: list[str], name: str) -> None:
    if not there:
        there.append(await make_base(client, "there", []))
    method, path, body, status, param = REFUSED[name]
    response = await client.request(method, path, json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


async def test_a_method_that_a_path_does_not_take_is_405_and_names_all_that_it_does(client: httpx.AsyncClient) -> None:
    response = await client.patch("/v1/kb")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
