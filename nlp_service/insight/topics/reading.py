"""Messages as statements with vectors: what they mean, and the words that they say it with.

Half of a statement's vector is its embedding, half its words, each as rare as it is (TF-IDF) and thrown into fixed
places by its hash (a sparse random projection: Charikar et al. 2002, "Finding frequent items in data streams";
Weinberger et al. 2009). Neither alone gives topics: texts that mean alike need not be about one thing, and texts that
share a word need not be either. A centre is then a plain mean, and needs no vocabulary that grows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nlp_service.errors import BadInput
from nlp_service.insight.counting import coded
from nlp_service.insight.facts import Floats
from nlp_service.insight.topics.options import Embed, TopicOptions
from nlp_service.insight.topics.speakers import names_of, people_of, speakers_of
from nlp_service.insight.topics.state import BUCKETS, Index, Names, TopicState, unit
from nlp_service.insight.wording import Corpus, read

WORD_COLUMNS = 256
"""Columns of the words' half; two statements without a common word are 0 +- 1/16 alike in it."""

_PLACES = 4
_FEW = 500.0  # statements that do not show yet what all have in common
_BLOCK = 16_384
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STIR = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, eq=False)
class Statements:
    """The different statements of a table, those with something to tell.

    Attributes:
        of_row: Statement of each row, -1 for one that is not looked at; (n_rows,).
        keys: Of what they say; (n,).
        vectors: Of unit length; (n, n_columns).
        messages: Rows of each; (n,).
        n_people: Different people of each; (n,).
        people: Up to four of them, 0 for nobody; (n, PEOPLE).
        words: Pairs of statement and word, both numbered from 0; (2, n_pairs).
        row_people: Who wrote each row; (n_rows,).
    """

    of_row: Index
    keys: Names
    vectors: Floats
    messages: Floats
    n_people: Floats
    people: Names
    words: Index
    row_people: Names

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def weights(self) -> Floats:
        """What each counts in a centre: copies make it heavier, but a thousand do not drown what others say."""
        found: Floats = np.sqrt(self.n_people)
        return found


@dataclass(frozen=True, eq=False)
class Counted:
    """What all statements have in common: as in `TopicState`."""

    counts: Floats
    statements: float
    common: Floats


def read_statements(
    table: pa.Table, embed: Embed, options: TopicOptions, known: Counted, *, learn: bool, corpus: Corpus | None = None
) -> tuple[Statements, Counted]:
    """Read the statements of a table.

    Args:
        table: FACTS.
        embed: Gives the vectors.
        options: Which messages are left out.
        known: How common words have been.
        learn: Whether the table's words are counted too.
        corpus: The words of the table's rows, where they have been read.

    Raises:
        BadInput: `embed` gives something else than finite rows for texts, or `corpus` is of another table.
    """
    corpus = read(table.column("text")) if corpus is None else corpus
    if corpus.n_rows != table.num_rows:
        raise BadInput(f"words of {corpus.n_rows} rows for a table of {table.num_rows}", param="corpus")
    rows = np.flatnonzero(_is_looked_at(table, options))
    cores = np.unique(corpus.row_core[rows])
    own, tokens = words_of(corpus, cores)
    speaking, place = np.unique(own, return_inverse=True)
    cores = cores[speaking]
    used, word = np.unique(tokens, return_inverse=True)
    hashes = _hashes([corpus.words[i] for i in used.tolist()])
    texts = [corpus.cores[i] for i in cores.tolist()]
    meanings = _embedded(embed, texts)
    if learn:
        buckets = (hashes % np.uint64(BUCKETS)).astype(np.int64)
        counts = known.counts + np.bincount(buckets[word], minlength=BUCKETS).astype(np.float32)
        before = known.common if len(known.common) else np.zeros(meanings.shape[1], np.float32)
        common = before + meanings.sum(0) if len(before) == meanings.shape[1] else before
        known = Counted(counts, known.statements + len(cores), common)
    vectors = np.concatenate(
        (_without_common(meanings, known), _words_half(place, word, hashes, len(cores), known)), axis=1
    )
    says: npt.NDArray[np.bool_] = np.asarray(
        meanings.any(axis=1), np.bool_
    )  # each has a word, but it may have no vector
    number = np.cumsum(says) - 1
    number[~says] = -1
    of_core = np.full(len(corpus.cores), -1, np.int64)
    of_core[cores] = number
    of_row = np.full(table.num_rows, -1, np.int64)
    of_row[rows] = of_core[corpus.row_core[rows]]
    names = names_of([text for text, there in zip(texts, says.tolist(), strict=True) if there])
    pairs = np.stack((number[place], word))[:, says[place]]
    row_people = people_of(table)
    messages, n_people, people = speakers_of(of_row, row_people, int(says.sum()))
    halves = unit(vectors[says])
    return Statements(of_row, names, halves, messages, n_people, people, pairs, row_people), known


def known_of(state: TopicState) -> Counted:
    """How common words have been up to a state."""
    return Counted(state.counts, state.statements, state.common)


def words_of(corpus: Corpus, cores: Index) -> tuple[Index, Index]:
    """Different words that stand for something, of some cores: place in `cores` and number of the word; (n_pairs,)."""
    lengths = corpus.offsets[cores + 1] - corpus.offsets[cores]
    shift = np.repeat(corpus.offsets[cores] - (np.cumsum(lengths) - lengths), lengths)
    tokens = corpus.tokens[np.arange(len(shift)) + shift].astype(np.int64)
    meant = corpus.alone[tokens]
    pairs = np.repeat(np.arange(len(cores)), lengths)[meant] * (len(corpus.words) + 1) + tokens[meant]
    own, words = np.divmod(np.unique(pairs), len(corpus.words) + 1)
    return own, words


def sketch(own: Index, word: Index, words: Sequence[str], n: int) -> Floats:
    """Vectors of `n` things by the words that they have, the rarer among them the more; (n, WORD_COLUMNS).

    Args:
        own: Which thing has a word; (n_pairs,).
        word: Its place in `words`; (n_pairs,).
        words: The words.
        n: How many things there are.
    """
    different = np.unique(own * len(words) + word) % max(len(words), 1)
    frequency = np.bincount(different, minlength=len(words))
    return _thrown_together(own, word, np.log((n + 1.0) / (frequency + 0.5)).clip(0.0), _hashes(words), n)


def first_rows(of_row: Index, n: int) -> Index:
    """The first row of each statement, rows in order; (n,)."""
    found = np.zeros(n, np.int64)
    rows = np.flatnonzero(of_row >= 0)[::-1]
    found[of_row[rows]] = rows
    return found


def _is_looked_at(table: pa.Table, options: TopicOptions) -> npt.NDArray[np.bool_]:
    intents = coded(table.column("intent"))
    left_out = np.array([name in options.without for name in (*intents.names, "")], np.bool_)
    return ~left_out[intents.codes]


def _embedded(embed: Embed, texts: list[str]) -> Floats:
    parts = []
    for first in range(0, len(texts), _BLOCK):
        some = texts[first : first + _BLOCK]
        part = np.asarray(embed(some), np.float32)
        if part.ndim != 2 or len(part) != len(some) or not np.isfinite(part).all():
            raise BadInput(f"no finite vectors for {len(some)} texts, but shape {part.shape}", param="embed")
        parts.append(part)
    return unit(np.concatenate(parts)) if parts else np.zeros((0, 0), np.float32)


def _without_common(meanings: Floats, known: Counted) -> Floats:
    """Embeddings less their mean: what every message shares would make one topic of long and vague ones."""
    if known.statements <= 0.0 or not len(meanings):
        return meanings
    if len(known.common) != meanings.shape[1]:
        raise BadInput(f"vectors of {meanings.shape[1]} columns after those of {len(known.common)}", param="embed")
    return unit(meanings - known.common / np.float32(known.statements + _FEW))


def _words_half(own: Index, word: Index, hashes: Names, n: int, known: Counted) -> Floats:
    """The words' half of statements, of unit length; (n, WORD_COLUMNS)."""
    frequency = known.counts[(hashes % np.uint64(BUCKETS)).astype(np.int64)]
    return _thrown_together(own, word, np.log((known.statements + 1.0) / (frequency + 0.5)).clip(0.1), hashes, n)


def _thrown_together(own: Index, word: Index, worth: npt.NDArray[np.float64], hashes: Names, n: int) -> Floats:
    columns, signs = _thrown(hashes)
    found = np.zeros(n * WORD_COLUMNS, np.float64)
    for place in range(_PLACES):
        at = own * WORD_COLUMNS + columns[place][word]
        found += np.bincount(at, (worth * signs[place])[word], n * WORD_COLUMNS)
    return unit(found.reshape(n, WORD_COLUMNS).astype(np.float32))


def _thrown(hashes: Names) -> tuple[Index, npt.NDArray[np.float64]]:
    """Columns of each word and the signs that it has there; both (_PLACES, n_words)."""
    steps = np.arange(1, _PLACES + 1, dtype=np.uint64)[:, None]
    mixed = hashes[None] * np.uint64(_PLACES + 1) + steps + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _STIR[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _STIR[1]
    mixed ^= mixed >> np.uint64(31)
    signs = np.where((mixed >> np.uint64(40)) & np.uint64(1), 1.0, -1.0)
    return (mixed % np.uint64(WORD_COLUMNS)).astype(np.int64), signs


def _hashes(words: Sequence[str]) -> Names:
    return np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words], np.uint64)
