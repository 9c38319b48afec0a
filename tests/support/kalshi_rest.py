"""A Kalshi adapter over a transport that a test holds."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kairos.bootstrap import (
    KALSHI_DEMO,
    KalshiCatalogue,
    KalshiConfig,
    KalshiKey,
    KalshiTrading,
    kalshi_catalogue,
    kalshi_trading,
)
from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.ports import HttpTransport
from tests.support.rest import FakeClock

MARKET = "KXBTC15M-26NOV202130-30"
GROUP = "og_1"
CLIENT_ID = "kairos-1"


def pem_of(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def a_key() -> KalshiKey:
    return KalshiKey.from_pem("key-id", pem_of(Ed25519PrivateKey.from_private_bytes(b"k" * 32)))


def trading(
    transport: HttpTransport,
    clock: FakeClock | None = None,
    *,
    config: KalshiConfig = KALSHI_DEMO,
    group: str = GROUP,
) -> KalshiTrading:
    return kalshi_trading(
        config, a_key(), clock or FakeClock(), transport, order_group_id=group, jitter=lambda: 0.5,
        exchange_index=2,
    )  # fmt: skip


def catalogue(transport: HttpTransport, clock: FakeClock | None = None) -> KalshiCatalogue:
    return kalshi_catalogue(KALSHI_DEMO, clock or FakeClock(), transport, jitter=lambda: 0.5)


def submit(
    outcome: Outcome = Outcome.YES,
    action: Action = Action.BUY,
    *,
    price: int = 5_600,
    quantity: int = 10_000_000,
    tif: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
    reduce_only: bool = False,
    expires_ns: int | None = None,
    client_order_id: str = CLIENT_ID,
) -> SubmitOrder:
    return SubmitOrder(
        1, client_order_id, MARKET, outcome, action, price, quantity, tif, post_only, reduce_only,
        expires_ns,
    )  # fmt: skip
