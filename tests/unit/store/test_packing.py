from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.errors import BadInput, ServiceError
from nlp_service.store import packing
from nlp_service.store.packing import LABELS, label_bits, label_mask, label_names, pack, unpack
from nlp_service.types import INTENTS, UNSAFE, Action, Analysis, Evidence, Intent, Span, UgcQuality, Verdict
from tests.unit.store.deliveries import analysis


def full() -> Analysis:
    """One with something in every field."""
    return msgspec.structs.replace(
        analysis("complaint", risk=2, flagged=True, unsafe={"scam": 0.7}),
        evidence=(Evidence("intent.complaint", "lexicon", Span(0, 2, "物流"), "物流", "快递"),),
        verdict=Verdict(Action.REVIEW, ("risk>=2",)),
        pii=(Span(3, 14, "13900000000"),),
        ugc_quality=UgcQuality(0.5, 1.0, 0.25, 0.0, 1.0),
    )


@pytest.mark.parametrize("id_", ["a", 7, None])
def test_an_analysis_comes_back_as_it_was(id_: str | int | None) -> None:
    original = msgspec.structs.replace(full(), id=id_)
    assert unpack(pack(original)) == original


def test_one_whose_heads_failed_comes_back_as_it_was() -> None:
    original = msgspec.structs.replace(full(), intent=None, sentiment=None, unsafe=None, verdict=None)
    assert unpack(pack(original)) == original


@given(st.text(max_size=4_000))
def test_any_text_in_it_comes_back(text: str) -> None:
    original = msgspec.structs.replace(full(), id=text)
    assert unpack(pack(original)) == original


def test_it_takes_less_than_a_third_of_its_json() -> None:
    assert len(pack(full())) < len(msgspec.json.encode(full())) / 3


def test_the_dictionary_of_version_1_never_changes() -> None:
    # Every stored analysis of this version was packed with it: for another one take another version.
    digest = hashlib.sha256(packing._DICTIONARIES[1]).hexdigest()
    assert digest == "138720b2a190e404846659646307434e646d73155c53d48029eaffe0a1534445"
    assert pack(full())[0] == 1


@pytest.mark.parametrize("packed", [b"", b"\x02rest", b"\x00"])
def test_an_unknown_format_is_refused(packed: bytes) -> None:
    with pytest.raises(ServiceError, match=r"format (none|02|00)"):
        unpack(packed)


@pytest.mark.parametrize("packed", [b"\x01", pack(full())[:-9], pack(full())[:1] + b"\xff" * 50])
def test_damage_is_found_and_shows_nothing(packed: bytes) -> None:
    with pytest.raises(ServiceError, match=f"a stored analysis of {len(packed)} bytes is damaged") as caught:
        unpack(packed)
    assert "物流" not in str(caught.value)


def test_there_is_a_label_for_all_that_is_filtered_by() -> None:
    # In this order: a place is a bit in stored rows.
    assert (*INTENTS, "abuse", *UNSAFE) == LABELS


def test_labels_are_intents_flagged_abuse_and_likely_unsafe_kinds() -> None:
    found = analysis(flagged=True, unsafe={"scam": 0.5, "gambling": 0.49})
    found = msgspec.structs.replace(found, intent=Intent("complaint", ("complaint", "question"), {}))
    assert label_names(label_bits(found)) == ("question", "complaint", "abuse", "scam")


def test_failed_heads_give_no_labels() -> None:
    found = msgspec.structs.replace(analysis(), intent=None, unsafe=None)
    assert label_names(label_bits(found)) == ()


def test_a_mask_has_the_bits_of_its_labels() -> None:
    assert label_mask(("question", "abuse")) == 0b100001
    assert label_mask(()) == 0
    with pytest.raises(BadInput, match="no such label") as caught:
        label_mask(("question", "spam"))
    assert caught.value.param == "label"
