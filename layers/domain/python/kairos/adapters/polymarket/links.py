"""What the market channel's parser remembers: which tokens make a market, and each connection."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from kairos.adapters.polymarket.listings import LISTINGS_MAX
from kairos.adapters.polymarket.mirror import Mirror
from kairos.adapters.polymarket.schemas import Listed
from kairos.errors import Malformed

_IDS_MAX: Final = 1_000  # of one damaged frame


class FreshBook(NamedTuple):
    """Ask `conn` for the whole book of a market: subscribe to its YES token anew."""

    conn: str
    market: str
    token: str
    reason: str


class Link:
    """One connection: our count of its messages, and a mirror of each market it carries."""

    __slots__ = ("conn", "mirrors", "seq")

    def __init__(self, conn: str) -> None:
        self.conn = conn
        self.seq = 0
        self.mirrors: dict[str, Mirror] = {}

    def number(self) -> int:
        self.seq += 1
        return self.seq

    def live(self, market: str) -> Mirror | None:
        """The mirror of a market that may be believed."""
        mirror = self.mirrors.get(market)
        return mirror if mirror is not None and mirror.is_live else None


class Pairs:
    """Markets by condition id and by either token; bounded."""

    def __init__(self) -> None:
        self._by_market: dict[str, Listed] = {}
        self._by_token: dict[str, tuple[Listed, bool]] = {}

    def add(self, pair: Listed) -> None:
        """Raises Malformed when there are too many or the two tokens are one."""
        if pair.yes_token == pair.no_token:
            raise Malformed("conflicting_fields", "no_token", f"{pair.market}: one token twice")
        self.drop(pair.market)
        if len(self._by_market) >= LISTINGS_MAX:
            raise Malformed("too_many_markets", "market", f"over {LISTINGS_MAX}")
        self._by_market[pair.market] = pair
        self._by_token[pair.yes_token] = (pair, True)
        self._by_token[pair.no_token] = (pair, False)

    def drop(self, market: str) -> None:
        pair = self._by_market.pop(market, None)
        if pair is not None:
            self._by_token.pop(pair.yes_token, None)
            self._by_token.pop(pair.no_token, None)

    def get(self, market: str) -> Listed | None:
        return self._by_market.get(market)

    def of(self, market: str, token: str) -> tuple[Listed | None, bool]:
        """The listed market of a token, and whether it is the YES token; None when neither is
        listed. Raises Malformed when market and token contradict each other."""
        found = self._by_token.get(token)
        if found is None:
            if market in self._by_market:
                raise Malformed("unknown_token", "asset_id", f"{token[:90]!r} is not {market}'s")
            return None, False
        if found[0].market != market:
            raise Malformed("conflicting_fields", "market", f"{token[:90]!r} is not {market!r}'s")
        return found

    def named_in(self, raw: object) -> tuple[list[str], bool]:
        """Listed markets that a damaged frame still names by any id, and whether it names a market
        at all: one that does, but none of ours, was not about ours."""
        ids = _ids(raw)
        named = dict.fromkeys(each for each in ids if each in self._by_market)
        for each in ids:
            found = self._by_token.get(each)
            if found is not None:
                named[found[0].market] = None
        return list(named), bool(ids)


def _ids(raw: object) -> list[str]:
    """The market and token ids of a frame, as far as they are text."""
    if not isinstance(raw, dict):
        return []
    holders: list[Any] = [raw]
    if isinstance(raw.get("price_changes"), list):
        holders += raw["price_changes"][:_IDS_MAX]
    found = [
        holder.get(name)
        for holder in holders
        if isinstance(holder, dict)
        for name in ("market", "asset_id")
    ]
    return [each for each in found if isinstance(each, str) and each]
