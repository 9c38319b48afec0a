"""What `kairos sim --json` said, so that a live session can be pointed at it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from hotpath.live.clock import ScaledClock
from kairos.bootstrap import KalshiAccess, kalshi_access, kalshi_transport
from kairos.errors import InputError, VenueError
from kairos.ports import HttpRequest

_BYTES_MAX = 1 << 20
_REMEDY = "Write it with: kairos sim --json > FILE"


class _Venue(msgspec.Struct):
    venue: str
    control_url: str
    urls: dict[str, str]
    credentials: dict[str, str]


class _Served(msgspec.Struct):
    venues: list[_Venue]


class _State(msgspec.Struct):
    now_ns: int
    speed: float


class Simulated(NamedTuple):
    """A simulation that is running: how to reach it, and a clock that keeps its time."""

    access: KalshiAccess
    spot_url: str
    controls: dict[str, str]


def read_simulated(path: Path) -> Simulated:
    """Raises InputError when the file is not one, or lacks Kalshi or the spot feed."""
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES_MAX)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", _REMEDY) from error
    return simulated(path, content)


def simulated(path: Path, content: bytes) -> Simulated:
    try:
        served = msgspec.json.decode(content, type=_Served)
        venues = {venue.venue: venue for venue in served.venues}
        kalshi, coinbase = venues["kalshi"], venues["coinbase"]
        stated = {
            "KALSHI_API_KEY_ID": kalshi.credentials["key_id"],
            "KALSHI_PRIVATE_KEY_PATH": kalshi.credentials["private_key"],
            "KALSHI_ENVIRONMENT": "demo",
            "KALSHI_TIER": "advanced",
        }
        spot_url = coinbase.urls["websocket"]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not what kairos sim prints ({error})", _REMEDY) from error
    except KeyError as error:
        raise InputError(path, f"does not tell of {error}", _REMEDY) from error
    controls = {name: venue.control_url for name, venue in venues.items()}
    return Simulated(kalshi_access(stated, kalshi.control_url), spot_url, controls)


async def clock_of(at: Simulated) -> ScaledClock:
    """The simulation's time and speed, asked for over the network. Raises VenueError."""
    transport = kalshi_transport(at.access.config)
    try:
        response = await transport.send(HttpRequest("GET", "/_sim/state"), 5.0)
        state = msgspec.json.decode(response.body, type=_State)
    except msgspec.MsgspecError as error:
        url = at.access.config.rest_origin
        raise VenueError("sim", "unreadable", f"{url}: {error}", "Is it kairos sim?") from error
    finally:
        await transport.close()
    return ScaledClock(state.now_ns, state.speed)
