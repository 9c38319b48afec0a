"""The simulated Polymarket as `kairos sim` runs it: Bitcoin quarter hours, a throwaway wallet."""

from __future__ import annotations

from typing import Final

import msgspec

from local.venues.polymarket.btc import list_session
from local.venues.polymarket.server import PolymarketServer
from local.venues.registry import Served, World

KEY_FILE: Final = "polymarket_wallet.key"
CREDENTIALS_FILE: Final = "polymarket_api.json"


class PolymarketVenue:
    """See `local.venues.registry.SimulatedVenue`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.server = PolymarketServer(world.clock, seed=world.seed)
        list_session(self.server, world.session, world.activity)

    async def start(self, port: int) -> Served:
        wallet, key = self.server.add_member(self._world.deposit_dollars)
        path = self._world.write_secret(KEY_FILE, wallet.private_key.encode())
        secret = {
            "apiKey": key.key_id,
            "secret": key.verifier.text,
            "passphrase": key.verifier.passphrase,
        }
        kept = self._world.write_secret(CREDENTIALS_FILE, msgspec.json.encode(secret))
        url = await self.server.start(port)
        return Served(
            "polymarket",
            url,
            {
                "clob": url, "gamma": url, "data": url, "website": url,
                "market_ws": self.server.market_ws_url, "user_ws": self.server.user_ws_url,
            },
            {
                "wallet": wallet.address, "private_key": str(path), "api_key": key.key_id,
                "api_credentials": str(kept),
            },
        )  # fmt: skip

    async def stop(self) -> None:
        await self.server.stop()


def build(world: World) -> PolymarketVenue:
    return PolymarketVenue(world)
