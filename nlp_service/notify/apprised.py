"""Mail and the hundred other ways that Apprise knows, as one kind of channel."""

from __future__ import annotations

import contextlib
import functools
import importlib
import logging
import warnings
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nlp_service.errors import BadInput
from nlp_service.notify.kinds import TAKEN, Outcome
from nlp_service.notify.notices import Notice
from nlp_service.notify.wording import as_text, headline

SECRETS = ("url",)
"""An address of Apprise, such as ``mailtos://user:password@example.com?to=…``."""

# Ways that run programs, write files or call any address on the local network by themselves.
_REFUSED = frozenset({"file", "dbus", "kde", "glib", "gnome", "macosx", "windows", "syslog", "json", "jsons", "xml"})
_PLAIN = _REFUSED | {"xmls", "form", "forms", "rsyslog"}

logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it writes addresses, with passwords in them


def check(secrets: Mapping[str, str]) -> None:
    """Refuse an address that Apprise cannot use, or that does more than tell people.

    Raises:
        BadInput: `param` names it.
    """
    apprise = _library()
    url = secrets["url"]
    scheme = urlsplit(url).scheme.lower()
    if scheme in _PLAIN or scheme in ("http", "https") or not apprise.Apprise().add(url):
        raise BadInput("this is no address that Apprise can tell people by", param="secrets.url")


def send(notice: Notice, secrets: Mapping[str, str], zone: str) -> Outcome:
    """Tell by Apprise; blocks. It does not say why something failed, so every failure may be tried again."""
    apprise = _library()
    ways = apprise.Apprise()
    if not ways.add(secrets["url"]):
        return Outcome(False, "address_refused", False)
    is_taken = ways.notify(body=as_text(notice, zone), title=headline(notice), body_format=apprise.NotifyFormat.TEXT)
    return TAKEN if is_taken else Outcome(False, "not_taken")


@functools.cache
def _library() -> Any:
    """Apprise, imported when it is first needed: that takes a second and 40 MB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # One of its plugins imports this later, which warns up to Python 3.12 and fails softly from 3.13 on.
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("imghdr")
        return importlib.import_module("apprise")
