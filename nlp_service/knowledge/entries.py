"""An entry of a knowledge base: one answer with the questions that it answers, checked at the door."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from nlp_service.errors import BadInput, TooLarge
from nlp_service.store.records import Record
from nlp_service.text.normalise import normalise_batch, render

MAX_ID = 128
"""Code points in an id: room for a UUID with a prefix, and for a path of another system."""

MAX_QUESTION = 500
"""Code points in one wording. The longest messages that are questions have about 200; more is a text."""

MAX_QUESTIONS = 1_000
"""Wordings of one entry; with more, one entry would crowd out all others in a search."""

MAX_ANSWER = 20_000
"""Code points in an answer: some ten pages, more than any chat shows, and within one cell of a spreadsheet (32,767)."""

MAX_LABEL = 100
"""Code points in a category, a tag, an audience or an owner: they stand in lists and filters."""

MAX_LABELS = 100
"""Tags, and audiences, of one entry."""

# What JSON, XML or PostgreSQL cannot carry, and line ends other than \n, which CSV and XLSX do not keep apart.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n?")
# A comma within a tag is nearly always the end of the tag; files separate tags by these.
LABEL_SEPARATORS = ",，、;；|\n"


Folding = Callable[[Sequence[str]], list[str]]
"""Gives for each wording what `fold` does."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    r"""One answer and the questions that it answers.

    Texts have no blanks at their ends, and lines end with ``\n``; `make_entry` sees to both.

    Attributes:
        id: The operator's, unique in its base.
        questions: The standard wording first, then others; at least one, each on one line, none twice. The doors also
            drop those that normalisation makes equal to an earlier one, with `distinct`.
        answer: What is answered.
        tags: For filters and reports.
        valid_from, valid_to: The entry holds from the one, inclusive, to the other, exclusive; in UTC, None is open.
        audience: Channels in which it may be given; empty is all.
        owner: Who keeps it.
    """

    id: str
    questions: tuple[str, ...]
    answer: str
    category: str = ""
    tags: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    audience: tuple[str, ...] = ()
    owner: str = ""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            TooLarge: A text or a list is over its limit.
            BadInput: A field cannot be taken for another reason. ``param`` names the field.
        """
        _check_line("id", self.id, MAX_ID)
        _check_list("questions", self.questions, MAX_QUESTIONS, MAX_QUESTION)
        if not self.questions:
            raise BadInput("questions must hold at least one wording", param="questions")
        _check_text("answer", self.answer, MAX_ANSWER)
        for name, label in (("category", self.category), ("owner", self.owner)):
            if label:
                _check_line(name, label, MAX_LABEL)
        for name, labels in (("tags", self.tags), ("audience", self.audience)):
            _check_list(name, labels, MAX_LABELS, MAX_LABEL)
            if any(char in LABEL_SEPARATORS for label in labels for char in label):
                raise BadInput(f"{name} must be separate strings, without commas or bars", param=name)
        _check_period(self.valid_from, self.valid_to)

    def is_valid(self, at: datetime) -> bool:
        """Whether it may be given at a time, which must be aware."""
        return (self.valid_from is None or self.valid_from <= at) and (self.valid_to is None or at < self.valid_to)


class _Content(msgspec.Struct, omit_defaults=True):
    """What is stored of an entry. Fields that are added later must have defaults, so that digests stay."""

    questions: tuple[str, ...]
    answer: str
    category: str = ""
    tags: tuple[str, ...] = ()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    audience: tuple[str, ...] = ()
    owner: str = ""


_FIELDS = _Content.__struct_fields__
_decoder = msgspec.json.Decoder(_Content)


def make_entry(
    id: str,
    questions: Sequence[str],
    answer: str,
    *,
    category: str = "",
    tags: Iterable[str] = (),
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    audience: Iterable[str] = (),
    owner: str = "",
    folding: Folding | None = None,
) -> Entry:
    """Make an entry of what a caller sent: blanks at the ends go, and wordings and labels that come twice.

    `folding` is for those who have folded many wordings at once; None is `fold`.

    Raises:
        TooLarge: A text or a list is over its limit.
        BadInput: A field cannot be taken for another reason. ``param`` names the field.
    """
    wordings = [tidy(question) for question in questions]
    if any(not wording for wording in wordings):
        raise BadInput("questions must not be empty", param="questions")
    # Before normalising, which lone surrogates or a million wordings must not reach.
    _check_list("questions", tuple(dict.fromkeys(wordings)), MAX_QUESTIONS, MAX_QUESTION)
    return Entry(
        id=tidy(id),
        questions=distinct(wordings, (folding or fold)(wordings)),
        answer=tidy(answer),
        category=tidy(category),
        tags=tuple(dict.fromkeys(map(tidy, tags))),
        valid_from=valid_from and _in_utc("valid_from", valid_from),
        valid_to=valid_to and _in_utc("valid_to", valid_to),
        audience=tuple(dict.fromkeys(map(tidy, audience))),
        owner=tidy(owner),
    )


def tidy(text: str) -> str:
    """Take away blanks at the ends, and give lines one kind of end."""
    return _LINE_END.sub("\n", text).strip()


def fold(wordings: Sequence[str]) -> list[str]:
    """What the models see of each wording: those that fold alike are the same question."""
    batch = normalise_batch(wordings)
    bounds = batch.offsets.tolist()
    return [render(batch.units[begin:end]).strip() for begin, end in itertools.pairwise(bounds)]


def distinct(wordings: Sequence[str], folded: Sequence[str]) -> tuple[str, ...]:
    """Keep the first of the wordings that fold alike, in order.

    Raises:
        BadInput: A wording folds to nothing, such as one of invisible characters.
    """
    if not all(folded):
        raise BadInput("questions must hold something that can be read", param="questions")
    first: dict[str, str] = {}
    for wording, key in zip(wordings, folded, strict=True):
        first.setdefault(key, wording)
    return tuple(first.values())


def to_record(entry: Entry) -> Record:
    """Write an entry as the store keeps it; equal entries give equal records."""
    content = _Content(**{name: getattr(entry, name) for name in _FIELDS})
    return Record(entry.id, msgspec.json.encode(content).decode())


def from_record(record: Record) -> Entry:
    """Read an entry that `to_record` wrote."""
    content = _decoder.decode(record.content)
    return Entry(record.entry_id, **{name: getattr(content, name) for name in _FIELDS})


def _check_list(name: str, texts: tuple[str, ...], most: int, longest: int) -> None:
    if len(texts) > most:
        raise TooLarge(f"{name} has {len(texts)} items, at most {most} are taken", param=name)
    for text in texts:
        _check_line(name, text, longest)
    if len(set(texts)) < len(texts):
        raise BadInput(f"{name} holds the same item twice", param=name)


def _check_line(name: str, text: str, longest: int) -> None:
    _check_text(name, text, longest)
    if "\n" in text:
        raise BadInput(f"{name} must be on one line", param=name)


def _check_text(name: str, text: str, longest: int) -> None:
    if not text:
        raise BadInput(f"{name} must not be empty", param=name)
    if len(text) > longest:
        raise _too_large(name, len(text), longest)
    if text != text.strip():
        raise BadInput(f"{name} must not begin or end with blanks", param=name)
    if _UNPRINTABLE.search(text):
        raise BadInput(f"{name} holds control characters or is not valid Unicode", param=name)


def _check_period(valid_from: datetime | None, valid_to: datetime | None) -> None:
    for name, at in (("valid_from", valid_from), ("valid_to", valid_to)):
        if at is not None and at.utcoffset() is None:
            raise BadInput(f"{name} must have a time zone", param=name)
        if at is not None and at.tzinfo is not UTC:
            raise BadInput(f"{name} must be in UTC", param=name)
    if valid_from and valid_to and valid_from >= valid_to:
        raise BadInput("valid_to must be later than valid_from", param="valid_to")


def _in_utc(name: str, at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise BadInput(f"{name} must have a time zone", param=name)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"{name} is out of range", param=name) from error


def _too_large(name: str, length: int, longest: int) -> TooLarge:
    return TooLarge(f"{name} has {length} characters, at most {longest} are taken", param=name)
