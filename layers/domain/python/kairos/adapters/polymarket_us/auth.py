"""Signs requests for Polymarket US: Ed25519 over time, method and path, never query or body."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from nacl.signing import SigningKey

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND
from kairos.errors import UsageError
from kairos.ports import Clock

_SEED_BYTES: Final = 32
_SECRET_BYTES: Final = 64  # seed and public key
_REMEDY: Final = "Paste the secret key as polymarket.us/developer shows it"


class Credentials:
    """A key id (uuid) and its secret, base64 of 32 or 64 bytes, of which the first 32 sign.

    Raises UsageError when they cannot be a key; the secret is in no message and no repr.
    """

    __slots__ = ("_signing_key", "key_id")

    def __init__(self, key_id: str, secret: str) -> None:
        if not key_id.strip() or not key_id.isascii() or not key_id.isprintable():
            raise UsageError("The Polymarket US key id is empty or not plain text")
        self.key_id = key_id.strip()
        self._signing_key = SigningKey(_seed(secret))

    def signature(self, message: bytes) -> str:
        return base64.b64encode(self._signing_key.sign(message).signature).decode()

    def __repr__(self) -> str:
        return f"Credentials(key_id={self.key_id!r}, secret=<redacted>)"


class Signer:
    """Headers for requests that are made now."""

    __slots__ = ("_clock", "_credentials")

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock

    def headers(self, method: str, path: str, body: bytes = b"") -> Mapping[str, str]:
        """`path` is whole and without its query; `body` is not signed."""
        return signed_headers(self._credentials, self._clock.now_ns(), method, path)

    def __repr__(self) -> str:
        return f"Signer({self._credentials!r})"


def signed_headers(
    credentials: Credentials, now_ns: int, method: str, path: str
) -> Mapping[str, str]:
    """Valid for 30 seconds around `now_ns` of the venue's clock."""
    timestamp = str(now_ns // NANOSECONDS_PER_MILLISECOND)
    return {
        "X-PM-Access-Key": credentials.key_id,
        "X-PM-Timestamp": timestamp,
        "X-PM-Signature": credentials.signature(f"{timestamp}{method}{path}".encode()),
    }


def _seed(secret: str) -> bytes:
    try:
        raw = base64.b64decode(secret.strip(), validate=True)
    except (binascii.Error, ValueError):
        # The cause is cut off: it may quote the secret.
        raise UsageError(f"The Polymarket US secret is not base64. {_REMEDY}") from None
    if len(raw) not in (_SEED_BYTES, _SECRET_BYTES):
        raise UsageError(
            f"The Polymarket US secret is {len(raw)} bytes, not {_SEED_BYTES} or {_SECRET_BYTES}. "
            f"{_REMEDY}"
        )
    return raw[:_SEED_BYTES]
