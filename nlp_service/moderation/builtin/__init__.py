"""The lists that ship with the code: everyday phrases that are always allowed, and words of adverts and worse.

allow.txt   phrases that hold a short word of the usual deny lists and mean nothing by it.
deny.tsv    gambling, pornography, drugs and weapons, fraud, illegal services.
watch.tsv   ways to get in touch; common in adverts, and not only there.

A word of the form ``disguised`` is an ordinary one that only a disguise gives away: as it is listed it is allowed.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from nlp_service.moderation.entry import Entry, Kind
from nlp_service.moderation.precedence import BUILT_IN

ALLOW, DENY, WATCH = (BUILT_IN + name for name in ("allow", "deny", "watch"))


@cache
def everyday() -> tuple[Entry, ...]:
    """Allowed phrases; they belong into every matcher."""
    lines = files(__package__).joinpath("allow.txt").read_text("utf-8").splitlines()
    return tuple(Entry(word, ALLOW, "allow") for line in lines if not line.startswith("#") for word in line.split())


@cache
def unwanted() -> tuple[Entry, ...]:
    """Denied and watched words with kinds of `types.UNSAFE` as categories, for tenants who want them."""
    return (*_words("deny.tsv", DENY, "deny"), *_words("watch.tsv", WATCH, "watch"))


def _words(name: str, list_name: str, kind: Kind) -> list[Entry]:
    _, *lines = files(__package__).joinpath(name).read_text("utf-8").splitlines()
    entries = []
    for word, category, form in (line.split("\t") for line in lines):
        entries.append(Entry(word, list_name, kind, category, exact=form == "exact"))
        if form == "disguised":
            entries.append(Entry(word, list_name, "allow", category))
    return entries
