"""Secrets of channels, encrypted while they lie in the database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from nlp_service.errors import BadInput, ServiceError

_DECODER = msgspec.json.Decoder(dict[str, str])


class Vault:
    """Seals and opens secrets (Fernet: AES-128-CBC with HMAC-SHA256).

    Args:
        keys: As `Fernet.generate_key` makes them, the newest first: it seals, all of them open. So a key is changed by
            putting a new one before the old one, and sealing everything again.

    Raises:
        BadInput: There is none, or one is no key. ``param`` is ``secret_key``.
    """

    def __init__(self, keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (ValueError, TypeError) as error:
            raise BadInput("a secret key is 32 bytes in URL-safe base64", param="secret_key") from error

    def seal(self, values: Mapping[str, str]) -> bytes:
        """Encrypt named secrets."""
        return self._fernet.encrypt(msgspec.json.encode(dict(values)))

    def open(self, sealed: bytes) -> dict[str, str]:
        """Decrypt what `seal` gave.

        Raises:
            ServiceError: It was sealed with a key that is not known here, or is damaged.
        """
        try:
            return _DECODER.decode(self._fernet.decrypt(sealed))
        except (InvalidToken, msgspec.MsgspecError) as error:
            raise ServiceError("secrets of a channel cannot be opened: they were sealed with another key") from error

    def renew(self, sealed: bytes) -> bytes:
        """Seal with the newest key what any of them opens.

        Raises:
            ServiceError: None of them opens it.
        """
        return self.seal(self.open(sealed))


def key_of_folder(folder: Path) -> str:
    """The key that lies in a folder, made by the first who asks; only its owner may read it.

    Raises:
        ServiceError: It can be neither read nor made.
    """
    path = folder / "secret.key"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            fresh = folder / f".secret.{secrets.token_hex(4)}"
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(Fernet.generate_key())
                    file.flush()
                    os.fsync(file.fileno())
                os.link(fresh, path)  # of several who start at once, one is first and the others take its key
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"the secret key in {folder} can be neither read nor made") from error
