"""Whether a place that sounds like a listed word is that word, disguised, or ordinary text.

Each kind of difference has a rule of its own:

- A word as it is listed is always found. In any other writing it must not be cut out of a common word that begins
  before it or ends behind it: 路口,交通 holds no 口交, 没有套 现在 no 套现. Long and rare words are sure all the same.
- Other characters of the same sound must be so rare, and so rarely beside each other, that chance does not put them
  there: 为新 is ordinary and so is 威信, 薇芯 is not. Only for a word of contact with another sign of it (加 before it,
  an account name behind it, a mark or a picture within it) any characters will do.
- Letters must be the whole syllable; letters and digits must not go on in more of their kind.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from nlp_service.moderation.differences import Differences, Forms, compare
from nlp_service.moderation.surroundings import Surroundings
from nlp_service.text.normalise import Batch, Ints
from nlp_service.text.rereading import Bools, How, Longs
from nlp_service.text.variants import Readings

Codes = npt.NDArray[np.uint8]


class Disguise(IntEnum):
    """How far a word is from how it is listed; of several the last that applies."""

    NONE = 0
    SPACED = 1  # something between its characters
    REPEATED = 2
    ALIKE = 3  # characters that look like them, pictures
    DIGITS = 4  # digits for numerals, or the reverse
    SPLIT = 5  # parts in place of characters
    PINYIN = 6
    SOUND = 7
    SLANG = 8  # another name, in whatever writing


REFUSED = 255
"""Not that word."""

RARE_ENOUGH, ALL_RARE_ENOUGH = 16, 18
"""Nats; how improbable the characters of a place must be as ordinary text when some of them, or all, only sound like
the word. Chosen on messages that are no adverts (docs/lexicon.md)."""

LESS_SURE, SURE = 18, 24
"""Nats from which on a doubled character within a word (妈妈), and a common word across its edge, prove nothing."""

_SIGN_BEFORE, _SIGN_BEHIND = 3, 5  # units beside a word in which a sign of contact may stand
_SEVERAL = 2  # characters that are repeated, or joined, by intent and not by chance
_A, _Z, _ZERO, _NINE = map(ord, "az09")


def judge(readings: Readings, around: Surroundings, batch: Batch, forms: Forms, form: Longs, start: Longs) -> Codes:
    """Say of each suspicion, of at least one, how the word is disguised, or that it is `REFUSED`.

    Args:
        readings: Of the messages.
        around: Of the messages that the suspicions are in.
        batch: The messages.
        forms: Of the lists.
        form: Which form each suspicion is of; shape (n,).
        start: Its first place in the readings; shape (n,).
    """
    found = compare(readings, around, forms, form, start)
    end = start + forms.lengths[form]
    begin_unit, end_unit = readings.first[start], readings.last[end - 1] + 1
    message = readings.message[start]
    low, high = batch.offsets[message], batch.offsets[message + 1]
    signed = _count(around.contact, np.maximum(begin_unit - _SIGN_BEFORE, low), begin_unit) > 0
    signed |= _count(around.accounts, end_unit, np.minimum(end_unit + _SIGN_BEHIND, high)) > 0
    signed |= found.loose > 0
    # A character that is repeated across the edge is no word that begins before it.
    edges = [around.tied[unit] & ~around.twin[unit] for unit in (begin_unit, end_unit)]

    code = _name(found, forms.is_other[form])
    by_sound, is_strict = found.sound > 0, forms.is_strict[form]
    refused = (found.lacking > 0) | (found.odd > 0) | (found.wide > 0)
    refused |= _goes_on(readings, around, (low, high), (start, end), forms.is_number[form])
    refused |= (code > 0) & (edges[0] | edges[1]) & (found.nats < SURE) & ~is_strict
    least = np.where(found.sound == forms.lengths[form], ALL_RARE_ENOUGH, RARE_ENOUGH)
    refused |= by_sound & (found.nats - found.bonds < least) & ~(forms.is_contact[form] & signed)
    refused |= (found.stopped > 0) & (by_sound | (found.gap < forms.lengths[form] - 1))
    refused |= (found.held > 0) & (found.joined < _SEVERAL)
    refused |= (found.doubled > 0) & (found.repeated_anywhere < _SEVERAL) & (found.nats < LESS_SURE)
    refused |= forms.is_weak[form] & ~signed
    refused |= is_strict & (found.sound + found.pinyin + found.joined + found.digit + found.repeated > 0)
    code[refused] = REFUSED
    return code


def _name(found: Differences, is_other: Bools) -> Codes:
    code = np.zeros(len(is_other), np.uint8)
    for counts, disguise in (
        (found.gap, Disguise.SPACED),
        (found.repeated, Disguise.REPEATED),
        (found.alike, Disguise.ALIKE),
        (found.digit, Disguise.DIGITS),
        (found.joined, Disguise.SPLIT),
        (found.pinyin, Disguise.PINYIN),
        (found.sound, Disguise.SOUND),
        (is_other, Disguise.SLANG),
    ):
        code[counts > 0] = disguise
    return code


def _goes_on(
    readings: Readings, around: Surroundings, bounds: tuple[Ints, Ints], ends: tuple[Longs, Longs], is_number: Bools
) -> Bools:
    """Whether letters or digits at either edge of a place go on in more of their kind without anything between.

    Args:
        readings: Of the messages.
        around: Of the same.
        bounds: First unit of each message, and the one after its last.
        ends: First place of each suspicion, and the one after its last.
        is_number: Whether the word is a number, which no numeral may lengthen either.
    """
    start, end = ends
    goes_on = np.zeros(len(start), np.bool_)
    for edge, beside, unit in (
        (start, start - 1, readings.first[start] - 1),
        (end - 1, end, readings.last[end - 1] + 1),
    ):
        base = readings.bases[edge]
        is_letter, is_digit = (base >= _A) & (base <= _Z), (base >= _ZERO) & (base <= _NINE)
        # A syllable may follow a syllable, but not a stray letter.
        is_letter |= (readings.how[edge] == How.SPELT) & (readings.how[beside] != How.SPELT)
        more = (around.letters[unit] & is_letter) | (around.digits[unit] & is_digit)
        more |= around.numbers[unit] & is_number
        goes_on |= more & (unit >= bounds[0]) & (unit < bounds[1])
    return goes_on


def _count(before: Longs, start: Ints, end: Ints) -> Longs:
    return before[end] - before[start]
