"""Many writers of the same messages: what each of them delivers, and what must be in the store in the end.

What a message is follows from its number alone, so that anybody may deliver it, any number of times. Every author has
adverts, so that their strikes tell whether all of them saw one another; some messages are nobody's, so that no lock of
an author keeps two who write them apart.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from nlp_service.store.database import Database
from nlp_service.store.incoming import Incoming, Recorded, Windows
from nlp_service.store.messages import MessageStore
from nlp_service.store.schema import authors, copies, messages, reviews, strikes
from tests.unit.store.deliveries import Judge, analysis, message

TENANT, PLATFORM = "t", "wechat"
N_AUTHORS = 7


def made_up(number: int) -> Incoming:
    """Every third is an advert, every fifth needs a review."""
    found = analysis("ad" if is_advert(number) else "chat", risk=2 if needs_review(number) else 0)
    keys = (number % 11, 1_000 + number)
    author = "" if is_nobodys(number) else f"u{number % N_AUTHORS}"
    return message(f"m{number}", f"第{number}句", author=author, keys=keys, analysis=found)


def edited(number: int) -> Incoming:
    return made_up(number)._replace(text="改过", edited_at=made_up(number).received_at)


def is_nobodys(number: int) -> bool:
    return number % 10 == 9


def is_advert(number: int) -> bool:
    return number % 3 == 0


def needs_review(number: int) -> bool:
    return number % 5 == 0


def is_edited(number: int) -> bool:
    """Adverts are not: the strikes that others saw would go with their first wording."""
    return number % 3 == 1


def deliver(store: MessageStore, numbers: Iterable[int], *, with_edits: bool = False) -> list[Recorded]:
    delivery = [made_up(number) for number in numbers]
    if with_edits:
        delivery += [edited(number) for number in numbers if is_edited(number)]
    return store.record(TENANT, delivery, Judge(), Windows())


def some(rng: random.Random, among: int, size: int) -> list[int]:
    """Numbers in any order, the same one twice now and then."""
    return [rng.randrange(among) for _ in range(size)]


def check(database: Database, numbers: Sequence[int], *, with_edits: bool = False) -> None:
    """Whether these messages, and no others, are there once with all that belongs to them."""
    with database.read() as connection:
        c = messages.c
        query = sa.select(c.id, c.external_id, c.author, c.text, c.revision).where(c.tenant == TENANT)
        number_of = {row.id: int(row.external_id[1:]) for row in connection.execute(query)}
        revisions = {number_of[row.id]: row.revision for row in connection.execute(query)}
        struck = Counter(number_of[id_] for id_ in connection.scalars(sa.select(strikes.c.message_id)))
        opened = Counter(number_of[id_] for id_ in connection.scalars(sa.select(reviews.c.message_id)))
        keys = defaultdict(list)
        for row in connection.execute(sa.select(copies.c.message_id, copies.c.key)):
            keys[number_of[row.message_id]].append(row.key)
        counted = {row.author: row.n_messages for row in connection.execute(sa.select(authors)) if row.n_messages}
    assert sorted(number_of.values()) == sorted(numbers)
    assert struck == Counter(number for number in numbers if is_advert(number) and not is_nobodys(number))
    assert opened == Counter(number for number in numbers if needs_review(number))
    assert {number: sorted(found) for number, found in keys.items()} == {
        number: sorted(made_up(number).keys) for number in numbers
    }
    assert counted == Counter(made_up(number).author for number in numbers if not is_nobodys(number))
    assert revisions == {number: 2 if with_edits and is_edited(number) else 1 for number in numbers}
    check_strikes(database)


def check_strikes(database: Database) -> None:
    """Whether each advert was judged with all strikes before it: of an author's one was the first, one the second."""
    steps = defaultdict(list)
    for part in MessageStore(database).stream(TENANT):
        for found in part:
            assert found.analysis is not None
            assert found.analysis.verdict is not None
            if found.author and found.analysis.verdict.reasons:
                steps[found.author].append(int(found.analysis.verdict.reasons[0].removeprefix("ad:")))
    for found_steps in steps.values():
        assert sorted(found_steps) == list(range(1, len(found_steps) + 1))
