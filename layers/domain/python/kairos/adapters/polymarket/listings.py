"""What trading needs to know of a market: its two tokens, tick, minimum, exchange and fees."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from kairos.adapters.polymarket.amounts import ranges_of_tick
from kairos.adapters.polymarket.config import Exchange
from kairos.domain.fees import polymarket as fee_rules
from kairos.domain.fees.polymarket import PolymarketFees
from kairos.domain.grid import Ranges
from kairos.domain.instruments import Outcome
from kairos.domain.units import scaled
from kairos.errors import Malformed

LISTINGS_MAX: Final = 20_000
_TOKEN_MAX: Final = 2**256
# Protocol V2 position ids keep these bits of the 256 at zero; hashes of the older tokens do not.
_POSITION_BITS: Final = ((1 << 64) - 1) << 40


@dataclass(frozen=True, slots=True)
class Listing:
    """One binary market. `market` is the condition id, `tick` 1/10 000 dollar, `quantity_min`
    micro-contracts, `fees` None while the venue has not said what it charges."""

    market: str
    yes_token: str
    no_token: str
    tick: int
    quantity_min: int
    exchange: Exchange
    fees: PolymarketFees | None

    @property
    def ranges(self) -> Ranges:
        return ranges_of_tick(self.tick)

    def token(self, outcome: Outcome) -> str:
        return self.yes_token if outcome is Outcome.YES else self.no_token

    def outcome(self, token: str) -> Outcome:
        """Raises Malformed (`unknown_token`) for a token of another market."""
        if token == self.yes_token:
            return Outcome.YES
        if token == self.no_token:
            return Outcome.NO
        raise Malformed("unknown_token", "asset_id", f"{token} is no outcome of {self.market}")


class Listings:
    """The markets we know, bounded: the one that was added first is forgotten first."""

    def __init__(self, most: int = LISTINGS_MAX) -> None:
        self._most = most
        self._by_market: OrderedDict[str, Listing] = OrderedDict()

    def add(self, listing: Listing) -> None:
        self._by_market[listing.market] = listing
        self._by_market.move_to_end(listing.market)
        while len(self._by_market) > self._most:
            self._by_market.popitem(last=False)

    def get(self, market: str) -> Listing | None:
        return self._by_market.get(market)

    def require(self, market: str) -> Listing:
        """Raises Malformed (`unknown_market`) where a message cannot wait for a look-up."""
        found = self._by_market.get(market)
        if found is None:
            raise Malformed("unknown_market", "market", f"{market} has not been looked up")
        return found

    def forget(self, market: str) -> None:
        """The venue contradicted what we knew: the next order looks it up again."""
        self._by_market.pop(market, None)

    def __len__(self) -> int:
        return len(self._by_market)


def exchange_of(token: str, *, neg_risk: bool) -> Exchange:
    """Which contract settles a token. Raises Malformed when the id is no 256-bit number."""
    if not (token.isascii() and token.isdigit()) or int(token) >= _TOKEN_MAX:
        raise Malformed("bad_token", "token_id", f"{token[:90]!r} is no token id")
    if int(token) & _POSITION_BITS == 0:
        return Exchange.POSITIONS
    return Exchange.NEG_RISK if neg_risk else Exchange.CTF


def exact(value: Decimal, places: int, field: str) -> int:
    """A JSON number or text as an integer of 10**-`places`; never through a float."""
    if not value.is_finite() or abs(value.adjusted()) > 20:
        raise Malformed("bad_number", field, f"{value} is no amount")
    return scaled(format(value, "f"), places, field)


def fees_of(rate: Decimal, exponent: Decimal, *, taker_only: bool) -> PolymarketFees:
    """The schedule a market publishes; rounding is what the venue was seen to do."""
    return fee_rules.market_schedule(
        format(rate, "f"),
        exact(exponent, 0, "exponent"),
        taker_only=taker_only,
        rounding=fee_rules.OBSERVED_ROUNDING,
    )
