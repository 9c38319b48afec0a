"""Who is asking: Ed25519 over time, method and path; the body is not signed."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.venues.core.accounts import ApiKey, Members
from local.venues.polymarket_us.errors import UNAUTHENTICATED, ApiError

WINDOW_NS: Final = 30 * NANOSECONDS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Credentials:
    """A throwaway key: its id, and its 32-byte seed as base64."""

    key_id: str
    secret: str = field(repr=False)
    public_key: ed25519.Ed25519PublicKey = field(repr=False)


def new_credentials() -> Credentials:
    private = ed25519.Ed25519PrivateKey.generate()
    seed = private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    secret = base64.b64encode(seed).decode()
    return Credentials(str(uuid.uuid4()), secret, private.public_key())


def authenticate(
    members: Members,
    headers: Mapping[str, str],
    method: str,
    path: str,
    clocks_ns: tuple[int, ...],
) -> ApiKey:
    """The key that signed a request. Raises ApiError (401). `path` is without the query."""
    key = members.keys.get(headers.get("X-PM-Access-Key", ""))
    stamp, signature = headers.get("X-PM-Timestamp", ""), headers.get("X-PM-Signature", "")
    if key is None:
        raise ApiError(UNAUTHENTICATED, "invalid api key")
    _check_time(stamp, clocks_ns)
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verifier.verify(raw, f"{stamp}{method}{path}".encode())
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise ApiError(UNAUTHENTICATED, "invalid signature") from error
    if key.expires_ns is not None and key.expires_ns <= clocks_ns[0]:
        raise ApiError(UNAUTHENTICATED, "api key has expired")
    return key


def _check_time(stamp: str, clocks_ns: tuple[int, ...]) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
        raise ApiError(UNAUTHENTICATED, "invalid timestamp")
    sent_ns = int(stamp) * NANOSECONDS_PER_MILLISECOND
    if not any(abs(clock - sent_ns) <= WINDOW_NS for clock in clocks_ns):
        raise ApiError(UNAUTHENTICATED, "timestamp is outside the allowed time window")
