"""Who is asking: Kalshi's signed headers, checked with the public half of generated keys."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.venues.core.accounts import ApiKey, Members
from local.venues.kalshi.errors import ApiError

PublicKey = ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

KEY_HEADER: Final = "KALSHI-ACCESS-KEY"
TIME_HEADER: Final = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER: Final = "KALSHI-ACCESS-SIGNATURE"

# Observed tolerance: 5 s late passes and 30 s late does not; 30 s early passes, 5 minutes do not.
_LATE_MAX_NS: Final = 20 * NANOSECONDS_PER_SECOND
_EARLY_MAX_NS: Final = 60 * NANOSECONDS_PER_SECOND
_RSA_BITS: Final = 2048
ALL_SCOPES: Final = frozenset({"read", "write"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """A throwaway key pair of a simulated account. The private half never shows in a repr."""

    key_id: str
    private_key_pem: bytes = field(repr=False)
    public_key: PublicKey = field(repr=False)


def new_credentials(kind: str = "ed25519", key_id: str | None = None) -> Credentials:
    """`kind` is `ed25519` or `rsa`."""
    private: PrivateKey
    if kind == "rsa":
        private = rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Credentials(key_id or str(uuid.uuid4()), pem, private.public_key())


def authenticate(
    members: Members,
    headers: Mapping[str, str],
    method: str,
    path: str,
    clocks_ns: tuple[int, ...],
) -> ApiKey:
    """The key that signed this request. Raises ApiError (401).

    `path` is the full path without the query. The timestamp must be near one of `clocks_ns`: a
    venue on a fast clock still takes the time of its client's machine.
    """
    key_id, stamp, signature = (
        _header(headers, name, words)
        for name, words in (
            (KEY_HEADER, "key_is_missing_from_headers"),
            (TIME_HEADER, "timestamp_is_missing_from_headers"),
            (SIGNATURE_HEADER, "signature_is_missing_from_headers"),
        )
    )
    _check_time(stamp, clocks_ns)
    key = members.keys.get(key_id)
    if key is None:
        raise ApiError(401, "authentication_error", "authentication error", "NOT_FOUND")
    if not _is_signed_by(key.verifier, f"{stamp}{method}{path}".encode(), signature):
        details = "INCORRECT_API_KEY_SIGNATURE"
        raise ApiError(401, "authentication_error", "authentication error", details)
    if key.expires_ns is not None and key.expires_ns <= clocks_ns[0]:
        raise ApiError(401, "authentication_error", "authentication error", "EXPIRED")
    return key


def require_scope(key: ApiKey, *accepted: str) -> None:
    """Any of the scopes will do; `write` implies its parts. Raises ApiError (403)."""
    held = set(key.scopes) | {scope.split("::")[0] for scope in accepted if scope in key.scopes}
    if not any(scope in held or scope.split("::")[0] in key.scopes for scope in accepted):
        raise ApiError(403, "insufficient_scope", "the API key does not have the scope needed")


def _header(headers: Mapping[str, str], name: str, code: str) -> str:
    value = headers.get(name)
    if not value:
        raise ApiError(401, code, code.replace("_", " "))
    return value


def _check_time(stamp: str, clocks_ns: tuple[int, ...]) -> None:
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 15:
        raise ApiError(401, "header_timestamp_invalid", "header timestamp invalid")
    sent_ns = int(stamp) * NANOSECONDS_PER_MILLISECOND
    if not any(-_EARLY_MAX_NS <= clock - sent_ns <= _LATE_MAX_NS for clock in clocks_ns):
        raise ApiError(401, "header_timestamp_expired", "header timestamp expired")


def _is_signed_by(key: PublicKey, message: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, rsa.RSAPublicKey):
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            key.verify(raw, message, scheme, hashes.SHA256())
        else:
            key.verify(raw, message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
