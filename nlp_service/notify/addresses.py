"""Where the service may call: addresses that users give must not lead into the network that it stands in."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from nlp_service.errors import BadInput

MAX_URL = 2_000
"""Characters of an address."""


def check_url(url: str, *, allow_private: bool, param: str = "url") -> None:
    """Refuse an address that cannot be called, or that by its spelling is not public.

    Args:
        url: To be called.
        allow_private: Whether addresses of this machine and of private networks may be called, and without TLS.
        param: Named by the error.

    Raises:
        BadInput: It may not be called.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in ("http", "https") or len(url) > MAX_URL or not url.isprintable():
        raise BadInput("an address begins with https:// and names a host", param=param)
    if parts.username is not None or parts.password is not None:
        raise BadInput("an address must not carry a user or a password", param=param)
    if allow_private:
        return
    if parts.scheme != "https":
        raise BadInput("an address must begin with https://", param=param)
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or not _may_be_public(host):
        raise BadInput("an address of this machine or of a private network may not be called", param=param)


def is_public(host: str) -> bool:
    """Whether all addresses that a name leads to now are public; blocks. False for one that leads nowhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    return bool(found) and all(ipaddress.ip_address(address[4][0]).is_global for address in found)


def _may_be_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # 127.1, 0x7f000001 and 2130706433 are addresses too, to whoever resolves them.
        return not host.replace(".", "").isdigit() and not host.lower().startswith("0x")
