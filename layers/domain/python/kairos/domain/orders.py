"""What is proved about one order, whatever the order in which the proofs arrive.

An `Order` collects evidence and never forgets any: fills by id, what the venue said of the order,
refusals, cancels. Its state is computed from all of it, so the same evidence gives the same state
in any sequence. Only proof ends an order. Silence, a timeout and a refusal that a fill contradicts
leave it UNKNOWN, and an end whose fills have not all arrived leaves it CLOSING; both keep their
exposure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final

from kairos.domain.order_effects import (
    Accepted,
    Amended,
    AmendRefused,
    Charged,
    Closed,
    Effect,
    Filled,
    OrderFill,
    Rejected,
    Terms,
    Unknown,
    Voided,
)
from kairos.domain.units import notional
from kairos.errors import Corrupt


class OrderState(StrEnum):
    """Where an order stands, as far as we can prove."""

    INTENDED = "intended"  # decided, and not sent
    SENT = "sent"  # in flight
    UNKNOWN = "unknown"  # sent, and what became of it is not proved
    WORKING = "working"  # the venue has it
    PARTIALLY_FILLED = "partially_filled"
    AMEND_PENDING = "amend_pending"  # the venue has it, at the old or at the new terms
    CANCEL_PENDING = "cancel_pending"
    CLOSING = "closing"  # it has ended, and some of its fills have not arrived
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL: Final = frozenset(
    {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED}
)


class Ending(StrEnum):
    """What the venue says ended an order. The later ones win where it says several."""

    REJECTED = "rejected"
    CANCELED = "canceled"
    EXPIRED = "expired"
    FILLED = "filled"


_RANK: Final = {ending: rank for rank, ending in enumerate(Ending)}
_ENDED: Final = {
    Ending.REJECTED: OrderState.REJECTED,
    Ending.CANCELED: OrderState.CANCELED,
    Ending.EXPIRED: OrderState.EXPIRED,
    # The venue calls it filled and its fills do not add up to all of it: the rest was canceled.
    Ending.FILLED: OrderState.CANCELED,
}


class Need(StrEnum):
    """What has to be asked of the venue before the order's state is proved."""

    NOTHING = "nothing"
    LOOK_UP = "look_up"  # the order itself
    FILLS = "fills"  # its executions: the order is known to have filled more than we booked


class _Leg:
    """What the venue said about one of its own order ids; an amend may give a new one."""

    __slots__ = ("claimed", "ending", "final", "reason", "seen")

    def __init__(self) -> None:
        self.claimed = 0  # filled at least this much, says the venue
        self.final: int | None = None  # filled this much in all, says its end
        self.ending: Ending | None = None
        self.reason = ""
        self.seen = False  # the venue spoke of the order itself, not only of a fill

    def end(self, ending: Ending, filled: int | None, reason: str) -> None:
        """Ends are joined, not replaced: the result does not depend on which came first."""
        self.seen = True
        if filled is not None:
            self.final = max(filled, self.final or 0)
            self.claimed = max(self.claimed, filled)
        if self.ending is None or (_RANK[ending], reason) > (_RANK[self.ending], self.reason):
            self.ending, self.reason = ending, reason


class Order:
    """One order. Every method takes one piece of evidence and returns what newly follows from it.

    Quantities are micro-contracts. `before` is what it had filled before we knew of it: that rests
    no more, and is in nobody's fills here. `budget` (micro-dollars) is for an order that spends a
    sum of cash: at better prices it may fill more, until its venue says that it ended. Raises
    Corrupt, changing nothing, for evidence that cannot be: more filled than was ever ordered or
    paid for, or one fill id with two contents.
    """

    __slots__ = (
        "_announced",
        "_budget",
        "_ceiling",
        "_doubt",
        "_ended",
        "_in_doubt",
        "_legs",
        "_refused",
        "_sent",
        "_voided",
        "amend_doubt",
        "amending",
        "before",
        "cancel_wanted",
        "client_order_id",
        "fills",
        "terms",
        "venue_order_id",
    )  # fmt: skip

    def __init__(
        self,
        client_order_id: str,
        price: int,
        quantity: int,
        before: int = 0,
        budget: int | None = None,
    ) -> None:
        self.client_order_id = client_order_id
        self._budget = budget
        self.terms = Terms(price, quantity)
        self.venue_order_id: str | None = None
        self.fills: dict[str, OrderFill] = {}
        self.before = before
        self.cancel_wanted = False
        self.amending: Terms | None = None
        self.amend_doubt = False
        self._ceiling = quantity
        self._sent = False
        self._doubt: str | None = None
        self._refused: str | None = None
        self._voided: set[str] = set()
        self._legs: dict[str, _Leg] = {}
        self._announced: str | None = None
        self._ended = False
        self._in_doubt = False

    # What is known

    @property
    def filled(self) -> int:
        """Executed and not voided: what the position got from this order."""
        return sum(f.quantity for f in self.fills.values() if f.fill_id not in self._voided)

    @property
    def matched(self) -> int:
        """Executed, voided or not: what can no longer rest."""
        return self.before + sum(fill.quantity for fill in self.fills.values())

    @property
    def state(self) -> OrderState:
        leg = self._leg
        if self._all_filled:
            return OrderState.FILLED
        if leg is not None and leg.ending is not None and self.amending is None:
            return self._end_state(leg)
        if self._refused is not None and not self._exists:
            return OrderState.REJECTED
        if leg is not None and (leg.seen or self._refused is None):
            return self._working_state()
        if self._doubt is not None or self._refused is not None:
            return OrderState.UNKNOWN
        return OrderState.SENT if self._sent else OrderState.INTENDED

    @property
    def needs(self) -> Need:
        """What to ask the venue now; an order in flight needs nothing but its answer."""
        leg = self._leg
        if self.state is OrderState.UNKNOWN or self.amend_doubt:
            return Need.LOOK_UP
        if leg is None or leg.claimed <= self._matched_by(self.venue_order_id):
            return Need.LOOK_UP if self.state is OrderState.CLOSING else Need.NOTHING
        return Need.FILLS

    @property
    def outstanding(self) -> int:
        """The most that may still execute, or has executed and is not booked."""
        state, leg = self.state, self._leg
        if state.is_final:
            return 0
        missing = leg.claimed - self._matched_by(self.venue_order_id) if leg is not None else 0
        if state is OrderState.CLOSING and leg is not None and leg.final is not None:
            return missing
        wanted = max(self.terms.quantity, self.amending.quantity if self.amending else 0)
        return max(wanted - self.matched, missing, 0)

    @property
    def may_rest(self) -> bool:
        """Whether a part of it may still be at the venue, waiting to execute."""
        state = self.state
        return not state.is_final and state is not OrderState.CLOSING

    @property
    def booked_fills(self) -> tuple[str, ...]:
        """Ids of the executions that count."""
        return tuple(fill_id for fill_id in self.fills if fill_id not in self._voided)

    def knows(self, fill_id: str) -> bool:
        return fill_id in self.fills or fill_id in self._voided

    # What we do

    def sent(self) -> Sequence[Effect]:
        self._sent = True
        return self._follow()

    def wants_cancel(self) -> None:
        self.cancel_wanted = True

    def wants_amend(self, price: int, quantity: int) -> None:
        """The request is about to leave: until it is answered either terms may be in force."""
        self.amending = Terms(price, quantity)
        self._ceiling = max(self._ceiling, quantity)

    # What we hear

    def seen(
        self,
        venue_order_id: str,
        filled: int | None,
        ending: Ending | None = None,
        reason: str = "",
        terms: Terms | None = None,
    ) -> Sequence[Effect]:
        """The venue spoke of the order: an answer, a report, a look-up.

        `filled` is the total at that time. `terms` are those it has at the venue: they prove an
        amend that nothing else answered, and otherwise are left to reconciliation.
        """
        self._sent = True
        leg = self._know(venue_order_id)
        leg.seen = True
        if filled is not None:
            leg.claimed = max(leg.claimed, filled)
        if ending is not None:
            total = self.terms.quantity if ending is Ending.FILLED and filled is None else filled
            leg.end(ending, total, reason or ending.value)
        if terms is not None and terms == self.amending:
            return [*self.amended(venue_order_id), *self._follow()]
        return self._follow()

    def refused(self, reason: str) -> Sequence[Effect]:
        """Proved: the venue does not have it, or not a byte of it left."""
        if self._refused is None or reason < self._refused:
            self._refused = reason
        return self._follow()

    def unknown(self, detail: str) -> Sequence[Effect]:
        """Sent, and no proof came back."""
        self._sent = True
        self._doubt = detail
        return self._follow()

    def gone(self, reason: str) -> Sequence[Effect]:
        """The venue proved that it has no such order and that we know all its fills."""
        if self.venue_order_id is None:
            return self.refused(reason)
        matched = self._matched_by(self.venue_order_id)
        self._know(self.venue_order_id).end(Ending.CANCELED, matched, reason)
        return self._follow()

    def canceled(self, venue_order_id: str, reason: str = "canceled") -> Sequence[Effect]:
        """A cancel was answered: nothing more will fill. What did fill, it did not say."""
        self._know(venue_order_id).end(Ending.CANCELED, None, reason)
        return self._follow()

    def executed(self, fill: OrderFill) -> Sequence[Effect]:
        known = self.fills.get(fill.fill_id)
        if known is not None:
            return self._again(known, fill)
        total = self.matched + fill.quantity
        more = total > self._ceiling
        if more and not self._pays_for(fill):
            raise Corrupt(
                f"fill {fill.fill_id} of {fill.quantity} would fill order {self.client_order_id} "
                f"to {total} of {self._ceiling}"
            )
        self._sent = True
        self._know(fill.venue_order_id)
        self.fills[fill.fill_id] = fill
        news: list[Effect] = [] if fill.fill_id in self._voided else [Filled(fill)]
        if more:
            self.terms, self._ceiling = Terms(fill.price, total), total
            news.insert(0, Amended(self.terms))
        return [*self._accepted(), *news, *self._follow()]

    def _pays_for(self, fill: OrderFill) -> bool:
        """Whether the cash that was ordered for is enough for this execution, too."""
        if self._budget is None:
            return False
        return sum(map(_spent, (*self.fills.values(), fill))) <= self._budget

    def voided(self, fill_id: str) -> Sequence[Effect]:
        """An execution did not settle; this may be heard before the execution itself."""
        if fill_id in self._voided:
            return ()
        self._voided.add(fill_id)
        return (Voided(fill_id),) if fill_id in self.fills else ()

    def amended(self, venue_order_id: str) -> Sequence[Effect]:
        """The amend is in force, under this id."""
        terms, self.amending, self.amend_doubt = self.amending, None, False
        if terms is None:
            return ()
        self.venue_order_id = venue_order_id
        self._know(venue_order_id)
        self.terms = terms
        return [Amended(terms), *self._follow()]

    def amend_refused(self, reason: str) -> Sequence[Effect]:
        """Proved: the order is as it was."""
        if self.amending is None:
            return ()
        self.amending, self.amend_doubt = None, False
        return [AmendRefused(reason), *self._follow()]

    def amend_unknown(self) -> None:
        self.amend_doubt = self.amending is not None

    # How it follows

    @property
    def _leg(self) -> _Leg | None:
        return self._legs[self.venue_order_id] if self.venue_order_id is not None else None

    @property
    def _exists(self) -> bool:
        """Whether anything but our own request speaks for the order's existence."""
        leg = self._leg
        return bool(self.fills) or (leg is not None and (leg.ending is None or leg.claimed > 0))

    @property
    def _all_filled(self) -> bool:
        if self._budget is not None:
            return False  # there may be cash left: the venue says when it is over
        wanted = max(self.terms.quantity, self.amending.quantity if self.amending else 0)
        return self.matched >= wanted

    def _end_state(self, leg: _Leg) -> OrderState:
        matched = self._matched_by(self.venue_order_id)
        if leg.final is None or leg.claimed > matched:
            return OrderState.CLOSING
        if self._budget is not None and matched >= self.terms.quantity:
            return OrderState.FILLED
        if leg.ending is Ending.REJECTED and matched:
            return OrderState.CANCELED
        return _ENDED[leg.ending] if leg.ending is not None else OrderState.CLOSING

    def _working_state(self) -> OrderState:
        if self.amending is not None:
            return OrderState.AMEND_PENDING
        if self.cancel_wanted:
            return OrderState.CANCEL_PENDING
        return OrderState.PARTIALLY_FILLED if self.matched else OrderState.WORKING

    def _matched_by(self, venue_order_id: str | None) -> int:
        """By the current id of the order, that is; `before` was filled under it."""
        fills = self.fills.values()
        matched = sum(fill.quantity for fill in fills if fill.venue_order_id == venue_order_id)
        return self.before + matched

    def _know(self, venue_order_id: str) -> _Leg:
        if self.venue_order_id is None:
            self.venue_order_id = venue_order_id
        return self._legs.setdefault(venue_order_id, _Leg())

    def _again(self, known: OrderFill, fill: OrderFill) -> Sequence[Effect]:
        fee = known.fee if fill.fee is None else fill.fee
        if replace(fill, fee=known.fee, notional=known.notional) != known:
            raise Corrupt(f"fill {fill.fill_id} came as {known} and again as {fill}")
        if fee == known.fee or fee is None:
            return ()
        self.fills[fill.fill_id] = replace(known, fee=fee)
        return () if fill.fill_id in self._voided else (Charged(fill.fill_id, fee),)

    def _accepted(self) -> list[Effect]:
        if self.venue_order_id is None or self.venue_order_id == self._announced:
            return []
        self._announced = self.venue_order_id
        return [Accepted(self.venue_order_id)]

    def _follow(self) -> Sequence[Effect]:
        """What the state now says that was not said before."""
        state = self.state
        effects = self._accepted() if state is not OrderState.REJECTED else []
        if state.is_final and not self._ended:
            self._ended, self._in_doubt = True, False
            reason = self._why(state)
            effects.append(Rejected(reason) if state is OrderState.REJECTED else Closed(reason))
        elif state is OrderState.UNKNOWN and not self._in_doubt:
            self._in_doubt, self._ended = True, False
            effects.append(Unknown(self._doubt or f"refused ({self._refused}), and yet it filled"))
        elif self._ended and not state.is_final:
            self._ended = False
            effects.append(Unknown(f"it had ended, and is {state} again"))
        elif state is not OrderState.UNKNOWN:
            self._in_doubt = False
        return effects

    def _why(self, state: OrderState) -> str:
        leg = self._leg
        if state is OrderState.FILLED:
            return OrderState.FILLED.value
        if leg is not None and leg.reason:
            return leg.reason
        return self._refused or state.value


def _spent(fill: OrderFill) -> int:
    return notional(fill.price, fill.quantity) if fill.notional is None else fill.notional
