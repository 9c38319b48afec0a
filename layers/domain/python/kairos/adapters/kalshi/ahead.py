"""Signs the headers of orders before there are any, so that an order does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from kairos.adapters.kalshi.auth import KalshiKey, PreparedHeaders
from kairos.adapters.kalshi.endpoints import CREATE
from kairos.domain.units import NANOSECONDS_PER_MILLISECOND
from kairos.ports import Clock

_SPARE: Final = 16
# One signature at a time: RSA takes a quarter of a millisecond, and a message must not wait for 16.
_EVERY_SECONDS: Final = 0.1


class SignAhead:
    """A `Sign` for RestClient. While `run` runs, orders find their headers made; without it they
    are made on the spot. Everything else always is."""

    def __init__(self, key: KalshiKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._method, self._path = CREATE.method, CREATE.at()
        self._orders = PreparedHeaders(key, self._method, self._path, spare=_SPARE)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, method: str, path: str, _body: bytes) -> Mapping[str, str]:
        now_ms = self._clock.now_ns() // NANOSECONDS_PER_MILLISECOND
        if path != self._path or method != self._method:
            return self._key.headers(method, path, now_ms)
        if self._loop is not None:
            self._loop.call_soon(self._sign_one)  # in the loop's next turn, when the order has left
        return self._orders.take(now_ms)

    async def run(self) -> None:
        """Until canceled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self._sign_one()
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            self._loop = None

    def _sign_one(self) -> None:
        self._orders.refill(self._clock.now_ns() // NANOSECONDS_PER_MILLISECOND, most=1)
