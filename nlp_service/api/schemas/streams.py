"""What the events of a streamed reply carry beside the reply itself."""

from __future__ import annotations

import msgspec


class ReplyPiece(msgspec.Struct):
    """The next sentences of an answer that is being phrased. They have passed the check."""

    text: str


class ReplyDone(msgspec.Struct):
    """The end of a stream: the answer that holds.

    Attributes:
        answer: The pieces together, or the written answer; null unless the decision is ``answer``.
        citations: Entries that it rests on.
        phrased: Whether a language model has phrased it.
        replaces: Whether it is to stand in place of pieces that were sent: the rest of them never came.
    """

    answer: str | None
    citations: list[str]
    phrased: bool
    replaces: bool = False


EXAMPLES: tuple[msgspec.Struct, ...] = (
    ReplyPiece("审核通过后三天内退回[1]。"),
    ReplyDone("审核通过后三天内退回[1]。", ["refund-time"], True),
    ReplyDone("审核通过后三天内原路退回。", ["refund-time"], False, replaces=True),
)
"""Of each type, and an end of either kind."""
