"""Words that an operator says mean the same: 会员卡 and 月卡, or a brand's nickname."""

from __future__ import annotations

from collections.abc import Sequence

from nlp_service.errors import BadInput
from nlp_service.text.normalise import normalise

MAX_GROUPS, MAX_WORDS = 2_000, 50
"""Groups of a base, and words of one group."""


class Synonyms:
    """Groups of words; a question that holds one of a group is read as if it held the others too.

    Args:
        groups: Words of each group, as the operator writes them.

    Raises:
        BadInput: There are too many, a group has fewer than two words, or a word is empty or longer than 40.
    """

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        if len(groups) > MAX_GROUPS:
            raise BadInput(f"{len(groups)} groups of synonyms are more than {MAX_GROUPS}", param="synonyms")
        self._others: dict[str, tuple[str, ...]] = {}
        for place, group in enumerate(groups):
            words = list(dict.fromkeys(normalise(word).normalised.strip() for word in group))
            if not 2 <= len(words) <= MAX_WORDS or not all(0 < len(word) <= 40 for word in words):
                raise BadInput(
                    f"a group of synonyms has 2 to {MAX_WORDS} different words of 1 to 40 characters",
                    param=f"synonyms[{place}]",
                )
            for word in words:
                others = (*self._others.get(word, ()), *(other for other in words if other != word))
                self._others[word] = tuple(dict.fromkeys(others))

    def extend(self, text: str) -> str:
        """A normalised text with what its words also mean behind it."""
        found = [other for word, others in self._others.items() if word in text for other in others]
        return " ".join((text, *dict.fromkeys(other for other in found if other not in text)))
