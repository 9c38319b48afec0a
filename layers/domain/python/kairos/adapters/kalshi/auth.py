"""Signs requests to Kalshi; the body is not signed, so headers can be made before an order is."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from nacl.signing import SigningKey

from kairos.errors import UsageError

KEY_HEADER: Final = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER: Final = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER: Final = "KALSHI-ACCESS-SIGNATURE"

RSA_BITS_MIN: Final = 2048
# The venue takes timestamps about ten seconds old and refuses thirty; half of ten is safe.
AGE_MS_MAX: Final = 5_000
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


class KalshiKey:
    """An API key: its id and something that signs. Shows the id only."""

    __slots__ = ("_sign", "algorithm", "key_id")

    def __init__(self, key_id: str, algorithm: str, sign: Callable[[bytes], bytes]) -> None:
        if not key_id or not key_id.isascii() or not key_id.isprintable() or " " in key_id:
            raise UsageError("The Kalshi key id must be the plain id that the venue shows")
        self.key_id = key_id
        self.algorithm = algorithm
        self._sign = sign

    @classmethod
    def from_pem(cls, key_id: str, pem: bytes) -> KalshiKey:
        """Read an unencrypted PEM private key, Ed25519 or RSA of at least 2,048 bits.

        Raises UsageError without a word of the key in it.
        """
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UsageError(
                "The Kalshi private key is no unencrypted PEM private key. "
                "Use the file that the venue let you download"
            ) from None
        if isinstance(key, Ed25519PrivateKey):
            return cls(key_id, "ed25519", _ed25519(key.private_bytes_raw()))
        if isinstance(key, RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
            return cls(key_id, "rsa", _rsa_pss(key))
        raise UsageError(
            f"The Kalshi private key must be Ed25519, or RSA of at least {RSA_BITS_MIN} bits"
        )

    def headers(self, method: str, path: str, ts_ms: int) -> dict[str, str]:
        """Headers for a request at `ts_ms` (Unix milliseconds); `path` is whole, from the root.

        What follows `?` or `#` is not signed.
        """
        unsigned = path.partition("?")[0].partition("#")[0]
        signature = self._sign(f"{ts_ms}{method.upper()}{unsigned}".encode())
        return {
            KEY_HEADER: self.key_id,
            TIMESTAMP_HEADER: str(ts_ms),
            SIGNATURE_HEADER: b64encode(signature).decode(),
        }

    def __repr__(self) -> str:
        return f"KalshiKey({self.key_id!r}, {self.algorithm}, private key not shown)"


class PreparedHeaders:
    """Headers for one (method, path), signed ahead of need and each used once.

    `refill` belongs where nothing waits; `take` gives one that is at most `age_ms_max` old, and
    signs on the spot when there is none. Timestamps differ, so no signature is sent twice.
    """

    __slots__ = ("_age_ms_max", "_key", "_last_ms", "_method", "_path", "_ready", "_spare")

    def __init__(
        self, key: KalshiKey, method: str, path: str, *, spare: int = 8, age_ms_max: int = 4_000
    ) -> None:
        if not 0 < age_ms_max <= AGE_MS_MAX:
            raise ValueError(f"headers may be 1..{AGE_MS_MAX} ms old, not {age_ms_max}")
        self._key, self._method, self._path = key, method, path
        self._spare, self._age_ms_max = spare, age_ms_max
        self._ready: deque[tuple[int, dict[str, str]]] = deque(maxlen=spare)
        self._last_ms = 0

    def refill(self, now_ms: int, most: int | None = None) -> None:
        """Sign until `spare` headers are ready, none of them past half of its age, or `most` times:
        the others stay as they are until the next call."""
        self._drop(now_ms, self._age_ms_max)
        for _ in range(self._spare if most is None else most):
            if len(self._ready) == self._spare:
                if now_ms - self._ready[0][0] <= self._age_ms_max // 2:
                    return
                self._ready.popleft()
            ts_ms = self._next(now_ms)
            self._ready.append((ts_ms, self._key.headers(self._method, self._path, ts_ms)))

    def take(self, now_ms: int) -> dict[str, str]:
        self._drop(now_ms, self._age_ms_max)
        if self._ready:
            return self._ready.popleft()[1]
        return self._key.headers(self._method, self._path, self._next(now_ms))

    def _drop(self, now_ms: int, age_ms_max: int) -> None:
        """Oldest first; a clock that was set back makes all of them useless."""
        if self._last_ms > now_ms + self._age_ms_max:
            self._ready.clear()
            self._last_ms = 0
        while self._ready and now_ms - self._ready[0][0] > age_ms_max:
            self._ready.popleft()

    def _next(self, now_ms: int) -> int:
        self._last_ms = max(self._last_ms + 1, now_ms)
        return self._last_ms

    def __repr__(self) -> str:
        return f"PreparedHeaders({self._method} {self._path}, {len(self._ready)} ready)"


def _ed25519(seed: bytes) -> Callable[[bytes], bytes]:
    key = SigningKey(seed)
    return lambda message: key.sign(message).signature


def _rsa_pss(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    return lambda message: key.sign(message, _PSS, hashes.SHA256())
