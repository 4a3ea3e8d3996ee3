"""``POST /v1/embeddings``: the vectors of our model in OpenAI's shape."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nlp_service.api.analyze import Limits
from nlp_service.api.body import decode_body, read_body
from nlp_service.api.compat.openai_types import (
    MAX_INPUTS,
    EmbeddingItem,
    EmbeddingRequest,
    EmbeddingResponse,
    EmbeddingUsage,
)
from nlp_service.api.compat.reading import Reading, count_units, shorten
from nlp_service.api.resources import respond
from nlp_service.errors import BadInput, TooLarge
from nlp_service.inference.vectors import Floats

SHORT = (32, 64)
"""Numbers of first columns that were learnt to stand for the whole vector."""

_decoder = msgspec.json.Decoder(EmbeddingRequest)


class Embeddings:
    """The route with what it needs."""

    def __init__(self, reading: Reading, limits: Limits) -> None:
        self._reading = reading
        self._limits = limits

    async def post(self, request: Request) -> Response:
        """Embed texts; nothing is stored.

        Raises:
            BadInput: The body is none of OpenAI's, or holds tokens in place of text; `param` names the field.
            TooLarge: The body, the list or a text is over its limit.
            Overloaded: There is no room in the queue.
            NotReady: No worker could read it, or not in time.
        """
        asked = decode_body(await read_body(request, self._limits.max_body_bytes), _decoder)
        texts = texts_of(asked.input)
        self._check(texts, is_list=not isinstance(asked.input, str))
        request.state.n_messages = len(texts)
        vectors = await self._reading.vectors(request, texts)
        vectors = shorten(vectors, columns_of(asked.dimensions, vectors.shape[1]))
        n_units = await count_units(texts)
        return respond(
            EmbeddingResponse(
                data=[EmbeddingItem(i, one) for i, one in enumerate(written(vectors, asked.encoding_format))],
                model=asked.model or self._reading.model_version,
                usage=EmbeddingUsage(n_units, n_units),
                model_version=self._reading.model_version,
                request_id=request.state.request_id,
            )
        )

    def _check(self, texts: Sequence[str], *, is_list: bool) -> None:
        if len(texts) > MAX_INPUTS:
            raise TooLarge(f"{len(texts)} texts are more than {MAX_INPUTS}", param="input")
        for place, text in enumerate(texts):
            param = f"input[{place}]" if is_list else "input"
            if not text:
                raise BadInput("an empty text has no vector", param=param)
            if len(text) > self._limits.max_text:
                raise TooLarge(f"{len(text)} code points are more than {self._limits.max_text}", param=param)


def texts_of(given: str | Sequence[str | int | list[int]]) -> list[str]:
    """The texts to embed.

    Raises:
        BadInput: There is none, or tokens stand in place of a text; `param` names them.
    """
    if isinstance(given, str):
        return [given]
    if not given:
        raise BadInput("there is no text", param="input")
    texts = []
    for place, text in enumerate(given):
        if not isinstance(text, str):
            raise BadInput(
                "token arrays are not taken: the tokens are another model's; send texts", param=f"input[{place}]"
            )
        texts.append(text)
    return texts


def columns_of(wanted: int | None, columns: int) -> int:
    """How many columns a vector shall have.

    Raises:
        BadInput: Not so many stand for the whole.
    """
    allowed = (*(short for short in SHORT if short < columns), columns)
    if wanted is not None and wanted not in allowed:
        raise BadInput(f"dimensions is one of {', '.join(map(str, allowed))}", param="dimensions")
    return columns if wanted is None else wanted


def written(vectors: Floats, encoding: str) -> list[list[float] | str]:
    """Each vector as numbers, or as base64 of 32-bit floats, little-endian."""
    if encoding == "float":
        return [row.tolist() for row in vectors]
    return [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
