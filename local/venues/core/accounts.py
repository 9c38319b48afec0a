"""Cash, positions and what open orders set aside: a venue that lets you overdraw proves nothing.

Cash is micro-dollars, prices 1/10 000 dollar in the outcome's own units, quantities
micro-contracts. Two ways to hold: netting venues (Kalshi) turn a YES and a NO of one market into a
dollar at once; the others hold each outcome by itself and must have shares to sell them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.refusals import Refusal
from kairos.domain.units import PRICE_PER_DOLLAR, notional
from kairos.errors import KairosError
from local.venues.core.matching import refused
from local.venues.core.orders import Order

Holding = tuple[str, Outcome]
# (price, quantity, liquidity) -> micro-dollars; negative is a rebate.
FeeOf = Callable[[int, int, Liquidity], int]

HOLDS_MAX: Final = 100_000
KEYS_MAX: Final = 1_000


class OutOfBalance(KairosError):
    """The simulator's own books do not add up: a defect of the simulator, never of a client."""


@dataclass(slots=True)
class Hold:
    """What one open order sets aside: `covered` shares, and cash for the rest."""

    market: str
    outcome: Outcome
    action: Action
    price: int
    left: int
    covered: int
    cash: int


@dataclass(frozen=True, slots=True)
class Payout:
    """What a settled market paid on one outcome."""

    market: str
    outcome: Outcome
    quantity: int
    price: int
    cash: int


@dataclass(slots=True)
class Account:
    """One member. `is_unlimited` is for the other participants, whose means are not our subject."""

    name: str
    cash: int
    nets: bool
    is_unlimited: bool = False
    positions: dict[Holding, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    fees_paid: int = 0
    cash_held: int = 0
    _committed: dict[Holding, int] = field(default_factory=dict)

    # --- looking ------------------------------------------------------------------------------

    def available(self) -> int:
        """Cash that no open order has set aside."""
        return self.cash - self.cash_held

    def position(self, market: str, outcome: Outcome) -> int:
        return self.positions.get((market, outcome), 0)

    def net_position(self, market: str) -> int:
        """YES minus NO."""
        return self.position(market, Outcome.YES) - self.position(market, Outcome.NO)

    def free(self, market: str, outcome: Outcome) -> int:
        """Shares that no open order has set aside."""
        held = self.position(market, outcome)
        return held - self._committed.get((market, outcome), 0)

    def reducible(self, market: str, outcome: Outcome, action: Action) -> int:
        """How much an order of this kind could take off the position as it stands."""
        return max(0, self.free(market, self._given_up(outcome, action)))

    # --- open orders --------------------------------------------------------------------------

    def reserve(self, order: Order, market: str, fee: FeeOf) -> None:
        """Set aside what the order could cost. Raises VenueRefused when there is not enough."""
        if len(self.holds) >= HOLDS_MAX:
            raise refused(Refusal.INVALID_REQUEST, "too many open orders")
        hold = self._hold_for(order, market, fee)
        if self.is_unlimited:
            self._keep(order.order_id, hold)
            return
        if hold.action is Action.SELL and not self.nets and hold.covered < hold.left:
            raise refused(Refusal.INSUFFICIENT_BALANCE, f"{hold.covered} shares are free")
        if hold.cash > self.available():
            raise refused(Refusal.INSUFFICIENT_BALANCE, f"{hold.cash} micro-dollars are needed")
        self._keep(order.order_id, hold)

    def change_reservation(
        self, order: Order, market: str, fee: FeeOf, price: int, left: int
    ) -> None:
        """Set aside for another price or size; the old reservation stays when this is refused."""
        before = self.holds.get(order.order_id)
        self.release(order.order_id)
        trial = Order(
            order.order_id, order.owner, order.outcome, order.action, price, left,
            order.time_in_force, order.created_ns,
        )  # fmt: skip
        try:
            self.reserve(trial, market, fee)
        except KairosError:
            if before is not None:
                self._keep(order.order_id, before)
            raise

    def shrink(self, order_id: str, quantity: int, fee: FeeOf) -> None:
        """The order has `quantity` less to trade; the uncovered part goes first."""
        hold = self.holds.get(order_id)
        if hold is None:
            return
        self.release(order_id)
        hold.left -= quantity
        hold.covered = min(hold.covered, hold.left)
        hold.cash = self._cash_needed(hold, fee)
        if hold.left > 0:
            self._keep(order_id, hold)

    def release(self, order_id: str) -> None:
        """Give back what an order set aside; nothing happens when it set nothing aside."""
        hold = self.holds.pop(order_id, None)
        if hold is not None:
            self.cash_held -= hold.cash
            key = (hold.market, self._given_up(hold.outcome, hold.action))
            self._commit(key, -hold.covered)

    # --- what happened ------------------------------------------------------------------------

    def fill(
        self, order: Order, market: str, price: int, quantity: int, paid_fee: int, fee: FeeOf
    ) -> None:
        """Book one execution; `paid_fee` in micro-dollars, `price` in the outcome's own units."""
        self._take_from_hold(order.order_id, quantity, fee)
        value = notional(price, quantity)
        sign = 1 if order.action is Action.BUY else -1
        self.cash -= sign * value + paid_fee
        self.fees_paid += paid_fee
        self._add(market, order.outcome, sign * quantity)
        if self.nets:
            self._net(market)

    def credit(self, cash: int) -> None:
        """Move cash in (or out, when negative)."""
        self.cash += cash

    def give(self, market: str, outcome: Outcome, quantity: int) -> None:
        """Set shares down in the account without a trade (splits, merges, void fills)."""
        self._add(market, outcome, quantity)

    def settle(self, market: str, yes_price: int) -> list[Payout]:
        """Pay out what is held of a market. `yes_price` is 10 000 for YES and 0 for NO."""
        payouts = []
        for outcome in Outcome:
            quantity = self.positions.pop((market, outcome), 0)
            if quantity:
                price = yes_price if outcome is Outcome.YES else PRICE_PER_DOLLAR - yes_price
                cash = notional(price, quantity)
                self.cash += cash
                payouts.append(Payout(market, outcome, quantity, price, cash))
        return payouts

    # --- inside -------------------------------------------------------------------------------

    def _given_up(self, outcome: Outcome, action: Action) -> Outcome:
        """Whose shares pay for the order: a netting venue buys NO by giving up YES."""
        return outcome if action is Action.SELL else outcome.other

    def _hold_for(self, order: Order, market: str, fee: FeeOf) -> Hold:
        left = order.quantity - order.filled
        hold = Hold(market, order.outcome, order.action, order.price, left, 0, 0)
        if self.nets or order.action is Action.SELL:
            given_up = self._given_up(order.outcome, order.action)
            hold.covered = min(left, max(0, self.free(market, given_up)))
        hold.cash = self._cash_needed(hold, fee)
        return hold

    def _cash_needed(self, hold: Hold, fee: FeeOf) -> int:
        """Cash for what is not covered by shares, and the dearest fee the rest could be charged."""
        if hold.left <= 0:
            return 0
        uncovered = hold.left - hold.covered
        if hold.action is Action.SELL and not self.nets:
            return 0  # fees of a sale come out of its proceeds
        price = hold.price if hold.action is Action.BUY else PRICE_PER_DOLLAR - hold.price
        dearest = max(0, fee(hold.price, hold.left, Liquidity.TAKER))
        return -(-price * uncovered // PRICE_PER_DOLLAR) + (dearest if uncovered else 0)

    def _take_from_hold(self, order_id: str, quantity: int, fee: FeeOf) -> None:
        hold = self.holds.get(order_id)
        if hold is None:
            return
        self.release(order_id)
        hold.left -= quantity
        hold.covered = max(0, hold.covered - quantity)
        hold.cash = self._cash_needed(hold, fee)
        if hold.left > 0:
            self._keep(order_id, hold)

    def _keep(self, order_id: str, hold: Hold) -> None:
        self.holds[order_id] = hold
        self.cash_held += hold.cash
        self._commit((hold.market, self._given_up(hold.outcome, hold.action)), hold.covered)

    def _commit(self, key: Holding, change: int) -> None:
        left = self._committed.get(key, 0) + change
        if left < 0:
            raise OutOfBalance(f"{self.name}: {left} of {key} set aside")
        self._committed[key] = left
        if not left:
            del self._committed[key]

    def _add(self, market: str, outcome: Outcome, quantity: int) -> None:
        key = (market, outcome)
        held = self.positions.get(key, 0) + quantity
        if held < 0 and self.nets:
            # Selling what one does not hold is buying the other side for a dollar less.
            self.positions.pop(key, None)
            self.cash -= notional(PRICE_PER_DOLLAR, -held)
            self._add(market, outcome.other, -held)
            return
        if held < 0 and not self.is_unlimited:
            raise OutOfBalance(f"{self.name}: {held} of {key}")
        self.positions[key] = held
        if not held:
            del self.positions[key]

    def _net(self, market: str) -> None:
        """A YES and a NO of one market are a dollar."""
        pairs = min(self.position(market, Outcome.YES), self.position(market, Outcome.NO))
        if pairs > 0:
            self._add(market, Outcome.YES, -pairs)
            self._add(market, Outcome.NO, -pairs)
            self.cash += notional(PRICE_PER_DOLLAR, pairs)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One credential of an account. `verifier` is whatever the venue checks signatures with."""

    key_id: str
    account: str
    scopes: frozenset[str]
    verifier: Any = field(repr=False)
    expires_ns: int | None = None


class Members:
    """Every account of a venue, and the keys that lead to them."""

    def __init__(self, nets: bool) -> None:
        self._nets = nets
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, ApiKey] = {}

    def open(self, name: str, cash: int, *, is_unlimited: bool = False) -> Account:
        account = Account(name, cash, self._nets, is_unlimited)
        self.accounts[name] = account
        return account

    def add_key(self, key: ApiKey) -> None:
        if key.account not in self.accounts or len(self.keys) >= KEYS_MAX:
            raise OutOfBalance(f"no account {key.account}, or too many keys")
        self.keys[key.key_id] = key

    def revoke(self, key_id: str) -> None:
        self.keys.pop(key_id, None)
