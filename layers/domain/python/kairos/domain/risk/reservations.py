"""What every order may still cost, reserved before it is sent and released on proof alone.

The ledger is the one position book: positions are told to `Reservations` as the ledger has them,
so that both can be summed by market, group, venue and portfolio. An order whose outcome is unknown
is simply one that nobody released.
"""

from __future__ import annotations

from typing import Final

from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.exposure import Exposure, MarketRisk
from kairos.domain.risk.intents import NOTHING_HELD, Groups, Held, Intent
from kairos.domain.risk.limits import Breach, Limit, RiskLimits
from kairos.domain.units import PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT
from kairos.errors import Corrupt

_BUY: Final = Action.BUY
_YES: Final = Outcome.YES
_NO: Final = Outcome.NO


class _Open:
    """An order not proved to its end. `uses` is the outcome whose holding it takes from, if it only
    reduces; `reserved` is what it may still cost, if it does not. Until an amend is answered either
    terms may be in force: `price` and `quantity` are the dearer ones."""

    __slots__ = ("filled", "intent", "price", "quantity", "reserved", "uses")

    def __init__(
        self, intent: Intent, price: int, quantity: int, uses: Outcome | None, filled: int = 0
    ) -> None:
        self.intent = intent
        self.price = price
        self.quantity = quantity
        self.uses = uses
        self.filled = filled
        self.reserved = 0

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled


class Reservations:
    """Exposure by scope: the cost of positions plus what open orders may still cost."""

    def __init__(self, limits: RiskLimits, *, netting: bool) -> None:
        self._netting = netting
        self._order_contracts = limits.order_contracts_max * QUANTITY_PER_CONTRACT
        self._order_cash = limits.cash("order_dollars_max")
        self._percent = limits.portfolio_percent_max
        self._positions_max = limits.open_positions_max
        self._orders: dict[str, _Open] = {}
        self._exposure = Exposure(limits)

    # Asking

    @property
    def open_positions(self) -> int:
        return len(self._exposure.occupied)

    @property
    def orders(self) -> int:
        return len(self._orders)

    @property
    def portfolio(self) -> int:
        return self._exposure.portfolio.value

    def exposure(self, scope: str, name: str) -> int:
        """Micro-dollars at stake in a scope: market, group, correlated, venue or portfolio."""
        return self._exposure.of(scope, name)

    def reserved(self, client_order_id: str) -> int:
        """What an open order may still cost; 0 for one that only reduces."""
        return self._find(client_order_id).reserved

    def __contains__(self, client_order_id: str) -> bool:
        return client_order_id in self._orders

    def only_reduces(self, client_order_id: str) -> bool:
        return self._find(client_order_id).uses is not None

    def still_reduces(self, client_order_id: str, quantity: int) -> bool:
        """Whether an order that only reduces would do so with this quantity, too."""
        opened = self._find(client_order_id)
        if opened.uses is None:
            return False
        free = self._exposure.markets[opened.intent.market].free(opened.uses) + opened.remaining
        return max(quantity, opened.quantity) - opened.filled <= free

    def reduces(self, intent: Intent) -> bool:
        """Whether the whole order can only make the position smaller, whatever else fills."""
        return self._uses(intent) is not None

    def check(self, intent: Intent, equity: int) -> tuple[Breach, ...]:
        """Every limit the order would exceed, in order. An order that only reduces exceeds none."""
        invalid = _invalid(intent)
        if invalid or self._uses(intent) is not None:
            return invalid
        if intent.action is Action.SELL:
            market = self._exposure.markets.get(intent.market)
            free = market.free(intent.outcome) if market is not None else 0
            return (Breach(Limit.SELL_EXCEEDS_HELD, intent.market, intent.quantity, max(free, 0)),)
        cost = _cost(intent.action, intent.price, intent.quantity)
        return (*self._order_limits(intent, cost), *self._scope_limits(intent, cost, equity))

    def overruns(self, equity: int) -> tuple[Breach, ...]:
        """Limits that are exceeded as things stand: a fill was voided, or equity fell."""
        if not self._exposure.occupied and not self._orders:
            return ()
        found = [
            Breach(total.limit, total.name, total.value, total.most)
            for total in self._exposure.overrun()
        ]
        if self.open_positions > self._positions_max:
            found.append(Breach(Limit.OPEN_POSITIONS, "", self.open_positions, self._positions_max))
        return (*found, *self._share(self.portfolio, equity))

    # Changing

    def reserve(self, intent: Intent, equity: int) -> tuple[Breach, ...]:
        """Reserve what an order may cost; what speaks against it, and then nothing has changed.

        `equity` is micro-dollars: cash plus what positions would bring. Raises Corrupt when an open
        order has the same id.
        """
        _, market_id, groups, _, action, price, quantity = intent
        exposure = self._exposure
        market = exposure.markets.get(market_id)
        if market is None or market.groups is not groups:
            market = exposure.market(market_id, groups)
        cost, uses = 0, None
        if quantity <= 0 or not 0 < price < PRICE_PER_DOLLAR:
            return self.check(intent, equity)
        if action is not _BUY or market.held is not NOTHING_HELD:
            uses = self._uses(intent)
        if uses is None:
            cost = -(-price * quantity // PRICE_PER_DOLLAR)
            if action is not _BUY or not self._fits(market_id, market, quantity, cost, equity):
                return self.check(intent, equity)
        self._open(_Open(intent, price, quantity, uses), market, cost)
        return ()

    def _fits(
        self, market_id: str, market: MarketRisk, quantity: int, cost: int, equity: int
    ) -> bool:
        """Whether `check` would find nothing, in no more words than that: an order waits for it."""
        if quantity > self._order_contracts or cost > self._order_cash:
            return False
        for total in market.totals:
            if total.value + cost > total.most:
                return False
        exposure = self._exposure
        if (exposure.portfolio.value + cost) * 100 > self._percent * equity:
            return False
        return market_id in exposure.occupied or len(exposure.occupied) < self._positions_max

    def adopt(self, intent: Intent, filled: int) -> None:
        """Reserve for an order that exists whether it fits or not; so much of it was filled before.

        Raises Corrupt when an open order has the same id, or more was filled than ordered.
        """
        if not 0 <= filled <= intent.quantity:
            raise Corrupt(f"{intent} cannot have been filled {filled}")
        market = self._exposure.market(intent.market, intent.groups)
        rest = intent.quantity - filled
        uses = self._uses(intent._replace(quantity=rest))
        opened = _Open(intent, intent.price, intent.quantity, uses, filled)
        self._open(opened, market, _cost(intent.action, intent.price, rest))

    def _open(self, opened: _Open, market: MarketRisk, cost: int) -> None:
        name = opened.intent.client_order_id
        if name in self._orders:
            raise Corrupt(f"client order id {name} is reserved for already")
        self._orders[name] = opened
        market.orders += 1
        self._count(opened, market, cost)

    def amend(
        self, client_order_id: str, price: int, quantity: int, equity: int
    ) -> tuple[Breach, ...]:
        """Reserve for the dearer of an order as it is and as it shall be: either may be true."""
        opened = self._find(client_order_id)
        asked = opened.intent._replace(price=price, quantity=quantity - opened.filled)
        price, quantity = max(opened.price, price), max(opened.quantity, quantity)
        dearer = asked._replace(price=price, quantity=quantity - opened.filled)
        market = self._exposure.markets[asked.market]
        self._drop(opened, market)
        try:
            breaches = _invalid(asked) or self.check(dearer, equity)
            if not breaches:
                opened.price, opened.quantity = price, quantity
                opened.uses = opened.uses and self._uses(dearer)
            return breaches
        finally:
            self._restore(opened, market)

    def stand(self, client_order_id: str, price: int, quantity: int) -> None:
        """The venue proved the terms that are in force; `quantity` includes what was filled."""
        opened = self._find(client_order_id)
        market = self._exposure.markets[opened.intent.market]
        self._drop(opened, market)
        opened.intent = opened.intent._replace(price=price, quantity=quantity)
        opened.price, opened.quantity = price, max(quantity, opened.filled)
        self._restore(opened, market)

    def stand_as_before(self, client_order_id: str) -> None:
        """The venue proved that an amend is not in force."""
        intent = self._find(client_order_id).intent
        self.stand(client_order_id, intent.price, intent.quantity)

    def fill(self, client_order_id: str, filled: int) -> None:
        """So much of the order was executed in all (micro-contracts); a repeat changes nothing.

        What it did to the position is told by `position`; that it is not more than was ever ordered
        is the account's to prove.
        """
        opened = self._find(client_order_id)
        market = self._exposure.markets[opened.intent.market]
        self._drop(opened, market)
        opened.filled = max(opened.filled, filled)
        opened.quantity = max(opened.quantity, opened.filled)
        self._restore(opened, market)

    def release(self, client_order_id: str) -> None:
        """The order was proved to have ended: nothing more can come of it."""
        opened = self._find(client_order_id)
        market = self._exposure.markets[opened.intent.market]
        self._drop(opened, market)
        market.orders -= 1
        del self._orders[client_order_id]

    def position(self, market_id: str, groups: Groups, held: Held) -> None:
        """What the ledger holds of a market now. The groups it had first stay while it is here."""
        market = self._exposure.markets.get(market_id)
        if held == (market.held if market is not None else NOTHING_HELD):
            return
        market = self._exposure.market(market_id, groups)
        market.add(held.cost - market.held.cost)
        market.held = held if held != NOTHING_HELD else NOTHING_HELD  # told apart by identity
        self._exposure.note(market_id, market)

    def settle(self, market_id: str) -> None:
        """The market paid out: no position is left. Its orders stay reserved until they end."""
        market = self._exposure.markets.get(market_id)
        if market is not None:
            self.position(market_id, market.groups, NOTHING_HELD)
            self._exposure.settled(market_id, market)

    # Parts

    def _uses(self, intent: Intent) -> Outcome | None:
        """The outcome whose holding the whole order takes from, if all of it does."""
        market = self._exposure.markets.get(intent.market)
        if market is None:
            return None
        if intent.action is not _BUY:
            source = intent.outcome
        elif self._netting:
            source = _NO if intent.outcome is _YES else _YES
        else:
            return None
        return source if intent.quantity <= market.free(source) else None

    def _order_limits(self, intent: Intent, cost: int) -> list[Breach]:
        found = []
        if intent.quantity > self._order_contracts:
            found.append(Breach(Limit.ORDER_CONTRACTS, "", intent.quantity, self._order_contracts))
        if cost > self._order_cash:
            found.append(Breach(Limit.ORDER_DOLLARS, "", cost, self._order_cash))
        return found

    def _scope_limits(self, intent: Intent, cost: int, equity: int) -> list[Breach]:
        exposure = self._exposure
        market = exposure.market(intent.market, intent.groups)
        found = [
            Breach(total.limit, total.name, total.value + cost, total.most)
            for total in market.totals
            if total.value + cost > total.most
        ]
        found += self._share(exposure.portfolio.value + cost, equity)
        positions = len(exposure.occupied) + 1
        if positions > self._positions_max and intent.market not in exposure.occupied:
            found.append(Breach(Limit.OPEN_POSITIONS, "", positions, self._positions_max))
        return found

    def _share(self, portfolio: int, equity: int) -> list[Breach]:
        """The portfolio as percent of equity, rounded up; without equity nothing may be risked."""
        if portfolio * 100 <= self._percent * equity or portfolio == 0:
            return []
        percent = -(-portfolio * 100 // equity) if equity > 0 else 100 * self._percent
        return [Breach(Limit.PORTFOLIO_PERCENT, "", percent, self._percent)]

    def _drop(self, opened: _Open, market: MarketRisk) -> None:
        """Take the order's part out of every sum."""
        if opened.uses is not None:
            market.claimed[opened.uses] -= opened.remaining
            return
        market.adding -= 1
        market.add(-opened.reserved)
        opened.reserved = 0
        self._exposure.note(opened.intent.market, market)

    def _restore(self, opened: _Open, market: MarketRisk) -> None:
        cost = _cost(opened.intent.action, opened.price, opened.remaining)
        self._count(opened, market, cost)

    def _count(self, opened: _Open, market: MarketRisk, cost: int) -> None:
        if opened.uses is not None:
            market.claimed[opened.uses] += opened.remaining
            return
        market.adding += 1
        self._exposure.occupied.add(opened.intent.market)
        opened.reserved = cost
        market.add(cost)

    def _find(self, client_order_id: str) -> _Open:
        opened = self._orders.get(client_order_id)
        if opened is None:
            raise Corrupt(f"nothing is reserved for order {client_order_id}")
        return opened


def _invalid(intent: Intent) -> tuple[Breach, ...]:
    if intent.quantity > 0 and 0 < intent.price < PRICE_PER_DOLLAR:
        return ()
    return (Breach(Limit.ORDER_INVALID, intent.market, intent.quantity, 0),)


def _cost(action: Action, price: int, quantity: int) -> int:
    """What an order may lose: a sale of what is not held is a purchase of the other outcome."""
    paid = price if action is Action.BUY else PRICE_PER_DOLLAR - price
    return -(-paid * quantity // PRICE_PER_DOLLAR)
