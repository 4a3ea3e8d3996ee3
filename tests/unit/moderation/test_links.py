from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_service.moderation.hosts import LinkRules
from nlp_service.moderation.links import find_links, plain_host


@pytest.mark.parametrize(
    ("text", "url", "host", "part"),
    [
        ("看 https://t.cn/AbC?x=1。", "https://t.cn/AbC?x=1", "t.cn", "https://t.cn/AbC?x=1"),
        ("买了http://shop.example.com:8080/a#b，不错", "http://shop.example.com:8080/a#b", "shop.example.com", None),
        ("(http://example.com/b)", "http://example.com/b", "example.com", "http://example.com/b"),
        ("HTTP://EXAMPLE.com/Ab", "http://example.com/Ab", "example.com", None),
        ("hxxp://example.com", "hxxp://example.com", "example.com", None),
        ("http:// example.com/a", "http://example.com/a", "example.com", None),
        ("http://user@example.com/x", "http://example.com/x", "example.com", None),
        ("http://10.0.0.1:80/x", "http://10.0.0.1:80/x", "10.0.0.1", None),
        ("上example.com看", "example.com", "example.com", "example.com"),
        ("www.example.me", "www.example.me", "www.example.me", None),
        ("t.me/abc", "t.me/abc", "t.me", None),
        ("4399.com", "4399.com", "4399.com", None),
        ("example.com.cn", "example.com.cn", "example.com.cn", None),
        # Disguised
        ("taobao。com", "taobao.com", "taobao.com", "taobao。com"),
        ("去ｔ．ｃｎ／ａｂｃ看", "t.cn/abc", "t.cn", "ｔ．ｃｎ／ａｂｃ"),
        ("ⓣ.ⓒⓝ/1", "t.cn/1", "t.cn", None),
        ("t\u200b.c\u200bn/ab", "t.cn/ab", "t.cn", None),
        ("t点cn", "t.cn", "t.cn", "t点cn"),
        ("m.taobao 点 com 哦", "m.taobao.com", "m.taobao.com", "m.taobao 点 com"),
        ("t[.]cn/x", "t.cn/x", "t.cn", None),
        ("taobao(dot)com", "taobao.com", "taobao.com", None),
        ("taobao . com", "taobao.com", "taobao.com", None),
        ("taobao. com", "taobao.com", "taobao.com", None),
        ("taobao dot com / sale", "taobao.com/sale", "taobao.com", None),
        # Names beyond ASCII
        ("http://例子.中国/路", "http://xn--fsqu00a.xn--fiqs8s/", "xn--fsqu00a.xn--fiqs8s", "http://例子.中国/"),
        ("http://例子.com快来看", "http://xn--fsqu00a.com", "xn--fsqu00a.com", "http://例子.com"),
        ("http://t.cn快来", "http://t.cn", "t.cn", "http://t.cn"),
        ("xn--fsqu00a.com", "xn--fsqu00a.com", "xn--fsqu00a.com", None),
        # Without a host of their own
        ("weixin://dl/business", "weixin://dl/business", "", None),
        ("magnet:?xt=urn:btih:abc", "magnet:?xt=urn:btih:abc", "", None),
        ("复制￥aB3dE5fG7hI￥打开", "¥aB3dE5fG7hI¥", "taobao.com", "￥aB3dE5fG7hI￥"),
    ],
)
def test_a_link_is_found_however_it_is_written(text: str, url: str, host: str, part: str | None) -> None:
    (link,) = find_links(text)
    assert (link.url, link.host) == (url, host)
    assert link.span.text == (text if part is None else part) or (part is None and link.span.text in text)


@pytest.mark.parametrize(
    "text",
    """
    今天天气不错。我们出去玩吧
    readme.md 和 main.py 都改了
    iphone15.pro 好还是 mate60.pro 好
    ok. top
    写信到 service@example.com 或 a.b@mail.example.com.cn
    v2.0.1 和 3.14 和 192.168.1.1
    用 asp.net 写的
    晚上8点com
    and/or
    e.g. 这个
    今天8点 top10 出来了
    价格￥19.9￥29.9
    说明：下午3:30//集合
    买了3.5折的
    Node.js/Go 都行
    ：：：//
    """.strip().split("\n"),
)
def test_what_only_looks_like_a_link_is_none(text: str) -> None:
    assert find_links(text) == ()


def test_several_links_come_in_order_and_do_not_overlap() -> None:
    links = find_links("先看 t.cn/a，再看 https://example.com/b，最后 example。org")
    assert [link.host for link in links] == ["t.cn", "example.com", "example.org"]
    assert all(before.span.end <= after.span.start for before, after in pairwise(links))


PIECES = st.sampled_from(
    ["t", "cn", ".", "。", "点", "com", "http://", "/", " ", "：", "a1", "\u200b", "字", "[", "]", "￥", "@", "ｗ"]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join)))
def test_spans_are_of_the_text_as_it_was_sent(text: str) -> None:
    for link in find_links(text):
        assert link.span.text == text[link.span.start : link.span.end] != ""
        assert link.host == link.host.lower()


@pytest.mark.parametrize(
    "piece",
    [
        "a.",
        "a",
        "a-",
        "http://",
        "a点",
        "a . ",
        "$a",
        "a.b.",
        "://",
        "1",
        "a.a/",
        "[.]a",
        "ab。",
        "http://a.-",
        "www.",
        "¥a1",
        "a\u200b.",
    ],
)
def test_time_is_linear_in_the_length_of_hostile_texts(piece: str) -> None:
    text = (piece * 4_000)[:4_000]
    start = time.process_time()
    find_links(text)
    assert time.process_time() - start < 0.5  # some twenty times what it takes


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.com", True),
        ("a.b.example.com", True),
        ("myexample.com", None),
        ("evil.example.com", False),
        ("x.evil.example.com", False),
        ("com", None),
        ("", None),
        ("xn--fsqu00a.com", True),  # as the list has it in Chinese
    ],
)
def test_the_longest_host_that_fits_decides(host: str, expected: bool | None) -> None:
    rules = LinkRules(allow=("Example.com.", "例子.com"), deny=("evil.example.com",))
    assert rules.allows(host) is expected


def test_without_lists_no_host_is_known() -> None:
    assert LinkRules().allows("example.com") is None


def test_a_host_on_both_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="xn--fsqu00a"):
        LinkRules(allow=("例子.com",), deny=("xn--fsqu00a.com",))


def test_a_name_that_no_host_can_have_stays_what_it_is() -> None:
    assert plain_host("字" * 80 + ".com") == "字" * 80 + ".com"
