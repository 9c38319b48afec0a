"""What Polymarket US lists: markets with their grids, events, books and settlements."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket_us import amounts
from kairos.adapters.polymarket_us.errors import readable, unknown
from kairos.adapters.polymarket_us.parsing import book_levels, is_trading
from kairos.adapters.polymarket_us.schemas import (
    BboReply,
    BookReply,
    Events,
    ListedEvent,
    ListedMarket,
    Markets,
    OneEvent,
    OneMarket,
    Settlement,
)
from kairos.domain.grid import Ranges
from kairos.domain.instruments import Outcome, Venue
from kairos.domain.refusals import Refusal
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed, VenueRefused
from kairos.messages.trading import VenueMarket

PAGE_SIZE: Final = 100
PAGES_MAX: Final = 300
KNOWN_MAX: Final = 20_000
_OPEN: Final = "MARKET_STATUS_OPEN"

_decode_markets = msgspec.json.Decoder(Markets).decode
_decode_listed = msgspec.json.Decoder(ListedMarket).decode
_decode_market = msgspec.json.Decoder(OneMarket).decode
_decode_events = msgspec.json.Decoder(Events).decode
_decode_event = msgspec.json.Decoder(OneEvent).decode
_decode_book = msgspec.json.Decoder(BookReply).decode
_decode_bbo = msgspec.json.Decoder(BboReply).decode
_decode_settlement = msgspec.json.Decoder(Settlement).decode


class MarketBook(msgspec.Struct, gc=False, frozen=True):
    """A book by REST: bids per outcome as (price, quantity), best first. The public one is cached
    for a while, so it says what was, not what is."""

    market: str
    yes: tuple[tuple[int, int], ...]
    no: tuple[tuple[int, int], ...]
    is_trading: bool | None
    venue_ns: int | None


class BestPrices(msgspec.Struct, gc=False, frozen=True):
    """Best LONG prices, None for an empty side."""

    market: str
    bid: int | None
    ask: int | None
    last: int | None


class PolymarketUsCatalogue:
    """Implements `kairos.ports.MarketCatalogue`; remembers the markets it has read."""

    venue = Venue.POLYMARKET_US

    def __init__(self, public: RestClient) -> None:
        self._rest = public
        self._known: OrderedDict[str, VenueMarket] = OrderedDict()
        self.unreadable: Counter[str] = Counter()

    def known(self, market: str) -> VenueMarket | None:
        """What was last read of a market; its grid seldom changes. None when it never was."""
        return self._known.get(market)

    async def markets(self, query: Mapping[str, str]) -> Sequence[VenueMarket]:
        """All pages; `query` are the venue's own filters (active, closed, categories, gameId, …).
        A market that cannot be read is left out and counted in `unreadable`."""
        found: dict[str, VenueMarket] = {}
        for page in range(PAGES_MAX):
            listed = await self._page("/v1/markets", query, page, "markets")
            rows = readable(_decode_markets, listed, "markets").markets
            found |= {each.market: each for row in rows if (each := self._listed(row)) is not None}
            if len(rows) < PAGE_SIZE:
                self._remember(found.values())
                return list(found.values())
        raise unknown("too_many_pages", f"more than {PAGES_MAX} pages of markets", "Filter them")

    async def market(self, market: str) -> VenueMarket | None:
        body = await self._maybe(f"/v1/market/slug/{_part(market)}", "market")
        if body is None:
            return None
        found = readable(lambda raw: venue_market(_decode_market(raw).market), body, "market")
        self._remember([found])
        return found

    async def events(self, query: Mapping[str, str]) -> Sequence[ListedEvent]:
        """All pages, as the venue lists them: events group markets and are not traded."""
        found: dict[str, ListedEvent] = {}
        for page in range(PAGES_MAX):
            listed = await self._page("/v1/events", query, page, "events")
            events = readable(_decode_events, listed, "events").events
            found |= {each.slug: each for each in events}
            if len(events) < PAGE_SIZE:
                return list(found.values())
        raise unknown("too_many_pages", f"more than {PAGES_MAX} pages of events", "Filter them")

    async def event(self, slug: str) -> ListedEvent | None:
        body = await self._maybe(f"/v1/events/slug/{_part(slug)}", "event")
        return None if body is None else readable(_decode_event, body, "event").event

    async def book(self, market: str) -> MarketBook | None:
        body = await self._maybe(f"/v1/markets/{_part(market)}/book", "book")
        return None if body is None else readable(_book, body, "book")

    async def best_prices(self, market: str) -> BestPrices | None:
        body = await self._maybe(f"/v1/markets/{_part(market)}/bbo", "bbo")
        return None if body is None else readable(_best, body, "bbo")

    async def settled_price(self, market: str) -> int | None:
        """What a LONG contract paid, in price units: 0, 10 000, or between (a tie, a postponement);
        None while it is not settled."""
        body = await self._maybe(f"/v1/markets/{_part(market)}/settlement", "settlement")
        return None if body is None else readable(_settled, body, "settlement")

    def _listed(self, row: bytes) -> VenueMarket | None:
        try:
            return venue_market(_decode_listed(row))
        except Malformed as problem:
            self.unreadable[problem.reason] += 1
        except msgspec.ValidationError:
            self.unreadable["wrong_type"] += 1
        return None

    async def _page(self, path: str, query: Mapping[str, str], page: int, endpoint: str) -> bytes:
        paging = [("limit", str(PAGE_SIZE)), ("offset", str(page * PAGE_SIZE))]
        return await self._rest.read(path, [*query.items(), *paging], endpoint)

    async def _maybe(self, path: str, endpoint: str) -> bytes | None:
        try:
            return await self._rest.read(path, (), endpoint)
        except VenueRefused as refused:
            if refused.reason == Refusal.NOT_FOUND:
                return None
            raise

    def _remember(self, markets: Iterable[VenueMarket]) -> None:
        for each in markets:
            self._known[each.market] = each
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)


def outcome_of(settled_price: int | None) -> Outcome | None:
    """The outcome that paid a whole dollar, None where neither did."""
    if settled_price == PRICE_PER_DOLLAR:
        return Outcome.YES
    return Outcome.NO if settled_price == 0 else None


def venue_market(listed: ListedMarket) -> VenueMarket:
    """Raises Malformed where whether it trades is not told, or its grid is impossible."""
    return VenueMarket(
        Venue.POLYMARKET_US, listed.slug, listed.question or listed.title or listed.slug,
        _status(listed), _trades_now(listed), None, _ranges(listed),
        None if listed.minimum_trade_qty is None
        else _positive(amounts.quantity(listed.minimum_trade_qty, "minimumTradeQty")),
        amounts.optional_nanoseconds(listed.start_date, "startDate"),
        amounts.optional_nanoseconds(listed.end_date, "endDate"),
        None, None, None, None, _attributes(listed),
    )  # fmt: skip


def _status(listed: ListedMarket) -> str:
    if listed.status is not None:
        return listed.status
    if listed.closed is None or listed.active is None:
        raise Malformed("missing_field", "status", f"{listed.slug} does not say whether it trades")
    return "closed" if listed.closed else "active" if listed.active else "inactive"


def _trades_now(listed: ListedMarket) -> bool:
    shut = listed.active is False or listed.closed is True
    return not shut and _status(listed) in (_OPEN, "active")


def _ranges(listed: ListedMarket) -> Ranges | None:
    if listed.order_price_min_tick_size is None:
        return None
    step = amounts.price_step(listed.order_price_min_tick_size, "orderPriceMinTickSize")
    if not 0 < step < PRICE_PER_DOLLAR:
        raise Malformed("bad_price_range", "orderPriceMinTickSize", f"a tick of {step}")
    return ((0, PRICE_PER_DOLLAR, step),)


def _positive(quantity: int) -> int:
    if quantity == 0:
        raise Malformed("bad_size", "minimumTradeQty", "is zero")
    return quantity


def _attributes(listed: ListedMarket) -> dict[str, str]:
    fee = listed.fee_coefficient
    stated = {
        "event": listed.event_slug,
        "category": listed.category,
        "game": None if listed.game_id is None else str(listed.game_id),
        "game_start": listed.game_start_time,
        "type": listed.sports_market_type,
        "fee_coefficient": None if fee is None else amounts.plain(fee, "feeCoefficient"),
    }
    sides = {
        "long" if each.long else "short": each.description
        for each in listed.market_sides or ()
        if each.long is not None
    }
    return {name: text for name, text in (stated | sides).items() if text}


def _book(raw: bytes) -> MarketBook:
    data = _decode_book(raw).market_data
    yes, no = book_levels(data)
    return MarketBook(
        data.market_slug, yes, no, None if data.state is None else is_trading(data.state),
        amounts.optional_nanoseconds(data.transact_time, "transactTime"),
    )  # fmt: skip


def _best(raw: bytes) -> BestPrices:
    data = _decode_bbo(raw).market_data
    bid, ask, last = data.best_bid, data.best_ask, data.last_trade_px
    return BestPrices(
        data.market_slug,
        None if bid is None else amounts.price(bid, "bestBid"),
        None if ask is None else amounts.price(ask, "bestAsk"),
        None if last is None else amounts.price(last, "lastTradePx"),
    )


def _settled(raw: bytes) -> int:
    price = amounts.price_step(_decode_settlement(raw).settlement, "settlement")
    if not 0 <= price <= PRICE_PER_DOLLAR:
        raise Malformed("price_out_of_range", "settlement", f"{price} is outside 0..1 dollar")
    return price


def _part(text: str) -> str:
    return quote(text, safe="")
