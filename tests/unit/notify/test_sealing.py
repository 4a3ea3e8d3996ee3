from __future__ import annotations

import multiprocessing
import socket
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from nlp_service.errors import BadInput, ServiceError
from nlp_service.notify import apprised
from nlp_service.notify.addresses import Refused, check_url, pinned, read_url, resolve
from nlp_service.notify.sealing import Vault, key_of_folder


def key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_sealed_opens_and_shows_nothing() -> None:
    vault = Vault([key()])
    sealed = vault.seal({"url": "https://example.com/hook?key=abc"})
    assert b"example" not in sealed
    assert vault.open(sealed) == {"url": "https://example.com/hook?key=abc"}


def test_another_key_opens_nothing_and_a_new_one_takes_over() -> None:
    old, new = key(), key()
    sealed = Vault([old]).seal({"a": "b"})
    with pytest.raises(ServiceError, match="another key"):
        Vault([new]).open(sealed)
    renewed = Vault([new, old]).renew(sealed)
    assert Vault([new]).open(renewed) == {"a": "b"}


@pytest.mark.parametrize("damage", [b"", b"x", b"gAAAA"])
def test_damaged_secrets_are_refused(damage: bytes) -> None:
    with pytest.raises(ServiceError):
        Vault([key()]).open(damage)


@pytest.mark.parametrize("keys", [[], ["short"], ["=" * 44]])
def test_keys_that_are_none_are_refused(keys: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        Vault(keys)
    assert refused.value.param == "secret_key"


def _ask(folder: Path, found: multiprocessing.queues.Queue[str]) -> None:
    found.put(key_of_folder(folder))


def test_processes_that_start_together_have_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    processes = [context.Process(target=_ask, args=(tmp_path / "data", found)) for _ in range(6)]
    for process in processes:
        process.start()
    keys = {found.get(timeout=20) for _ in processes}
    for process in processes:
        process.join()
    assert len(keys) == 1
    path = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret.key"]
    Vault([keys.pop()])


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "https://localhost/x",
        "https://127.0.0.1/",
        "https://10.0.0.8/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://db.internal/",
        "https://user:word@example.com/",
        "ftp://example.com/",
        "https://",
        "nonsense",
        "https://exa\nmple.com/",
        "https://example.com/" + "a" * 3_000,
    ],
)
def test_addresses_that_may_not_be_called(url: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_url(url, allow_private=False, param="secrets.url")
    assert refused.value.param == "secrets.url"


def test_addresses_that_may_be_called() -> None:
    check_url("https://example.com/hook?key=1", allow_private=False)
    check_url("http://127.0.0.1:8080/hook", allow_private=True)
    with pytest.raises(BadInput):
        check_url("file:///etc/passwd", allow_private=True)


def test_what_a_name_stands_for_is_looked_at_and_then_called(monkeypatch: pytest.MonkeyPatch) -> None:
    place = read_url("https://hooks.example.com:8443/a?b=c")
    found = {"hooks.example.com": "93.184.216.34"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [(0, 0, 0, "", (found[host], 0))])
    assert pinned(place, resolve(place)) == ("https://93.184.216.34:8443/a?b=c", "hooks.example.com:8443")
    found["hooks.example.com"] = "10.0.0.8"  # as somebody who owns the name could have it a moment later
    with pytest.raises(Refused):
        resolve(place)
    assert resolve(place, is_private_allowed=True) == "10.0.0.8"
    assert pinned(read_url("https://[2606:4700::1]/"), "2606:4700::1") == (
        "https://[2606:4700::1]:443/",
        "[2606:4700::1]",
    )


@pytest.mark.parametrize(
    "url", ["file:///tmp/x", "json://localhost", "syslog://", "https://example.com", "nonsense", ""]
)
def test_apprise_only_tells_people(url: str) -> None:
    with pytest.raises(BadInput):
        apprised.check({"url": url})


def test_apprise_takes_mail() -> None:
    apprised.check({"url": "mailtos://user:word@example.com?to=duty@example.com"})
