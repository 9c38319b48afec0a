"""The simulated Coinbase feed as `kairos sim` runs it; it needs no credentials."""

from __future__ import annotations

from local.venues.coinbase.server import CoinbaseServer
from local.venues.registry import Served, World


class CoinbaseVenue:
    """See `local.venues.registry.SimulatedVenue`."""

    def __init__(self, world: World) -> None:
        self.server = CoinbaseServer(world.session, world.clock, world.seed)

    async def start(self, port: int) -> Served:
        await self.server.start(port)
        return Served("coinbase", self.server.server.url, {"websocket": self.server.ws_url})

    async def stop(self) -> None:
        await self.server.stop()


def build(world: World) -> CoinbaseVenue:
    return CoinbaseVenue(world)
