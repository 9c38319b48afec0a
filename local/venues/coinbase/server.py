"""The spot feed of a simulated session, by the rules of `ws-feed.exchange.coinbase.com`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import web

from local.market_generator.coinbase_feed import CHANNELS, PRODUCT, CoinbaseFeed
from local.market_generator.wire import Line, Link
from local.venues.btc.session import BtcSession
from local.venues.core.clock import SimClock
from local.venues.core.faults import Faults
from local.venues.core.server import Peer, VenueServer

SUBSCRIBE_WITHIN_S: Final = 5.0
_TICK_S: Final = 0.01
_FRAMES_PER_TURN_MAX: Final = 20_000
_CHANNEL_OF: Final = {"ticker": "ticker", "match": "matches", "heartbeat": "heartbeat"}
_encode: Final = msgspec.json.Encoder().encode


class _Frames(Link):
    """Collects what the venue sends, at the time it sends it, instead of capture lines."""

    def deliver(self, sent_ns: int, raw: dict[str, Any]) -> None:
        self.lines.append((sent_ns, _encode(raw)))


class Request(msgspec.Struct, kw_only=True):
    """A client's frame; a channel is a name or an object with products of its own."""

    type: str
    product_ids: list[str] = []
    channels: list[Any] = []


@dataclass(slots=True, eq=False)
class _Listener:
    peer: Peer
    opened_ns: int
    channels: set[str] = field(default_factory=set)


def _body(status: int, words: str) -> dict[str, Any]:
    return {"type": "error", "message": words, "reason": str(status)}


class CoinbaseServer:
    """`ws_url` is what a client is given; there is no REST."""

    def __init__(
        self, session: BtcSession, clock: SimClock, seed: int = 0, *, is_driven: bool = True
    ) -> None:
        self.clock = clock
        self.faults = Faults(seed)
        self.server = VenueServer("coinbase", self.faults, clock, _body, self._state)
        self._is_driven = is_driven
        feed = CoinbaseFeed(
            session.generator, session.path,
            _Frames({}, session.chances.spot_link), session.chances.spot,
        )  # fmt: skip
        self._frames = feed.lines(None)
        self._next: Line | None = next(self._frames, None)
        self._last_match: dict[str, Any] | None = None
        self._listeners: dict[str, _Listener] = {}
        self._sent = 0
        self.server.app.router.add_get("/", self._websocket)

    @property
    def ws_url(self) -> str:
        return self.server.ws_url + "/"

    async def start(self, port: int = 0) -> str:
        await self.server.start(port)
        if self._is_driven:
            self.server.run(self._drive())
        return self.ws_url

    async def stop(self) -> None:
        await self.server.stop()

    def step(self) -> None:
        """Send what is due, cut whoever has not subscribed in time."""
        now_ns = self.clock.now_ns()
        for _ in range(_FRAMES_PER_TURN_MAX):
            if self._next is None or self._next[0] > now_ns:
                break
            self._publish(self._next[1])
            self._next = next(self._frames, None)
        self._cut_silent()
        self.server.cut()

    async def _drive(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(_TICK_S)

    # --- connections --------------------------------------------------------------------------

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        async def opened(peer: Peer) -> None:
            self._listeners[peer.conn] = _Listener(peer, time.monotonic_ns())

        def closed(peer: Peer) -> None:
            self._listeners.pop(peer.conn, None)

        return await self.server.serve_peer(request, opened, self._hear, None, closed)

    async def _hear(self, peer: Peer, text: str) -> None:
        listener = self._listeners.get(peer.conn)
        if listener is None:
            return
        try:
            request = msgspec.json.decode(text, type=Request)
        except msgspec.MsgspecError as error:
            peer.send("error", _body(400, f"Malformed JSON: {error}"))
            return
        self._obey(listener, request)

    def _obey(self, listener: _Listener, request: Request) -> None:
        names = {c if isinstance(c, str) else str(c.get("name")) for c in request.channels}
        products = set(request.product_ids)
        for channel in request.channels:
            products |= set() if isinstance(channel, str) else set(channel.get("product_ids", ()))
        if request.type not in ("subscribe", "unsubscribe"):
            listener.peer.send("error", _body(400, "Type has to be subscribe or unsubscribe"))
        elif not names <= set(CHANNELS) or products != {PRODUCT}:
            listener.peer.send("error", _body(400, "Failed to subscribe"))
        elif request.type == "unsubscribe":
            listener.channels -= names
            self._confirm(listener)
        else:
            listener.channels |= names
            self._confirm(listener)
            if "matches" in names and self._last_match is not None:
                listener.peer.send("last_match", {**self._last_match, "type": "last_match"})

    def _confirm(self, listener: _Listener) -> None:
        held = [c for c in CHANNELS if c in listener.channels]
        channels = [{"name": name, "product_ids": [PRODUCT], "account_ids": None} for name in held]
        listener.peer.send("subscriptions", {"type": "subscriptions", "channels": channels})

    def _cut_silent(self) -> None:
        limit_ns = time.monotonic_ns() - int(SUBSCRIBE_WITHIN_S * 1e9)
        for listener in list(self._listeners.values()):
            if not listener.channels and listener.opened_ns < limit_ns:
                listener.peer.abort()

    # --- sending ------------------------------------------------------------------------------

    def _publish(self, encoded: bytes) -> None:
        frame: dict[str, Any] = msgspec.json.decode(encoded)
        channel = _CHANNEL_OF.get(frame["type"])
        if channel is None:
            return
        if channel == "matches":
            self._last_match = frame
        if self.faults.is_market_frozen(PRODUCT):
            return
        self._sent += 1
        for listener in self._listeners.values():
            if channel in listener.channels:
                listener.peer.send(frame["type"], frame, PRODUCT)

    def _state(self) -> dict[str, Any]:
        return {"listeners": len(self._listeners), "frames": self._sent, "product": PRODUCT}
