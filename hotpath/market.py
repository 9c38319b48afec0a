"""What the engine knows about one market, in one place, one look-up away from the hot loop."""

from __future__ import annotations

from kairos.domain.book import BinaryBook
from kairos.domain.contract import Contract
from kairos.domain.instruments import Outcome
from kairos.messages.events import MarketDefined


class Channel:
    """One subscription of one connection: `seq` counts across all its markets.

    `first_seq` began the unbroken run of numbers that `next_seq` continues.
    """

    __slots__ = (
        "conn", "first_seq", "last_recv_ns", "markets", "name", "next_seq", "sid",
        "silent",
    )  # fmt: skip

    def __init__(self, conn: str, sid: int, name: str, now_ns: int) -> None:
        self.conn = conn
        self.sid = sid
        self.name = name
        self.first_seq = 0
        self.silent = False  # its books were marked stale and nothing was heard since
        self.next_seq: int | None = None
        self.last_recv_ns = now_ns
        self.markets: dict[str, Market] = {}


class Market:
    """A market's contract, book, position and orders in flight.

    `position` is micro-contracts held per outcome; `in_flight` counts orders that are not closed;
    `reserved` is the cash (micro-dollars) that buys in flight may still cost. `fair` is what the
    strategy last thought of it, (probability, uncertainty), good for one version of its inputs.
    """

    __slots__ = (
        "active",
        "book",
        "channel",
        "close_ns",
        "contract",
        "cost",
        "definition",
        "exit_seen_ns",
        "fair",
        "fair_until_ns",
        "fair_version",
        "in_flight",
        "last_entry_ns",
        "market_id",
        "no_held",
        "outcome",
        "reserved",
        "watch_size",
        "yes_held",
    )

    def __init__(self, market_id: str, book: BinaryBook) -> None:
        self.market_id = market_id
        self.active = True
        self.book = book
        self.channel: Channel | None = None
        self.definition: MarketDefined | None = None
        self.contract: Contract | None = None
        self.close_ns: int | None = None
        self.outcome: Outcome | None = None
        self.yes_held = 0
        self.no_held = 0
        self.cost = 0
        self.reserved = 0
        self.in_flight = 0
        self.last_entry_ns = 0
        self.exit_seen_ns: int | None = None
        self.watch_size = False
        self.fair: tuple[float, float] | None = None
        self.fair_version = -1
        self.fair_until_ns = 0

    def is_open(self, now_ns: int) -> bool:
        return (
            self.active
            and self.outcome is None
            and (self.close_ns is None or now_ns < self.close_ns)
        )
