"""The ways in which the words of lists are looked for: as they are listed, under other names, in other readings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.moderation.differences import Forms, print_of
from nlp_service.text.normalise import Batch, Ints, normalise_batch
from nlp_service.text.rereading import Bools, Longs
from nlp_service.text.sounds import sounds, values
from nlp_service.text.variants import Readings, encode, read_words

WEAK, WRITTEN = "~", "="
"""Before another name that is an ordinary word too, and before one that is looked for as it is written."""

MAX_READINGS = 4
"""Of a word with characters that are read in several ways; more say little and cost memory."""

_SHORTEST = 2  # sounds of a word that is looked for by sound


class Spelling(NamedTuple):
    """What a matcher is made of.

    Attributes:
        forms: Ways to write the words; the first are the words as they are listed, in order.
        words: The same forms as texts, normalised.
        entry: Whose each form is; shape (n_forms,).
        keys: Sequences of sounds, each once, as `text.variants.encode` writes them.
        meant: Forms of each key, one behind the other; key ``i`` has ``meant[bounds[i]:bounds[i + 1]]``.
        bounds: Shape (n_keys + 1,).
        plain: Words that are found as they are and in no other way, in units of 4 bytes.
        plain_entry: Whose each of those is.
    """

    forms: Forms
    words: Batch
    entry: Longs
    keys: list[bytes]
    meant: Longs
    bounds: Longs
    plain: list[bytes]
    plain_entry: Longs


class Listed(NamedTuple):
    """A word to spell.

    Attributes:
        word: As it is listed.
        is_exact: Whether it is looked for as it is and in no other way.
        is_strict: Whether only its characters themselves count, as for allowed words.
    """

    word: str
    is_exact: bool
    is_strict: bool


class _Name(NamedTuple):
    """Another way to write a word.

    Attributes:
        text: As it is written.
        entry: The word's number.
        is_weak, is_strict, is_contact: As in `Forms`.
    """

    text: str
    entry: int
    is_weak: bool
    is_strict: bool
    is_contact: bool


def spell(listed: Sequence[Listed]) -> Spelling:
    """Spell words; what is written only with separators or sounds like one syllable is looked for as it is."""
    own = normalise_batch([item.word for item in listed])
    names = list(_other_names(listed, own))
    texts = [item.word for item in listed] + [name.text for name in names]
    words = normalise_batch(texts)
    readings = read_words(words)
    starts = np.concatenate(([0], readings.ends[:-1] + 1)) if len(texts) else np.zeros(0, np.int64)
    lengths = readings.ends - starts
    owner = np.concatenate([np.arange(len(listed)), np.array([name.entry for name in names], np.int64)])
    exact = np.array([item.is_exact for item in listed], np.bool_)[owner]
    contact = np.isin(owner, np.array([name.entry for name in names if name.is_contact], np.int64))
    strict = np.array([item.is_strict for item in listed] + [name.is_strict for name in names], np.bool_)
    by_sound = ~exact & (lengths >= _SHORTEST)
    is_value = np.append(0, np.cumsum(values()[readings.bases] >= 0))
    forms = Forms(
        starts,
        lengths,
        readings.chars,
        readings.bases,
        readings.counts,
        *print_of(readings.chars, starts, starts + lengths),
        is_other=np.arange(len(texts)) >= len(listed),
        is_weak=np.array([False] * len(listed) + [name.is_weak for name in names], np.bool_),
        is_contact=contact,
        is_number=is_value[starts + lengths] - is_value[starts] == lengths,
        is_strict=strict,
    )
    keys, meant, bounds = _keys(readings, starts, lengths, np.flatnonzero(by_sound), strict)
    as_it_is = np.flatnonzero(~by_sound[: len(listed)])
    data, offsets = words.units.tobytes(), words.offsets.tolist()
    plain = {i: data[4 * offsets[i] : 4 * offsets[i + 1]] for i in as_it_is.tolist()}
    plain = {i: units for i, units in plain.items() if units}
    return Spelling(forms, words, owner, keys, meant, bounds, list(plain.values()), np.array(list(plain), np.int64))


def _keys(
    readings: Readings, starts: Longs, lengths: Longs, chosen: Longs, strict: Bools
) -> tuple[list[bytes], Longs, Longs]:
    """Each sequence of sounds once, and the forms that have it."""
    data = encode(readings.symbols)
    others = sounds().others
    is_read_otherwise = np.isin(readings.bases, np.array(list(others), np.int32))
    n_otherwise = np.append(0, np.cumsum(is_read_otherwise))
    pairs: dict[bytes, list[int]] = {}
    several = (n_otherwise[starts + lengths] > n_otherwise[starts]) & ~strict
    spans = zip(
        chosen.tolist(), starts[chosen].tolist(), lengths[chosen].tolist(), several[chosen].tolist(), strict=True
    )
    for form, start, length, is_several in spans:
        key = data[2 * start : 2 * (start + length)]
        pairs.setdefault(key, []).append(form)
        if is_several:
            for other in _readings(readings.symbols[start : start + length], readings.bases[start : start + length]):
                if other != key:
                    pairs.setdefault(other, []).append(form)
    sizes = [len(forms) for forms in pairs.values()]
    meant = np.fromiter((form for forms in pairs.values() for form in forms), np.int64, sum(sizes))
    return list(pairs), meant, np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _readings(symbols: npt.NDArray[np.uint16], bases: Ints) -> Iterator[bytes]:
    others = sounds().others
    choices = [(symbol, *others.get(base, ())) for symbol, base in zip(symbols.tolist(), bases.tolist(), strict=True)]
    for number, reading in enumerate(product(*choices)):
        if number == MAX_READINGS:
            return
        yield encode(np.array(reading, np.uint16))


@cache
def _names() -> tuple[dict[str, list[str]], set[str]]:
    """Other names of ways to get in touch and of a few wares, by name; and the names of the former."""
    lines = files(__package__).joinpath("slang.tsv").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return {name: others.split() for name, _, others in rows}, {name for name, kind, _ in rows if kind == "contact"}


def _other_names(listed: Sequence[Listed], own: Batch) -> Iterator[_Name]:
    """Words with one name in them replaced by another, in order of the words."""
    names, contact = _names()
    known = re.compile("|".join(map(re.escape, names)))
    bounds = own.offsets.tolist()
    text = own.units.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    for index, item in enumerate(listed):
        word = text[bounds[index] : bounds[index + 1]]
        if not (item.is_strict or item.is_exact) and known.search(word):
            within = [name for name in names if name in word]
            is_contact = not contact.isdisjoint(within)
            for other in dict.fromkeys(other for name in within for other in _put(word, name, names[name])):
                is_weak, is_strict = other.startswith(WEAK), other.startswith(WRITTEN)
                yield _Name(other.lstrip(WEAK + WRITTEN), index, is_weak, is_strict, is_contact)


def _put(word: str, name: str, others: Sequence[str]) -> Iterator[str]:
    before, behind = word.split(name, 1)
    for other in others:
        bare = other.lstrip(WEAK + WRITTEN)
        yield other.removesuffix(bare) + before + bare + behind
