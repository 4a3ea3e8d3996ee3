r"""Links in a text, also those that are written so that a filter overlooks them.

Found are addresses with a scheme; names that end in a common domain (``taobao.com``), or in any with a path
(``t.me/abc``); both in full-width or styled letters, with invisible characters in between, and with other signs for the
dot ("taobao。com", "taobao 点 com", "t[.]cn", "taobao . com"); and the passwords that open a page of Taobao.

What counts is chosen for precision: what may as well be a file, a version or the end of a sentence ("readme.md",
"iphone15.pro", "ok. top") is no link without a scheme or a path, and nor is a mail address.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from nlp_service.types import Span


class Link(NamedTuple):
    """A link in a text.

    Attributes:
        url: What would be opened: as it was written, but with plain letters, dots and no spaces.
        host: In lower case, names beyond ASCII in punycode; empty if there is none (``magnet:?xt=…``).
        span: Where it stands in the text as it was sent.
    """

    url: str
    host: str
    span: Span


_COMMON = "com|net|org|cn|hk|tw|biz|xyz|top|vip|club|shop|icu|wang|ltd|site|online|mobi|cc|tv|io|co|jp|kr|ru|us|uk"
# As words and endings of files these need a path.
_WITH_PATH = (
    "me|ly|gl|gd|to|im|in|is|it|am|fm|be|de|fr|eu|la|ai|so|sh|su|ws|pw|gg|ac|at|au|br|by|ca|ch|cl|cx|dk|es|fi|gs|id|ie"
    "|il|ir|li|lt|lu|lv|mn|ms|mx|my|nl|no|nu|nz|ph|pl|pt|ro|se|sg|sk|st|tc|th|tk|tm|tr|ua|vc|vn|cm|ml|ga|cf"
    "|link|live|fun|ink|red|work|app|dev|pro|store|tech|page|info|asia|today|world|team|cloud|group"
)
_PLAIN = "com|net|org|cn|cc|xyz|vip|top"
_NO_LINKS = frozenset({"asp.net", "ado.net", "vb.net", "ml.net"})  # software
_TAOBAO = "taobao.com"

_LABEL = "[a-z0-9][a-z0-9_-]{0,62}+"
_DOT = "[.。]"
_ODD = r"[ ]{0,2}(?:[(\[{<][ ]?(?:[.。点點]|dot)[ ]?[)\]}>]|[点點·•])[ ]{0,2}"
_SPACED = r"(?:[ ]{1,2}\.[ ]{0,2}|\.[ ]{1,2}|[ ]{1,2}dot[ ]{1,2})"
_SOMETHING = "(?=[a-z0-9-]{0,62}[a-z]|[0-9]{3})"  # "8点", "3 . com" are no names
_END = "(?![a-z0-9_@-])"
_BEFORE = "(?<![a-z0-9_@.+%-])(?<![a-z0-9]。)"
_IN_PATH = r"[a-z0-9._~%!$&'()*+,;=:@/?#\[\]-]"

_ENDING = rf"(?::[0-9]{{1,5}})? (?:[/?\#]{_IN_PATH}*)?"
_LINK = re.compile(
    rf"""
    (?<![a-z0-9]) (?P<scheme>https?|hxxps?|ftp) [ ]?:[ ]?[/\\][ ]?[/\\][ ]? (?:[a-z0-9._%:-]{{1,64}}@)?
        (?P<address> (?:{_LABEL}{_DOT}){{1,8}}{_LABEL} | (?:[\w-]{{1,63}}{_DOT}){{0,8}}(?:[a-z]{{2,24}}|[\w-]{{1,63}}) )
        (?P<path> {_ENDING} )
    | {_BEFORE} (?P<host> www{_DOT}(?:{_LABEL}{_DOT}){{1,6}}[a-z]{{2,24}} | (?:{_LABEL}{_DOT}){{1,8}}(?:{_COMMON}) )
        {_END} (?P<after> {_ENDING} )
    | {_BEFORE} (?P<short> (?:{_LABEL}\.){{1,8}}(?:{_WITH_PATH}) )
        (?P<needed> (?::[0-9]{{1,5}})? /[a-z0-9@+]{_IN_PATH}* )
    | {_BEFORE} {_SOMETHING}
        (?P<hidden> {_LABEL}(?:{_DOT}{_LABEL}){{0,3}}+ (?: {_ODD}(?:{_PLAIN}) | {_SPACED}(?:com|net|org|cn|cc|xyz) ) )
        {_END} (?P<rest> (?: [ ]?/[ ]?{_IN_PATH}+ )? )
    | (?<![a-z0-9]) (?P<other> [a-z][a-z0-9+]{{1,15}}://{_IN_PATH}{{1,200}} | magnet:\?xt={_IN_PATH}{{1,200}} )
    | (?P<password> [¥€$₤₳₴¢](?=[0-9]*[a-z])[a-z0-9]{{11}}[¥€$₤₳₴¢] )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PATHS = {"address": "path", "host": "after", "short": "needed", "hidden": "rest"}
_SIGNS = re.compile(rf"{_ODD}|{_SPACED}|{_DOT}", re.IGNORECASE)

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)
_DRAWN = "\u2070-\u2189\u2460-\u24ff\uff01-\uffe5\U0001d400-\U0001d7ff\U0001f100-\U0001f190"
# Whether to look at all: something like a letter, a dot and a letter, or the sign of a scheme or a password.
_NAMING = "A-Za-z0-9ａ-ｚＡ-Ｚ０-９\u2070-\u2189\u2460-\u24ff\U0001d400-\U0001d7ff\U0001f100-\U0001f190"
_MAY_HOLD = re.compile(
    rf"[{_NAMING}]\W{{0,3}}?(?:[.．。｡点點·•]|[Dd][Oo][Tt])\W{{0,3}}[{_NAMING}]|[:：]\s?[/／\\＼]|magnet:|[¥￥€$＄₤₳₴¢￠]"
)
_IS_DRAWN = re.compile(f"[\u3000{_DRAWN}]")


def _plain_characters() -> dict[int, str]:
    """Characters that are drawn as an ASCII one, and that browsers take for it in a host; one for one."""
    bounds = re.findall("(.)-(.)", _DRAWN)
    drawn = (chr(code) for first, last in bounds for code in range(ord(first), ord(last) + 1))
    plain = {ord(char): unicodedata.normalize("NFKC", char) for char in ("\u3000", *drawn)}
    return {code: char for code, char in plain.items() if len(char) == 1 and (char.isascii() or char == "¥")} | {
        0xFF61: "。"
    }


_PLAINLY = _plain_characters()


def find_links(text: str) -> tuple[Link, ...]:
    """Find links, from left to right; they do not overlap. Any string is accepted, in time linear in its length."""
    if not _MAY_HOLD.search(text):
        return ()
    plain, positions = _as_plain(text)
    links = []
    for match in _LINK.finditer(plain):
        url, host, end = _read(match)
        if host in _NO_LINKS:
            continue
        start = match.start()
        if positions is not None:
            start, end = positions[start], positions[end - 1] + 1
        links.append(Link(url, host, Span(start, end, text[start:end])))
    return tuple(links)


def plain_host(name: str) -> str:
    """A host as links carry it: lower case, plain dots, no dot at the end, punycode where it is not ASCII."""
    plain = name.lower().replace("。", ".").strip(".")
    if plain.isascii():
        return plain
    try:
        return plain.encode("idna").decode("ascii")
    except UnicodeError:  # no host can be named so, but somebody wrote it
        return plain


def _as_plain(text: str) -> tuple[str, list[int] | None]:
    """The text in plain characters, and where each of them stood; None where none was left out."""
    plain = text.translate(_PLAINLY) if _IS_DRAWN.search(text) else text
    if not _INVISIBLE.search(plain):
        return plain, None
    positions = [position for position, char in enumerate(plain) if not _INVISIBLE.match(char)]
    return "".join(plain[position] for position in positions), positions


def _read(match: re.Match[str]) -> tuple[str, str, int]:
    """The address, its host, and where it ends."""
    for group, after in _PATHS.items():
        name = match[group]
        if name is not None:
            path = match[after].rstrip(".,;:!?'([")
            for opening, closing in ("()", "[]"):
                if path.endswith(closing) and opening not in path:
                    path = path.rstrip(f"{closing}.,;:!?'")
            host = plain_host(_SIGNS.sub(".", name))
            scheme = f"{match['scheme'].lower()}://" if match["scheme"] else ""
            return f"{scheme}{host}{path.replace(' ', '')}", host, match.start(after) + len(path)
    return match[0], _TAOBAO if match["password"] else "", match.end()
