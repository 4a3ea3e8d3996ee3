from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.notify.notices import MAX_LINE, MAX_QUOTES, Line, decode, encode
from nlp_service.notify.wording import as_markdown, as_text, escape, plain
from tests.unit.notify.conftest import notice


def test_markdown_holds_what_matters_and_the_link() -> None:
    text = as_markdown(notice(), "Asia/Shanghai", 4_096)
    for part in ("🟠", "三个群同时反映吃完不舒服", "03-01 16:30", "影响人数", "**12**", "](https://ops.example.com/"):
        assert part in text


def test_members_cannot_write_markdown_or_call_everybody() -> None:
    text = as_markdown(notice(quotes=("[点我](http://evil) @all <font>**免费** \u202e",)), "UTC", 4_096)
    assert "](http://evil" not in text
    assert "@all" not in text
    assert "<font" not in text.replace("\\<", "")
    assert "\u202e" not in text


def test_plain_text_stays_one_line_a_fact() -> None:
    text = as_text(notice(lines=(Line("a\nb", "c\r\nd"),), draft="第一句。\n第二句。"), "UTC")
    assert "a b：c d" in text
    assert "第一句。\n第二句。" in text


@given(st.integers(60, 4_096), st.lists(st.text(max_size=300), max_size=5), st.text(max_size=500))
def test_markdown_fits_whatever_is_in_it(n_bytes: int, quotes: list[str], draft: str) -> None:
    text = as_markdown(notice(quotes=tuple(quotes), draft=draft), "UTC", n_bytes)
    assert 0 < len(text.encode()) <= n_bytes


@given(st.text())
def test_escaped_texts_have_one_line(text: str) -> None:
    assert "\n" not in escape(text)
    assert plain(plain(text)) == plain(text)


def test_a_long_notice_is_cut_when_it_is_kept() -> None:
    long = notice("题" * 500, lines=tuple(Line("x", "长" * 9_999) for _ in range(99)), quotes=("话" * 9_999,) * 9)
    kept = decode(encode(long))
    assert len(kept.title) == 120
    assert len(kept.lines) == 20
    assert len(kept.quotes) == MAX_QUOTES
    assert len(kept.lines[0].value) == len(kept.quotes[0]) == MAX_LINE


@pytest.mark.parametrize(
    "changes", [{"severity": 5}, {"severity": -1}, {"at": datetime(2026, 1, 1)}, {"is_private": True}]
)
def test_a_notice_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"severity|zone|quotes"):
        notice(**changes)  # type: ignore[arg-type]


def test_a_private_notice_has_no_quotes() -> None:
    assert notice(is_private=True, quotes=()).at.tzinfo is UTC
