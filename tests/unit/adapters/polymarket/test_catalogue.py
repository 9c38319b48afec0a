"""Markets as Gamma describes them and as the CLOB trades them, whatever spelling they come in."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from kairos.adapters.polymarket import catalogue
from kairos.adapters.polymarket.catalogue import clob_listing, gamma_market
from kairos.adapters.polymarket.config import Exchange
from kairos.adapters.polymarket.listings import Listings, exchange_of
from kairos.adapters.polymarket.rest_schemas import ClobMarket, GammaMarket, decoded
from kairos.domain.instruments import Liquidity, Outcome
from kairos.errors import Malformed, VenueRefused, VenueUnreachable
from tests.support.polymarket import MARKET, NO, YES, listing
from tests.support.polymarket_rest import Rig
from tests.support.repository import shared
from tests.support.rest import answer

POSITION = str((1 << 248) + 1)  # module 1, reserved bits zero, outcome 1


def gamma(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "id": "1", "question": "Up?", "conditionId": MARKET, "slug": "up", "active": True,
        "closed": False, "acceptingOrders": True, "enableOrderBook": True,
        "outcomes": '["Up", "Down"]', "outcomePrices": '["0.5", "0.5"]',
        "clobTokenIds": json.dumps([YES, NO]), "orderPriceMinTickSize": 0.001, "orderMinSize": 5,
        "negRisk": False, "startDate": "2026-11-20T00:00:00.5Z", "endDate": "2026-11-22T09:25:00Z",
        "feesEnabled": True,
        "feeSchedule": {"rate": 0.07, "exponent": 1, "takerOnly": True, "rebateRate": 0.2},
        "events": [{"slug": "ev", "title": "Event", "series": [{"slug": "btc-5m"}]}],
    } | changes  # fmt: skip


def market_of(**changes: Any) -> Any:  # noqa: ANN401
    return gamma_market(decoded(json.dumps(gamma(**changes)).encode(), GammaMarket))


def test_a_market_in_our_terms() -> None:
    made = market_of()
    assert (made.market, made.status, made.is_trading) == (MARKET, "active", True)
    assert made.instruments == (YES, NO)
    assert made.ranges == ((0, 10_000, 10),)
    assert made.quantity_min == 5_000_000
    assert made.close_ns == 1_795_339_500 * 10**9
    assert made.result is None
    assert made.attributes["yes_label"] == "Up"
    assert made.attributes["series"] == "btc-5m"
    assert (made.attributes["fee_rate"], made.attributes["neg_risk"]) == ("0.07", "false")


@pytest.mark.parametrize(
    "changes",
    [
        {"active": False}, {"closed": True}, {"acceptingOrders": False},
        {"acceptingOrders": None}, {"enableOrderBook": False},
    ],
)  # fmt: skip
def test_only_a_market_that_takes_orders_is_trading(changes: dict[str, Any]) -> None:
    assert not market_of(**changes).is_trading


def test_protocol_v2_markets_trade_position_ids() -> None:
    other = str((1 << 248) + 2)
    made = market_of(version="v2", positionIds=[POSITION, other], clobTokenIds=None)
    assert made.instruments == (POSITION, other)
    assert made.attributes["version"] == "v2"
    assert market_of(version="v2", positionIds=None).instruments is None
    assert market_of(clobTokenIds=[YES, NO]).instruments == (YES, NO)


@pytest.mark.parametrize(
    ("closed", "prices", "result"),
    [
        (True, ["1", "0"], Outcome.YES),
        (True, ["0", "1"], Outcome.NO),
        (True, ["0.5", "0.5"], None),
        (True, ["0", "0"], None),
        (True, [], None),
        (False, ["1", "0"], None),
    ],
)
def test_only_closed_markets_have_results(
    closed: bool, prices: list[str], result: Outcome | None
) -> None:
    assert market_of(closed=closed, outcomePrices=json.dumps(prices)).result is result


@pytest.mark.parametrize(
    "changes",
    [
        {"outcomes": '["A","B","C"]'}, {"outcomes": None}, {"outcomes": "Up"},
        {"clobTokenIds": json.dumps([YES])}, {"clobTokenIds": json.dumps([YES, YES])},
        {"clobTokenIds": '["0x5","6"]'}, {"orderPriceMinTickSize": 0.02}, {"endDate": "soon"},
        {"question": None}, {"active": "yes"},
    ],
)  # fmt: skip
def test_a_market_that_is_not_binary_or_not_readable_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        market_of(**changes)


def keyset(*rows: Any, cursor: str | None = None) -> str:  # noqa: ANN401
    return json.dumps({"markets": rows, "next_cursor": cursor})


def test_the_catalogue_follows_the_cursor_and_counts_what_it_cannot_use() -> None:
    rig = Rig()
    rig.gamma.answers = [
        answer(keyset(gamma(), gamma(outcomes='["A","B","C"]'), {"id": 1}, cursor="n")),
        answer(keyset(gamma(conditionId="0x2"))),
    ]
    found = asyncio.run(rig.catalogue.markets({"closed": "false", "tag_id": "21"}))
    assert [each.market for each in found] == [MARKET, "0x2"]
    assert rig.catalogue.skipped == {"not_binary": 1, "unreadable_answer": 1}
    assert [each.query for each in rig.gamma.requests] == [
        "closed=false&tag_id=21&limit=100",
        "closed=false&tag_id=21&limit=100&after_cursor=n",
    ]


def test_a_catalogue_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "PAGES_MAX", 2)
    rig = Rig()
    rig.gamma.answers = [answer(keyset(gamma(), cursor="n"))] * 2
    with pytest.raises(Malformed, match="too_many_pages"):
        asyncio.run(rig.catalogue.markets({}))


def test_one_market_is_found_open_or_closed() -> None:
    rig = Rig()
    rig.gamma.answers = [answer(keyset()), answer(keyset(gamma(closed=True)))]
    found = asyncio.run(rig.catalogue.market(MARKET))
    assert found is not None
    assert found.status == "closed"
    rig.gamma.answers = [answer(keyset()), answer(keyset())]
    assert asyncio.run(rig.catalogue.market("0x9")) is None


# How a market is traded


def clob(**changes: Any) -> bytes:  # noqa: ANN401
    body = {
        "t": [{"t": YES, "o": "Yes"}, {"t": NO, "o": "No"}], "mts": 0.01, "mos": 5, "nr": False,
        "fd": {"r": 0.07, "e": 1, "to": True}, "itode": True,
    } | changes  # fmt: skip
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def listed(**changes: Any) -> Any:  # noqa: ANN401
    return clob_listing(MARKET, decoded(clob(**changes), ClobMarket))


def test_a_listing_with_its_fees() -> None:
    made = listed()
    assert made == listing()
    assert made.fees.fill_fee(5_000, 100_000_000, Liquidity.TAKER) == 1_750_000


def test_fees_nobody_stated_are_unknown_unless_the_cap_is_zero() -> None:
    assert listed(fd=None).fees is None
    assert listed(fd=None, tbf=1000).fees is None
    assert listed(fd=None, tbf=0).fees.fill_fee(5_000, 10**9, Liquidity.TAKER) == 0


@pytest.mark.parametrize(
    ("token", "neg_risk", "exchange"),
    [
        (YES, False, Exchange.CTF), (YES, True, Exchange.NEG_RISK),
        (POSITION, False, Exchange.POSITIONS), (POSITION, True, Exchange.POSITIONS),
    ],
)  # fmt: skip
def test_the_token_decides_the_exchange(token: str, neg_risk: bool, exchange: Exchange) -> None:
    assert exchange_of(token, neg_risk=neg_risk) is exchange


@pytest.mark.parametrize(
    "changes",
    [
        {"t": [{"t": YES}]}, {"t": [{"t": YES}, {"t": YES}]}, {"t": [{"t": YES}, {"t": POSITION}]},
        {"t": [{"t": "-1"}, {"t": NO}]}, {"t": [{"t": str(2**256)}, {"t": NO}]}, {"mts": 0.02},
        {"mts": None}, {"mos": -5}, {"mos": None}, {"fd": {"r": 0.07, "e": 1}},
        {"fd": {"r": 2, "e": 1, "to": True}}, {"fd": {"r": 0.1, "e": 1.5, "to": True}},
        {"fd": {"r": 0.1, "e": 1, "to": False}}, {"mts": "NaN"},
    ],
)  # fmt: skip
def test_a_listing_that_cannot_be_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        listed(**changes)


def test_a_listing_is_asked_for_once_and_again_on_request() -> None:
    rig = Rig(listing("0x5"))
    rig.answers(clob(), clob(mts=0.001))
    markets = rig.trading.markets
    for _ in range(2):
        assert asyncio.run(markets.listing(MARKET)).tick == 100
    assert asyncio.run(markets.refresh(MARKET)).tick == 10
    assert rig.sent == [f"GET /clob-markets/{MARKET}"] * 2


def test_tick_fee_cap_and_book_of_a_token() -> None:
    rig = Rig()
    book = {"market": MARKET, "asset_id": YES, "timestamp": "1795000000000", "bids": [], "asks": []}
    rig.answers({"minimum_tick_size": 0.0025}, {"base_fee": 1000}, book, answer("", 404))
    markets = rig.trading.markets
    assert asyncio.run(markets.tick(YES)) == 25
    assert asyncio.run(markets.fee_cap_bps(YES)) == 1000
    found = asyncio.run(markets.book(YES))
    assert found is not None
    assert found.asset_id == YES
    assert asyncio.run(markets.book(YES)) is None
    rig.answers(answer("", 401))
    with pytest.raises(VenueRefused):
        asyncio.run(markets.book(YES))
    rig.answers(*[VenueUnreachable("clob", "no_connection", "", "")] * 3)
    with pytest.raises(VenueUnreachable):
        asyncio.run(markets.tick(YES))


def test_listings_are_bounded_and_forget_the_oldest() -> None:
    known = Listings(most=2)
    for number in range(3):
        known.add(listing(f"0x{number}"))
    assert (len(known), known.get("0x0")) == (2, None)
    with pytest.raises(Malformed, match="unknown_market"):
        known.require("0x0")
    known.forget("0x1")
    assert len(known) == 1


def sample(name: str) -> Any:  # noqa: ANN401
    return json.loads(shared(f"samples/nautilus_polymarket/{name}.json").read_bytes())


@pytest.mark.parametrize(
    ("name", "trading", "result"),
    [
        ("gamma_market", True, None),
        ("gamma_market_closed_binary_accepting_false", False, Outcome.NO),
        ("gamma_market_closed_binary_accepting_true", False, Outcome.YES),
        ("gamma_market_sports_market_map_handicap", False, Outcome.YES),
        ("gamma_market_sports_market_money_line", False, Outcome.YES),
    ],
)
def test_recorded_markets(name: str, trading: bool, result: Outcome | None) -> None:
    raw = sample(name)
    made = gamma_market(decoded(json.dumps(raw).encode(), GammaMarket))
    assert (made.market, made.title) == (raw["conditionId"], raw["question"])
    assert made.is_trading is trading
    assert made.instruments == tuple(json.loads(raw["clobTokenIds"]))
    tick = int(Decimal(str(raw["orderPriceMinTickSize"])) * 10_000)
    assert made.ranges == ((0, 10_000, tick),)
    prices = json.loads(raw["outcomePrices"])
    expected = {"1": Outcome.YES, "0": Outcome.NO}.get(prices[0]) if raw["closed"] else None
    assert made.result is expected
    assert result is None or made.result is not None


def test_recorded_events_hold_markets() -> None:
    for market in sample("gamma_event")[0]["markets"]:
        made = gamma_market(decoded(json.dumps(market).encode(), GammaMarket))
        assert made.instruments is not None
        assert made.attributes["neg_risk"] == "true"
