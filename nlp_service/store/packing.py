"""Analyses as the store keeps them: JSON, compressed, and the labels among them as bits to filter by.

An analysis is some 800 to 2,000 bytes of JSON, most of it field names. A dictionary of these, which both sides know,
lets even a lone one shrink to a quarter.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from nlp_service.errors import BadInput, ServiceError
from nlp_service.types import Analysis

# The place of a name is its bit, and stands in rows that are there: new names go to the end, and none is taken out.
LABELS = (
    "question",
    "ugc",
    "ad",
    "complaint",
    "chat",
    "abuse",
    "porn_sexual",
    "gambling",
    "scam",
    "drugs_weapons",
    "politics_sensitive",
    "contact_spam",
    "flooding",
    "illegal_service",
)
"""What a message can be filtered by: intents, ``abuse``, and unsafe kinds."""

LIKELY = 0.5
"""Probability from which an unsafe kind is one of a message's labels."""

_BITS = {label: 1 << place for place, label in enumerate(LABELS)}

# 8 KiB of window hold the dictionary and all but the longest analyses. The state of a compressor is copied for each
# one, so it must be small: with the 32 KiB that zlib takes unasked it takes four times as long. Level 3 takes as long
# as level 1 here, and leaves a fifth less.
_LEVEL, _WINDOW, _MEMORY = 3, -13, 6

# What is most frequent stands last, where references to it are shortest. Every row of version 1 needs it as it is.
_VERSION_1 = (
    b"food_safety health_injury fraud_fake price_dispute privacy_security legal_regulatory media_exposure "
    b"collective_action discrimination_values outage self_harm violence_threat porn_sexual gambling scam drugs_weapons "
    b'politics_sensitive flooding illegal_service","probability":0.9 unsafe.contact_spam unsafe.scam lexicon '
    b'{"label":"intent.ugc","source":"lexicon","span":{"start":1,"end":2,"text":"","list":"'
    b'"ugc_quality":{"score":0.5,"originality":1.0,"usefulness":0.5,"spread":0.5,"compliance":1.0}}'
    b'"verdict":{"action":"block","reasons":["head_failed:"]},"pii":[{"start":1,"end":1,"text":"'
    b'"verdict":{"action":"remove","reasons":["ad>=0.80+contact_spam>=0.50","contact_spam>=0.60"]},"pii":[]'
    b'"verdict":{"action":"review","reasons":["risk>=2","protected:complaint_or_question"]},"pii":[]'
    b'"verdict":{"action":"warn","reasons":["ad>=0.60","abuse>=0.60"]},"pii":[],"ugc_quality":null}'
    b'{"name":"other","probability":0.{"name":"delivery_delay","probability":0.{"name":"refund_aftersale","probability"'
    b':0.{"name":"service_attitude","probability":0.{"name":"product_quality","probability":0.'
    b'"flagged":true},"unsafe":[{"name":"contact_spam","probability":0.'
    b'"},"category":"delivery_delay"},{"target":"","span":{"start":1,"end":1,"text":""},"category":"refund_aftersale"},'
    b'"},"category":"service_attitude"},{"target":"","span":{"start":2,"end":2,"text":""},"category":"product_quality"},'
    b'","intent":{"primary":"ugc","labels":["ugc"],"intent":{"primary":"ad","labels":["ad"],'
    b'"intent":{"primary":"question","labels":["question"],"intent":{"primary":"complaint","labels":["complaint"],'
    b'{"id":"","intent":{"primary":"chat","labels":["chat"],"probabilities":{"question":0.00,"ugc":0.00,"ad":0.00,'
    b'"complaint":0.00,"chat":0.99}},"sentiment":{"label":"positive","score":0.9{"label":"negative","score":-0.9'
    b'{"label":"neutral","score":0.0,"probabilities":{"negative":0.00,"neutral":0.99,"positive":0.00}},'
    b'"risk":{"level":1,"probability":0.0,"probability_watch":0.9,"categories":[{"name":"'
    b'"risk":{"level":0,"probability":0.000,"probability_watch":0.000,"categories":[]},'
    b'"abuse":{"probability":0.000,"flagged":false},"unsafe":[],"pain":[{"target":"","span":{"start":0,"end":1,'
    b'"text":""},"category":"need"}],"evidence":[{"label":"intent.complaint","source":"model","span":{"start":2,"end":4,'
    b'{"label":"abuse","source":"model","span":{"start":{"label":"risk","source":"model","span":{"start":'
    b'{"label":"intent.ad","source":"model","span":{"start":{"label":"intent.question","source":"model","span":{"start":'
    b'"text":""},"normalised":null,"list":null},{"label":"sentiment.positive","source":"model","span":{"start":1,"end":1,'
    b'"text":""},"normalised":null,"list":null},{"label":"sentiment.negative","source":"model","span":{"start":1,"end":1,'
    b'"text":""},"normalised":null,"list":null}],"verdict":{"action":"pass","reasons":[]},"pii":[],"ugc_quality":null}'
)
_DICTIONARIES = {1: _VERSION_1}
_CURRENT = 1
_compressor = zlib.compressobj(
    _LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARIES[_CURRENT]
)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Analysis)


def pack(analysis: Analysis) -> bytes:
    """The analysis as bytes: one of the version of this format, then raw deflate."""
    compressor = _compressor.copy()
    return bytes((_CURRENT,)) + compressor.compress(_encoder.encode(analysis)) + compressor.flush()


def unpack(packed: bytes) -> Analysis:
    """What `pack` wrote, in this version or an earlier one.

    Raises:
        ServiceError: The bytes are damaged, or of a newer version.
    """
    dictionary = _DICTIONARIES.get(packed[0]) if packed else None
    if dictionary is None:
        raise ServiceError(f"a stored analysis has format {packed[:1].hex() or 'none'}, which this version cannot read")
    try:
        return _decoder.decode(zlib.decompressobj(_WINDOW, dictionary).decompress(packed[1:]))
    except (zlib.error, msgspec.DecodeError) as error:
        # The error itself may quote what the row holds.
        raise ServiceError(f"a stored analysis of {len(packed)} bytes is damaged ({type(error).__name__})") from None


def label_bits(analysis: Analysis) -> int:
    """The labels of a message, each a bit: all its intents, abuse where it is flagged, and likely unsafe kinds."""
    bits = _BITS["abuse"] if analysis.abuse.flagged else 0
    if analysis.intent is not None:
        for label in analysis.intent.labels:
            bits |= _BITS[label]
    for kind in analysis.unsafe or ():
        if kind.probability >= LIKELY:
            bits |= _BITS[kind.name]
    return bits


def label_names(bits: int) -> tuple[str, ...]:
    """The labels of a message, in the order of `LABELS`."""
    return tuple(label for label, bit in _BITS.items() if bits & bit)


def label_mask(labels: Iterable[str]) -> int:
    """The bits of some labels.

    Raises:
        BadInput: There is no such label.
    """
    mask = 0
    for label in labels:
        if label not in _BITS:
            raise BadInput(f"there is no such label; there are {', '.join(LABELS)}", param="label")
        mask |= _BITS[label]
    return mask
