from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nlp_service.errors import BadInput, NotFound
from nlp_service.moderation import dry_run
from nlp_service.moderation.comparing import Change, Comparison, compare
from nlp_service.moderation.deciding import decide
from nlp_service.moderation.dry_run import Choice, DryRun, Trial
from nlp_service.moderation.facts import gather
from nlp_service.moderation.policy import Policy, windows_of
from nlp_service.moderation.rules import RuleStore
from nlp_service.store.browsing import Filters
from nlp_service.store.database import Database, open_database
from nlp_service.store.incoming import Incoming, Judgement, Known
from nlp_service.store.messages import MessageStore
from nlp_service.store.words import Word
from nlp_service.types import Action, Analysis, Verdict
from tests.unit.moderation.made import NOON, analysis, intent

T = "default"
ADVERT = analysis(intent=intent("ad", ad=0.7))
STRICT: dict[str, Any] = {"labels": {"ad": {"act": 0.65, "action": "remove"}}}
MILD: dict[str, Any] = {"labels": {"ad": {"act": 0.75, "action": "warn"}}}

_numbers = itertools.count(1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(tmp_path / "store.db")) as opened:
        yield opened


@pytest.fixture
def rules(database: Database) -> RuleStore:
    return RuleStore(database)


def record(
    database: Database,
    text: str,
    said: Analysis = ADVERT,
    *,
    channel: str = "c",
    author: str = "",
    hours: float = 0,
    policy: Policy | None = None,
    **meta: Any,
) -> int:
    """Store a message that is judged as on its way in, by a policy or to pass; gives its id."""
    at = NOON + timedelta(hours=hours)
    incoming = Incoming("qq", channel, str(next(_numbers)), author, at, at, None, text, meta, (), said, b"", "m-1")

    def judge(given: Incoming, known: Known) -> Judgement:
        if policy is None:
            return Judgement(msgspec.structs.replace(said, verdict=Verdict(Action.PASS)), "p-1")
        decision = decide(said, policy, gather(given)._replace(known=known))
        judged = msgspec.structs.replace(said, verdict=decision.verdict)
        return Judgement(judged, policy.version, decision.offence, decision.review)

    (recorded,) = MessageStore(database).record(T, [incoming], judge, windows_of(policy or Policy("p")))
    return recorded.id


def run(database: Database, tried: Choice, against: Choice | None = None, **options: Any) -> tuple[Comparison, int]:
    """What a run says, and how many messages it left out."""
    rules = RuleStore(database)
    trial = Trial(tried, against, **options)
    steps = list(DryRun(database, rules.policies, T, rules.read(T), NOON).steps(trial))
    return compare(one for step in steps for one in step.decided), sum(step.n_left_out for step in steps)


def test_nothing_is_said_of_no_messages(database: Database) -> None:
    assert run(database, Choice(STRICT)) == (Comparison(0, 0, 0, 0, 0, (), ()), 0)


def test_a_document_is_compared_with_what_holds(database: Database) -> None:
    advert, chat = record(database, "今天特价"), record(database, "早上好", analysis())
    found, _ = run(database, Choice(STRICT))
    assert (found.messages, found.stricter, found.milder) == (2, 1, 0)
    assert found.changes == (
        Change(Action.PASS, Action.PASS, 1), Change(Action.WARN, Action.REMOVE, 1, (advert,))
    )  # fmt: skip
    assert chat != advert
    assert {(one.reason, one.before, one.after) for one in found.reasons} == {("ad>=0.60", 1, 0), ("ad>=0.65", 0, 1)}


def test_nothing_is_changed(database: Database, rules: RuleStore) -> None:
    message_id = record(database, "今天特价")
    before = MessageStore(database).get(T, message_id), rules.versions()
    run(database, Choice(STRICT))
    assert (MessageStore(database).get(T, message_id), rules.versions()) == before
    assert rules.policies.active(T) == []


def test_versions_are_compared_with_versions_and_with_the_built_in_one(database: Database, rules: RuleStore) -> None:
    record(database, "今天特价")
    rules.policies.put(T, "", STRICT, actor="cli")
    rules.policies.put(T, "", MILD, actor="cli")
    actions = {
        name: [(change.before, change.after) for change in run(database, *choices)[0].changes]
        for name, choices in {
            "1 against 2": (Choice(version=1), Choice(version=2)),
            "2 against 1": (Choice(version=2), Choice(version=1)),
            "what holds": (Choice(), None),
            "built in": (Choice(version=0), Choice(version=1)),
            "1 against what holds": (Choice(version=1), None),
        }.items()
    }
    assert actions == {
        "1 against 2": [("pass", "remove")],
        "2 against 1": [("remove", "pass")],
        "what holds": [("pass", "pass")],
        "built in": [("remove", "warn")],
        "1 against what holds": [("pass", "remove")],
    }


def test_a_policy_for_all_is_not_tried_on_channels_with_their_own(database: Database, rules: RuleStore) -> None:
    for channel in ("群", "群", "别的"):
        record(database, "今天特价", channel=channel)
    rules.policies.put(T, "群", MILD, actor="cli")
    found, n_left_out = run(database, Choice(STRICT))
    assert (found.messages, n_left_out) == (1, 2)
    # Who names the channel means it.
    found, n_left_out = run(database, Choice(STRICT), filters=Filters(channel="群"))
    assert (found.messages, found.stricter, n_left_out) == (2, 2, 0)


def test_a_policy_of_a_channel_is_tried_on_it_alone(database: Database, rules: RuleStore) -> None:
    record(database, "今天特价", channel="群")
    record(database, "今天特价", channel="别的")
    rules.policies.put(T, "群", STRICT, actor="cli")
    for choice in (Choice(community="群"), Choice(MILD, "群")):
        assert run(database, choice)[0].messages == 1


def test_the_newest_messages_come_first_up_to_the_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "STEP", 3)
    ids = [record(database, f"特价{number}", hours=number) for number in range(8)]
    rules = RuleStore(database)
    steps = DryRun(database, rules.policies, T, rules.read(T), NOON).steps(Trial(Choice(STRICT), limit=7))
    assert [[one.id for one in step.decided] for step in steps] == [ids[:4:-1], ids[4:1:-1], [ids[1]]]


def test_filters_choose_and_bad_ones_are_named(database: Database) -> None:
    record(database, "今天特价", hours=0)
    record(database, "明天特价", hours=5)
    found, _ = run(database, Choice(STRICT), filters=Filters(sent_from=NOON + timedelta(hours=1)))
    assert found.messages == 1
    with pytest.raises(BadInput):
        run(database, Choice(STRICT), filters=Filters(action="explode"))


def test_deleted_messages_are_left_out(database: Database) -> None:
    message_id = record(database, "今天特价")
    stored = MessageStore(database).get(T, message_id)
    MessageStore(database).remove(T, stored.platform, stored.external_id, NOON, "cli")
    assert run(database, Choice(STRICT))[0].messages == 0


def test_words_are_those_of_the_lists_that_hold_now(database: Database, rules: RuleStore) -> None:
    record(database, "这里出售发票", analysis())
    rules.lexicons.create(T, "票", "deny", entries=[Word("出售发票")], actor="cli")
    found, _ = run(database, Choice(version=0), Choice({"lexicon": {"deny": {"*": "warn"}}}))
    assert [(change.before, change.after) for change in found.changes] == [("warn", "remove")]


def test_strikes_before_each_message_count(database: Database) -> None:
    policy = Policy("p-1")
    for hours in range(4):
        record(database, f"特价{hours}", author="u", hours=hours, policy=policy)
    found, _ = run(database, Choice(version=0))
    # As it was decided on the way in: warned, removed, blocked.
    assert [(change.after, change.count) for change in found.changes] == [("warn", 1), ("remove", 1), ("block", 2)]


def test_what_the_caller_said_of_a_message_counts(database: Database) -> None:
    record(database, "看图", analysis(), author="u", qr=True)
    found, _ = run(database, Choice({"links": {"qr": "remove"}}), Choice({"links": {"qr": "pass"}}))
    assert [(change.before, change.after) for change in found.changes] == [("pass", "remove")]


@pytest.mark.parametrize(
    ("choice", "error", "param"),
    [
        (Choice({"colour": 1}), BadInput, "colour"),
        (Choice(version=7), NotFound, "version"),
        (Choice(community="没有"), NotFound, "community"),
    ],
)
def test_a_policy_that_cannot_be_is_named(database: Database, choice: Choice, error: type, param: str) -> None:
    for pair in ((choice, None), (Choice(STRICT), choice)):
        with pytest.raises(error) as caught:
            run(database, *pair)
        assert caught.value.param == param


def test_choices_have_names() -> None:
    choices = [
        Choice(STRICT, version=None),
        Choice(version=0),
        Choice(),
        Choice(version=3),
        Choice(community="群", version=2),
    ]
    assert [choice.name for choice in choices] == ["document", "default-1", "*", "*/3", "群/2"]
