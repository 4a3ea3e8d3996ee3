"""Sentences of an answer as it arrives, and which of them may be passed on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nlp_service.knowledge.claims import Source, check
from nlp_service.knowledge.prompting import NOT_ENOUGH

MAX_SENTENCE = 600
"""Characters. A longer one is left out: half of it could not be checked."""

_CITATION = r"[\[【［]\s{0,3}\d{1,4}(?:\s{0,3}[,，、]\s{0,3}\d{1,4}){0,9}\s{0,3}[\]】］]"
# A citation, a closing mark and the end of the line belong to the sentence before them. "?" is also a part of links.
_END = re.compile(rf"(?:[。！？\n]|[!?](?![a-z0-9/=&%._#-]))(?:[。！？!?\s”’」』）)]|{_CITATION})*+", re.IGNORECASE)
_BEGUN_CITATION = re.compile(r"[\[【［][\d\s,，、]{0,60}")
_CITED = re.compile(_CITATION)
_NUMBER = re.compile(r"\d+")
_CLOSING = re.compile(r"[。！？!?;；.”’」』）)\s]{0,20}$")
# Controls and marks that turn the direction of writing have no place in an answer.
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_THOUGHT, _END_OF_THOUGHT = "<think>", "</think>"


class Splitter:
    """Cuts text that arrives in pieces into sentences, each with the citations and line ends behind it.

    What a reasoning model thinks aloud at the beginning, between ``<think>`` and ``</think>``, is left out.
    """

    def __init__(self) -> None:
        self._buffer = ""
        self._is_thinking = False
        self._is_past_thought = False
        self._is_too_long = False

    def feed(self, piece: str) -> list[str]:
        """Take a piece and give the sentences that are complete, which is known when the next one has begun."""
        self._buffer += piece
        self._is_past_thought = self._is_past_thought or self._skip_thought()
        return list(self._complete(is_end=False)) if self._is_past_thought else []

    def flush(self, *, is_cut_off: bool) -> list[str]:
        """The sentences that are left, at the end; one without its end only if the answer was not cut off."""
        if self._is_thinking:
            return []
        sentences = list(self._complete(is_end=True))
        rest, self._buffer = self._buffer, ""
        if rest.strip() and not is_cut_off and not self._is_too_long and len(rest) <= MAX_SENTENCE:
            sentences.append(rest)
        return sentences

    def _complete(self, *, is_end: bool) -> Iterator[str]:
        start = 0
        for match in _END.finditer(self._buffer):
            end = match.end()
            is_open = end == len(self._buffer) or _BEGUN_CITATION.fullmatch(self._buffer, end)
            if is_open and not is_end:
                break
            if not self._is_too_long and end - start <= MAX_SENTENCE:
                yield self._buffer[start:end]
            self._is_too_long, start = False, end
        self._buffer = self._buffer[start:]
        if len(self._buffer) > 2 * MAX_SENTENCE:
            self._buffer, self._is_too_long = self._buffer[-MAX_SENTENCE:], True

    def _skip_thought(self) -> bool:
        """Whether the answer itself has begun."""
        text = self._buffer.lstrip()
        self._is_thinking = self._is_thinking or text.startswith(_THOUGHT)
        if not self._is_thinking:
            return not _THOUGHT.startswith(text)
        _, mark, after = self._buffer.partition(_END_OF_THOUGHT)
        self._is_thinking = not mark
        self._buffer = after.lstrip() if mark else self._buffer[-len(_END_OF_THOUGHT) :]
        return bool(mark)


class Checker:
    """Passes sentences on that their sources support, and remembers what they cite.

    Sentences without a citation are held back until one with a citation has passed: a reply that rests on no source is
    none. One that makes claims without saying from where is given the first source that holds all of them.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._held: list[str] = []
        self._cited: dict[str, None] = {}
        self.n_refused = 0

    @property
    def citations(self) -> tuple[str, ...]:
        """Entry ids of what was passed on, in order of first citation."""
        return tuple(self._cited)

    def pass_on(self, sentence: str) -> list[str]:
        """What may go now: nothing, the sentence, or the sentence and those that waited for it."""
        text = _CITED.sub(lambda match: "".join(f"[{n}]" for n in _numbers(match[0])), _UNSEEN.sub("", sentence))
        numbers = [n for match in _CITED.finditer(text) for n in _numbers(match[0])]
        if NOT_ENOUGH in text:
            is_supported = False
        elif not numbers and check(text, ()):
            numbers = self._supporting(text)
            text = _cite(text, numbers)
            is_supported = bool(numbers)
        else:
            is_supported = self._is_supported(text, numbers)
        if not is_supported:
            self.n_refused += 1
            return []
        self._cited.update(dict.fromkeys(self._sources[n - 1].entry_id for n in numbers))
        self._held.append(text)
        if not self._cited:
            return []
        going, self._held = self._held, []
        return going

    def _supporting(self, text: str) -> list[int]:
        """The first source that holds all claims, if there is one."""
        return [n for n, source in enumerate(self._sources, start=1) if not check(text, (source,))][:1]

    def _is_supported(self, text: str, numbers: Sequence[int]) -> bool:
        if any(not 1 <= n <= len(self._sources) for n in numbers):
            return False
        # A sentence that cites nothing has no claims left but predicates, which no source may deny.
        return not check(text, [self._sources[n - 1] for n in numbers] if numbers else self._sources)


def citations_of(text: str, sources: Sequence[Source]) -> tuple[str, ...]:
    """Entry ids that a text cites which a `Checker` of the same sources has passed on, in order of first citation."""
    numbers = [n for match in _CITED.finditer(text) for n in _numbers(match[0])]
    return tuple(dict.fromkeys(sources[n - 1].entry_id for n in numbers))


def _numbers(citation: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(citation)]


def _cite(text: str, numbers: Sequence[int]) -> str:
    closing = _CLOSING.search(text)
    place = closing.start() if closing else len(text)
    return text[:place] + "".join(f"[{number}]" for number in numbers) + text[place:]
