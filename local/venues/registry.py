"""Which simulated venues there are, and the one world that all of them share.

A venue adds itself with one line in `BUILDERS`: the module that has its `build(world)`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, cast

from kairos.errors import UsageError
from local.venues.btc.session import BtcSession
from local.venues.core.clock import SimClock

BUILDERS: Final[Mapping[str, str]] = {
    "kalshi": "local.venues.kalshi.sim",
    "coinbase": "local.venues.coinbase.sim",
    "polymarket": "local.venues.polymarket.sim",
    "polymarket-us": "local.venues.polymarket_us.sim",
}
_SECRET_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700


@dataclass(frozen=True, slots=True)
class World:
    """What every venue of one simulation has in common. Secrets go to `directory` only.

    `deposit_dollars` is what each throwaway account starts with; `activity` scales how much the
    other participants do.
    """

    seed: int
    clock: SimClock
    session: BtcSession
    directory: Path
    deposit_dollars: int = 1_000
    activity: float = 1.0

    def write_secret(self, name: str, content: bytes) -> Path:
        """Write a file that only this user can read; it is never readable by others in between."""
        path = self.directory / name
        try:
            self.directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            with os.fdopen(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE), "wb"
            ) as f:
                f.write(content)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
        return path


@dataclass(frozen=True, slots=True)
class Served:
    """What a user needs to reach a venue that runs: URLs by what they are for, and credentials.

    `credentials` are key ids and paths of key files, never keys.
    """

    venue: str
    control_url: str
    urls: Mapping[str, str]
    credentials: Mapping[str, str] = field(default_factory=dict)


class SimulatedVenue(Protocol):
    """One venue of a simulation. `stop` leaves no socket and no task behind."""

    async def start(self, port: int) -> Served:
        """Listen on `port` (0: any free one) of 127.0.0.1 and say where."""
        ...

    async def stop(self) -> None: ...


class _Builder(Protocol):
    def build(self, world: World) -> SimulatedVenue: ...


def build_venue(name: str, world: World) -> SimulatedVenue:
    """Raises UsageError for a name that is not in `BUILDERS`."""
    module = BUILDERS.get(name)
    if module is None:
        raise UsageError(f"no simulated venue {name!r}; there are: {', '.join(BUILDERS)}")
    try:
        builder = cast("_Builder", importlib.import_module(module))
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise UsageError(f"the simulated venue {name!r} is not part of this version") from error
    return builder.build(world)
