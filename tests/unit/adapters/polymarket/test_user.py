"""What the venue says of our orders and trades becomes facts, or an error, never a guess."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.polymarket.listings import Listings
from kairos.adapters.polymarket.user import (
    FILL_STATES,
    FeeAsset,
    Owner,
    Reporter,
    UserParser,
    withheld_shares,
)
from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.errors import Malformed
from kairos.messages.trading import FillState, OrderStatus, VenueFill, VenueOrder
from tests.support.mutations import ODD_VALUES
from tests.support.polymarket import MARKET, NO, YES, encoded, listing
from tests.support.polymarket_rest import API_KEY, WALLET
from tests.support.repository import shared

STRANGER = "another-key"


def parser(
    *, fee_asset: FeeAsset = FeeAsset.COLLATERAL, fee_rate: str | None = "0.07"
) -> UserParser:
    known = Listings()
    known.add(listing(fee_rate=fee_rate))
    ids = {"0x1": "own-1", "0x2": "own-2"}
    return UserParser(Reporter(known, Owner(API_KEY, WALLET), ids.get, fee_asset))


def order(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "event_type": "order", "id": "0x1", "owner": API_KEY, "market": MARKET, "asset_id": YES,
        "side": "BUY", "original_size": "10", "size_matched": "0", "price": "0.5",
        "type": "PLACEMENT", "status": "LIVE", "timestamp": "1795000000123",
        "created_at": "1795000000", "expiration": "0", "order_type": "GTC", "outcome": "Yes",
    } | changes  # fmt: skip


def trade(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "event_type": "trade", "id": "t-1", "taker_order_id": "0x1", "market": MARKET,
        "asset_id": YES, "side": "BUY", "size": "10", "price": "0.5", "status": "MATCHED",
        "match_time": "1795000001", "owner": API_KEY, "trade_owner": API_KEY,
        "trader_side": "TAKER", "fee_rate_bps": "0", "maker_orders": [], "type": "TRADE",
    } | changes  # fmt: skip


def maker(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "order_id": "0x2", "owner": API_KEY, "maker_address": WALLET, "matched_amount": "4",
        "price": "0.5", "asset_id": YES, "outcome": "Yes", "fee_rate_bps": "0",
    } | changes  # fmt: skip


def order_of(frame: dict[str, Any]) -> VenueOrder:
    [report] = parser().parse(encoded(frame))
    assert isinstance(report, VenueOrder)
    return report


def fill_of(frame: dict[str, Any], **how: Any) -> VenueFill:  # noqa: ANN401
    [report] = parser(**how).parse(encoded(frame))
    assert isinstance(report, VenueFill)
    return report


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, OrderStatus.RESTING),
        ({"status": "ORDER_STATUS_LIVE"}, OrderStatus.RESTING),
        ({"size_matched": "3", "type": "UPDATE"}, OrderStatus.RESTING),
        ({"size_matched": "10", "status": "MATCHED"}, OrderStatus.FILLED),
        ({"size_matched": "3", "status": "MATCHED", "order_type": "FAK"}, OrderStatus.CANCELED),
        ({"size_matched": "3", "status": "MATCHED"}, OrderStatus.PENDING),
        ({"status": "DELAYED"}, OrderStatus.PENDING),
        ({"status": "UNMATCHED"}, OrderStatus.PENDING),
        ({"status": "CANCELED", "type": "CANCELLATION"}, OrderStatus.CANCELED),
        ({"status": "CANCELED_MARKET_RESOLVED"}, OrderStatus.CANCELED),
        ({"status": "CANCELED_EXPIRED_ORDER"}, OrderStatus.EXPIRED),
        ({"status": "INVALID", "type": "CANCELLATION"}, OrderStatus.CANCELED),
        (
            {"status": "CANCELED_order couldn't be fully filled.", "order_type": "FOK",
             "size_matched": "", "created_at": ""},
            OrderStatus.CANCELED,
        ),
    ],
)  # fmt: skip
def test_order_statuses(changes: dict[str, Any], status: OrderStatus) -> None:
    assert order_of(order(**changes)).status is status


def test_an_order_is_told_in_our_units() -> None:
    report = order_of(order(asset_id=NO, side="SELL", price="0.515", size_matched="2.5"))
    assert (report.client_order_id, report.outcome, report.action) == (
        "own-1", Outcome.NO, Action.SELL,
    )  # fmt: skip
    assert (report.price, report.quantity, report.filled) == (5150, 10_000_000, 2_500_000)
    assert (report.created_ns, report.expires_ns, report.updated_ns) == (
        1_795_000_000 * 10**9, None, 1_795_000_000_123 * 10**6,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SLEEPING"}, {"status": ""}, {"side": "LONG"}, {"price": ""},
        {"size_matched": ""}, {"size_matched": "", "order_type": "GTC", "status": "CANCELED"},
        {"original_size": "-1"}, {"asset_id": "5"}, {"market": "0x5"}, {"created_at": "soon"},
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parser().parse(encoded(order(**changes)))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("MATCHED", FillState.PENDING),
        ("MATCHED_NOT_BROADCASTED", FillState.PENDING),
        ("MINED", FillState.PENDING),
        ("RETRYING", FillState.PENDING),
        ("CONFIRMED", FillState.FINAL),
        ("TRADE_STATUS_CONFIRMED", FillState.FINAL),
        ("FAILED", FillState.VOID),
    ],
)
def test_a_match_is_not_a_settlement(status: str, state: FillState) -> None:
    assert fill_of(trade(status=status)).state is state
    assert len(FILL_STATES) == 6


def test_the_same_fill_keeps_its_id_through_settlement() -> None:
    ids = {fill_of(trade(status=each)).fill_id for each in FILL_STATES}
    assert ids == {"t-1:0x1"}


def test_a_taker_pays_the_market_s_fee_in_cash() -> None:
    fill = fill_of(trade())
    assert (fill.quantity, fill.notional, fill.fee) == (10_000_000, 5_000_000, 175_000)
    assert (fill.liquidity, fill.client_order_id) == (Liquidity.TAKER, "own-1")
    assert fill_of(trade(side="SELL"), fee_asset=FeeAsset.SHARES).quantity == 10_000_000


def test_a_fee_in_shares_buys_less_for_the_same_cash() -> None:
    fill = fill_of(trade(), fee_asset=FeeAsset.SHARES)
    assert (fill.quantity, fill.fee) == (9_650_000, 175_000)
    assert fill.fee is not None
    assert fill.notional + fill.fee == 5_000_000


@given(st.integers(1, 9_999), st.integers(10_000, 10**10))
def test_shares_withheld_are_worth_the_fee(price: int, size: int) -> None:
    fee = listing().fees
    assert fee is not None
    charged = fee.fill_fee(price, size, Liquidity.TAKER)
    withheld = withheld_shares(charged, price)
    assert charged * 10_000 <= withheld * price < charged * 10_000 + price
    assert withheld <= size


def test_a_fee_nobody_stated_is_not_made_up() -> None:
    assert fill_of(trade(), fee_rate=None).fee is None
    assert fill_of(trade(), fee_rate="0").fee == 0


@pytest.mark.parametrize(
    ("changes", "made", "action"),
    [
        ({"side": "BUY"}, {}, Action.SELL),
        ({"side": "SELL"}, {}, Action.BUY),
        ({"side": "BUY"}, {"asset_id": NO}, Action.BUY),
        ({"side": "SELL"}, {"asset_id": NO}, Action.SELL),
        ({"side": "BUY"}, {"side": "BUY"}, Action.BUY),
    ],
)
def test_a_maker_s_side_is_its_own(
    changes: dict[str, Any], made: dict[str, Any], action: Action
) -> None:
    frame = trade(owner=STRANGER, trader_side="MAKER", maker_orders=[maker(**made)], **changes)
    fill = fill_of(frame)
    assert (fill.action, fill.liquidity, fill.fee) == (action, Liquidity.MAKER, 0)
    assert (fill.venue_order_id, fill.quantity, fill.client_order_id) == (
        "0x2", 4_000_000, "own-2",
    )  # fmt: skip
    assert fill.outcome is (Outcome.NO if made.get("asset_id") == NO else Outcome.YES)


def test_only_our_maker_orders_are_fills_and_every_one_of_them() -> None:
    makers = [
        maker(), maker(order_id="0x3", price="0.4"), maker(order_id="0x4", owner=STRANGER),
        maker(order_id="0x5", owner=None), maker(order_id="0x6", owner=None, maker_address="0x7"),
    ]  # fmt: skip
    frame = trade(owner=STRANGER, trader_side="MAKER", maker_orders=makers)
    fills = parser().parse(encoded(frame))
    assert [each.venue_order_id for each in fills] == ["0x2", "0x3", "0x5"]
    assert len({each.fill_id for each in fills if isinstance(each, VenueFill)}) == 3


def test_a_trade_of_others_is_an_error() -> None:
    with pytest.raises(Malformed, match="not_ours"):
        parser().parse(encoded(trade(owner=STRANGER, trader_side="MAKER")))


def test_without_a_stated_side_the_owner_decides() -> None:
    assert fill_of(trade(trader_side=None)).liquidity is Liquidity.TAKER
    with pytest.raises(Malformed, match="not_ours"):
        parser().parse(encoded(trade(trader_side=None, owner=STRANGER)))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "SETTLED"}, {"size": "0"}, {"size": "-1"}, {"price": "1.5"}, {"side": ""},
        {"trader_side": "BOTH"}, {"match_time": ""}, {"match_time": "1"}, {"asset_id": "9"},
        {"match_time": "2026-11-21T00:00:00"},
    ],
)  # fmt: skip
def test_a_trade_that_cannot_be_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parser().parse(encoded(trade(**changes)))


def test_times_come_in_three_spellings() -> None:
    spellings = ("1795000001", "1795000001000", "2026-11-18T11:06:41Z")
    assert {fill_of(trade(match_time=each)).venue_ns for each in spellings} == {
        1_795_000_001 * 10**9
    }


def test_arrays_and_pongs() -> None:
    assert parser().parse(b"PONG") == ()
    assert len(parser().parse(encoded([order(), trade()]))) == 2


@pytest.mark.parametrize("frame", [b"", b"{", b"null", b"7", b'{"event_type":"other"}', b"\xff"])
def test_what_cannot_be_read_is_an_error(frame: bytes) -> None:
    with pytest.raises(Malformed, match="unreadable_frame"):
        parser().parse(frame)


NUMBERS = {"price": 10_000, "original_size": 10**6, "size_matched": 10**6, "size": 10**6}


def test_damage_is_an_error_or_a_fact_that_the_frame_still_states() -> None:
    """1,200 frames with one field gone, renamed or of another kind."""
    reading, told = parser(), 0
    for index in range(1_200):
        chance = random.Random(index)
        frame = order(size_matched="3") if index % 2 else trade()
        name = chance.choice(sorted(frame))
        kind = chance.randrange(3)
        value = frame.pop(name)
        if kind == 1:
            frame[name + "x"] = value
        elif kind == 2:
            frame[name] = chance.choice(ODD_VALUES)
        try:
            [report] = reading.parse(encoded(frame))
        except Malformed:
            continue
        told += 1
        stated = {field: frame.get(field) for field in NUMBERS}
        exact = [report.price, report.quantity]
        shown = [stated["price"], stated["original_size" if index % 2 else "size"]]
        assert exact == [
            round(float(text or "nan") * scale)
            for text, scale in zip(shown, (10_000, 10**6), strict=True)
        ]
    assert 100 < told < 1_100


def test_secrets_of_the_owner_are_not_shown() -> None:
    assert API_KEY not in repr(Owner(API_KEY, WALLET))


SAMPLES = {
    "ws_user_order_placement": (OrderStatus.RESTING, 0),
    "ws_user_order_msg": (OrderStatus.RESTING, 0),
    "ws_user_order_update": (OrderStatus.RESTING, 25_000_000),
    "ws_user_order_matched": (OrderStatus.FILLED, 100_000_000),
    "ws_user_order_cancellation": (OrderStatus.CANCELED, 0),
}


def sampled(frame: dict[str, Any]) -> UserParser:
    known = Listings()
    known.add(listing(frame["market"], frame["asset_id"], "2"))
    owner = Owner(frame["owner"], frame["maker_address"])
    return UserParser(Reporter(known, owner, lambda _: None, FeeAsset.COLLATERAL))


@pytest.mark.parametrize("name", SAMPLES)
def test_recorded_orders(name: str) -> None:
    frame = json.loads(shared(f"samples/nautilus_polymarket/{name}.json").read_bytes())
    # The recorder kept the message and dropped its kind; the times are of 2023.
    [report] = sampled(frame).parse(encoded({"event_type": "order"} | frame))
    assert isinstance(report, VenueOrder)
    assert (report.status, report.filled) == SAMPLES[name]


@pytest.mark.parametrize("name", ["user_trade1", "user_trade2", "user_trade3", "user_trade4"])
def test_recorded_trades(name: str) -> None:
    frame = json.loads(shared(f"samples/nautilus_polymarket_py/{name}.json").read_bytes())
    ours = frame["maker_orders"][-1]["owner"] if frame["trader_side"] == "MAKER" else frame["owner"]
    known = Listings()
    known.add(listing(frame["market"], frame["asset_id"], _other_token(frame)))
    reporter = Reporter(known, Owner(ours, "0x0"), lambda _: None, FeeAsset.COLLATERAL)
    fills = UserParser(reporter).parse(encoded(frame))
    assert len(fills) == (2 if name == "user_trade4" else 1)
    assert all(isinstance(each, VenueFill) and each.quantity >= 5_000_000 for each in fills)


def _other_token(frame: dict[str, Any]) -> str:
    others = {each["asset_id"] for each in frame["maker_orders"]} - {frame["asset_id"]}
    return next(iter(others), "2")
