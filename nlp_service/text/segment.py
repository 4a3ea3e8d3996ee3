"""Words of a text, cut by jieba with a dictionary of the community's own words that may change while the service runs.

Two habits of jieba are left out on purpose. It keeps its prefix table in a cache file of the shared temporary folder,
which processes that start together race for and which anybody on the machine may replace; the table is built in memory
instead (about 1.5 s, once a process, at the first text). And it prints its progress to stderr.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import rjieba

from nlp_service.errors import BadInput
from nlp_service.text.normalise import Text, normalise_batch, render

with warnings.catch_warnings():
    # jieba 0.42 asks for pkg_resources and has string escapes that newer Pythons warn of.
    warnings.simplefilter("ignore")
    import jieba

jieba.default_logger.removeHandler(jieba.log_console)
jieba.default_logger.setLevel(logging.WARNING)

logger = logging.getLogger(__name__)

MAX_WORD = 64
"""Longest word of a user dictionary, in code points; jieba stores every beginning of a word."""

_FREQUENCY = re.compile(r"[0-9]{1,9}")
_TAG = re.compile(r"[a-zA-Z]{1,8}")


class Token(NamedTuple):
    """A word with the half-open range of code points that it takes in the text as it was sent."""

    text: str
    start: int
    end: int


class UserWord(NamedTuple):
    """A line of a user dictionary; without a frequency jieba takes the least that keeps the word in one piece."""

    text: str
    frequency: int | None = None


class _Stamp(NamedTuple):
    """What tells one state of a file from the next without reading it."""

    modified_ns: int
    size: int
    inode: int


class _Tokenizer(Protocol):
    """What is used of jieba's class."""

    def cut(self, sentence: str) -> Iterator[str]: ...


def cut(texts: Sequence[str]) -> list[list[str]]:
    """Words and punctuation of texts by the basic dictionary alone, which never changes; without white space.

    By rjieba, which cuts as jieba does and thirty times as fast, but takes no words of one's own.
    """
    return [[piece for piece in rjieba.cut(text) if not piece.isspace()] for text in texts]


class Segmenter:
    """Cuts text into words. Safe to share between threads: a new vocabulary takes the place of the old one at once.

    The user dictionary is a UTF-8 file in jieba's format, ``word [frequency] [tag]`` a line, tags ignored. It is looked
    at before every text and read again when its time, size or inode has changed. A word is known both as it is written
    there and as the normaliser writes it.
    """

    def __init__(self, user_dictionary: Path | None = None) -> None:
        self._path = user_dictionary
        self._lock = threading.RLock()
        self._added: tuple[UserWord, ...] = ()
        self._listed: tuple[UserWord, ...] = ()
        self._stamp: _Stamp | None = None
        self._refused: _Stamp | None = None
        self._tokenizer: _Tokenizer | None = None

    def words(self, text: str) -> list[str]:
        """Words and punctuation of `text` in order, without white space. Empty text gives none.

        Raises:
            BadInput: There is no vocabulary yet and the user dictionary cannot be read. A dictionary that is damaged
                later leaves the vocabulary as it was; that is logged once for each state of the file.
        """
        return [piece for piece in self._current().cut(text) if not piece.isspace()]

    def tokens(self, text: str) -> list[Token]:
        """The same as `words`, with places in `text`.

        Raises:
            BadInput: As for `words`.
        """
        tokens = []
        start = 0
        for piece in self._current().cut(text):  # jieba's pieces, joined, are the text
            end = start + len(piece)
            if not piece.isspace():
                tokens.append(Token(piece, start, end))
            start = end
        return tokens

    def tokens_of(self, text: Text) -> list[Token]:
        """Words of a normalised text, written as it writes them, with places in the original.

        Raises:
            BadInput: As for `words`.
        """
        units = "".join(map(chr, text.units.tolist()))  # an emoticon code stays one character, and so one word
        return [Token(render(text.units[a:b]), *text.span(a, b)) for _, a, b in self.tokens(units)]

    def add(self, words: Iterable[str]) -> None:
        """Teach words until the process ends; they outlive reloads of the user dictionary.

        Raises:
            BadInput: One of them is empty, too long or holds white space.
        """
        new = []
        for number, word in enumerate(words, 1):
            if complaint := _fault(word):
                raise BadInput(f"word {number}: {complaint}", param="words")
            new.append(UserWord(word))
        with self._lock:
            self._added += tuple(new)
            if self._tokenizer is not None:
                self._tokenizer = _build(self._listed + self._added)

    def reload(self) -> bool:
        """Read the user dictionary if it has changed, and say whether it had.

        Raises:
            BadInput: It cannot be read, or a line is damaged; file and line are named. The old vocabulary stays.
        """
        with self._lock:
            stamp = None if self._path is None else _stamp(self._path)
            if self._tokenizer is not None and stamp == self._stamp:
                return False
            # The stamp is older than the reading, so a change between the two is seen as one the next time.
            listed = () if self._path is None else read_words(self._path)
            self._tokenizer = _build(listed + self._added)
            self._listed, self._stamp, self._refused = listed, stamp, None
            return True

    def _current(self) -> _Tokenizer:
        if self._tokenizer is None:
            self.reload()
            return self._current()
        if self._path is not None:
            self._refresh(self._path)
        return self._tokenizer

    def _refresh(self, path: Path) -> None:
        """Follow the file, but let no damaged one stop the reading of messages."""
        try:
            stamp = _stamp(path)
        except BadInput:
            stamp = _Stamp(0, 0, 0)
        if stamp in (self._stamp, self._refused):
            return
        try:
            self.reload()
        except BadInput as error:
            self._refused = stamp
            logger.warning("the user dictionary was not reloaded: %s", error)


def read_words(path: Path) -> tuple[UserWord, ...]:
    """Read a user dictionary. Empty lines are skipped.

    Raises:
        BadInput: The file cannot be read or is not UTF-8, or a line has no word, a word that is too long, a frequency
            below 1 or something after the tag. The message names file and line, not what the line says.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines()
    except OSError as error:
        raise BadInput(f"user dictionary {path}: {error.strerror}", param="user_dictionary") from error
    words = []
    for number, line in enumerate(lines, 1):
        try:
            word = _parse(line)
        except ValueError as error:
            raise BadInput(f"user dictionary {path}, line {number}: {error}", param="user_dictionary") from error
        if word is not None:
            words.append(word)
    return tuple(words)


def _parse(line: bytes) -> UserWord | None:
    try:
        fields = line.decode("utf-8").split()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None  # the original error quotes the line
    if not fields:
        return None
    word, *rest = fields
    if complaint := _fault(word):
        raise ValueError(complaint)
    frequency = int(rest.pop(0)) if rest and _FREQUENCY.fullmatch(rest[0]) else None
    if frequency == 0:
        raise ValueError("the frequency must be at least 1")
    if rest and (len(rest) > 1 or not _TAG.fullmatch(rest[0])):
        raise ValueError("expected a word, a frequency and a tag")
    return UserWord(word, frequency)


def _fault(word: str) -> str | None:
    if not word or len(word) > MAX_WORD:
        return f"a word has 1 to {MAX_WORD} characters, got {len(word)}"
    if any(char.isspace() or unicodedata.category(char) in ("Cc", "Cs") for char in word):
        return "a word holds no white space and no control characters"
    return None


def _stamp(path: Path) -> _Stamp:
    try:
        status = os.stat(path)
    except OSError as error:
        raise BadInput(f"user dictionary {path}: {error.strerror}", param="user_dictionary") from error
    return _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)


def _build(words: tuple[UserWord, ...]) -> _Tokenizer:
    frequencies, total = _basic()
    tokenizer = jieba.Tokenizer()
    # A copy for each vocabulary, so that threads that still cut with the old one see no half of the new one.
    tokenizer.FREQ, tokenizer.total = (frequencies.copy() if words else frequencies), total
    tokenizer.initialized = True
    batch = normalise_batch([word.text for word in words])
    for number, word in enumerate(words):
        units = batch.units[batch.offsets[number] : batch.offsets[number + 1]]
        for text in dict.fromkeys((word.text, render(units))):
            if text:
                tokenizer.add_word(text, word.frequency)
    built: _Tokenizer = tokenizer
    return built


@cache
def _basic() -> tuple[dict[str, int], int]:
    """Frequency of each word of jieba's own dictionary (0 for what only begins one), and their sum."""
    tokenizer = jieba.Tokenizer()
    frequencies, total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    return frequencies, total
