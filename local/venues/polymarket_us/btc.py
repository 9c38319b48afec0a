"""A Bitcoin session on the simulated Polymarket US: a market every quarter of an hour."""

from __future__ import annotations

from typing import Final

from kairos.domain.grid import grid
from kairos.domain.instruments import Outcome
from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR
from local.market_generator.chance import Chance
from local.market_generator.contracts import Contract
from local.venues.btc.agenda import Agenda
from local.venues.btc.session import BtcSession
from local.venues.core.flow import FlowSettings, SeededFlow
from local.venues.polymarket_us.markets import MarketSpec, State
from local.venues.polymarket_us.server import PolymarketUsServer

_ACTIONS_PER_SECOND: Final = 10.0


def list_session(venue: PolymarketUsServer, session: BtcSession, activity: float = 1.0) -> None:
    """Plan every quarter hour of the session on the venue."""
    venue.features.append(Agenda(session, _Host(venue, session, activity)))


def market_spec(contract: Contract) -> MarketSpec:
    slug = f"cpc-btc-updown-15m-{contract.open_ns // NANOSECONDS_PER_SECOND}"
    return MarketSpec(
        slug, "Bitcoin Up or Down", contract.open_ns, contract.close_ns, labels=("Up", "Down")
    )


class _Host:
    """See `local.venues.btc.agenda.Host`."""

    def __init__(self, venue: PolymarketUsServer, session: BtcSession, activity: float) -> None:
        self._exchange = venue.exchange
        self._session = session
        self._rate = _ACTIONS_PER_SECOND * activity
        self._chance = Chance(session.settings.seed + 138)

    def list_contract(self, contract: Contract) -> None:
        self._exchange.add_market(market_spec(contract), State.PREOPEN)

    def open_contract(self, contract: Contract, now_ns: int) -> None:
        market = self._exchange.markets[market_spec(contract).slug]
        self._exchange.set_state(market, State.OPEN)

        def fair(_market: str, at_ns: int) -> float:
            return self._session.fair(contract.ticker, at_ns)

        settings = FlowSettings(self._rate, step_quantity=market.spec.least)
        self._exchange.flows[market.slug] = SeededFlow(
            market.slug, grid(((0, PRICE_PER_DOLLAR, market.spec.tick),)), fair,
            self._exchange.desk, settings, Chance(self._chance.bits(64)), now_ns,
        )  # fmt: skip

    def close_contract(self, contract: Contract) -> None:
        market = self._exchange.markets[market_spec(contract).slug]
        self._exchange.set_state(market, State.EXPIRED)

    def settle_contract(self, contract: Contract, outcome: Outcome) -> None:
        market = self._exchange.markets[market_spec(contract).slug]
        self._exchange.settle(market, PRICE_PER_DOLLAR if outcome is Outcome.YES else 0)
