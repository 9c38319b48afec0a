"""The simulated Polymarket US as `kairos sim` runs it: Bitcoin quarter hours, one account."""

from __future__ import annotations

from typing import Final

from local.venues.polymarket_us.auth import new_credentials
from local.venues.polymarket_us.btc import list_session
from local.venues.polymarket_us.server import PolymarketUsServer
from local.venues.registry import Served, World

ACCOUNT: Final = "trader"
KEY_FILE: Final = "polymarket_us_key.b64"


class PolymarketUsVenue:
    """See `local.venues.registry.SimulatedVenue`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.server = PolymarketUsServer(world.clock, seed=world.seed)
        list_session(self.server, world.session, world.activity)

    async def start(self, port: int) -> Served:
        credentials = new_credentials()
        path = self._world.write_secret(KEY_FILE, credentials.secret.encode())
        self.server.add_member(ACCOUNT, self._world.deposit_dollars, credentials)
        url = await self.server.start(port)
        return Served(
            "polymarket-us",
            url,
            {"api": url, "gateway": url, "websocket": self.server.ws_url},
            {"key_id": credentials.key_id, "secret_key": str(path)},
        )

    async def stop(self) -> None:
        await self.server.stop()


def build(world: World) -> PolymarketUsVenue:
    return PolymarketUsVenue(world)
