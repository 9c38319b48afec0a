"""Books and their changes out of frames of YES tokens, checked against what the venue states."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from kairos.adapters.polymarket.links import Link, Pairs
from kairos.adapters.polymarket.mirror import (
    Contradicted,
    Mirror,
    Top,
    book_hash,
    level_price,
    level_size,
    levels_of,
    stated_top,
)
from kairos.adapters.polymarket.schemas import BestBidAsk, Book, Change, PriceChange
from kairos.adapters.polymarket.times import milliseconds
from kairos.domain.instruments import NO_LEG, YES_LEG
from kairos.domain.units import PRICE_PER_DOLLAR
from kairos.errors import Malformed
from kairos.messages.events import BookDelta, BookSnapshot, Event

SID = 1
_SIDES = {"BUY": True, "SELL": False}


class _Read(NamedTuple):
    """One entry of a price_change, read; `top` is what the venue says the top is after it."""

    is_yes: bool
    is_bid: bool
    price: int
    size: int
    top: Top | None


class TokenBooks:
    """Raises Malformed for what cannot be read and for what the mirror contradicts; the market is
    then in doubt. `counts` says what was left out and why."""

    def __init__(self, pairs: Pairs, counts: Counter[str], *, check_hashes: bool) -> None:
        self._pairs = pairs
        self._counts = counts
        self._check_hashes = check_hashes

    def book(self, recv_ns: int, link: Link, frame: Book) -> list[Event]:
        pair, is_yes = self._pairs.of(frame.market, frame.asset_id)
        if pair is None or not is_yes:
            return self._skipped("no_token_book" if pair else "unlisted")
        bids, asks = levels_of(frame.bids, "bids"), levels_of(frame.asks, "asks")
        time_ns = milliseconds(frame.timestamp, "timestamp")
        if bids and asks and max(bids) >= min(asks):
            raise Malformed("crossed_book", "bids", f"{max(bids)} meets {min(asks)}")
        self._compare_hash(frame)
        mirror = link.mirrors.setdefault(pair.market, Mirror())
        if mirror.is_live and time_ns < mirror.time_ns:
            raise Contradicted("time_went_back", "timestamp", frame.timestamp)
        mirror.replace(bids, asks, time_ns)
        return [
            BookSnapshot(
                recv_ns, link.conn, SID, link.number(), pair.market, mirror.yes_bids(),
                mirror.no_bids(), None,
            )
        ]  # fmt: skip

    def _compare_hash(self, frame: Book) -> None:
        computed = book_hash(frame) if self._check_hashes and frame.hash is not None else None
        if computed is None:
            self._counts["hash_not_checked"] += 1
        elif computed != frame.hash:
            raise Malformed("hash_disagrees", "hash", f"{frame.hash!r} is not this book's")

    def changed(self, recv_ns: int, link: Link, frame: PriceChange) -> list[Event]:
        pair, read = self._read(frame)
        time_ns = milliseconds(frame.timestamp, "timestamp")
        if pair is None:
            return self._skipped("unlisted")
        mirror = link.live(pair)
        if mirror is None:
            return self._skipped("change_before_book")
        if time_ns < mirror.time_ns:
            raise Contradicted("time_went_back", "timestamp", frame.timestamp)
        mirror.time_ns = time_ns
        changes = [self._put(mirror, each) for each in read]
        self._compare_tops(mirror, read)
        mirror.doubted = False
        return [
            BookDelta(
                recv_ns, link.conn, SID, link.number(), pair, leg, price, change, time_ns, None
            )
            for leg, price, change in changes
            if change
        ]

    def _read(self, frame: PriceChange) -> tuple[str | None, list[_Read]]:
        """The market, None when nobody listed it, and everything in the message: whole or not."""
        if not frame.price_changes:
            raise Malformed("empty", "price_changes", "a change of nothing")
        market, read = None, []
        for change in frame.price_changes:
            pair, is_yes = self._pairs.of(frame.market, change.asset_id)
            market = None if pair is None else pair.market
            read.append(_entry(change, is_yes=is_yes))
        return market, read

    def _put(self, mirror: Mirror, entry: _Read) -> tuple[int, int, int]:
        if not entry.is_yes:
            self._counts["no_token_change"] += 1
            return NO_LEG, 0, 0
        change = mirror.put(entry.price, entry.size, is_bid=entry.is_bid)
        if entry.is_bid:
            return YES_LEG, entry.price, change
        return NO_LEG, PRICE_PER_DOLLAR - entry.price, change

    def _compare_tops(self, mirror: Mirror, read: list[_Read]) -> None:
        """The last top stated for YES is the one after the whole message. The NO token may be
        told in a message of its own, before YES: its top is counted, not held against us."""
        yes = [each.top for each in read if each.is_yes]
        if yes and yes[-1] is not None and yes[-1] != mirror.top:
            detail = f"the venue says {yes[-1]}, the mirror {mirror.top}"
            raise Contradicted("top_disagrees", "best_bid", detail)
        no = [each.top for each in read if not each.is_yes]
        if no and no[-1] is not None and _mirrored(no[-1]) != mirror.top:
            self._counts["no_token_disagrees"] += 1

    def best(self, link: Link, frame: BestBidAsk) -> list[Event]:
        """The top alone, which may come before the change that explains it: one that nothing
        explains before the next one comes is a change that we missed."""
        pair, is_yes = self._pairs.of(frame.market, frame.asset_id)
        top = stated_top(frame.best_bid, frame.best_ask)
        milliseconds(frame.timestamp, "timestamp")
        mirror = link.live(frame.market)
        if pair is None or mirror is None:
            return self._skipped("unlisted" if pair is None else "change_before_book")
        agrees = (top if is_yes else _mirrored(top)) == mirror.top
        if mirror.doubted and not agrees:
            detail = f"the venue says {top} again, the mirror {mirror.top}"
            raise Contradicted("top_disagrees", "best_bid_ask", detail)
        mirror.doubted = not agrees
        return []

    def _skipped(self, why: str) -> list[Event]:
        self._counts[why] += 1
        return []


def _entry(change: Change, *, is_yes: bool) -> _Read:
    top = None
    if change.best_bid is not None and change.best_ask is not None:
        top = stated_top(change.best_bid, change.best_ask)
    return _Read(is_yes, buys(change.side), level_price(change.price), level_size(change.size), top)


def buys(side: str) -> bool:
    """BUY or SELL. Raises Malformed for anything else."""
    is_buy = _SIDES.get(side)
    if is_buy is None:
        raise Malformed("bad_side", "side", f"{side[:20]!r} is neither BUY nor SELL")
    return is_buy


def _mirrored(top: Top) -> Top:
    """The other token's top as this one's: its ask is our bid at what is left of the dollar."""
    bid, ask = top
    return (
        None if ask is None else PRICE_PER_DOLLAR - ask,
        None if bid is None else PRICE_PER_DOLLAR - bid,
    )
