"""What every order may still cost, reserved before it is sent and released on proof alone.

The ledger is the one position book: positions are told to `Reservations` as the ledger has them,
so that both can be summed by market, group, venue and portfolio. An order whose outcome is unknown
is simply one that nobody released.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.intents import NOTHING_HELD, Groups, Held, Intent
from kairos.domain.risk.limits import Breach, Limit, RiskLimits
from kairos.domain.units import PRICE_PER_DOLLAR, QUANTITY_PER_CONTRACT
from kairos.errors import Corrupt

PORTFOLIO: Final = "portfolio"
_SCOPES: Final = (
    ("market", Limit.MARKET_DOLLARS),
    ("group", Limit.GROUP_DOLLARS),
    ("correlated", Limit.CORRELATED_DOLLARS),
    ("venue", Limit.VENUE_DOLLARS),
    (PORTFOLIO, Limit.PORTFOLIO_DOLLARS),
)


@dataclass(slots=True)
class _Open:
    """An order not proved to its end. `uses` is the outcome whose holding it takes from, if it only
    reduces; `reserved` is what it may still cost, if it does not. Until an amend is answered either
    terms may be in force: `price` and `quantity` are the dearer ones."""

    intent: Intent
    price: int
    quantity: int
    uses: Outcome | None
    filled: int = 0
    reserved: int = 0

    @property
    def remaining(self) -> int:
        return self.quantity - self.filled


@dataclass(slots=True)
class _Market:
    groups: Groups
    held: Held = NOTHING_HELD
    orders: int = 0
    adding: int = 0
    claimed: dict[Outcome, int] = field(
        default_factory=lambda: {Outcome.YES: 0, Outcome.NO: 0}
    )  # of what is held, by orders in flight that reduce

    def free(self, outcome: Outcome) -> int:
        return self.held.of(outcome) - self.claimed[outcome]


class Reservations:
    """Exposure by scope: the cost of positions plus what open orders may still cost."""

    def __init__(self, limits: RiskLimits, *, netting: bool) -> None:
        self._netting = netting
        self._order_contracts = limits.order_contracts_max * QUANTITY_PER_CONTRACT
        self._order_cash = limits.cash("order_dollars_max")
        self._most = {scope: limits.cash(f"{scope}_dollars_max") for scope, _ in _SCOPES}
        self._percent = limits.portfolio_percent_max
        self._positions_max = limits.open_positions_max
        self._orders: dict[str, _Open] = {}
        self._markets: dict[str, _Market] = {}
        self._totals: dict[tuple[str, str], int] = {}
        self._occupied: set[str] = set()  # markets with a position or an order that may make one

    # Asking

    @property
    def open_positions(self) -> int:
        return len(self._occupied)

    @property
    def orders(self) -> int:
        return len(self._orders)

    @property
    def portfolio(self) -> int:
        return self.exposure(PORTFOLIO, "")

    def exposure(self, scope: str, name: str) -> int:
        """Micro-dollars at stake in a scope: market, group, correlated, venue or portfolio."""
        return self._totals.get((scope, name), 0)

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
        free = self._markets[opened.intent.market].free(opened.uses) + opened.remaining
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
            market = self._markets.get(intent.market)
            free = market.free(intent.outcome) if market is not None else 0
            return (Breach(Limit.SELL_EXCEEDS_HELD, intent.market, intent.quantity, max(free, 0)),)
        cost = _cost(intent.action, intent.price, intent.quantity)
        return (*self._order_limits(intent, cost), *self._scope_limits(intent, cost, equity))

    def overruns(self, equity: int) -> tuple[Breach, ...]:
        """Limits that are exceeded as things stand: a fill was voided, or equity fell."""
        by_scope = dict(_SCOPES)
        found = [
            Breach(by_scope[scope], name, total, self._most[scope])
            for (scope, name), total in self._totals.items()
            if total > self._most[scope]
        ]
        if len(self._occupied) > self._positions_max:
            found.append(Breach(Limit.OPEN_POSITIONS, "", len(self._occupied), self._positions_max))
        return (*found, *self._share(self.portfolio, equity))

    # Changing

    def reserve(self, intent: Intent, equity: int) -> tuple[Breach, ...]:
        """Reserve what an order may cost; what speaks against it, and then nothing has changed.

        `equity` is micro-dollars: cash plus what positions would bring. Raises Corrupt when an open
        order has the same id.
        """
        breaches = self.check(intent, equity)
        if not breaches:
            self.adopt(intent, 0)
        return breaches

    def adopt(self, intent: Intent, filled: int) -> None:
        """Reserve for an order that exists whether it fits or not; so much of it was filled before.

        Raises Corrupt when an open order has the same id, or more was filled than ordered.
        """
        if intent.client_order_id in self._orders:
            raise Corrupt(f"client order id {intent.client_order_id} is reserved for already")
        if not 0 <= filled <= intent.quantity:
            raise Corrupt(f"{intent} cannot have been filled {filled}")
        market = self._markets.setdefault(intent.market, _Market(intent.groups))
        uses = self._uses(intent._replace(quantity=intent.quantity - filled))
        opened = _Open(intent, intent.price, intent.quantity, uses, filled)
        self._orders[intent.client_order_id] = opened
        market.orders += 1
        self._restore(opened, market)

    def amend(
        self, client_order_id: str, price: int, quantity: int, equity: int
    ) -> tuple[Breach, ...]:
        """Reserve for the dearer of an order as it is and as it shall be: either may be true."""
        opened = self._find(client_order_id)
        asked = opened.intent._replace(price=price, quantity=quantity - opened.filled)
        price, quantity = max(opened.price, price), max(opened.quantity, quantity)
        dearer = asked._replace(price=price, quantity=quantity - opened.filled)
        market = self._markets[asked.market]
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
        market = self._markets[opened.intent.market]
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
        market = self._markets[opened.intent.market]
        self._drop(opened, market)
        opened.filled = max(opened.filled, filled)
        opened.quantity = max(opened.quantity, opened.filled)
        self._restore(opened, market)

    def release(self, client_order_id: str) -> None:
        """The order was proved to have ended: nothing more can come of it."""
        opened = self._find(client_order_id)
        market = self._markets[opened.intent.market]
        self._drop(opened, market)
        market.orders -= 1
        del self._orders[client_order_id]
        self._forget_if_empty(opened.intent.market, market)

    def position(self, market_id: str, groups: Groups, held: Held) -> None:
        """What the ledger holds of a market now. The groups it had first stay while it is here."""
        market = self._markets.setdefault(market_id, _Market(groups))
        self._add(market_id, market.groups, held.cost - market.held.cost)
        market.held = held
        self._forget_if_empty(market_id, market)

    def settle(self, market_id: str) -> None:
        """The market paid out: no position is left. Its orders stay reserved until they end."""
        market = self._markets.get(market_id)
        if market is not None:
            self.position(market_id, market.groups, NOTHING_HELD)

    # Parts

    def _uses(self, intent: Intent) -> Outcome | None:
        """The outcome whose holding the whole order takes from, if all of it does."""
        market = self._markets.get(intent.market)
        if market is None:
            return None
        if intent.action is Action.SELL:
            source = intent.outcome
        elif self._netting:
            source = intent.outcome.other
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
        market = self._markets.get(intent.market)
        groups = market.groups if market is not None else intent.groups
        names = _names(intent.market, groups)
        found = []
        for (scope, limit), name in zip(_SCOPES, names, strict=True):
            value = self.exposure(scope, name) + cost
            if value > self._most[scope]:
                found.append(Breach(limit, name, value, self._most[scope]))
        found += self._share(self.portfolio + cost, equity)
        positions = len(self._occupied | {intent.market})
        if positions > self._positions_max and intent.market not in self._occupied:
            found.append(Breach(Limit.OPEN_POSITIONS, "", positions, self._positions_max))
        return found

    def _share(self, portfolio: int, equity: int) -> list[Breach]:
        """The portfolio as percent of equity, rounded up; without equity nothing may be risked."""
        if portfolio * 100 <= self._percent * equity or portfolio == 0:
            return []
        percent = -(-portfolio * 100 // equity) if equity > 0 else 100 * self._percent
        return [Breach(Limit.PORTFOLIO_PERCENT, "", percent, self._percent)]

    def _drop(self, opened: _Open, market: _Market) -> None:
        """Take the order's part out of every sum."""
        if opened.uses is not None:
            market.claimed[opened.uses] -= opened.remaining
            return
        market.adding -= 1
        self._add(opened.intent.market, market.groups, -opened.reserved)
        opened.reserved = 0
        self._note_occupied(opened.intent.market, market)

    def _restore(self, opened: _Open, market: _Market) -> None:
        if opened.uses is not None:
            market.claimed[opened.uses] += opened.remaining
            return
        market.adding += 1
        self._note_occupied(opened.intent.market, market)
        opened.reserved = _cost(opened.intent.action, opened.price, opened.remaining)
        self._add(opened.intent.market, market.groups, opened.reserved)

    def _add(self, market_id: str, groups: Groups, change: int) -> None:
        if not change:
            return
        for (scope, _), name in zip(_SCOPES, _names(market_id, groups), strict=True):
            total = self._totals.get((scope, name), 0) + change
            if total < 0:
                raise Corrupt(f"the exposure of {scope} {name} would be {total}")
            if total:
                self._totals[scope, name] = total
            else:
                del self._totals[scope, name]

    def _note_occupied(self, market_id: str, market: _Market) -> None:
        if market.adding or market.held.yes or market.held.no:
            self._occupied.add(market_id)
        else:
            self._occupied.discard(market_id)

    def _forget_if_empty(self, market_id: str, market: _Market) -> None:
        self._note_occupied(market_id, market)
        if not market.orders and market.held == NOTHING_HELD:
            del self._markets[market_id]

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


def _names(market_id: str, groups: Groups) -> tuple[str, str, str, str, str]:
    """In the order of `_SCOPES`."""
    return market_id, groups.group, groups.correlated, groups.venue, ""
