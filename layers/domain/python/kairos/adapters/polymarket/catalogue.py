"""What Polymarket lists: Gamma describes markets, the CLOB says how each is traded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from kairos.adapters.http.client import RestClient
from kairos.adapters.polymarket.amounts import ranges_of_tick
from kairos.adapters.polymarket.listings import (
    Listing,
    Listings,
    exact,
    exchange_of,
    fees_of,
)
from kairos.adapters.polymarket.rest_schemas import (
    ClobBook,
    ClobMarket,
    FeeRate,
    GammaMarket,
    GammaPage,
    TickSize,
    decoded,
)
from kairos.adapters.polymarket.times import optional_ns
from kairos.domain.fees.polymarket import PolymarketFees
from kairos.domain.instruments import Outcome, Venue
from kairos.errors import Malformed, VenueRefused
from kairos.messages.trading import VenueMarket

PAGE_MARKETS: Final = 100
PAGES_MAX: Final = 500
_SKIP_NAMES_MAX: Final = 64
_RESULTS: Final = {("1", "0"): Outcome.YES, ("0", "1"): Outcome.NO}


class PolymarketCatalogue:
    """Implements `kairos.ports.MarketCatalogue` over Gamma. Markets that are not binary or that
    cannot be read are left out of lists and counted in `skipped` by reason."""

    venue = Venue.POLYMARKET

    def __init__(self, gamma: RestClient) -> None:
        self._gamma = gamma
        self.skipped: Counter[str] = Counter()

    async def markets(self, query: Mapping[str, str]) -> Sequence[VenueMarket]:
        """All pages for Gamma's own filters (`closed`, `tag_id`, `slug`, `condition_ids`, …).

        Raises Malformed (`too_many_pages`) rather than returning a part.
        """
        found: list[VenueMarket] = []
        cursor: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._page([*query.items()], cursor)
            found += [each for raw in page.markets if (each := self._market(raw)) is not None]
            cursor = page.next_cursor
            if not cursor:
                return found
        raise Malformed("too_many_pages", "next_cursor", f"over {PAGES_MAX} pages")

    async def market(self, market: str) -> VenueMarket | None:
        """One market by condition id, open or closed. Raises Malformed when it cannot be read."""
        for closed in ("false", "true"):
            page = await self._page([("condition_ids", market), ("closed", closed)], None)
            for raw in page.markets:
                found = gamma_market(decoded(bytes(raw), GammaMarket))
                if found.market.lower() == market.lower():
                    return found
        return None

    async def _page(self, query: list[tuple[str, str]], cursor: str | None) -> GammaPage:
        asked = [*query, ("limit", str(PAGE_MARKETS))]
        if cursor:
            asked.append(("after_cursor", cursor))
        return decoded(await self._gamma.read("/markets/keyset", asked), GammaPage)

    def _market(self, raw: msgspec.Raw) -> VenueMarket | None:
        try:
            return gamma_market(decoded(bytes(raw), GammaMarket))
        except Malformed as problem:
            reason = problem.reason
            if reason in self.skipped or len(self.skipped) < _SKIP_NAMES_MAX:
                self.skipped[reason] += 1
            return None


def gamma_market(wire: GammaMarket) -> VenueMarket:
    """A Gamma market in our terms; the first outcome is YES. Raises Malformed (`not_binary`)."""
    outcomes = _texts(wire.outcomes, "outcomes")
    if len(outcomes) != 2:
        raise Malformed("not_binary", "outcomes", f"{len(outcomes)} outcomes")
    is_trading = (
        wire.active and not wire.closed and wire.accepting_orders is True
        and wire.enable_order_book is True
    )  # fmt: skip
    tick = None if wire.tick is None else exact(wire.tick, 4, "orderPriceMinTickSize")
    least = wire.order_min_size
    return VenueMarket(
        Venue.POLYMARKET, wire.condition_id, wire.question, _status(wire), is_trading,
        _tokens(wire), None if tick is None else ranges_of_tick(tick),
        None if least is None else exact(least, 6, "orderMinSize"),
        optional_ns(wire.event_start_time or wire.start_date, "startDate"),
        optional_ns(wire.end_date, "endDate"), None, None, None, _result(wire),
        _attributes(wire, outcomes),
    )  # fmt: skip


def _status(wire: GammaMarket) -> str:
    if wire.closed:
        return "closed"
    return "active" if wire.active else "inactive"


def _tokens(wire: GammaMarket) -> tuple[str, str] | None:
    """Markets of protocol V2 (`version` "v2") trade position ids, the others CLOB tokens."""
    is_position = wire.version == "v2"
    field = "positionIds" if is_position else "clobTokenIds"
    tokens = _texts(wire.position_ids if is_position else wire.clob_token_ids, field)
    if not tokens:
        return None
    if len(tokens) != 2 or tokens[0] == tokens[1]:
        raise Malformed("not_binary", field, f"{len(tokens)} tokens")
    for token in tokens:
        exchange_of(token, neg_risk=False)
    return tokens[0], tokens[1]


def _texts(value: str | list[str] | None, field: str) -> list[str]:
    """A list, whether it is one or JSON text of one."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return value
    try:
        return msgspec.json.decode(value, type=list[str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Malformed("wrong_type", field, "is no list of text") from error


def _result(wire: GammaMarket) -> Outcome | None:
    """Only a closed market whose prices are exactly 1 and 0 has a result; 0.5 each has none."""
    prices = _texts(wire.outcome_prices, "outcomePrices")
    return _RESULTS.get((prices[0], prices[1])) if wire.closed and len(prices) == 2 else None


def _attributes(wire: GammaMarket, outcomes: list[str]) -> dict[str, str]:
    event = wire.events[0] if wire.events else None
    series = event.series[0] if event is not None and event.series else None
    schedule = wire.fee_schedule
    known = {
        "slug": wire.slug,
        "yes_label": outcomes[0],
        "no_label": outcomes[1],
        "version": wire.version,
        "event": event.slug if event is not None else None,
        "event_title": event.title if event is not None else None,
        "series": series.slug if series is not None else None,
        "neg_risk": _flag(wire.neg_risk),
        "fees_enabled": _flag(wire.fees_enabled),
        "fee_type": wire.fee_type,
        "fee_rate": None if schedule is None else format(schedule.rate, "f"),
        "fee_exponent": None if schedule is None else format(schedule.exponent, "f"),
        "seconds_delay": None if wire.seconds_delay is None else str(wire.seconds_delay),
        "game_start": wire.game_start_time,
        "sports_market_type": wire.sports_market_type,
        "line": None if wire.line is None else format(wire.line, "f"),
        "resolution_source": wire.resolution_source,
    }
    return {name: value for name, value in known.items() if value}


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


class ClobMarkets:
    """Looks up how a market is traded, and keeps it in `listings`."""

    def __init__(self, clob: RestClient, listings: Listings) -> None:
        self._clob = clob
        self.listings = listings

    async def listing(self, market: str) -> Listing:
        """From memory, else from the venue. Raises Malformed and the client's errors."""
        known = self.listings.get(market)
        return known if known is not None else await self.refresh(market)

    async def refresh(self, market: str) -> Listing:
        """Ask again, because the venue may have changed the tick."""
        path = f"/clob-markets/{market}"
        wire = decoded(await self._clob.read(path, endpoint="/clob-markets"), ClobMarket)
        listing = clob_listing(market, wire)
        self.listings.add(listing)
        return listing

    async def tick(self, token: str) -> int:
        """The tick of a token now, 1/10 000 dollar."""
        body = await self._clob.read("/tick-size", [("token_id", token)])
        return exact(decoded(body, TickSize).minimum_tick_size, 4, "minimum_tick_size")

    async def fee_cap_bps(self, token: str) -> int:
        """`/fee-rate`: a cap from the first exchange, not the rate; the rate is `Listing.fees`."""
        body = await self._clob.read("/fee-rate", [("token_id", token)])
        return exact(decoded(body, FeeRate).base_fee, 0, "base_fee")

    async def book(self, token: str) -> ClobBook | None:
        """The book of a token now; None when the venue has none for it."""
        try:
            return decoded(await self._clob.read("/book", [("token_id", token)]), ClobBook)
        except VenueRefused as problem:
            if problem.status == 404:
                return None
            raise


def clob_listing(market: str, wire: ClobMarket) -> Listing:
    """Raises Malformed when the market is not binary or its numbers cannot be."""
    if len(wire.t) != 2 or wire.t[0].t == wire.t[1].t:
        raise Malformed("not_binary", "t", f"{market} has {len(wire.t)} tokens")
    yes, no = wire.t[0].t, wire.t[1].t
    exchange = exchange_of(yes, neg_risk=wire.nr)
    if exchange_of(no, neg_risk=wire.nr) is not exchange:
        raise Malformed("conflicting_fields", "t", f"{market}: tokens of two exchanges")
    tick = exact(wire.mts, 4, "mts")
    ranges_of_tick(tick)
    least = exact(wire.mos, 6, "mos")
    if least < 0:
        raise Malformed("bad_size", "mos", f"{wire.mos} is negative")
    return Listing(market, yes, no, tick, least, exchange, _fees(wire))


def _fees(wire: ClobMarket) -> PolymarketFees | None:
    if wire.fd is not None:
        return fees_of(wire.fd.r, wire.fd.e, taker_only=wire.fd.to)
    if wire.tbf is not None and wire.tbf == 0:  # a cap of zero: the fee is zero whatever the rate
        return fees_of(wire.tbf, wire.tbf + 1, taker_only=True)
    return None
