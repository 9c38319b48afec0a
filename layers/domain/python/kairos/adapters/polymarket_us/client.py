"""Calls to Polymarket US: two hosts, one pace, and a second of silence after a 429."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import Final

from kairos.adapters.http.client import RestClient
from kairos.adapters.http.limits import Budget, TokenBucket
from kairos.adapters.http.retry import Backoff, retry_after_seconds
from kairos.adapters.polymarket_us.auth import Credentials, Signer
from kairos.adapters.polymarket_us.config import VENUE, Rate, Settings
from kairos.adapters.polymarket_us.errors import explain
from kairos.ports import Clock, HttpRequest, HttpResponse, HttpTransport

_TOO_MANY: Final = 429
_ATTEMPTS_MAX: Final = 4


class PatientTransport:
    """Sees to it that a 429 asks for a wait: the venue mostly forgets to, and means a second."""

    def __init__(self, inner: HttpTransport, clock: Clock, seconds_min: float) -> None:
        self._inner = inner
        self._clock = clock
        self._seconds_min = seconds_min

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        response = await self._inner.send(request, timeout_seconds)
        if response.status != _TOO_MANY:
            return response
        asked = retry_after_seconds(response.headers, self._clock.now_ns())
        if asked is not None and asked >= self._seconds_min:
            return response
        return replace(
            response, headers={**response.headers, "retry-after": f"{ceil(self._seconds_min)}"}
        )


def account_client(
    transport: HttpTransport,
    credentials: Credentials,
    clock: Clock,
    jitter: Callable[[], float],
    settings: Settings,
) -> RestClient:
    """Calls of api.polymarket.us. The key's 20 requests a second are split between reads and
    writes, so that reading never takes what a cancel needs."""
    limits = settings.limits
    read, write = _bucket(limits.read, clock), _bucket(limits.write, clock)
    budget = Budget(read, write, {}, 1, limits.cancel_reserve)
    return RestClient(
        VENUE, PatientTransport(transport, clock, limits.pause_seconds_min), budget, clock,
        Signer(credentials, clock).headers, explain, _backoff(jitter), settings.timeout_seconds,
    )  # fmt: skip


def public_client(
    transport: HttpTransport, clock: Clock, jitter: Callable[[], float], settings: Settings
) -> RestClient:
    """Calls of gateway.polymarket.us, without a key."""
    limits = settings.limits
    bucket = _bucket(limits.public, clock)
    budget = Budget(bucket, bucket, {}, 1, 0)
    return RestClient(
        VENUE, PatientTransport(transport, clock, limits.pause_seconds_min), budget, clock, None,
        explain, _backoff(jitter), settings.timeout_seconds,
    )  # fmt: skip


def _bucket(rate: Rate, clock: Clock) -> TokenBucket:
    return TokenBucket(rate.per_second, rate.burst, clock)


def _backoff(jitter: Callable[[], float]) -> Backoff:
    return Backoff(0.25, 4.0, _ATTEMPTS_MAX, jitter)
