"""Times what signs orders, for both venues: `python -m benchmarks --only signing`.

Kalshi's signature does not cover the body, so headers can be made before there is an order: then an
order pays for taking them, whatever the key. Polymarket's covers the order itself
(`polymarket_signing.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks import polymarket_signing
from benchmarks.rows import Goal, Row, absolute_row, speedup_row
from hotpath.heap import no_collector
from kairos.bootstrap import KalshiKey, PreparedHeaders

ROUNDS: Final = 15
CALLS: Final = 100
BUDGET: Final = Goal("≤", 40.0, "us")
_PATH: Final = "/trade-api/v2/portfolio/events/orders"
_NOW_MS: Final = 1_795_000_000_000


def run(*, quick: bool = False) -> list[Row]:
    return [*kalshi(), *([] if quick else polymarket_signing.run())]


def kalshi() -> list[Row]:
    """Microseconds an order waits for its headers; the best of short rounds, all in turn."""
    ed25519 = _key(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    rsa = _key(generate_private_key(65_537, 2_048))
    prepared = {name: _Prepared(key) for name, key in (("Ed25519", ed25519), ("RSA", rsa))}
    best = dict.fromkeys(("Ed25519", "RSA", "Ed25519 ahead", "RSA ahead"), float("inf"))
    with no_collector():
        for number in range(ROUNDS):
            now_ms = _NOW_MS + 10_000 * number
            for name, key in (("Ed25519", ed25519), ("RSA", rsa)):
                best[name] = min(best[name], _timed(partial(_inline, key), now_ms))
                prepared[name].fill(now_ms)
                best[f"{name} ahead"] = min(
                    best[f"{name} ahead"], _timed(prepared[name].take, now_ms)
                )
    rsa_us = best["RSA"]
    inline = speedup_row(
        "Kalshi headers, Ed25519 on the spot", best["Ed25519"], "us", "RSA", rsa_us
    )
    return [
        absolute_row("Kalshi headers, RSA on the spot", rsa_us, "us", note="what `ahead` is for"),
        inline._replace(goal=str(BUDGET), holds=BUDGET.met(best["Ed25519"])),
        absolute_row("Kalshi headers, Ed25519 signed ahead", best["Ed25519 ahead"], "us", BUDGET),
        absolute_row("Kalshi headers, RSA signed ahead", best["RSA ahead"], "us", BUDGET),
    ]


class _Prepared:
    def __init__(self, key: KalshiKey) -> None:
        self._headers = PreparedHeaders(key, "POST", _PATH, spare=CALLS)

    def fill(self, now_ms: int) -> None:
        self._headers.refill(now_ms)

    def take(self, now_ms: int) -> object:
        return self._headers.take(now_ms)


def _inline(key: KalshiKey, now_ms: int) -> object:
    return key.headers("POST", _PATH, now_ms)


def _timed(sign: Callable[[int], object], now_ms: int) -> float:
    """Microseconds a call."""
    started = time.perf_counter_ns()
    for _ in range(CALLS):
        sign(now_ms)
    return (time.perf_counter_ns() - started) / CALLS / 1_000


def _key(private: Ed25519PrivateKey | RSAPrivateKey) -> KalshiKey:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KalshiKey.from_pem("bench", pem)
