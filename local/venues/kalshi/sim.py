"""The simulated Kalshi as `kairos sim` runs it: a Bitcoin session and one throwaway account."""

from __future__ import annotations

from typing import Final

from local.venues.kalshi.auth import new_credentials
from local.venues.kalshi.btc import list_session
from local.venues.kalshi.server import KalshiServer, ServerSettings
from local.venues.registry import Served, World

ACCOUNT: Final = "trader"
KEY_FILE: Final = "kalshi_key.pem"
_PING_LEAST_S: Final = 0.1


class KalshiVenue:
    """See `local.venues.registry.SimulatedVenue`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.server = KalshiServer(world.clock, _settings(world.clock.speed), world.seed)
        list_session(self.server, world.session, world.activity)

    async def start(self, port: int) -> Served:
        credentials = new_credentials()
        path = self._world.write_secret(KEY_FILE, credentials.private_key_pem)
        self.server.add_member(ACCOUNT, self._world.deposit_dollars, credentials)
        await self.server.start(port)
        return Served(
            "kalshi",
            self.server.server.url,
            {"rest": self.server.base_url, "websocket": self.server.ws_url},
            {"key_id": credentials.key_id, "private_key": str(path)},
        )

    async def stop(self) -> None:
        await self.server.stop()


def _settings(speed: float) -> ServerSettings:
    """Whoever lives at the venue's speed hears its pings as often as a real client does."""
    ping_s = max(ServerSettings().ping_every_s / max(speed, 1.0), _PING_LEAST_S)
    return ServerSettings(tier="advanced", ping_every_s=ping_s)


def build(world: World) -> KalshiVenue:
    return KalshiVenue(world)
