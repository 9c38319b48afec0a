"""A recorded session replayed into a simulated market: the same book, and fills in their turn."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import pytest

from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.errors import Malformed
from local.market_generator import SessionSettings, generate
from local.venues.kalshi.markets import Status
from local.venues.kalshi.recorded import replay, steps
from local.venues.kalshi.text import fp
from tests.support.sim_kalshi import TICKER, run, spec, venue

START_NS = 1_795_012_265_000_000_000


@functools.cache
def recording() -> tuple[bytes, ...]:
    settings = SessionSettings(
        seed=5, start_ns=START_NS, minutes=4, deltas_per_second=20, ladder=False, faults=False
    )
    return tuple(generate(settings))


def first_ticker() -> str:
    for line in recording():
        frame = msgspec.json.decode(line).get("raw")
        if frame and frame["type"] == "orderbook_snapshot":
            return str(frame["msg"]["market_ticker"])
    raise AssertionError("no book in the recording")


def recorded_book(ticker: str) -> dict[tuple[str, str], int]:
    """Hundredths of contracts per side and price at the end of the recording."""
    book: dict[tuple[str, str], int] = {}
    for line in recording():
        frame: dict[str, Any] | None = msgspec.json.decode(line).get("raw")
        if frame is None or frame.get("msg", {}).get("market_ticker") != ticker:
            continue
        body = frame["msg"]
        if frame["type"] == "orderbook_snapshot":
            book = {
                (side, price): round(float(size) * 100)
                for side in ("yes", "no")
                for price, size in body.get(f"{side}_dollars_fp", [])
            }
        elif frame["type"] == "orderbook_delta":
            key = (body["side"], body["price_dollars"])
            book[key] = book.get(key, 0) + round(float(body["delta_fp"]) * 100)
    return {key: size for key, size in book.items() if size}


def test_the_replayed_book_ends_as_the_recorded_one() -> None:
    async def scenario() -> None:
        async with venue() as v:
            ticker = first_ticker()
            exchange = v.server.exchange
            listed = exchange.add_market(spec(ticker), Status.ACTIVE)
            last_ns = msgspec.json.decode(recording()[-1])["recv_ns"]
            replay(exchange, ticker, recording(), v.clock.now_ns() - last_ns)
            v.pass_time(1)
            replayed = {
                (side, f"{price / 10_000:.4f}"): round(float(fp(quantity)) * 100)
                for side, leg in (("yes", YES_LEG), ("no", NO_LEG))
                for price, quantity in listed.book.levels(leg)
            }
            assert replayed == recorded_book(ticker)
            assert listed.trades

    run(scenario)


def test_a_resting_member_is_filled_by_recorded_trades() -> None:
    async def scenario() -> None:
        async with venue() as v:
            ticker = first_ticker()
            exchange = v.server.exchange
            exchange.add_market(spec(ticker), Status.ACTIVE)
            first_ns = msgspec.json.decode(recording()[0])["recv_ns"]
            replay(exchange, ticker, recording(), v.clock.now_ns() - first_ns)
            v.pass_time(5)
            quote = (await v.alice.call("GET", f"/markets/{ticker}")).body["market"]
            mine = await v.alice.placed("bid", quote["yes_bid_dollars"], "1.00", ticker=ticker)
            v.pass_time(230)
            order = await v.alice.order(mine)
            fills = (await v.alice.call("GET", "/portfolio/fills", order_id=mine)).body["fills"]
            assert order["status"] == "executed"
            assert all(not fill["is_taker"] for fill in fills)

    run(scenario)


def test_a_line_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(Malformed, match="bad_line"):
        list(steps([b"{broken"], TICKER))
