"""What Kalshi lists is read from its own pages, and one bad market costs no other."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from kairos.adapters.kalshi.candles import Candle
from kairos.adapters.kalshi.catalogue import RestBook, venue_market
from kairos.adapters.kalshi.catalogue_schemas import Market
from kairos.domain.grid import TAPERED_DECI_CENT
from kairos.domain.instruments import Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.ports import HttpResponse
from tests.support.kalshi_rest import catalogue
from tests.support.repository import shared
from tests.support.rest import ScriptedTransport, answer

CENT = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]


def market(ticker: str, **more: object) -> dict[str, Any]:
    return {
        "ticker": ticker, "event_ticker": "E", "market_type": "binary", "yes_sub_title": "above",
        "open_time": "2026-11-21T00:00:00Z", "close_time": "2026-11-21T00:15:00Z",
        "status": "active", "result": "", "price_level_structure": "linear_cent",
        "price_ranges": CENT, "settlement_timer_seconds": 1, "expiration_value": "",
    } | more  # fmt: skip


def reply(fields: object) -> HttpResponse:
    return answer(msgspec.json.encode(fields))


def test_a_real_market_is_read_whole() -> None:
    raw = shared("samples/kalshi/KXBTC15M_prod_market_active.json").read_bytes()
    fields = msgspec.convert(msgspec.json.decode(raw)["market"], Market)
    told = venue_market(fields)
    assert told.market.startswith("KXBTC15M-26SEP182130")
    assert told.is_trading
    assert told.ranges == TAPERED_DECI_CENT
    assert (told.strike_type, told.floor_strike) == ("greater_or_equal", "81263.65")
    assert told.close_ns == 1_789_781_400_000_000_000
    assert told.attributes["exchange_index"] == "2"
    assert told.result is None


def test_a_real_orderbook_is_read_whole() -> None:
    raw = shared("samples/kalshi/KXBTC15M_prod_orderbook_prod.json").read_bytes()
    transport = ScriptedTransport([answer(raw)])
    book = asyncio.run(catalogue(transport).orderbook("M"))
    assert book.no[-1] == (4_500, 6_445_030_000)
    assert book.yes[0] == (4_900, 514_830_000)
    assert list(book.yes) == sorted(book.yes)


def test_a_real_series_is_read() -> None:
    raw = shared("samples/kalshi/KXBTC15M_prod_series_kxbtc15m.json").read_bytes()
    series = asyncio.run(catalogue(ScriptedTransport([answer(raw)])).series("KXBTC15M"))
    assert (series.fee_type, series.fee_multiplier, series.exchange_index) == ("quadratic", 1.0, 2)


def test_a_result_counts_only_when_it_is_final() -> None:
    for status in ("determined", "disputed", "amended"):
        told = venue_market(msgspec.convert(market("A", status=status, result="yes"), Market))
        assert told.result is None
        assert told.attributes["result"] == "yes"
    final = market("A", status="finalized", result="no")
    assert venue_market(msgspec.convert(final, Market)).result is Outcome.NO


def test_a_market_that_cannot_be_read_costs_no_other() -> None:
    rows = [
        market("A"),
        market("B", status=7),
        market("C", price_ranges=[CENT[0] | {"step": "0.0000"}]),
        market("D"),
    ]
    listed = catalogue(ScriptedTransport([reply({"markets": rows, "cursor": ""})]))
    found = asyncio.run(listed.markets({"status": "open"}))
    assert [each.market for each in found] == ["A", "D"]
    assert listed.quarantined == {"unreadable": 1, "bad_price_range": 1}


def test_all_pages_of_markets_are_read_unsigned() -> None:
    pages = [{"markets": [market("A")], "cursor": "c"}, {"markets": [market("B")], "cursor": ""}]
    transport = ScriptedTransport([reply(page) for page in pages])
    found = asyncio.run(catalogue(transport).markets({"series_ticker": "S"}))
    assert [each.market for each in found] == ["A", "B"]
    assert dict(parse_qsl(transport.requests[1].query)) == {
        "series_ticker": "S", "limit": "1000", "cursor": "c",
    }  # fmt: skip
    assert transport.requests[0].headers == {"Accept": "application/json"}


def test_a_market_is_looked_for_in_the_archive_too() -> None:
    transport = ScriptedTransport([answer("{}", 404), reply({"market": market("A")})])
    found = asyncio.run(catalogue(transport).market("A"))
    assert found is not None
    assert transport.requests[1].path.endswith("/historical/markets/A")
    nowhere = ScriptedTransport([answer("{}", 404)] * 2)
    assert asyncio.run(catalogue(nowhere).market("A")) is None


def test_a_market_that_may_not_be_asked_for_is_not_absent() -> None:
    with pytest.raises(VenueRefused) as error:
        asyncio.run(catalogue(ScriptedTransport([answer("{}", 403)])).market("A"))
    assert error.value.reason == Refusal.MISSING_SCOPE


def test_a_ticker_cannot_leave_its_place_in_the_path() -> None:
    transport = ScriptedTransport([answer("{}", 404)] * 2)
    asyncio.run(catalogue(transport).market("../portfolio/x?y"))
    assert transport.requests[0].path == "/trade-api/v2/markets/..%2Fportfolio%2Fx%3Fy"


def test_many_books_in_one_request() -> None:
    sides = {"yes_dollars": [["0.4200", "13.00"]], "no_dollars": []}
    rows = [{"ticker": each, "orderbook_fp": sides} for each in ("A", "B")]
    transport = ScriptedTransport([reply({"orderbooks": rows})])
    books = asyncio.run(catalogue(transport).orderbooks(["A", "B"]))
    assert books[1] == RestBook("B", ((4_200, 13_000_000),), ())
    assert transport.requests[0].query == "tickers=A&tickers=B"


@pytest.mark.parametrize("count", [0, 101])
def test_books_are_asked_for_a_hundred_at_a_time(count: int) -> None:
    with pytest.raises(VenueRefused, match=r"1\.\.100"):
        asyncio.run(catalogue(ScriptedTransport()).orderbooks(["A"] * count))


def trade(**more: str) -> dict[str, object]:
    return {
        "trade_id": "t", "ticker": "A", "count_fp": "2.00", "yes_price_dollars": "0.4000",
        "taker_outcome_side": "no", "created_time": "1970-01-01T00:00:01Z", "is_block_trade": False,
    } | more  # fmt: skip


def test_public_trades_are_events() -> None:
    transport = ScriptedTransport([reply({"trades": [trade()], "cursor": ""})])
    (told,) = asyncio.run(catalogue(transport).trades({"ticker": "A"}))
    assert (told.yes_price, told.quantity, told.taker) == (4_000, 2_000_000, Outcome.NO)
    assert told.venue_ns == 1_000_000_000


def test_a_trade_without_a_side_is_unreadable() -> None:
    page = {"trades": [trade(taker_outcome_side="")], "cursor": ""}
    with pytest.raises(OutcomeUnknown, match="bad_side"):
        asyncio.run(catalogue(ScriptedTransport([reply(page)])).trades({}))


QUOTES = dict.fromkeys(("open_dollars", "low_dollars", "high_dollars", "close_dollars"), "0.5000")


def candle(**price: str | None) -> dict[str, object]:
    row = {
        "end_period_ts": 60, "yes_bid": QUOTES, "yes_ask": QUOTES, "price": price,
        "volume_fp": "1.00", "open_interest_fp": "2.00",
    }  # fmt: skip
    return {"ticker": "A", "candlesticks": [row]}


def test_a_period_without_trades_has_no_traded_price() -> None:
    quotes = (5_000,) * 4
    transport = ScriptedTransport([reply(candle(open_dollars=None)), reply(candle(**QUOTES))])
    listed = catalogue(transport)
    (silent,) = asyncio.run(listed.candlesticks("S", "A", 0, 60, 1))
    (traded,) = asyncio.run(listed.candlesticks("S", "A", 0, 60, 1))
    assert silent == Candle(60_000_000_000, quotes, quotes, None, 1_000_000, 2_000_000)
    assert traded.traded == quotes


def test_candles_have_the_periods_the_venue_has() -> None:
    with pytest.raises(VenueRefused, match="1, 60 or 1440"):
        asyncio.run(catalogue(ScriptedTransport()).candlesticks("S", "A", 0, 60, 5))
