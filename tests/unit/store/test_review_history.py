from __future__ import annotations

from datetime import timedelta

import pytest

from nlp_service.errors import NotFound
from nlp_service.store.database import Database
from nlp_service.store.review_records import EXPERT, MODERATOR
from nlp_service.types import Action
from tests.unit.store.reviewing import AT, TENANT, Desk, analysis_of, attempt_of, expert, ruling

DAY = timedelta(days=1)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_details_show_the_message_as_it_was_read(desk: Desk) -> None:
    message_id, review_id = desk.open_review(text="汤里有虫")
    details = desk.details.get(TENANT, review_id)
    assert details.review == desk.review_of(message_id)
    assert details.analysis is not None
    assert details.analysis.risk == analysis_of("汤里有虫").risk
    assert (details.policy_version, details.model_version, details.revision) == ("default-1", "fast-1", 1)


def test_details_show_who_wrote_it(desk: Desk) -> None:
    earlier = desk.receive("加群领券", action=Action.WARN, offence="ad", at=AT - DAY, priority=None)
    desk.receive("别人的话", author="u-2")
    _, review_id = desk.open_review()
    author = desk.details.get(TENANT, review_id).author
    assert (author.n_messages, author.first_at, author.last_at) == (2, AT - DAY, AT)
    assert [(line.offence, line.message_id) for line in author.strikes] == [("ad", earlier)]
    assert [message.text for message in author.recent] == ["加群领券"]


def test_nobody_has_no_history(desk: Desk) -> None:
    desk.receive(author="")
    _, review_id = desk.open_review(author="")
    author = desk.details.get(TENANT, review_id).author
    assert (author.n_messages, author.first_at, author.recent) == (0, None, [])


def test_details_show_the_conversation_around_it(desk: Desk) -> None:
    def said(text: str, minutes: float, channel: str = "群一") -> int:
        at = AT + timedelta(minutes=minutes)
        return desk.receive(text, at=at, channel=channel, priority=None, action=Action.PASS)

    for n in range(7):
        said(f"前{n}", n - 10)
    message_id = desk.receive("中间", channel="群一")
    said("后", 3)
    said("别处", 2, "群二")
    said("太早", -60 * 7)
    gone = desk.receive("删了", at=AT + timedelta(minutes=1), channel="群一", name="gone", priority=None)
    desk.messages.remove(TENANT, "wechat", "gone", AT, "a")
    details = desk.details.get(TENANT, desk.review_of(message_id).id)
    assert [message.text for message in details.before] == ["前2", "前3", "前4", "前5", "前6"]
    assert [message.text for message in details.after] == ["后"]
    assert gone not in [message.message_id for message in details.after]


def test_details_show_near_duplicates_that_wait(desk: Desk) -> None:
    text = "专业代办各类证件当天可取，需要的加我微信详谈，老客户介绍有优惠"
    _, review_id = desk.open_review(text=text)
    message_id, same = desk.open_review(text=text + "！")
    _, done = desk.open_review(text=text)
    desk.decide(done)
    (found,) = desk.details.get(TENANT, review_id).near_duplicates
    assert (found.review_id, found.message_id, found.resemblance) == (same, message_id, 1.0)


def test_a_review_that_is_not_there_has_no_details(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.details.get(TENANT, 1)


def test_what_waits_is_counted_by_line(desk: Desk) -> None:
    assert desk.history.waiting(TENANT, AT) == []
    ids = [desk.open_review(at=AT - n * DAY)[1] for n in range(4)]
    desk.rulings.escalate(TENANT, ids[3], attempt_of("escalate"), "", actor="a")
    desk.queue.claim(TENANT, attempt_of("claim", after_s=0), number=1, lease_s=60, line=MODERATOR)
    desk.receive(tenant="other")
    assert desk.history.waiting(TENANT, AT) == [(MODERATOR, 3, 1, AT - 2 * DAY), (EXPERT, 1, 0, AT - 3 * DAY)]
    assert desk.history.waiting(TENANT, AT + timedelta(seconds=60))[0].n_claimed == 0


def test_how_long_decisions_took(desk: Desk) -> None:
    for took_s in (60, 600, 7_200):
        desk.decide(desk.open_review()[1], after_s=took_s)
    desk.rulings.correct(TENANT, desk.receive(), attempt_of("correct"), ruling(None, risk=0), actor="a")
    desk.receive("要删", name="gone")
    desk.messages.remove(TENANT, "wechat", "gone", AT, "a")  # ended by nobody
    assert sorted(desk.history.took_s(TENANT, AT, AT + DAY)) == [60, 600, 7_200]
    assert desk.history.took_s(TENANT, AT, AT + timedelta(seconds=600)) == [60]  # the end is not part of it
    assert desk.history.took_s("other", AT, AT + DAY) == []


def test_decisions_for_figures_know_what_was_before(desk: Desk) -> None:
    _, review_id = desk.open_review(action=Action.WARN)
    desk.decide(review_id, "remove", intent=["ad"])
    desk.rulings.overturn(TENANT, review_id, expert("overturn"), ruling("pass"), actor="a")
    _, undone = desk.open_review()
    desk.decide(undone)
    desk.rulings.undo(TENANT, undone, attempt_of("undo"), actor="a")
    first, second = desk.history.judged(TENANT, AT, AT + DAY)
    assert (first.action, first.line, first.before["action"], first.before["by"]) == ("remove", MODERATOR, "warn", None)
    assert first.before["labels"]["intent"] == ["complaint"]
    assert (second.action, second.before["action"], second.before["by"]) == ("pass", "remove", "小林")
    assert second.before["by_line"] == MODERATOR


def test_labelled_messages_have_their_last_record(desk: Desk) -> None:
    first, review_id = desk.open_review(text="汤里有虫")
    second = desk.receive("随便说说", priority=None, action=Action.PASS)
    desk.decide(review_id, intent=["complaint", "question"])
    desk.rulings.correct(TENANT, first, attempt_of("correct", "小何"), ruling(None, risk=3), actor="a")
    desk.rulings.correct(TENANT, second, attempt_of("correct", after_s=3_600), ruling(None, ("intent",)), actor="a")
    one, other = desk.history.labelled(TENANT)
    assert (one.message_id, one.text, one.line) == (first, "汤里有虫", MODERATOR)
    assert (one.labels.intent, one.labels.risk) == (("complaint", "question"), 3)
    assert one.labels.confirmed == ("intent", "risk")
    assert (other.message_id, other.labels.confirmed) == (second, ("intent",))
    late = desk.history.labelled(TENANT, AT + timedelta(seconds=3_600))
    assert [found.message_id for found in late] == [second]


def test_deleted_edited_undone_and_foreign_ones_are_not_exported(desk: Desk) -> None:
    kept, edited, gone, undone = (desk.open_review(name=name) for name in ("kept", "edited", "gone", "undone"))
    for _, review_id in (kept, edited, gone, undone):
        desk.decide(review_id, intent=["chat"])
    desk.receive("完全换了", name="edited", edited_at=AT + timedelta(seconds=90), at=AT)
    desk.messages.remove(TENANT, "wechat", "gone", AT, "a")
    desk.rulings.undo(TENANT, undone[1], attempt_of("undo"), actor="a")
    assert [found.message_id for found in desk.history.labelled(TENANT)] == [kept[0]]
    assert list(desk.history.labelled("other")) == []
    desk.messages.erase_author(TENANT, "wechat", "u-1", "a")
    assert list(desk.history.labelled(TENANT)) == []
