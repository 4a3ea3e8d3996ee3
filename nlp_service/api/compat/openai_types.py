"""Moderations and embeddings as OpenAI's programs send and expect them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from nlp_service.types import Action, Verdict

MAX_INPUTS = 2048
"""Texts of one request for embeddings, as OpenAI has it."""


class ModerationPart(msgspec.Struct):
    """A part of what somebody has sent; only parts of the type ``text`` can be read."""

    type: str
    text: str | None = None


class ModerationRequest(msgspec.Struct):
    """What is to be judged.

    Attributes:
        input: A text, texts that are judged each for itself, or the parts of one submission that are judged together.
        model: Any name; it is echoed.
    """

    input: str | list[str | ModerationPart]
    model: str = ""


class ModerationResult(msgspec.Struct):
    """What is said of one text, or of the parts of one submission.

    Attributes:
        flagged: Whether any category is, or a word that the tenant denies is in it, or a model failed that they rest
            on: an outage is not safety.
        categories: Whether its score reaches the threshold of the policy.
        category_scores: Probabilities, 1 for a denied word of that category; 0 where there is no model for it, or
            where the model says less than 0.2.
        category_applied_input_types: ``text``, or nothing for a category that no model tells.
        verdict: What the policy would do. It also knows of adverts and other things without a category here.
    """

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]
    verdict: Verdict


class ModerationResponse(msgspec.Struct):
    """The results in order; one for all parts of a submission.

    Attributes:
        model: The one that was asked for.
        model_version, policy_version: What really took part.
    """

    id: str
    model: str
    results: list[ModerationResult]
    model_version: str
    policy_version: str
    request_id: str


class EmbeddingRequest(msgspec.Struct):
    """Texts to embed.

    Attributes:
        input: A text, or up to 2,048; token arrays are refused, for the tokens are another model's.
        model: Any name; it is echoed.
        encoding_format: Numbers, or base64 of 32-bit floats, little-endian.
        dimensions: 32, 64 or 128: so many of the first columns, brought back to unit length.
    """

    input: str | list[str | int | list[int]]
    model: str = ""
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, msgspec.Meta(ge=1)] | None = None


class EmbeddingItem(msgspec.Struct):
    """One vector of unit length; all zeros for a text of which nothing can be read."""

    index: int
    embedding: list[float] | str
    object: str = "embedding"


class EmbeddingUsage(msgspec.Struct):
    """Characters as the model reads them, after normalisation."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(msgspec.Struct):
    """The vectors, in order."""

    data: list[EmbeddingItem]
    model: str
    usage: EmbeddingUsage
    model_version: str
    request_id: str
    object: str = "list"


_ID = "0b9f3c1a5d7e4f60"

EXAMPLES: tuple[msgspec.Struct, ...] = (
    ModerationRequest([ModerationPart("text", "加我微信看片")], "omni-moderation-latest"),
    ModerationResponse(
        id=f"modr-{_ID}",
        model="omni-moderation-latest",
        results=[
            ModerationResult(
                flagged=True,
                categories={"harassment": False, "sexual": True},
                category_scores={"harassment": 0.02, "sexual": 0.91},
                category_applied_input_types={"harassment": ["text"], "sexual": ["text"]},
                verdict=Verdict(Action.REMOVE, ("porn_sexual>=0.80",)),
            )
        ],
        model_version="fast-1",
        policy_version="default-1",
        request_id=_ID,
    ),
    EmbeddingRequest(["怎么退款", "几点开门"], "text-embedding-3-small", dimensions=32),
    EmbeddingResponse(
        data=[EmbeddingItem(0, [0.6, -0.8])],
        model="text-embedding-3-small",
        usage=EmbeddingUsage(4, 4),
        model_version="fast-1",
        request_id=_ID,
    ),
)
"""One of each type that is a whole body; an example of a result shows two of its thirteen categories."""
