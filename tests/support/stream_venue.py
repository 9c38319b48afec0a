"""A venue's websocket on loopback that speaks Kalshi's book protocol and fails when told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

SID = 7


class Peer:
    """One client: its own numbers, its own markets."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.seq = 0
        self.markets: set[str] = set()
        self.frozen = False
        self.pings = True


class StreamVenue:
    """Books of whole contracts at prices in cents; `start` gives the address.

    What it did is in `accepted`, `refused` and `commands`; what it shall do is set on it: `drop`
    (so many book messages are numbered and not sent), `refuse` (so many handshakes get an HTTP
    503), `hang_up` (so many connections are cut as soon as they are open), `mute` (markets that
    change without anybody being told), `answers_snapshots`.
    """

    def __init__(self, markets: Sequence[str], *, ping_s: float = 0.2) -> None:
        self.books: dict[str, dict[tuple[str, int], int]] = {name: {} for name in markets}
        self.clock = 1_000
        self.peers: list[Peer] = []
        self.accepted = 0
        self.refused = 0
        self.refuse = 0
        self.hang_up = 0
        self.drop = 0
        self.mute: set[str] = set()
        self.answers_snapshots = True
        self.commands: list[dict[str, Any]] = []
        self._ping_s = ping_s
        self._server: Server | None = None

    async def start(self) -> str:
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._admit, compression=None,
            ping_interval=None, close_timeout=0.2,
        )  # fmt: skip
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/trade-api/ws/v2"

    async def stop(self) -> None:
        if self._server is not None:
            for peer in list(self.peers):
                peer.socket.transport.abort()
            self._server.close()
            await self._server.wait_closed()

    def _admit(self, socket: ServerConnection, _request: Request) -> Response | None:
        if self.refuse:
            self.refuse -= 1
            self.refused += 1
            return socket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "busy\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        self.accepted += 1
        if self.hang_up:
            self.hang_up -= 1
            socket.transport.abort()
            return
        peer = Peer(socket)
        self.peers.append(peer)
        pinging = asyncio.create_task(self._ping(peer))
        try:
            async for text in socket:
                await self._obey(peer, json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            pinging.cancel()
            self.peers.remove(peer)

    async def _ping(self, peer: Peer) -> None:
        while True:
            await asyncio.sleep(self._ping_s)
            if peer.pings:
                await peer.socket.ping(b"heartbeat")

    async def _obey(self, peer: Peer, command: dict[str, Any]) -> None:
        self.commands.append(command)
        params = command["params"]
        names = params.get("market_tickers", [])
        if command["cmd"] == "subscribe":
            channel = params["channels"][0]
            sid = SID if channel == "orderbook_delta" else SID + 1 + self.accepted
            await self._send(
                peer, {"type": "subscribed", "id": command["id"],
                       "msg": {"channel": channel, "sid": sid}},
            )  # fmt: skip
            if channel == "orderbook_delta":
                await self._begin(peer, names)
        elif params["action"] == "add_markets":
            peer.markets.update(names)
            await self._acknowledge(peer, command["id"])
            await self._begin(peer, names)
        elif params["action"] == "delete_markets":
            peer.markets.difference_update(names)
            await self._acknowledge(peer, command["id"])
        elif self.answers_snapshots:
            for name in names:
                await self._snapshot(peer, name, command["id"])

    async def _begin(self, peer: Peer, names: Sequence[str]) -> None:
        peer.markets.update(names)
        for name in names:
            await self._snapshot(peer, name, None)

    async def _acknowledge(self, peer: Peer, command_id: int) -> None:
        msg = {"market_tickers": sorted(peer.markets)}
        await self._numbered(peer, {"type": "ok", "id": command_id, "msg": msg})

    async def _snapshot(self, peer: Peer, name: str, command_id: int | None) -> None:
        msg: dict[str, Any] = {"market_ticker": name, "clock": self.clock}
        for side in ("yes", "no"):
            levels = [
                [f"0.{price:02d}00", f"{size}.00"]
                for (leg, price), size in sorted(self.books[name].items())
                if leg == side
            ]
            if levels:
                msg[f"{side}_dollars_fp"] = levels
        frame = {"type": "orderbook_snapshot", "msg": msg}
        await self._numbered(peer, frame | ({} if command_id is None else {"id": command_id}))

    async def _numbered(self, peer: Peer, frame: dict[str, Any]) -> None:
        peer.seq += 1
        await self._send(peer, frame | {"sid": SID, "seq": peer.seq})

    async def _send(self, peer: Peer, frame: dict[str, Any]) -> None:
        if not peer.frozen:
            with suppress(ConnectionClosed):  # it hears no more, whoever ended it
                await peer.socket.send(json.dumps(frame, separators=(",", ":")))

    async def change(self, name: str, side: str, price: int, change: int) -> None:
        """Something happens at the exchange, and everybody who may hear of it does."""
        self.clock += 1
        book = self.books[name]
        book[side, price] = book.get((side, price), 0) + change
        if not book[side, price]:
            del book[side, price]
        msg = {
            "market_ticker": name, "clock": self.clock, "price_dollars": f"0.{price:02d}00",
            "delta_fp": f"{change}.00", "side": side, "ts_ms": 1_795_000_000_000,
        }  # fmt: skip
        for peer in list(self.peers):
            if name not in peer.markets or name in self.mute:
                continue
            if self.drop:
                self.drop -= 1
                peer.seq += 1
                continue
            await self._numbered(peer, {"type": "orderbook_delta", "msg": msg})

    async def trade(self, name: str, price: int) -> None:
        """A public trade, told on a subscription of its own."""
        self.clock += 1
        msg = {
            "trade_id": f"t{self.clock}", "market_ticker": name, "count_fp": "1.00",
            "yes_price_dollars": f"0.{price:02d}00", "taker_outcome_side": "yes",
            "ts_ms": 1_795_000_000_000,
        }  # fmt: skip
        for peer in list(self.peers):
            await self._send(peer, {"type": "trade", "sid": 99, "seq": self.clock, "msg": msg})

    async def cut_in_a_frame(self) -> None:
        """Half of a frame, then the end."""
        for peer in list(self.peers):
            peer.socket.transport.write(b"\x81\x7e\x01\x00" + b'{"type":"orderbook_delta"')
            await asyncio.sleep(0.02)
            peer.socket.transport.abort()

    def levels(self, name: str) -> dict[tuple[str, int], int]:
        return self.books[name]
