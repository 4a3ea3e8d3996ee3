"""What stands around a word in a message, as far as it tells a disguise from ordinary text."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from nlp_service.text.normalise import Batch, Ints
from nlp_service.text.ordinary import neighbours
from nlp_service.text.rereading import Bools, Longs
from nlp_service.text.shapes import SKIPPED, folds
from nlp_service.text.sounds import N_CODE_POINTS, values

_LEAST_ACCOUNT = 5  # letters and digits of an account name or number
_CONTACT = tuple(map(ord, "加+➕找搜联"))
_USUAL, _WORD = 6, 9  # nats that a pair is more probable than its characters, if it is usual or a word
_SPACE, _A, _Z, _ZERO, _NINE = map(ord, " az09")


class Surroundings(NamedTuple):
    """Of the units of a batch; each array has one item more than there are units.

    Attributes:
        tied: Whether a common word holds a unit and the one before it.
        bonds: By how many nats the two are more probable than alone.
        twin: Whether the two are the same.
        padded: Whether characters that cannot be seen follow a unit.
        letters, digits: Whether a letter a-z is read there, or a digit 0-9.
        numbers: Whether a digit or a numeral is.
        skipped: How many units before are not read at all.
        noise: How many of those are more than a space or punctuation.
        stops: How many are punctuation.
        contact: How many units before say that a way of contact follows.
        accounts: How many account names begin before.
    """

    tied: Bools
    bonds: Longs
    twin: Bools
    padded: Bools
    letters: Bools
    digits: Bools
    numbers: Bools
    skipped: Longs
    noise: Longs
    stops: Longs
    contact: Longs
    accounts: Longs


def look_around(batch: Batch, messages: Ints) -> Surroundings:
    """Gather them; `tied` and `bonds` only for the messages that are named, in which they are needed."""
    units = batch.units
    begins = np.zeros(len(units) + 1, np.bool_)
    begins[batch.offsets] = True
    tied, usual = _neighbours(batch, messages)
    twin = np.zeros(len(begins), np.bool_)
    twin[1:-1] = units[1:] == units[:-1]
    twin &= ~begins
    # What was cut from a wall of one character belongs to its last unit and hides nothing.
    padded = np.append(batch.ends - batch.starts > 1, False) & ~twin
    read = folds().plain[units]
    letters, digits = (read >= _A) & (read <= _Z), (read >= _ZERO) & (read <= _NINE)
    skipped, noise = read == SKIPPED, folds().noise[units]
    return Surroundings(
        tied & ~begins,
        np.where(begins, 0, np.where(tied, _WORD, np.where(usual, _USUAL, 0))),
        twin,
        padded,
        np.append(letters, False),
        np.append(digits, False),
        np.append(values()[read] >= 0, False),
        n_before(skipped),
        n_before(noise),
        n_before(skipped & ~noise & (units != _SPACE)),
        n_before(_is_contact()[units]),
        n_before(_accounts(letters | digits, begins)),
    )


def n_before(marks: Bools) -> Longs:
    """How many stand before each place, and before the end."""
    counts = np.zeros(len(marks) + 1, np.int64)
    np.cumsum(marks, out=counts[1:])
    return counts


@cache
def _is_contact() -> Bools:
    table = np.zeros(N_CODE_POINTS, np.bool_)
    table[list(_CONTACT)] = True
    return table


def _neighbours(batch: Batch, messages: Ints) -> tuple[Bools, Bools]:
    asked = np.zeros(len(batch.offsets) - 1, np.bool_)
    asked[messages] = True
    chosen = np.flatnonzero(np.repeat(asked, np.diff(batch.offsets)))
    tied, usual = np.zeros(len(batch.units) + 1, np.bool_), np.zeros(len(batch.units) + 1, np.bool_)
    tied[chosen], usual[chosen] = neighbours(batch.units[chosen])
    return tied, usual


def _accounts(in_name: Bools, begins: Bools) -> Bools:
    """Where a run of letters and digits begins that is long enough for the name of an account."""
    after = ~in_name | begins[:-1]  # where a run that came before is over
    follows = in_name & ~begins[:-1]
    follows[1:] &= in_name[:-1]
    starts = np.flatnonzero(in_name & ~follows)
    stops = np.append(np.flatnonzero(after), len(in_name))
    ends = stops[np.searchsorted(stops, starts, side="right")]
    result = np.zeros(len(in_name), np.bool_)
    result[starts[ends - starts >= _LEAST_ACCOUNT]] = True
    return result
