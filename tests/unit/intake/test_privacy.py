from __future__ import annotations

from msgspec.structs import replace

from nlp_service.intake.privacy import cover, uncover
from nlp_service.text.pii import find_pii
from nlp_service.types import Abuse, Analysis, Evidence, Pain, Risk, Span

TEXT = "退款没到，打13800138000找我"
COVERED = "退款没到，打138****8000找我"


def piece(text: str, of: str) -> Span:
    start = of.index(text)
    return Span(start, start + len(text), text)


def read(text: str) -> Analysis:
    return Analysis(
        id="m",
        intent=None,
        sentiment=None,
        risk=Risk(0, 0.1, 0.2),
        abuse=Abuse(0.1, False),
        unsafe=(),
        pain=(
            Pain("退款退货", piece("退款没到", text), "refund_aftersale"),
            Pain(piece("打13800138000", text).text, piece("打13800138000", text), "other"),
        ),
        evidence=(
            Evidence("risk", "model", piece("没到", text)),
            Evidence("unsafe.contact_spam", "model", piece("13800138000", text), "13800138000"),
            Evidence("lexicon.watch", "lexicon", piece("8000找", text), "8000找", "numbers"),
        ),
        pii=find_pii(text),
    )


def test_nothing_that_is_kept_shows_what_is_covered() -> None:
    covered, analysis = cover(TEXT, read(TEXT))
    assert covered == COVERED
    assert len(covered) == len(TEXT)
    spans = [*(pain.span for pain in analysis.pain), *(item.span for item in analysis.evidence), *analysis.pii]
    assert [span.text for span in spans] == [covered[span.start : span.end] for span in spans]
    assert [pain.target for pain in analysis.pain] == ["退款退货", "打138****8000"]
    assert "0013" not in str(analysis)


def test_pieces_that_hold_nothing_secret_stay_as_they_are() -> None:
    _, analysis = cover(TEXT, read(TEXT))
    assert analysis.evidence[0] == read(TEXT).evidence[0]
    assert analysis.evidence[2].normalised == "8000找"
    assert analysis.evidence[1].normalised is None


def test_a_text_without_personal_data_costs_nothing() -> None:
    text = "今天天气不错"
    analysis = replace(read(TEXT), pii=())
    assert cover(text, analysis)[0] is text
    assert cover(text, analysis)[1] is analysis


def test_who_sent_the_text_sees_its_pieces_again() -> None:
    covered, analysis = cover(TEXT, read(TEXT))
    shown = uncover(analysis, covered, TEXT)
    assert [pain.span for pain in shown.pain] == [pain.span for pain in read(TEXT).pain]
    assert shown.pii == read(TEXT).pii
    assert shown.pain[1].target == "打13800138000"


def test_what_was_kept_of_another_wording_is_shown_as_it_was_kept() -> None:
    _, analysis = cover(TEXT, read(TEXT))
    other = "完全不同的一句话，打13900139000"
    assert uncover(analysis, cover(other, analysis)[0], other) is analysis
