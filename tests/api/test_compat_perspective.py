"""Comments scored in Perspective's shape, asked by Google's own client library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from nlp_service.api.analyze import Limits
from nlp_service.api.compat.attributes import ATTRIBUTES
from nlp_service.api.compat.discovery import document
from nlp_service.api.compat.perspective import utf16
from nlp_service.cli.loading import load
from nlp_service.types import Span
from tests.api.compat_app import KEY, POOR_KEY, compat_app, only_loopback, serving
from tests.fakes import BROKEN, CRASH

ANALYZE = "/v1alpha1/comments:analyze"
SUGGEST = "/v1alpha1/comments:suggestscore"
STANDARD = ("TOXICITY", "SEVERE_TOXICITY", "INSULT", "PROFANITY", "THREAT", "IDENTITY_ATTACK")


@pytest.fixture(autouse=True)
def _no_other_network(monkeypatch: pytest.MonkeyPatch) -> None:
    only_loopback(monkeypatch)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(compat_app(limits=Limits(max_text=100))) as url:
        yield url


def build(url: str, key: str = KEY, path: str = "/$discovery/rest?version=v1alpha1") -> Any:
    return discovery.build(
        "commentanalyzer", "v1alpha1", discoveryServiceUrl=url + path, developerKey=key, static_discovery=False
    )


@pytest.fixture(scope="module")
def sdk(url: str) -> Iterator[Any]:
    with build(url) as service:
        yield service


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=60) as client:
        yield client


def asked(text: str, *attributes: str, **fields: Any) -> dict[str, Any]:
    return {"comment": {"text": text}, "requestedAttributes": {name: {} for name in attributes}} | fields


def scores(sdk: Any, body: dict[str, Any]) -> dict[str, float]:
    answer = sdk.comments().analyze(body=body).execute()
    return {name: found["summaryScore"]["value"] for name, found in answer["attributeScores"].items()}


def test_the_usual_six_attributes_at_once(sdk: Any) -> None:
    body = asked("abuse=.8 negative=.5 need:violence_threat=.7", *STANDARD, languages=["zh"], clientToken="c-1")
    answer = sdk.comments().analyze(body=body).execute()
    found = {name: scores["summaryScore"] for name, scores in answer["attributeScores"].items()}
    assert {name: score["value"] for name, score in found.items()} == pytest.approx(
        {
            "TOXICITY": 0.8,
            "SEVERE_TOXICITY": 0.4,
            "INSULT": 0.8,
            "PROFANITY": 0.8,
            "IDENTITY_ATTACK": 0.8,
            "THREAT": 0.7,
        }
    )
    assert {score["type"] for score in found.values()} == {"PROBABILITY"}
    assert (answer["languages"], answer["detectedLanguages"], answer["clientToken"]) == (["zh"], ["zh"], "c-1")


def test_our_own_attributes(sdk: Any) -> None:
    text = "ad=.3 contact_spam=.9 porn_sexual=.4 complaint=.6 question=.2 risk=3"
    wanted = ("SPAM", "SEXUALLY_EXPLICIT", "CRISIS_RISK", "AD", "COMPLAINT", "QUESTION", "PORN_SEXUAL", "GAMBLING")
    assert scores(sdk, asked(text, *wanted)) == pytest.approx(
        {
            "SPAM": 0.9,
            "SEXUALLY_EXPLICIT": 0.4,
            "CRISIS_RISK": 1.0,
            "AD": 0.3,
            "COMPLAINT": 0.6,
            "QUESTION": 0.2,
            "PORN_SEXUAL": 0.4,
            "GAMBLING": 0.0,
        }
    )


def test_every_attribute_can_be_asked_for(sdk: Any) -> None:
    assert set(scores(sdk, asked("你好", *ATTRIBUTES))) == set(ATTRIBUTES)


def test_scores_below_their_threshold_are_left_out(sdk: Any) -> None:
    body = asked("abuse=.5")
    body["requestedAttributes"] = {"TOXICITY": {"scoreThreshold": 0.5}, "INSULT": {"scoreThreshold": 0.51}}
    assert set(scores(sdk, body)) == {"TOXICITY"}


def test_spans_are_of_the_evidence_in_utf16_units_or_of_the_whole(sdk: Any) -> None:
    text = "😀😀 abuse=.9 😀"
    plain = sdk.comments().analyze(body=asked(text, "TOXICITY")).execute()
    whole = [{"begin": 0, "end": 16, "score": {"value": 0.9, "type": "PROBABILITY"}}]
    assert plain["attributeScores"]["TOXICITY"]["spanScores"] == whole
    body = asked(text, "TOXICITY", "THREAT", spanAnnotations=True)
    found = sdk.comments().analyze(body=body).execute()["attributeScores"]
    (span,) = found["TOXICITY"]["spanScores"]
    assert text.encode("utf-16-le")[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le") == "abuse"
    assert found["THREAT"]["spanScores"][0]["end"] == 16  # nothing drove it, so it is of the whole


def test_positions_count_characters_beyond_the_first_plane_twice() -> None:
    assert utf16("a😀b", Span(1, 3, "😀b")) == (1, 4)
    assert utf16("汉字", Span(1, 2, "字")) == (1, 2)


def test_context_and_what_is_not_used_are_taken(sdk: Any) -> None:
    fields = {"doNotStore": True, "sessionId": "s", "communityId": "/c", "languages": ["en", "zh-Hans"]}
    entries = [{"text": f"第{number}句", "type": "PLAIN_TEXT"} for number in range(30)]
    assert scores(sdk, asked("你好", "TOXICITY", context={"entries": entries}, **fields)) == {"TOXICITY": 0}
    around = {"articleAndParentComment": {"article": {"text": "新品"}, "parentComment": {"text": "好喝吗"}}}
    assert scores(sdk, asked("你好", "TOXICITY", context=around)) == {"TOXICITY": 0}


def test_a_suggestion_is_understood_and_not_kept(sdk: Any) -> None:
    body = {
        "comment": {"text": "这奶茶绝了"},
        "attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}},
        "languages": ["zh"],
        "clientToken": "c-2",
        "communityId": "/forum",
    }
    answer = sdk.comments().suggestscore(body=body).execute()
    assert (answer["clientToken"], answer["requestedLanguages"]) == ("c-2", ["zh"])
    assert answer["stored"] is False


def test_googles_directory_knows_the_service_too(url: str) -> None:
    path = "/discovery/v1/apis/{api}/{apiVersion}/rest"
    with build(url, path=path) as sdk:
        assert scores(sdk, asked("abuse=.7", "TOXICITY")) == {"TOXICITY": 0.7}


def test_another_version_is_not_known(url: str) -> None:
    with pytest.raises(Exception, match="v2"):
        discovery.build(
            "commentanalyzer",
            "v2",
            discoveryServiceUrl=url + "/$discovery/rest?version=v2",
            developerKey=KEY,
            static_discovery=False,
        )


def test_errors_are_those_that_programs_look_into(url: str, sdk: Any) -> None:
    with pytest.raises(HttpError) as caught:
        sdk.comments().analyze(body=asked("abuse=.5", "TOXICITIES")).execute()
    error = caught.value
    assert error.resp.status == 400
    assert error.reason == "Unknown requested attribute: TOXICITIES"
    theirs, ours = json.loads(error.content)["error"]["details"]
    assert theirs["errorType"] == "INVALID_REQUEST"
    assert (ours["code"], ours["type"], ours["param"]) == (
        "invalid_input",
        "invalid_request_error",
        "requestedAttributes",
    )
    with build(url, POOR_KEY) as other, pytest.raises(HttpError) as refused:
        other.comments().analyze(body=asked("你好", "TOXICITY")).execute()
    assert (refused.value.resp.status, refused.value.reason) == (403, "the key lacks the scope analyze")


def test_the_shipped_model_scores_an_insult_above_a_question() -> None:
    with serving(compat_app(partial(load, "fast", ""))) as url, build(url) as sdk:
        insult = scores(sdk, asked("你个傻逼，滚出去别再回来", *STANDARD, spanAnnotations=True))
        question = scores(sdk, asked("快递三天没动了，帮我看看到哪了", *STANDARD))
    assert insult["TOXICITY"] > 0.8 > 0.2 > question["TOXICITY"]
    assert question["SEVERE_TOXICITY"] < insult["SEVERE_TOXICITY"] <= insult["TOXICITY"]


WRONG: dict[str, tuple[Any, str]] = {
    "no comment": ({"requestedAttributes": {"TOXICITY": {}}}, "COMMENT_EMPTY"),
    "empty comment": (asked("", "TOXICITY"), "COMMENT_EMPTY"),
    "long comment": (asked("字" * 101, "TOXICITY"), "COMMENT_TOO_LONG"),
    "no attributes": (asked("a"), "NO_REQUESTED_ATTRIBUTES"),
    "English": (asked("a", "TOXICITY", languages=["en"]), "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"),
    "two languages": (asked("a", "TOXICITY", languages=["en", "xzh"]), "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"),
    "unknown attribute": (asked("a", "TOXICITY", "CHARM"), "INVALID_REQUEST"),
    "attribute of control characters": (asked("a", "A\0\n"), "INVALID_REQUEST"),
    "HTML": ({"comment": {"text": "a", "type": "HTML"}, "requestedAttributes": {"AD": {}}}, "INVALID_REQUEST"),
    "percentile": (
        {"comment": {"text": "a"}, "requestedAttributes": {"AD": {"scoreType": "PERCENTILE"}}},
        "INVALID_REQUEST",
    ),
    "both contexts": (
        asked("a", "AD", context={"entries": [{"text": "b"}], "articleAndParentComment": {"article": {"text": "c"}}}),
        "INVALID_REQUEST",
    ),
    "context of HTML": (
        asked("a", "AD", context={"entries": [{"text": "b", "type": "HTML"}]}),
        "INVALID_REQUEST",
    ),
    "comment a text": ({"comment": "a", "requestedAttributes": {"AD": {}}}, "INVALID_REQUEST"),
    "text a number": ({"comment": {"text": 1}, "requestedAttributes": {"AD": {}}}, "INVALID_REQUEST"),
    "attributes a list": ({"comment": {"text": "a"}, "requestedAttributes": ["AD"]}, "INVALID_REQUEST"),
    "threshold a text": (
        {"comment": {"text": "a"}, "requestedAttributes": {"AD": {"scoreThreshold": "0.5"}}},
        "INVALID_REQUEST",
    ),
    "long token": (asked("a", "AD", clientToken="x" * 10_001), "INVALID_REQUEST"),
    "many languages": (asked("a", "AD", languages=["zh"] * 101), "INVALID_REQUEST"),
    "a list": ([], "INVALID_REQUEST"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_400_in_their_words(client: httpx.Client, name: str) -> None:
    body, kind = WRONG[name]
    response = client.post(ANALYZE, json=body)
    assert response.status_code == 400, response.text
    answer = response.json()
    assert answer["error"]["code"] == 400
    assert answer["error"]["status"] == "INVALID_ARGUMENT"
    assert answer["error"]["details"][0]["errorType"] == kind
    assert answer["error"]["details"][1]["param"]
    assert answer["request_id"] == response.headers["x-request-id"]


SUGGESTED = {"comment": {"text": "a"}, "attributeScores": {"AD": {"summaryScore": {"value": 0.5}}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"comment": {"text": ""}},
        {"attributeScores": {}},
        {"attributeScores": {"CHARM": {"summaryScore": {"value": 0.5}}}},
        {"attributeScores": {"AD": {"summaryScore": {"value": 1.5}}}},
        {"attributeScores": {"AD": {"spanScores": [{"score": {"value": -1}}]}}},
        {"attributeScores": {"AD": {"summaryScore": {"value": 0.5, "type": "RAW"}}}},
        {"attributeScores": {"AD": 0.5}},
        {"languages": ["fr"]},
        {"comment": {"text": "a", "type": "HTML"}},
        {"context": {"entries": "a"}},
    ],
)
def test_a_wrong_suggestion_is_400(client: httpx.Client, fields: dict[str, Any]) -> None:
    assert (client.post(SUGGEST, json=SUGGESTED)).status_code == 200
    assert (client.post(SUGGEST, json=SUGGESTED | fields)).status_code == 400


def test_a_body_that_is_no_json_is_400(client: httpx.Client) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        assert (client.post(ANALYZE, content=body)).status_code == 400


def test_unknown_attributes_can_be_dropped(client: httpx.Client) -> None:
    body = asked("abuse=.5", "TOXICITY", "CHARM", dropUnsupportedAttributes=True)
    answer = client.post(ANALYZE, json=body)
    assert set(answer.json()["attributeScores"]) == {"TOXICITY"}


@pytest.mark.parametrize(
    ("head", "attribute"),
    [
        ("abuse", "TOXICITY"),
        ("abuse", "SEVERE_TOXICITY"),
        ("risk", "THREAT"),
        ("risk", "CRISIS_RISK"),
        ("unsafe", "SPAM"),
        ("intent", "AD"),
    ],
)
def test_a_model_that_failed_is_no_low_score(client: httpx.Client, head: str, attribute: str) -> None:
    answer = client.post(ANALYZE, json=asked(f"fail={head}", attribute))
    assert answer.status_code == 503
    assert answer.json()["error"]["status"] == "UNAVAILABLE"


def test_a_comment_that_cannot_be_read_is_no_low_score(client: httpx.Client) -> None:
    assert (client.post(ANALYZE, json=asked(BROKEN, "TOXICITY"))).status_code == 503


def test_the_key_may_stand_in_the_query_and_only_there_for_these_paths(client: httpx.Client) -> None:
    body = asked("你好", "TOXICITY")
    bare = {"authorization": ""}
    assert (client.post(f"{ANALYZE}?key={KEY}&alt=json", json=body, headers=bare)).status_code == 200
    assert (client.post(ANALYZE, json=body, headers=bare)).status_code == 401
    moderated = client.post(f"/v1/moderations?key={KEY}", json={"input": "a"}, headers=bare)
    assert moderated.status_code == 401


def test_the_discovery_document_needs_no_key_and_tells_where_it_was_asked(url: str, client: httpx.Client) -> None:
    path, bare = "/$discovery/rest?version=v1alpha1", {"authorization": ""}
    plain = client.get(path, headers=bare)
    assert plain.json() == document(f"{url}/")
    behind = client.get(path, headers=bare | {"x-forwarded-proto": "https", "host": "nlp.example:8443"})
    assert behind.json()["rootUrl"] == "https://nlp.example:8443/"
    other = client.get("/$discovery/rest?version=v9", headers=bare)
    assert (other.status_code, other.json()["error"]["code"]) == (404, "not_found")
    assert (client.post(path)).status_code == 405


def test_a_dead_worker_is_unavailable(url: str) -> None:
    # The last of this module: it takes the worker from all others.
    with build(url) as sdk, pytest.raises(HttpError) as dead:
        sdk.comments().analyze(body=asked(CRASH, "TOXICITY")).execute()
    assert dead.value.resp.status == 503
    assert json.loads(dead.value.content)["error"]["status"] == "UNAVAILABLE"
    assert int(dead.value.resp["retry-after"]) >= 1
