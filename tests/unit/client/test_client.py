"""Both clients, first against answers that are made up, then against the application."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from nlp_service.client import AsyncClient, Client, NewMessage, Refused, Retries, Unreachable, Word
from nlp_service.client.errors import Conflict, InvalidInput, NotFound, Overloaded, Unauthorized, Unavailable
from nlp_service.types import Action, Message
from tests.api.compat_app import serving
from tests.api.messages_app import ADVERT
from tests.unit.client.whole_app import whole_app

AT_ONCE = Retries(most=3, first_s=0.0)
REVIEW = "#broken"
"""A text that begins so asks for a person."""


class Answers:
    """Gives one answer after the other, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, retries: Retries = AT_ONCE) -> Client:
        return Client("http://service", "k", retries=retries, transport=httpx.MockTransport(self))


def refused(status: int, **headers: str) -> httpx.Response:
    error = {"code": "c", "message": "m", "type": "t", "param": None}
    return httpx.Response(status, json={"error": error, "request_id": "r"}, headers=headers)


def removed() -> httpx.Response:
    return httpx.Response(200, json={"message_id": 1, "platform": "qq", "id": "m", "state": "deleted"})


def test_the_key_goes_with_every_request() -> None:
    answers = Answers(removed())
    with answers.client() as client:
        client.delete_message("qq", "m")
    assert answers.asked[0].headers["authorization"] == "Bearer k"
    bare = Answers(removed())
    with Client("http://service", transport=httpx.MockTransport(bare)) as client:
        client.delete_message("qq", "m")
    assert "authorization" not in bare.asked[0].headers


def test_what_may_be_repeated_is_repeated_until_it_works() -> None:
    answers = Answers(refused(503), httpx.ReadTimeout("late"), refused(429), removed())
    with answers.client() as client:
        assert client.delete_message("qq", "m").state == "deleted"
    assert len(answers.asked) == 4


def test_the_last_error_is_raised_when_patience_ends() -> None:
    answers = Answers(*[refused(503)] * 4)
    with answers.client() as client, pytest.raises(Unavailable):
        client.delete_message("qq", "m")
    assert len(answers.asked) == 4
    gone = Answers(*[httpx.ConnectError("no")] * 4)
    with gone.client() as client, pytest.raises(Unreachable) as caught:
        client.delete_message("qq", "m")
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize(
    ("first", "n_asked"),
    [
        (refused(503), 1),  # it may have been done
        (httpx.ReadTimeout("late"), 1),
        (refused(429), 2),  # nothing was done
        (httpx.ConnectError("no"), 2),
    ],
)
def test_what_changes_something_each_time_is_repeated_only_if_nothing_was_done(first: Any, n_asked: int) -> None:
    answers = Answers(first, httpx.Response(200, json={"reply_id": "r", "is_answered": True}))
    with answers.client() as client:
        if n_asked == 1:
            with pytest.raises((Unavailable, Unreachable)):
                client.feedback("r", helpful=True)
        else:
            assert client.feedback("r", helpful=True).is_answered
    assert len(answers.asked) == n_asked


def test_a_refusal_for_good_is_not_repeated() -> None:
    answers = Answers(refused(422))
    with answers.client() as client, pytest.raises(InvalidInput):
        client.analyze(["a"])
    assert len(answers.asked) == 1


def test_a_time_to_come_back_that_is_too_far_is_raised_at_once() -> None:
    answers = Answers(refused(429, **{"retry-after": "3600"}))
    with answers.client() as client, pytest.raises(Overloaded) as caught:
        client.analyze(["a"])
    assert caught.value.retry_after_s == 3600


def page(*ids: int, next: str | None) -> httpx.Response:
    at = "2026-03-01T08:00:00Z"
    records = [
        {
            "message_id": number,
            "id": str(number),
            "platform": "qq",
            "channel": "",
            "author": "",
            "sent_at": at,
            "received_at": at,
            "text": "a",
            "action": "pass",
        }
        for number in ids
    ]
    return httpx.Response(200, json={"messages": records, "next_cursor": next})


def test_pages_are_asked_for_as_they_are_read() -> None:
    answers = Answers(page(3, 2, next="c1"), page(1, next=None))
    with answers.client() as client:
        found = client.messages(channel="g")
        assert next(found).message_id == 3
        assert len(answers.asked) == 1
        assert [one.message_id for one in found] == [2, 1]
    assert [request.url.params.get("cursor") for request in answers.asked] == [None, "c1"]
    assert {request.url.params["channel"] for request in answers.asked} == {"g"}


async def test_the_other_client_asks_the_same() -> None:
    answers = Answers(refused(503), page(3, next="c1"), page(1, next=None), removed())
    async with AsyncClient("http://service", "k", retries=AT_ONCE, transport=httpx.MockTransport(answers)) as client:
        assert [one.message_id async for one in client.messages()] == [3, 1]
        assert (await client.delete_message("qq", "a/b")).state == "deleted"
    assert answers.asked[-1].url.raw_path == b"/v1/messages/qq/a/b"


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert methods(Client) - {"close"} == methods(AsyncClient) - {"aclose"}
    with Client("http://service") as one:
        other = AsyncClient("http://service")
        for part in ("kb", "reviews", "lexicons"):
            assert methods(type(getattr(one, part))) == methods(type(getattr(other, part)))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    app, database, key = whole_app(tmp_path_factory.mktemp("client"))
    with database, serving(app) as url:
        yield url, key


@pytest.fixture(scope="module")
def client(service: tuple[str, str]) -> Iterator[Client]:
    with Client(*service) as client:
        yield client


def message(id: str, text: str, author: str = "a", **fields: Any) -> NewMessage:
    return NewMessage(id, text, "qq", channel="g", author=author, **fields)


def test_messages_are_read_in_as_many_requests_as_it_takes(client: Client) -> None:
    messages: list[str | Message] = [f"第{number}条" for number in range(600)]
    messages[1] = Message("m-1", "你好", ("在吗",))
    answer = client.analyze(messages, evidence=False)
    assert len(answer.results) == 600
    assert answer.results[1].id == "m-1"
    assert answer.results[599].pain[0].span.text == "第599条"
    assert answer.model_version == "fake-1"


def test_messages_are_taken_in_once_however_often_they_are_sent(client: Client) -> None:
    sent = [message(f"s-{number}", "你好", sent_at=datetime.now(UTC)) for number in range(3)]
    first = client.send_messages(sent)
    again = client.send_messages(sent)
    assert [one.state for one in first.results] == ["stored"] * 3
    assert [one.state for one in again.results] == ["duplicate"] * 3
    assert [one.message_id for one in first.results] == [one.message_id for one in again.results]
    assert first.results[0].verdict is not None
    assert first.results[0].verdict.action is Action.PASS


def test_a_verdict_says_what_is_to_be_done(client: Client) -> None:
    (advert,) = client.send_messages([message("ad-1", f"{ADVERT} 加我领券", "seller")]).results
    assert advert.verdict is not None
    assert advert.verdict.action is Action.WARN
    assert advert.verdict.reasons == ("ad>=0.60",)


def test_a_message_is_deleted_also_before_it_comes(client: Client) -> None:
    assert client.delete_message("qq", "群/7?").state == "deleted"
    (late,) = client.send_messages([message("群/7?", "你好")]).results
    assert late.state == "deleted"


def test_stored_messages_are_found_page_by_page(client: Client) -> None:
    client.send_messages([message(f"p-{number}", f"第{number}条", "walker") for number in range(7)])
    found = list(client.messages(author="walker", platform="qq", limit=3))
    assert [one.id for one in found] == [f"p-{number}" for number in range(6, -1, -1)]
    since = datetime.now(UTC) - timedelta(days=1)
    assert len(list(client.messages(author="walker", from_=since, text="第3条"))) == 1


def test_a_field_that_cannot_be_taken_is_named(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        client.send_messages([message("m", "a"), NewMessage("m", "a", "q q")])
    assert caught.value.param == "messages[1].platform"
    assert caught.value.request_id


def test_a_key_that_is_not_good_is_refused(service: tuple[str, str]) -> None:
    with Client(service[0], "nlp_wrong") as client, pytest.raises(Unauthorized):
        client.analyze(["a"])


def test_a_base_from_file_to_reply(client: Client) -> None:
    base = client.kb.make("shop")
    entries = [
        {"id": "refund", "questions": ["怎么退款"], "answer": "在订单页申请。"},
        {"id": "hours", "question": "几点开门", "answer": "九点。"},
    ]
    data = "\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries).encode()
    imported = client.kb.import_file("shop", data, format="jsonl")
    assert (imported.created, imported.n_failed, imported.is_written) == (2, 0, True)
    assert client.kb.import_file(base.id, data).unchanged == 2
    assert client.kb.publish("shop", author="小王", note="第一版").version == 1
    found = client.kb.search("shop", "怎么退款", n=1)
    assert (found.kb_version, [one.entry_id for one in found.results]) == (1, ["refund"])
    reply = client.reply("怎么退款", "shop", context=["你好"], channel="g", author="a")
    assert reply.alternatives[0].entry_id == "refund"
    assert reply.decision in ("answer", "clarify", "handoff", "none")
    with pytest.raises(NotFound):
        client.reply("怎么退款", "nothing")
    with pytest.raises(Conflict):
        client.kb.make("shop")


def test_a_reply_gets_its_feedback(client: Client) -> None:
    reply = client.reply("几点开门", "shop")
    assert client.feedback(reply.reply_id, helpful=True, by="小王").reply_id == reply.reply_id


def test_word_lists_are_made_filled_and_emptied(client: Client) -> None:
    made = client.lexicons.put("ours", "deny", category="contact_spam")
    assert (made.name, made.kind) == ("ours", "deny")
    assert client.lexicons.add("ours", ["代购联系", Word(word="加V详聊", note="三月")]).added == 2
    assert client.lexicons.import_file("ours", "找我拿货\n加V详聊\n".encode(), format="txt").added == 1
    assert [one.word for one in client.lexicons.words("ours", limit=2)] == sorted(["代购联系", "加V详聊", "找我拿货"])
    assert client.lexicons.remove("ours", ["代购联系"]).removed == 1
    assert "ours" in [one.name for one in client.lexicons.browse()]
    client.lexicons.delete("ours")
    with pytest.raises(NotFound):
        client.lexicons.add("ours", ["代购联系"])


def test_reviews_are_claimed_decided_and_given_back(client: Client) -> None:
    client.send_messages([message(f"r-{number}", f"{REVIEW} {number}", "loud") for number in range(3)])
    waiting = list(client.reviews.browse(state="open", limit=2))
    assert len(waiting) == 3
    first, second = client.reviews.claim("小李", number=2)
    assert first.claimed_by == "小李"
    outcome = client.reviews.decide(
        first.id, "小李", "remove", labels={"abuse": 1}, confirm=[], note="骂人", revision=1
    )
    assert (outcome.review_id, outcome.state, outcome.action) == (first.id, "decided", "remove")
    client.reviews.release(second.id, "小李")
    assert client.reviews.escalate(second.id, "小李", note="拿不准").line == 3
    with pytest.raises(Conflict):
        client.reviews.decide(first.id, "小张", "pass")
    assert client.reviews.overturn(first.id, "小张", "pass").action == "pass"


async def test_the_other_client_does_all_of_it_too(service: tuple[str, str]) -> None:
    async with AsyncClient(*service) as client:
        assert len((await client.analyze(["a"] * 513)).results) == 513
        sent = await client.send_messages([message("async-1", f"{REVIEW} async", "calm")])
        assert sent.results[0].state == "stored"
        assert [one.id async for one in client.messages(author="calm")] == ["async-1"]
        await client.kb.make("other")
        await client.kb.import_file("other", '{"id":"a","question":"几点开门","answer":"九点。"}'.encode())
        assert (await client.kb.publish("other")).version == 1
        assert (await client.kb.search("other", "几点开门")).results[0].entry_id == "a"
        reply = await client.reply("几点开门", "other")
        await client.feedback(reply.reply_id, helpful=False, entry_id="a")
        await client.lexicons.put("theirs", "watch")
        assert (await client.lexicons.add("theirs", ["暗号"])).added == 1
        assert [one.word async for one in client.lexicons.words("theirs")] == ["暗号"]
        assert [one.id async for one in client.reviews.browse(reviewer="nobody", state="claimed")] == []
        (mine,) = await client.reviews.claim("小周", number=1)
        await client.reviews.release(mine.id, "小周")
        with pytest.raises(Refused):
            await client.reviews.decide(mine.id, "小周", "nonsense")
