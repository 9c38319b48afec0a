"""Proves who we are to the CLOB: L1 signs with the wallet's key, L2 with the API key's secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from kairos.adapters.polymarket.config import CHAIN_ID
from kairos.adapters.polymarket.eip712 import (
    SigningKey,
    address_word,
    domain_separator,
    keccak256,
    typed_digest,
    word,
)
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import UsageError
from kairos.ports import Clock

_L1_TYPEHASH: Final = keccak256(
    b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
)
_L1_MESSAGE: Final = keccak256(b"This message attests that I control the given wallet")


class ApiCredentials:
    """What `/auth/api-key` gave us. `secret` is urlsafe base64; nothing of it is ever shown."""

    __slots__ = ("_secret", "key", "passphrase", "secret_text")

    def __init__(self, key: str, secret: str, passphrase: str) -> None:
        try:
            self._secret = base64.b64decode(secret, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            self._secret = b""
        if not key or not self._secret or not passphrase:
            raise UsageError("Polymarket API credentials need a key, a base64 secret, a passphrase")
        self.key, self.passphrase, self.secret_text = key, passphrase, secret

    def sign(self, message: bytes) -> str:
        """HMAC-SHA256, urlsafe base64 with padding."""
        return base64.urlsafe_b64encode(
            hmac.new(self._secret, message, hashlib.sha256).digest()
        ).decode()

    def __repr__(self) -> str:
        return "ApiCredentials(<redacted>)"


def level1_headers(
    key: SigningKey, timestamp: int, nonce: int, *, chain_id: int = CHAIN_ID
) -> dict[str, str]:
    """Headers that make or derive an API key; `timestamp` is unix seconds."""
    struct = keccak256(
        _L1_TYPEHASH
        + address_word(key.address)
        + keccak256(str(timestamp).encode())
        + word(nonce)
        + _L1_MESSAGE
    )
    separator = domain_separator("ClobAuthDomain", "1", chain_id, None)
    return {
        "POLY_ADDRESS": key.address,
        "POLY_SIGNATURE": "0x" + key.sign(typed_digest(separator, struct)).hex(),
        "POLY_TIMESTAMP": str(timestamp),
        "POLY_NONCE": str(nonce),
    }


class Level2:
    """Signs requests: timestamp (s) + method + path without query + the very bytes of the body."""

    def __init__(self, credentials: ApiCredentials, address: str, clock: Clock) -> None:
        self._credentials = credentials
        self._address = address
        self._clock = clock

    def headers(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        """The `sign` of `RestClient`, at the clock's time."""
        seconds = self._clock.now_ns() // NANOSECONDS_PER_SECOND
        return self.headers_at(seconds, method, path, body)

    def headers_at(self, timestamp: int, method: str, path: str, body: bytes) -> dict[str, str]:
        return {
            "POLY_ADDRESS": self._address,
            "POLY_SIGNATURE": self._credentials.sign(f"{timestamp}{method}{path}".encode() + body),
            "POLY_TIMESTAMP": str(timestamp),
            "POLY_API_KEY": self._credentials.key,
            "POLY_PASSPHRASE": self._credentials.passphrase,
        }

    def __repr__(self) -> str:
        return f"Level2({self._address}, <redacted>)"
