"""How the characters at a place differ from those of a word that sounds the same, counted by kind."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nlp_service.moderation.surroundings import Surroundings
from nlp_service.text.normalise import Ints
from nlp_service.text.ordinary import rarity
from nlp_service.text.rereading import Bools, How, Longs
from nlp_service.text.sounds import values
from nlp_service.text.variants import Readings

Prints = npt.NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_WIDEST = 4  # units that are skipped between two characters of a word
_NINE = ord("9")


class Forms(NamedTuple):
    """Ways to write the words of lists: each as it is listed, and its other names.

    Attributes:
        starts, lengths: Form ``i`` is the places from ``starts[i]`` on, ``lengths[i]`` of them.
        chars, bases, counts: As in `text.variants.Readings`.
        prints, powers: As by `print_of`.
        is_other: Whether it is another name than the one that is listed.
        is_weak: Whether it counts only with a sign of contact beside it.
        is_contact: Whether the word is a way to get in touch.
        is_number: Whether it is nothing but digits or numerals.
        is_strict: Whether only the characters themselves count, apart or not, as for allowed words.
    """

    starts: Longs
    lengths: Longs
    chars: Ints
    bases: Ints
    counts: Ints
    prints: Prints
    powers: Prints
    is_other: Bools
    is_weak: Bools
    is_contact: Bools
    is_number: Bools
    is_strict: Bools


class Differences(NamedTuple):
    """Of suspicions; arrays of shape (n_suspicions,), most of them how many characters or gaps are so.

    Attributes:
        sound: Characters of the same sound and nothing else in common.
        pinyin: Syllables in letters.
        joined: Characters that were joined of parts.
        digit: Digits for numerals, or the reverse.
        alike: Characters that look like those of the word, and pictures of them.
        gap: Gaps, `stopped` those that are mere punctuation, `wide` those that are too wide.
        loose: Pictures, and gaps that are more than punctuation.
        repeated: Characters that stand more often than in the word, the first and last excepted.
        repeated_anywhere: Those included.
        doubled: Repeated ones that make a common word with themselves (妈妈).
        held: Joined ones whose parts make a common word (女子).
        lacking: Characters that stand less often than in the word.
        odd: Digits that sound like a character that is no numeral.
        nats: How rare the characters are, added up.
        bonds: What to take off, for pairs that hold one that only sounds right and are common beside each other.
    """

    sound: Longs
    pinyin: Longs
    joined: Longs
    digit: Longs
    alike: Longs
    gap: Longs
    stopped: Longs
    wide: Longs
    loose: Longs
    repeated: Longs
    repeated_anywhere: Longs
    doubled: Longs
    held: Longs
    lacking: Longs
    odd: Longs
    nats: Longs
    bonds: Longs


class _Compared(NamedTuple):
    """Places of suspicions, one suspicion behind the other.

    Attributes:
        at: The place in the readings.
        of: The place in the forms.
        inner: Whether a place of the same suspicion is before it.
        outer: Whether one is behind it.
    """

    at: Longs
    of: Longs
    inner: Bools
    outer: Bools


def print_of(chars: Ints, start: Longs, end: Longs) -> tuple[Prints, Prints]:
    """A number for each half-open range of characters, and the power that it is multiplied by for where it stands.

    The same characters at two places give the same number times the power of the other place (modulo 2**64).
    """
    powers = np.full(len(chars) + 1, _FACTOR)
    powers[0] = 1
    np.cumprod(powers, out=powers)
    prints = np.zeros(len(chars) + 1, np.uint64)
    np.cumsum(chars.astype(np.uint64) * powers[:-1], out=prints[1:])
    return prints[end] - prints[start], powers[start]


def is_worth_comparing(readings: Readings, forms: Forms, form: Longs, start: Longs, least: int) -> Bools:
    """Whether there are the same characters, or such as are rare enough, or a word of contact.

    It sees most of ordinary text off by sums over the whole, without a look at single characters.
    """
    end = start + forms.lengths[form]
    nats = np.zeros(len(readings.chars) + 1, np.int64)
    np.cumsum(rarity()[readings.chars], out=nats[1:])
    prints, powers = print_of(readings.chars, start, end)
    same: Bools = prints * forms.powers[form] == forms.prints[form] * powers
    rare: Bools = nats[end] - nats[start] >= least
    return same | rare | forms.is_contact[form]


def compare(readings: Readings, around: Surroundings, forms: Forms, form: Longs, start: Longs) -> Differences:
    """Count what differs at each suspicion, of at least one: a form, and its first place in the readings."""
    lengths = forms.lengths[form]
    heads = np.cumsum(lengths) - lengths
    owner = np.repeat(np.arange(len(form)), lengths)
    step = np.arange(len(owner)) - heads[owner]
    places = _Compared(start[owner] + step, forms.starts[form][owner] + step, step > 0, step < lengths[owner] - 1)
    sound, *kinds = _kinds(readings, forms, places)
    marks = [sound, *kinds, *_gaps(readings, around, places, kinds), *_repeats(readings, around, forms, places)]
    at = places.at
    first, last, chars = readings.first[at], readings.last[at], readings.chars[at]
    held = (readings.how[at] == How.JOINED) & around.tied[last] & (first != last)
    lacking = readings.counts[at] < forms.counts[places.of]
    odd = sound & (chars <= _NINE)
    touching = places.inner & (first == readings.last[at - 1] + 1)
    bonds = np.where(touching & (sound | np.append(False, sound[:-1])), around.bonds[first], 0)
    counts = np.stack([*marks, held, lacking, odd, rarity()[chars], bonds]).astype(np.int64)
    return Differences(*np.add.reduceat(counts, heads, axis=1))


def _kinds(readings: Readings, forms: Forms, places: _Compared) -> list[Bools]:
    """In the order of `Differences`: sound, pinyin, joined, digit, alike."""
    at, of = places.at, places.of
    how, base, meant = readings.how[at], readings.bases[at], forms.bases[of]
    pinyin = how == How.SPELT
    same = readings.chars[at] == forms.chars[of]
    digit = ~same & ~pinyin & (values()[base] >= 0) & (values()[base] == values()[meant])
    alike = ~same & ~pinyin & ~digit & (base == meant)
    return [~(same | pinyin | digit | alike), pinyin, how == How.JOINED, digit, alike]


def _gaps(readings: Readings, around: Surroundings, places: _Compared, kinds: list[Bools]) -> list[Bools]:
    """In the order of `Differences`: gap, stopped, wide, loose."""
    here, before = readings.first[places.at], readings.last[places.at - 1] + 1
    hidden = places.inner & around.padded[before - 1]
    gap = hidden | (places.inner & (here != before))
    noisy = gap & (around.noise[here] > around.noise[before])
    stopped = gap & ~noisy & (around.stops[here] > around.stops[before])
    wide = gap & (around.skipped[here] - around.skipped[before] > _WIDEST)
    *_, alike = kinds
    return [gap, stopped, wide, noisy | hidden | (alike & (readings.how[places.at] == How.READ))]


def _repeats(readings: Readings, around: Surroundings, forms: Forms, places: _Compared) -> list[Bools]:
    """In the order of `Differences`: repeated, repeated_anywhere, doubled."""
    more = readings.counts[places.at] > forms.counts[places.of]
    inside = more & places.inner & places.outer
    return [inside, more, inside & around.tied[readings.last[places.at]]]
