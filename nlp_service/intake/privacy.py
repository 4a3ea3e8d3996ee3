"""Personal data in what is kept: covered in the text, and in every piece of it that an analysis shows.

Covering keeps the length, so positions are the same in the text as it was sent and as it is kept.
"""

from __future__ import annotations

from msgspec.structs import replace

from nlp_service.text.pii import mask
from nlp_service.types import Analysis, Evidence, Pain, Span


def cover(text: str, analysis: Analysis) -> tuple[str, Analysis]:
    """A text with what is secret in it covered, and the analysis without what it shows of that.

    Args:
        text: As it was sent.
        analysis: Of it; what it says of personal data (`Analysis.pii`) is not looked for again.
    """
    if not analysis.pii:
        return text, analysis
    covered = mask(text)
    return covered, replace(
        analysis,
        pain=tuple(_cut_pain(pain, covered) for pain in analysis.pain),
        evidence=tuple(_cover_evidence(item, covered) for item in analysis.evidence),
        pii=tuple(_cut(span, covered) for span in analysis.pii),
    )


def uncover(analysis: Analysis, covered: str, text: str) -> Analysis:
    """What was kept of a message, with its pieces as they stand in the text as it was sent.

    Args:
        analysis: As it was kept.
        covered: The text as it would be kept.
        text: The same as it was sent.

    Returns:
        The analysis itself if its pieces are not those of `covered`: then it is of another wording.
    """
    spans = [*(pain.span for pain in analysis.pain), *(item.span for item in analysis.evidence), *analysis.pii]
    if covered == text or any(span != _cut(span, covered) for span in spans):
        return analysis
    return replace(
        analysis,
        pain=tuple(_cut_pain(pain, text) for pain in analysis.pain),
        evidence=tuple(replace(item, span=_cut(item.span, text)) for item in analysis.evidence),
        pii=tuple(_cut(span, text) for span in analysis.pii),
    )


def _cut_pain(pain: Pain, text: str) -> Pain:
    span = _cut(pain.span, text)
    # A pain that is counted under no name goes by its own words.
    return replace(pain, span=span, target=span.text if pain.target == pain.span.text else pain.target)


def _cover_evidence(item: Evidence, covered: str) -> Evidence:
    span = _cut(item.span, covered)
    if span == item.span:
        return item
    # What the characters were read as says the same as they did.
    return replace(item, span=span, normalised=None)


def _cut(span: Span, text: str) -> Span:
    return Span(span.start, span.end, text[span.start : span.end])
