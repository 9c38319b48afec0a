"""What the venue lists, with the grid and least size of each market."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kairos.adapters.polymarket_us import catalogue as module
from kairos.adapters.polymarket_us.catalogue import (
    BestPrices,
    MarketBook,
    PolymarketUsCatalogue,
    outcome_of,
)
from kairos.adapters.polymarket_us.client import public_client
from kairos.adapters.polymarket_us.config import Settings
from kairos.domain.instruments import Outcome, Venue
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.messages.trading import VenueMarket
from kairos.ports import MarketCatalogue
from tests.support.polymarket_us import MARKET, NOW_NS, book, encoded, lite
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

NOT_FOUND = answer(encoded({"code": 5}), 404)


def listed(**fields: object) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": 1, "slug": MARKET, "title": "Lions", "question": "Lions vs Bills",
        "status": "MARKET_STATUS_OPEN", "active": True, "closed": False, "category": "sports",
        "eventSlug": "nfl-det-buf", "gameId": 77, "orderPriceMinTickSize": 0.005,
        "minimumTradeQty": 0.01, "feeCoefficient": 0.0695, "endDate": "2026-11-18T11:06:40Z",
        "sportsMarketType": "moneyline",
        "marketSides": [
            {"long": True, "description": "Lions"}, {"long": False, "description": "Bills"},
        ],
    }  # fmt: skip
    return body | fields


class Fixture:
    def __init__(self, *answers: Answer) -> None:
        clock = FakeClock(NOW_NS)
        self.transport = ScriptedTransport(answers)
        rest = public_client(self.transport, clock, lambda: 0.5, Settings())
        self.catalogue = PolymarketUsCatalogue(rest)

    @property
    def asked(self) -> list[str]:
        return [f"{each.path}?{each.query}".rstrip("?") for each in self.transport.requests]


def test_a_market_is_read_with_its_grid() -> None:
    fixture = Fixture(answer(encoded({"market": listed()})))
    catalogue: MarketCatalogue = fixture.catalogue
    market = asyncio.run(catalogue.market(MARKET))
    assert market == VenueMarket(
        Venue.POLYMARKET_US, MARKET, "Lions vs Bills", "MARKET_STATUS_OPEN", True, None,
        ((0, 10_000, 50),), 10_000, None, NOW_NS, None, None, None, None,
        {
            "event": "nfl-det-buf", "category": "sports", "game": "77", "type": "moneyline",
            "fee_coefficient": "0.0695", "long": "Lions", "short": "Bills",
        },
    )  # fmt: skip
    assert fixture.asked == [f"/v1/market/slug/{MARKET}"]
    assert fixture.catalogue.known(MARKET) == market
    assert fixture.transport.requests[0].headers == {"Accept": "application/json"}


@pytest.mark.parametrize(
    ("fields", "trades"),
    [
        ({}, True),
        ({"status": "MARKET_STATUS_HALTED"}, False),
        ({"closed": True}, False),
        ({"active": False}, False),
        ({"status": None}, True),
        ({"status": None, "closed": True}, False),
    ],
)
def test_whether_a_market_trades(fields: dict[str, object], trades: bool) -> None:
    market = asyncio.run(
        Fixture(answer(encoded({"market": listed(**fields)}))).catalogue.market(MARKET)
    )
    assert market is not None
    assert market.is_trading is trades


def test_what_is_not_stated_is_not_made_up() -> None:
    body = listed(orderPriceMinTickSize=None, minimumTradeQty=None, endDate=None)
    market = asyncio.run(Fixture(answer(encoded({"market": body}))).catalogue.market(MARKET))
    assert market is not None
    assert (market.ranges, market.quantity_min, market.close_ns) == (None, None, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"orderPriceMinTickSize": 0}, {"orderPriceMinTickSize": 0.00001},
        {"orderPriceMinTickSize": 1}, {"minimumTradeQty": 0}, {"minimumTradeQty": "x"},
        {"endDate": "soon"}, {"status": None, "active": None}, {"slug": None},
    ],
)  # fmt: skip
def test_a_market_that_cannot_be_read_is_unknown_and_leaves_the_others_alone(
    fields: dict[str, object],
) -> None:
    bad = listed(**fields)
    with pytest.raises(OutcomeUnknown, match="unreadable_reply"):
        asyncio.run(Fixture(answer(encoded({"market": bad}))).catalogue.market(MARKET))
    fixture = Fixture(answer(encoded({"markets": [bad, listed(slug="good")]})))
    markets = asyncio.run(fixture.catalogue.markets({}))
    assert [each.market for each in markets] == ["good"]
    assert fixture.catalogue.unreadable.total() == 1


def test_all_pages_are_read() -> None:
    full = [listed(slug=f"m{n}") for n in range(module.PAGE_SIZE)]
    fixture = Fixture(
        answer(encoded({"markets": full})), answer(encoded({"markets": [listed(slug="last")]}))
    )
    markets = asyncio.run(fixture.catalogue.markets({"closed": "false"}))
    assert len(markets) == module.PAGE_SIZE + 1
    assert fixture.asked == [
        "/v1/markets?closed=false&limit=100&offset=0",
        "/v1/markets?closed=false&limit=100&offset=100",
    ]


def test_endless_pages_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES_MAX", 2)
    full = answer(encoded({"markets": [listed(slug=f"m{n}") for n in range(100)]}))
    with pytest.raises(OutcomeUnknown, match="too_many_pages"):
        asyncio.run(Fixture(full, full).catalogue.markets({}))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", 2)
    rows = [listed(slug=f"m{n}") for n in range(3)]
    fixture = Fixture(answer(encoded({"markets": rows})))
    asyncio.run(fixture.catalogue.markets({}))
    assert [fixture.catalogue.known(f"m{n}") is None for n in range(3)] == [True, False, False]


def test_events_books_and_prices() -> None:
    event = {"slug": "nfl-det-buf", "markets": [listed()]}
    fixture = Fixture(
        answer(encoded({"events": [event]})),
        answer(encoded({"event": event})),
        answer(encoded({"marketData": book()["marketData"]})),
        answer(encoded({"marketData": lite(bestAsk=None)["marketDataLite"]})),
    )

    async def read() -> list[Any]:
        each = fixture.catalogue
        return [
            [row.slug for row in await each.events({"gameId": "77"})],
            (await each.event("nfl-det-buf")) is not None,
            await each.book(MARKET),
            await each.best_prices(MARKET),
        ]

    assert asyncio.run(read()) == [
        ["nfl-det-buf"],
        True,
        MarketBook(
            MARKET, ((5_550, 500_000), (5_500, 2_500_000)), ((4_400, 800_000),), True, NOW_NS
        ),
        BestPrices(MARKET, 5_500, None, 5_550),
    ]  # fmt: skip
    assert fixture.asked == [
        "/v1/events?gameId=77&limit=100&offset=0",
        "/v1/events/slug/nfl-det-buf",
        f"/v1/markets/{MARKET}/book",
        f"/v1/markets/{MARKET}/bbo",
    ]


@pytest.mark.parametrize(
    ("stated", "price", "paid"),
    [(1, 10_000, Outcome.YES), (0.0, 0, Outcome.NO), (0.5, 5_000, None), (0.97, 9_700, None)],
)
def test_a_settlement_may_pay_both_sides(stated: float, price: int, paid: Outcome | None) -> None:
    fixture = Fixture(answer(encoded({"slug": MARKET, "settlement": stated})))
    settled = asyncio.run(fixture.catalogue.settled_price(MARKET))
    assert (settled, outcome_of(settled)) == (price, paid)


def test_what_is_not_there_is_none_and_what_is_refused_is_refused() -> None:
    fixture = Fixture(*[NOT_FOUND] * 3, answer(b"", 451), answer(b'{"slug":"x","settlement":2}'))
    catalogue = fixture.catalogue

    async def read() -> list[Any]:
        return [
            await catalogue.market("x"),
            await catalogue.book("x"),
            outcome_of(await catalogue.settled_price("x")),
        ]

    assert asyncio.run(read()) == [None, None, None]
    with pytest.raises(VenueRefused, match="region_blocked"):
        asyncio.run(catalogue.market("x"))
    with pytest.raises(OutcomeUnknown, match="unreadable_reply"):
        asyncio.run(catalogue.settled_price("x"))
