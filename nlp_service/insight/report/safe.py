"""What users wrote, made harmless: nothing personal, nothing unseen, nothing that a format takes for its own.

`plain` keeps the length in code points, so that spans still fit.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

from nlp_service.errors import BadInput
from nlp_service.text import pii

# Controls, marks that turn the direction of writing, line and paragraph separators, surrogates and what is no
# character. Zero-width joiners stay: families of emoticons hold them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff]"
)
_SPACES = "\t\n\r\x0b\x0c\x85\u2028\u2029"
# What Markdown reads anywhere; at the start of a line; behind the number of a list; in what it makes a link of itself.
_MARKDOWN = re.compile(r"[\\`*_{}\[\]|~$^]|^[#+=-]|(?<=\d)[.)](?=\s|$)|:(?=//)|\.(?=[A-Za-z])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_MOST_COMBINING = 2  # marks upon one character; more of them are drawn over the lines above and below


def plain(text: str) -> str:
    """`text` with personal data covered and every unseen character as a space or U+FFFD, of the same length."""
    return _without_towers(_UNSEEN.sub(_visible, pii.mask(text)))


def plain_id(text: str) -> str:
    """A name that is looked up by, such as an id: nothing unseen, but not masked."""
    return _without_towers(_UNSEEN.sub(_visible, text))


def html(text: str) -> str:
    """Text for an element or a quoted attribute of HTML."""
    return text.translate(_ENTITIES)


def markdown(text: str) -> str:
    """Text in which Markdown, CommonMark or GitHub's, and HTML within it find nothing of theirs."""
    return _MARKDOWN.sub(r"\\\g<0>", text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def address(base_url: str | None) -> str | None:
    """A base for links, without the slash at its end.

    Raises:
        BadInput: It is no http or https address, or one with white space, quotes or a password.
    """
    if not base_url:
        return None
    try:
        parts = urlsplit(base_url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.password is None
    except ValueError:
        is_usable = False
    if not is_usable or re.search(r"[^!#-&(-;=?-\[\]_a-~]", base_url):
        raise BadInput("base_url must be an http or https address", param="base_url")
    return base_url.rstrip("/")


def _visible(match: re.Match[str]) -> str:
    return " " if match[0] in _SPACES else "�"


def _without_towers(text: str) -> str:
    if text.isascii() or not any(unicodedata.combining(char) for char in text):
        return text
    kept, height = [], 0
    for char in text:
        height = height + 1 if unicodedata.combining(char) else 0
        kept.append(char if height <= _MOST_COMBINING else "�")
    return "".join(kept)
