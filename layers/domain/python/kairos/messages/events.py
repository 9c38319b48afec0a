"""Everything that may enter the engine. An event carries its own time; the engine has no clock.

Times are integer nanoseconds since the epoch, UTC. `recv_ns` is ours, `venue_ns` is the venue's
(None when it sent none); receive may be earlier than venue time, because recorder clocks drift.
Prices are 1/10 000 dollar, quantities 1/1 000 000 contract (`kairos.domain.units`).
"""

from __future__ import annotations

import msgspec

from kairos.domain.instruments import Action, Liquidity, Outcome
from kairos.domain.risk.trading_state import TradingState


class ConnectionOpened(msgspec.Struct, gc=False, frozen=True):
    """A feed connected anew: everything learnt on the connection before is void."""

    recv_ns: int
    conn: str


class ChannelSubscribed(msgspec.Struct, gc=False, frozen=True):
    """The venue confirmed a subscription; `sid` numbers its messages from here on."""

    recv_ns: int
    conn: str
    sid: int
    channel: str


class ChannelReply(msgspec.Struct, gc=False, frozen=True):
    """A reply (`ok`, `unsubscribed`, …) or a message we do not use that consumed a `seq`.

    `markets` is everything the sid carries from here on, where the reply says so.
    """

    recv_ns: int
    conn: str
    sid: int
    seq: int
    markets: tuple[str, ...] | None = None


class BookSnapshot(msgspec.Struct, gc=False, frozen=True):
    """The whole book of a market: bids per leg as (price, quantity), any order."""

    recv_ns: int
    conn: str
    sid: int
    seq: int
    market: str
    yes: tuple[tuple[int, int], ...]
    no: tuple[tuple[int, int], ...]
    clock: int | None


class BookDelta(msgspec.Struct, gc=False, frozen=True):
    """A signed change of one level. `leg` is YES_LEG or NO_LEG; price in the leg's own units."""

    recv_ns: int
    conn: str
    sid: int
    seq: int
    market: str
    leg: int
    price: int
    change: int
    venue_ns: int | None
    clock: int | None


class VenueQuote(msgspec.Struct, gc=False, frozen=True):
    """Top of book as the venue's ticker channel states it; 0 and 10 000 mean an empty side."""

    recv_ns: int
    conn: str
    market: str
    yes_bid: int
    yes_ask: int
    last_price: int
    last_quantity: int
    venue_ns: int


class VenueTrade(msgspec.Struct, gc=False, frozen=True):
    """A public trade. `taker` is the outcome the aggressor bought."""

    recv_ns: int
    conn: str
    market: str
    trade_id: str
    yes_price: int
    quantity: int
    taker: Outcome
    venue_ns: int


class SpotTrade(msgspec.Struct, gc=False, frozen=True):
    """A trade of the underlying on a spot venue (a proxy of the settlement index)."""

    recv_ns: int
    conn: str
    product: str
    price: float
    trade_id: int | None
    venue_ns: int


class SpotHeartbeat(msgspec.Struct, gc=False, frozen=True):
    """Proof that the spot feed is alive; `last_trade_id` reveals trades we never saw."""

    recv_ns: int
    conn: str
    product: str
    last_trade_id: int
    venue_ns: int


class IndexValue(msgspec.Struct, gc=False, frozen=True):
    """One print of the settlement index itself (BRTI, once a second)."""

    recv_ns: int
    conn: str
    index: str
    value: float
    venue_ns: int


class MarketDefined(msgspec.Struct, gc=False, frozen=True):
    """What a contract is: strikes in dollars as the venue writes them, close time, price grid.

    `grid` is ((start, end, step), …) in price units, or None when the venue has not said.
    """

    recv_ns: int
    market: str
    strike_type: str | None
    floor_strike: str | None
    cap_strike: str | None
    close_ns: int | None
    grid: tuple[tuple[int, int, int], ...] | None


class MarketTrading(msgspec.Struct, gc=False, frozen=True):
    """The venue paused a market or let it trade again."""

    recv_ns: int
    market: str
    active: bool


class MarketDetermined(msgspec.Struct, gc=False, frozen=True):
    """The venue said what a market settled on."""

    recv_ns: int
    market: str
    outcome: Outcome
    source: str


class InputQuarantined(msgspec.Struct, gc=False, frozen=True):
    """A message could not be trusted. What it might have changed is no longer live.

    `recv_ns`, `kind` (the message's own type), `sid`, `seq` and `market` are whatever could still
    be read of it.
    """

    recv_ns: int | None
    source: str
    conn: str
    reason: str
    field: str
    detail: str
    kind: str | None
    sid: int | None
    seq: int | None
    market: str | None


class OutcomesKnown(msgspec.Struct, gc=False, frozen=True):
    """Outcomes that were known before a session began: (market, outcome, source). The session keeps
    them to itself; the engine hears of each one when its market has closed."""

    recv_ns: int | None
    outcomes: tuple[tuple[str, Outcome, str], ...]


class TimerFired(msgspec.Struct, gc=False, frozen=True):
    """Time passed with nothing else to say so."""

    recv_ns: int


class ControlChanged(msgspec.Struct, gc=False, frozen=True):
    """Somebody decided what may be traded from here on. Only this leaves HALTED."""

    recv_ns: int
    wanted: TradingState
    who: str
    why: str


class HealthObserved(msgspec.Struct, gc=False, frozen=True):
    """What the shell measured of itself; the engine has no other way to know.

    `name` is a `kairos.domain.risk.triggers.Signal`. `value_ns` is the lag or age where the signal
    is one: then its bound is a setting, and `healthy` says whether it could be measured at all.
    """

    recv_ns: int
    name: str
    healthy: bool
    value_ns: int | None


class OrderAccepted(msgspec.Struct, gc=False, frozen=True):
    """The venue has the order."""

    recv_ns: int
    client_order_id: str
    venue_order_id: str


class OrderRejected(msgspec.Struct, gc=False, frozen=True):
    """The venue proved that it does not have the order."""

    recv_ns: int
    client_order_id: str
    reason: str


class OrderFilled(msgspec.Struct, gc=False, frozen=True):
    """One fill. `price` in the outcome's own units; `fee` in micro-dollars (negative: rebate).

    `notional` is what it cost or brought, where that is not price × quantity to the micro-dollar.
    """

    recv_ns: int
    client_order_id: str
    fill_id: str
    price: int
    quantity: int
    fee: int
    liquidity: Liquidity
    evidence: str
    notional: int | None = None


class OrderClosed(msgspec.Struct, gc=False, frozen=True):
    """Nothing more will happen to the order: canceled, expired, or done."""

    recv_ns: int
    client_order_id: str
    reason: str


class OrderUnknown(msgspec.Struct, gc=False, frozen=True):
    """Sent, and nothing proves what became of it: it may be at the venue, so it still counts.

    Also after an end that turned out not to be one. A later report proves which it was.
    """

    recv_ns: int
    client_order_id: str
    detail: str


class OrderAmended(msgspec.Struct, gc=False, frozen=True):
    """The venue has the order at this price and size; `quantity` includes what was filled."""

    recv_ns: int
    client_order_id: str
    price: int
    quantity: int


class AmendRejected(msgspec.Struct, gc=False, frozen=True):
    """The venue proved that the order is as it was before the amend."""

    recv_ns: int
    client_order_id: str
    reason: str


class FeeCharged(msgspec.Struct, gc=False, frozen=True):
    """What the venue charged for a fill in the end, micro-dollars; replaces the fee booked."""

    recv_ns: int
    client_order_id: str
    fill_id: str
    fee: int


class FillVoided(msgspec.Struct, gc=False, frozen=True):
    """A fill that was reported did not settle: it never happened."""

    recv_ns: int
    client_order_id: str
    fill_id: str
    reason: str


class OrderAdopted(msgspec.Struct, gc=False, frozen=True):
    """An order at the venue that this engine did not send; reports about it may follow.

    `quantity` is all of it and `filled` what was filled before we knew of it and is booked
    elsewhere. `managed`: what still rests counts as ours and may be canceled by us; otherwise only
    its fills are booked. `client_order_id` is the venue's record of it, or made from its own id,
    which is empty while it is not known.
    """

    recv_ns: int
    client_order_id: str
    venue_order_id: str
    market: str
    outcome: Outcome
    action: Action
    price: int
    quantity: int
    filled: int
    managed: bool


class PositionAdopted(msgspec.Struct, gc=False, frozen=True):
    """What the account held before we kept books; `cost` is micro-dollars, fees apart."""

    recv_ns: int
    market: str
    outcome: Outcome
    quantity: int
    cost: int


class CashAdjusted(msgspec.Struct, gc=False, frozen=True):
    """Cash came or went outside trading: a deposit, a withdrawal, the opening balance."""

    recv_ns: int
    amount: int
    reason: str


class BreakFound(msgspec.Struct, gc=False, frozen=True):
    """Our books and the venue's differ. Until it is resolved no new risk may be taken.

    `break_id` is the same for as long as the same thing differs. `market` is None when it concerns
    the whole account. `ours` and `theirs` are the evidence, as text.
    """

    recv_ns: int
    break_id: str
    kind: str
    market: str | None
    ours: str
    theirs: str


class BreakResolved(msgspec.Struct, gc=False, frozen=True):
    """A difference that was reported is no more; `resolution` says what was done about it."""

    recv_ns: int
    break_id: str
    resolution: str
    detail: str


OrderReport = (
    OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderClosed
    | OrderUnknown
    | OrderAmended
    | AmendRejected
    | FeeCharged
    | FillVoided
    | OrderAdopted
)
AccountReport = PositionAdopted | CashAdjusted | BreakFound | BreakResolved

TimedEvent = (
    ConnectionOpened
    | ChannelSubscribed
    | ChannelReply
    | BookSnapshot
    | BookDelta
    | VenueQuote
    | VenueTrade
    | SpotTrade
    | SpotHeartbeat
    | IndexValue
    | MarketDefined
    | MarketTrading
    | MarketDetermined
    | TimerFired
    | ControlChanged
    | HealthObserved
    | OrderReport
    | AccountReport
)
Event = TimedEvent | InputQuarantined | OutcomesKnown
