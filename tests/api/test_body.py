from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.api.body import decode_body
from nlp_service.api.schemas.analysis import AnalyzeRequest
from nlp_service.errors import BadInput

DECODER = msgspec.json.Decoder(AnalyzeRequest)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadInput):
        assert isinstance(decode_body(body, DECODER), AnalyzeRequest)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["messages", "text", "id"]), inner),
        max_leaves=8,
    )
)
def test_any_json_is_decoded_or_refused_with_a_field(value: object) -> None:
    param: str | None = "none was needed"
    try:
        decode_body(json.dumps(value).encode(), DECODER)
    except BadInput as error:
        param = error.param
    assert param


@given(ANY_TEXT)
def test_any_text_arrives_whole_and_can_be_written(text: str) -> None:
    request = decode_body(json.dumps({"messages": [{"text": text}]}).encode(), DECODER)
    received = request.messages[0].text
    # json.dumps writes two surrogates that stand side by side like one character, and so they are read.
    assert received == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert received.encode().decode() == received


@pytest.mark.parametrize(
    "body", [b'{"messages":[{"text":{"secret":1}}]}', b'{"messages":[{"text":"a","id":["secret"]}]}', b"secret"]
)
def test_an_error_never_repeats_what_was_sent(body: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        decode_body(body, DECODER)
    assert "secret" not in caught.value.message + str(caught.value.param)
