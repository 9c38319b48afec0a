"""Damaged frames: refused, or still a possible message; never a price, size or state made up.

The oracle reads the damaged text by itself, with exact decimals, and says what a correct reader may
take from it. It shares nothing with the parser.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from kairos.adapters.polymarket_us.parsing import LiteQuote, MarketStream
from kairos.adapters.polymarket_us.private import (
    BalanceChanged,
    OrderChanged,
    OrdersListed,
    PositionChanged,
    PrivateStream,
)
from kairos.errors import Malformed
from kairos.messages.events import BookSnapshot, MarketTrading, VenueTrade
from kairos.messages.trading import VenueOrder
from tests.support.mutations import ODD_VALUES
from tests.support.polymarket_us import (
    HEARTBEAT,
    balance,
    balances_update,
    book,
    encoded,
    execution,
    lite,
    order,
    order_snapshot,
    order_update,
    position,
    position_update,
    trade,
)

Json = Any
PER_CELL = 70
PRICES = ["0", "1", "1.0001", "-0.01", "0.00001", "0.5551234", "55", "1e-2", "", "NaN", "٠.٥"]
SIZES = ["0", "-1", "0.0000001", "9" * 30, "1e3", "", "Infinity", "12_000"]
NAMES = ["bidz", "x", "", "price", "yes", "no", "quantity", "value"]

MARKET_FRAMES = {"book": book(), "lite": lite(), "trade": trade(), "heartbeat": HEARTBEAT}
PRIVATE_FRAMES = {
    "update": order_update(execution()),
    "snapshot": order_snapshot([order(), order(id="2", intent="ORDER_INTENT_SELL_LONG")], eof=True),
    "position": position_update(position(), position("1")),
    "balance": balances_update(balance()),
}


def holders(body: Json, found: list[Json] | None = None) -> list[Json]:
    """Every object and every list of a frame, outermost first."""
    found = [] if found is None else found
    if isinstance(body, dict | list):
        found.append(body)
        for each in body.values() if isinstance(body, dict) else body:
            holders(each, found)
    return found


def key_in(chance: random.Random, body: Json) -> tuple[Json, Any]:
    filled = [each for each in holders(body) if each]
    holder = chance.choice(filled)
    return holder, chance.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))


def drop(chance: random.Random, body: Json) -> Json:
    holder, key = key_in(chance, body)
    del holder[key]
    return body


def rename(chance: random.Random, body: Json) -> Json:
    holder, key = key_in(chance, body)
    if isinstance(holder, dict):
        holder[chance.choice([*NAMES, f"{key}x", key.upper()])] = holder.pop(key)
    return body


def retype(chance: random.Random, body: Json) -> Json:
    holder, key = key_in(chance, body)
    holder[key] = chance.choice(ODD_VALUES)
    return body


def repeat(chance: random.Random, body: Json) -> Json:
    holder, key = key_in(chance, body)
    if isinstance(holder, list):
        holder.append(holder[key])
    return body


def swap(chance: random.Random, body: Json) -> Json:
    """Two values of one object change places."""
    holder, key = key_in(chance, body)
    _, other = key_in(chance, holder)
    if isinstance(holder, dict) and other in holder:
        holder[key], holder[other] = holder[other], holder[key]
    return body


def number(chance: random.Random, body: Json) -> Json:
    """Every number becomes one that cannot be, or hardly."""
    spots = [
        (holder, key)
        for holder in holders(body)
        if isinstance(holder, dict)
        for key in holder
        if key in ("value", "qty", "lastShares", "netPositionDecimal", "quantity", "buyingPower")
        and not isinstance(holder[key], dict)
    ]
    if spots:
        holder, key = chance.choice(spots)
        holder[key] = chance.choice(PRICES if key == "value" else SIZES)
    return body


def graft(chance: random.Random, body: Json) -> Json:
    """A piece of another frame in it."""
    frames = [*MARKET_FRAMES.values(), *PRIVATE_FRAMES.values()]
    other = json.loads(json.dumps(chance.choice(frames)))
    holder, key = key_in(chance, body)
    piece = chance.choice([each for each in holders(other) if isinstance(each, dict)])
    holder[key] = piece
    return body


def name_twice(chance: random.Random, text: bytes) -> bytes:
    """Readers of JSON take the last one."""
    names = [b"bids", b"value", b"marketSlug", b"state", b"price", b"heartbeat", b"qty", b"eof"]
    key = b'"' + chance.choice(names) + b'":'
    value = json.dumps(chance.choice(ODD_VALUES)).encode()
    return text.replace(key, key + value + b"," + key, 1)


def cut(chance: random.Random, text: bytes) -> bytes:
    return text[: chance.randrange(len(text))]


def flip(chance: random.Random, text: bytes) -> bytes:
    damaged = bytearray(text)
    for _ in range(chance.choice([1, 1, 2, 8])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


BODIES: dict[str, Callable[[random.Random, Json], Json]] = {
    each.__name__: each for each in (drop, rename, retype, repeat, swap, number, graft)
}
TEXTS: dict[str, Callable[[random.Random, bytes], bytes]] = {
    each.__name__: each for each in (name_twice, cut, flip)
}
KINDS = sorted([*BODIES, *TEXTS])


def damaged(chance: random.Random, kind: str, frame: Json) -> bytes:
    if kind in TEXTS:
        return TEXTS[kind](chance, encoded(frame))
    return encoded(BODIES[kind](chance, json.loads(json.dumps(frame))))


def exact(value: Json, scale: int) -> int:
    """What a careful reader makes of a number; raises for everything that is none."""
    assert isinstance(value, str | int | float | Decimal), value
    assert not isinstance(value, bool)
    scaled = Decimal(str(value)) * scale
    assert scaled == int(scaled)
    return int(scaled)


def dollars_of(amount: Json, scale: int) -> int:
    assert amount.get("currency") in ("USD", None)
    return exact(amount["value"], scale)


def told(raw: bytes) -> Json:
    """A websocket refuses text that is not UTF-8 before we see it; here, what nobody reads may be
    so damaged."""
    return json.loads(raw.decode("utf-8", "replace"), parse_float=Decimal)


def check_market(raw: bytes, events: tuple[Any, ...]) -> None:
    body = told(raw)
    for event in events:
        match event:
            case BookSnapshot():
                data = body["marketData"]
                assert event.market == data["marketSlug"]
                yes = [(dollars_of(e["px"], 10_000), exact(e["qty"], 10**6)) for e in data["bids"]]
                no = [
                    (10_000 - dollars_of(e["px"], 10_000), exact(e["qty"], 10**6))
                    for e in data["offers"]
                ]
                assert (list(event.yes), list(event.no)) == (yes, no)
                assert all(0 < price < 10_000 and size > 0 for price, size in yes + no)
            case MarketTrading():
                assert event.active == (body["marketData"]["state"] == "MARKET_STATE_OPEN")
            case VenueTrade():
                data = body["trade"]
                assert event.yes_price == dollars_of(data["price"], 10_000)
                assert event.quantity == exact(data["quantity"]["value"], 10**6) > 0
                assert 0 < event.yes_price < 10_000
            case LiteQuote():
                data = body["marketDataLite"]
                for ours, name in ((event.bid, "bestBid"), (event.ask, "bestAsk")):
                    stated = data.get(name)
                    assert ours == (None if stated is None else dollars_of(stated, 10_000))


def check_order(ours: VenueOrder, stated: Json) -> None:
    price = dollars_of(stated["price"], 10_000)
    is_short = stated["intent"].endswith("_SHORT")
    assert ours.venue_order_id == stated["id"]
    assert ours.market == stated["marketSlug"]
    assert ours.price == (10_000 - price if is_short else price)
    assert ours.outcome == ("NO" if is_short else "YES")
    assert ours.action == ("BUY" if "_BUY_" in stated["intent"] else "SELL")
    assert ours.quantity == exact(stated["quantity"], 10**6)
    assert ours.filled == exact(stated["cumQuantity"], 10**6) <= ours.quantity
    assert stated["state"].removeprefix("ORDER_STATE_") in {
        "NEW", "PENDING_NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REPLACED", "REJECTED",
        "EXPIRED", "PENDING_REPLACE", "PENDING_CANCEL", "PENDING_RISK",
    }  # fmt: skip


def check_private(raw: bytes, events: tuple[Any, ...]) -> None:
    body = told(raw)
    for event in events:
        match event:
            case OrderChanged():
                stated = body["orderSubscriptionUpdate"]["execution"]
                check_order(event.order, stated["order"])
                if event.fill is not None:
                    assert event.fill.quantity == exact(stated["lastShares"], 10**6) > 0
                    assert event.fill.fill_id == stated["tradeId"]
            case OrdersListed():
                page = body["orderSubscriptionSnapshot"]
                assert event.is_last is page["eof"]
                for ours, stated in zip(event.orders, page["orders"], strict=True):
                    check_order(ours, stated)
            case PositionChanged():
                after = body["positionSubscription"]["afterPosition"] or {}
                size = after.get("netPositionDecimal") or after.get("netPosition") or 0
                assert event.net == exact(size, 10**6)
            case BalanceChanged():
                after = body["accountBalancesUpdate"]["balanceChange"]["afterBalance"]
                assert event.balance.cash == int(Decimal(str(after["buyingPower"])) * 10**6)
                assert after["currency"] in ("USD", "")


CHECKS = [
    *((name, MARKET_FRAMES, check_market) for name in MARKET_FRAMES),
    *((name, PRIVATE_FRAMES, check_private) for name in PRIVATE_FRAMES),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "frames", "check"), CHECKS, ids=[each[0] for each in CHECKS])
def test_damage_is_refused_or_read_as_it_stands(
    name: str, frames: dict[str, Json], check: Callable[[bytes, tuple[Any, ...]], None], kind: str
) -> None:
    market, private = MarketStream("c"), PrivateStream("p", lambda _order: None)
    read = market.events if frames is MARKET_FRAMES else private.events
    for seed in range(PER_CELL):
        raw = damaged(random.Random(f"{name} {kind} {seed}"), kind, frames[name])
        try:
            events = read(9, raw)
        except Malformed as refused:
            assert refused.reason
            continue
        try:
            check(raw, events)
        except (AssertionError, KeyError, TypeError, InvalidOperation) as wrong:
            wrong.add_note(f"{name} {kind} {seed}: {raw!r} gave {events}")
            raise


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_frame_never_stops_the_stream(kind: str) -> None:
    """`take` turns what cannot be read into an event, and the next good book is taken."""
    for seed in range(PER_CELL):
        stream = MarketStream("c")
        stream.opened(1)
        stream.take(9, damaged(random.Random(f"{kind} {seed}"), kind, book()))
        assert isinstance(stream.take(9, encoded(book()))[0], BookSnapshot)


def test_the_undamaged_frames_are_read() -> None:
    market, private = MarketStream("c"), PrivateStream("p", lambda _order: None)
    for frame in MARKET_FRAMES.values():
        raw = encoded(frame)
        events: tuple[Any, ...] = market.events(9, raw)
        assert events
        check_market(raw, events)
    for frame in PRIVATE_FRAMES.values():
        raw = encoded(frame)
        events = private.events(9, raw)
        assert events
        check_private(raw, events)


def test_enough_damage_is_done() -> None:
    assert len(CHECKS) * len(KINDS) * PER_CELL >= 5_000
