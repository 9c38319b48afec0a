"""Where Polymarket is, which contracts settle it and how often it may be asked: data, not code.

Sources: py-clob-client-v2 1.2.1 and polymarket-client 0.14.0 (hosts, contracts), the venue's
rate-limit page (limits). Chain 137 is Polygon; the collateral is pUSD with six decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kairos.adapters.http.limits import Budget, TokenBucket
from kairos.ports import Clock

VENUE: Final = "polymarket"
CHAIN_ID: Final = 137

BATCH_ORDERS_MAX: Final = 15
BATCH_CANCELS_MAX: Final = 3_000
# The venue ends a GTD order a minute before the time it was given, and its own client refuses
# anything nearer than this.
GTD_SECONDS_MIN: Final = 180
FIRST_CURSOR: Final = "MA=="
LAST_CURSOR: Final = "LTE="


class Exchange(StrEnum):
    """The contract that settles a market; each has an EIP-712 domain of its own."""

    CTF = "ctf"
    NEG_RISK = "neg_risk"
    POSITIONS = "positions"  # protocol V2 position ids, EIP-712 version "3"


@dataclass(frozen=True, slots=True)
class Contract:
    """A verifying contract and the version its orders are signed for."""

    address: str
    version: str


CONTRACTS: Final = {
    Exchange.CTF: Contract("0xE111180000d2663C0091e4f400237545B87B996B", "2"),
    Exchange.NEG_RISK: Contract("0xe2222d279d744050d28e00520010520000310F59", "2"),
    Exchange.POSITIONS: Contract("0xe3333700cA9d93003F00f0F71f8515005F6c00Aa", "3"),
}


@dataclass(frozen=True, slots=True)
class Hosts:
    """Origins without a path; tests and simulated venues replace them."""

    clob: str = "https://clob.polymarket.com"
    gamma: str = "https://gamma-api.polymarket.com"
    data: str = "https://data-api.polymarket.com"
    geoblock: str = "https://polymarket.com"
    market_stream: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    user_stream: str = "wss://ws-subscriptions-clob.polymarket.com/ws/user"


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a second and bursts. Orders and cancels are the Standard tier, per signer."""

    reads_per_second: float = 150.0
    reads_burst: float = 150.0
    orders_per_second: float = 40.0
    orders_burst: float = 60.0
    cancels_per_second: float = 80.0
    cancels_burst: float = 120.0
    cancel_reserve: int = 20


def clob_budget(limits: Limits, clock: Clock) -> Budget:
    """The order path's budget: every order of a batch counts, cancels are counted apart. The
    reserve in the orders' bucket is for a venue that counts otherwise than it says."""
    return Budget(
        TokenBucket(limits.reads_per_second, limits.reads_burst, clock),
        TokenBucket(limits.orders_per_second, limits.orders_burst, clock),
        costs={},
        default_cost=1,
        cancel_reserve=limits.cancel_reserve,
        cancel=TokenBucket(limits.cancels_per_second, limits.cancels_burst, clock),
    )


def public_budget(clock: Clock) -> Budget:
    """Gamma allows 30 market pages a second; nothing is written there."""
    return Budget(TokenBucket(30.0, 30.0, clock), TokenBucket(1.0, 1.0, clock), {}, 1, 0)
