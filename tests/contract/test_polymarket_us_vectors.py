"""Signatures of Polymarket US byte for byte as its own client makes them; its samples parse."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import VerifyKey

from kairos.adapters.polymarket_us.auth import Credentials, Signer, signed_headers
from kairos.adapters.polymarket_us.parsing import MarketStream
from kairos.adapters.polymarket_us.private import BalanceChanged, PositionChanged, PrivateStream
from kairos.domain.instruments import Venue
from kairos.messages.events import BookSnapshot, MarketTrading
from kairos.messages.trading import VenueBalance
from tests.support.repository import shared
from tests.support.rest import FakeClock

VECTORS: dict[str, Any] = json.loads(
    Path(__file__).with_name("vectors").joinpath("polymarket_us_ed25519.json").read_text()
)
SEED = VECTORS["seed_b64"]
BOTH_HALVES = base64.b64encode(
    base64.b64decode(SEED) + base64.b64decode(VECTORS["public_key_b64"])
).decode()
MS = 1_000_000


@pytest.mark.parametrize("secret", [SEED, BOTH_HALVES, f" {SEED}\n"], ids=["32", "64", "pasted"])
@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{case[1]} {case[2]}")
def test_headers_are_those_of_the_official_client(case: list[str], secret: str) -> None:
    timestamp, method, path, signature = case
    credentials = Credentials(VECTORS["key_id"], secret)
    # Part of a millisecond is cut off, as the official client does.
    headers = signed_headers(credentials, int(timestamp) * MS + 999_999, method, path)
    assert headers == {
        "X-PM-Access-Key": VECTORS["key_id"],
        "X-PM-Timestamp": timestamp,
        "X-PM-Signature": signature,
    }


def test_all_vectors_are_there() -> None:
    assert len(VECTORS["cases"]) == 6
    whole = shared("vectors/polymarket_us_ed25519.json")
    cases = json.loads(whole.read_text())["cases"]
    assert [each["headers"]["X-PM-Signature"] for each in cases] == [
        each[3] for each in VECTORS["cases"]
    ]


def test_the_body_is_not_signed_and_the_key_verifies_it() -> None:
    clock = FakeClock(1_763_640_000_123 * MS)
    signer = Signer(Credentials(VECTORS["key_id"], SEED), clock)
    headers = signer.headers("POST", "/v1/orders", b'{"quantity":1}')
    assert headers == signer.headers("POST", "/v1/orders", b"")
    VerifyKey(base64.b64decode(VECTORS["public_key_b64"])).verify(
        b"1763640000123POST/v1/orders", base64.b64decode(headers["X-PM-Signature"])
    )


def test_the_documented_book_parses_to_what_it_says() -> None:
    raw = shared("samples/polymarket_us/ws_market_data_docs_example.json").read_bytes()
    assert MarketStream("c").events(7, raw) == (
        BookSnapshot(
            7, "c", 1, 1, "market-slug-1",
            ((5_550, 500_000), (5_500, 2_500_000)),
            ((4_400, 800_000), (4_350, 1_500_000)),
            None,
        ),
        MarketTrading(7, "market-slug-1", True),
    )  # fmt: skip


def test_every_private_sample_parses_to_what_it_says() -> None:
    path = shared("samples/polymarket_us/private_position_balance.json")
    frames = json.loads(path.read_text())
    stream = PrivateStream("p", lambda _order: None)
    events = [stream.events(7, json.dumps(frame).encode()) for frame in frames]
    assert events == [
        (PositionChanged(7, "p", "synthetic-combo", 2_250_000),),
        (BalanceChanged(7, "p", VenueBalance(Venue.POLYMARKET_US, 0)),),
        (BalanceChanged(7, "p", VenueBalance(Venue.POLYMARKET_US, 100_000_000)),),
    ]
