"""Where the service may call: the public net, and nothing that only this service can reach.

Whoever may start a job with a callback, or set a channel, could otherwise have the service ask what stands behind its
own firewall (SSRF). An address is looked at when it is given as far as it says where it goes, and again when it is
used, with what the name stands for then; the connection goes to the very address that was looked at.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from nlp_service.errors import BadInput

MAX_URL = 2_000
"""Characters of an address."""

_PORTS = {"https": 443, "http": 80}


class Place(NamedTuple):
    """An address in its parts; `target` is path and query."""

    is_secure: bool
    host: str
    port: int
    target: str


class Refused(Exception):
    """A name stands for an address that no callback may go to."""


def read_url(url: str, *, is_private_allowed: bool = False, param: str = "callback.url") -> Place:
    """Take an address apart.

    Raises:
        BadInput: It is none, has a name and password in it, or says already that it is not public. The message does
            not repeat it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError as error:
        raise BadInput("the address cannot be read", param=param) from error
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise BadInput(f"an address has up to {MAX_URL} printable ASCII characters", param=param)
    if parts.scheme not in _PORTS or not host:
        raise BadInput("an address begins with https:// or http:// and a host", param=param)
    if parts.username is not None or parts.password is not None:
        raise BadInput("an address has no name and password", param=param)
    if not is_private_allowed and not _may_be_public(host):
        raise BadInput("only public addresses may be called", param=param)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme == "https", host, port or _PORTS[parts.scheme], target)


def check_url(url: str, *, allow_private: bool, param: str = "url") -> None:
    """Refuse an address that cannot be called, may not be, or would send secrets without TLS.

    Args:
        url: To be called.
        allow_private: Whether addresses of this machine and of private networks may be called, and without TLS.
        param: Named by the error.

    Raises:
        BadInput: It may not be called.
    """
    place = read_url(url, is_private_allowed=allow_private, param=param)
    if not allow_private and not place.is_secure:
        raise BadInput("an address must begin with https://", param=param)


def pinned(place: Place, address: str) -> tuple[str, str]:
    """The URL that leads to an address that was looked at, and the header ``Host`` that goes with it."""
    number = f"[{address}]" if ":" in address else address
    scheme = "https" if place.is_secure else "http"
    host = f"[{place.host}]" if ":" in place.host else place.host
    is_usual = place.port == _PORTS[scheme]
    return f"{scheme}://{number}:{place.port}{place.target}", host if is_usual else f"{host}:{place.port}"


def resolve(place: Place, *, is_private_allowed: bool = False) -> str:
    """The address that a name stands for now. Blocks.

    Raises:
        Refused: One of those that it stands for is not public.
        OSError: There is none.
    """
    found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not is_private_allowed and not all(map(_is_public, addresses)):
        raise Refused
    return addresses[0]


def _may_be_public(host: str) -> bool:
    """Whether a host may be public as far as its name says; what is only digits and dots must be an address."""
    name = host.rstrip(".").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        # Other spellings of numbers (0x7f.1, 2130706433) are addresses to the system.
        is_number = name.rpartition(".")[2].isdigit() or name.rpartition(".")[2].startswith("0x")
        return "." in name and not is_number and not name.endswith((".localhost", ".local", ".internal"))
    return _is_public(name)


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        # What is wrapped into an address is where a gateway would send it.
        inner += [one for one in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if one is not None]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return all(one.is_global and not one.is_multicast for one in inner)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
