"""What the core needs from the outside, as protocols; adapters and shells provide it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kairos.domain.instruments import Venue
from kairos.messages.commands import AmendOrder, CancelOrder, SubmitOrder
from kairos.messages.streams import Heartbeat, Outgoing, Said, StreamAddress
from kairos.messages.trading import (
    Placement,
    VenueBalance,
    VenueFill,
    VenueMarket,
    VenueOrder,
    VenuePosition,
)


class JournalWriter(Protocol):
    """Where inputs and outputs are written down before anything follows from them."""

    def append(self, record: bytes) -> None:
        """Take one JSON object on one line; it is safe only after `flush`."""
        ...

    def append_many(self, records: list[bytes]) -> None:
        """`append` of each, in order."""
        ...

    def flush(self) -> None:
        """Return when everything appended survives the death of this process."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, whole: `path` starts with a slash and has no query; `body` is the very bytes."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport(Protocol):
    """Sends one request to one host, once; it never retries.

    Raises VenueUnreachable when not a byte left, OutcomeUnknown when one may have.
    """

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse: ...


@runtime_checkable
class PromptTransport(HttpTransport, Protocol):
    """A transport that can put a request on the wire before the call returns."""

    @property
    def is_ready(self) -> bool:
        """Whether `send_now` would have a connection to use."""
        ...

    def send_now(self, request: HttpRequest, timeout_seconds: float) -> Awaitable[HttpResponse]:
        """The bytes are on their way when this returns; the answer must be awaited.

        Raises VenueUnreachable when not a byte left; what is awaited raises OutcomeUnknown.
        """
        ...


class Clock(Protocol):
    """Time of the shell; the engine never sees it."""

    def now_ns(self) -> int: ...

    async def sleep(self, seconds: float) -> None: ...


class OrderGateway(Protocol):
    """Where orders go: paper, shadow and live differ in this object only.

    Nothing is returned: what is proved comes back as order reports, in the engine's input.
    """

    def submit(self, command: SubmitOrder) -> None: ...

    def cancel(self, command: CancelOrder) -> None: ...

    def amend(self, command: AmendOrder) -> None: ...


class VenueTrading(Protocol):
    """One venue's order entry and account, in our units; every adapter has one.

    Every call raises VenueRefused (proved not done), VenueUnreachable (proved not sent) or
    OutcomeUnknown (may have been done). Nothing here retries an order.
    """

    venue: Venue
    has_client_order_ids: bool
    can_amend: bool
    # Whether `find` proves presence and absence although the venue keeps no ids of ours.
    finds_by_intent: bool
    # Whether an IOC or FOK buy takes a sum of cash, price × quantity at most, and so more contracts
    # than `quantity` where it finds a better price.
    buys_spend_cash: bool

    async def place(self, order: SubmitOrder) -> Placement: ...

    async def cancel(self, venue_order_id: str, market: str) -> None:
        """Return when the venue proved that it will not fill any more of the order."""
        ...

    async def amend(self, order: VenueOrder, price: int, quantity: int) -> Placement: ...

    async def cancel_all(self, market: str | None = None) -> None: ...

    async def order(self, venue_order_id: str, market: str) -> VenueOrder | None:
        """The order, whether open or ended; None when the venue proved that it has none."""
        ...

    async def find(self, client_order_id: str, market: str) -> VenueOrder | None:
        """The order with our id, open or ended; None when the venue proved that it has none."""
        ...

    async def open_orders(self) -> Sequence[VenueOrder]: ...

    async def fills(self, since_ns: int) -> Sequence[VenueFill]: ...

    async def positions(self) -> Sequence[VenuePosition]: ...

    async def balance(self) -> VenueBalance: ...

    async def keep_alive(self) -> None:
        """Renew what makes the venue cancel our orders when we die; nothing where expiry does."""
        ...


@runtime_checkable
class RemembersOrders(Protocol):
    """A venue account that finds an order by what was sent, because the venue keeps no id of ours:
    after a restart it must be given the orders of the journal."""

    async def remember(self, order: SubmitOrder) -> object:
        """Make `find` able to look the order up. Raises what `find` raises when the venue has to be
        asked for that and cannot be."""
        ...


@runtime_checkable
class PromptTrading(Protocol):
    """A venue account whose orders can leave inside the call that places them."""

    def place_now(self, order: SubmitOrder) -> Awaitable[Placement] | None:
        """Like `VenueTrading.place`, but the order's bytes have left when this returns, and what it
        returns, which must be awaited, only reads the answer. None when nothing was sent because
        something would have to be waited for: then use `place`.

        It raises what `place` raises, here or where it is awaited.
        """
        ...


class MarketCatalogue(Protocol):
    """What a venue lists."""

    venue: Venue

    async def markets(self, query: Mapping[str, str]) -> Sequence[VenueMarket]: ...

    async def market(self, market: str) -> VenueMarket | None: ...


class VenueStream(Protocol):
    """What is a venue's own about one websocket connection; the shell does the rest.

    One object serves one connection. It may learn from what it classifies (subscription numbers)
    and forgets it in `opened`. No call waits for anything.
    """

    source: str  # the `src` of its lines in a journal
    heartbeat: Heartbeat

    def address(self, now_ns: int) -> StreamAddress:
        """Where to connect now; signs the upgrade where the venue wants that."""
        ...

    def opened(self) -> None:
        """A new connection is open: what the last one taught is void."""
        ...

    def first_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        """Subscribe to everything, in bounded batches. Asked for the next one when the answers to
        the last one are in, so a batch may use what the answers said."""
        ...

    def add_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]:
        """Subscribe to more markets on the open connection, in bounded batches."""
        ...

    def drop_frames(self, markets: Sequence[str]) -> Iterator[Outgoing]: ...

    def resync_frames(self, markets: Sequence[str]) -> Sequence[Outgoing]:
        """Ask for whole books again; empty where only a new connection brings them."""
        ...

    def classify(self, message: bytes) -> Said | None:
        """None for plain data, which nearly every message is: it must be quick about those."""
        ...
