"""Orders that leave inside the call: same bytes, same budget, and headers that are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kairos.adapters.kalshi.ahead import SignAhead
from kairos.adapters.kalshi.auth import TIMESTAMP_HEADER, KalshiKey, PreparedHeaders
from kairos.adapters.kalshi.endpoints import CREATE
from kairos.bootstrap import KALSHI_DEMO, KalshiTrading, kalshi_trading
from kairos.domain.instruments import Action, Outcome
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.trading import OrderStatus, Placement
from kairos.ports import HttpRequest, HttpResponse
from tests.support.virtual_clock import VirtualClock

PEM = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
CREATED = (
    b'{"order_id":"v1","client_order_id":"c1","fill_count":"0.00","remaining_count":"0.00",'
    b'"ts_ms":1795013165123}'
)


class Prompt:
    """A transport that takes requests at once, unless it is not ready."""

    def __init__(self, status: int = 201, body: bytes = CREATED) -> None:
        self.is_ready = True
        self.requests: list[HttpRequest] = []
        self.response = HttpResponse(status, {}, body)
        self.error: Exception | None = None

    def send_now(self, request: HttpRequest, timeout_seconds: float) -> Awaitable[HttpResponse]:
        if isinstance(self.error, VenueUnreachable):
            raise self.error
        self.requests.append(request)
        return self._answer()

    async def _answer(self) -> HttpResponse:
        if self.error is not None:
            raise self.error
        return self.response

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        return await self.send_now(request, timeout_seconds)


def key() -> KalshiKey:
    return KalshiKey.from_pem("k", PEM)


def trading(transport: Any) -> KalshiTrading:  # noqa: ANN401 - whatever a test sends over
    return kalshi_trading(
        KALSHI_DEMO, key(), VirtualClock(), transport, order_group_id="g", jitter=lambda: 0.5
    )


def order(*, post_only: bool = False, tif: TimeInForce = TimeInForce.IOC) -> SubmitOrder:
    return SubmitOrder(
        0, "c1", "KXBTC15M-T", Outcome.YES, Action.BUY, 5_600, 2_000_000, tif,
        post_only=post_only, reduce_only=False,
    )  # fmt: skip


def at_once(transport: Prompt) -> Placement:
    async def placed() -> Placement:
        answer = trading(transport).place_now(order())
        assert answer is not None
        assert len(transport.requests) == 1, "before anything is awaited"
        return await answer

    return asyncio.run(placed())


def test_both_ways_send_the_same_order() -> None:
    prompt, usual = Prompt(), Prompt()
    placement = at_once(prompt)
    assert placement == asyncio.run(trading(usual).place(order()))
    assert (placement.venue_order_id, placement.status) == ("v1", OrderStatus.CANCELED)
    assert prompt.requests == usual.requests
    assert msgspec.json.decode(prompt.requests[0].body)["client_order_id"] == "c1"


def test_without_a_warm_connection_or_tokens_nothing_leaves_at_once() -> None:
    prompt = Prompt()
    account = trading(prompt)
    prompt.is_ready = False
    assert account.place_now(order()) is None
    prompt.is_ready = True

    async def all_of_them() -> int:
        sent = 0
        while (answer := account.place_now(order())) is not None:
            await answer
            sent += 1
        return sent

    assert asyncio.run(all_of_them()) == 8  # of 100 tokens 20 are for cancels, an order costs 10
    assert len(prompt.requests) == 8


def test_a_transport_that_cannot_send_at_once_is_not_asked_to() -> None:
    class Usual:
        async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
            raise AssertionError("nothing is sent")

    assert trading(Usual()).place_now(order()) is None


def test_what_the_venue_cannot_do_is_refused_before_anything_leaves() -> None:
    prompt = Prompt()
    with pytest.raises(VenueRefused) as refused:
        trading(prompt).place_now(order(post_only=True))
    assert refused.value.reason == Refusal.UNSUPPORTED
    assert not prompt.requests


def test_errors_name_the_venue_and_keep_their_meaning() -> None:
    prompt = Prompt()
    prompt.error = VenueUnreachable("host", "no_connection", "gone", "")
    with pytest.raises(VenueUnreachable) as unreachable:
        at_once(prompt)
    assert unreachable.value.venue == "kalshi"
    prompt.error = OutcomeUnknown("host", "no_answer", "lost", "")
    with pytest.raises(OutcomeUnknown) as unknown:
        at_once(prompt)
    assert unknown.value.venue == "kalshi"


def test_a_429_empties_the_budget_on_this_way_too() -> None:
    prompt = Prompt(429, b"{}")
    account = trading(prompt)

    async def placed() -> None:
        answer = account.place_now(order())
        assert answer is not None
        with pytest.raises(VenueRefused) as refused:
            await answer
        assert refused.value.reason == Refusal.RATE_LIMITED

    asyncio.run(placed())
    assert account.place_now(order()) is None


def test_orders_find_their_headers_signed_and_each_is_used_once() -> None:
    clock, signed = VirtualClock(), []
    counting = KalshiKey("k", "counting", lambda message: signed.append(message) or b"s")  # type: ignore[func-returns-value]
    ahead = SignAhead(counting, clock)

    async def scenario() -> None:
        running = asyncio.ensure_future(ahead.run())
        await asyncio.sleep(0.15)
        before = len(signed)
        assert before == 2, "one at a time"
        first = ahead("POST", CREATE.at(), b"")
        assert len(signed) == before, "nothing is signed while an order waits"
        await asyncio.sleep(0)
        assert len(signed) == before + 1, "but as soon as it has left"
        assert first != ahead("POST", CREATE.at(), b"")
        ahead("GET", "/other", b"")
        assert signed[-1].endswith(b"GET/other")
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(scenario())


def test_refilling_one_by_one_replaces_the_old_before_they_are_useless() -> None:
    ready = PreparedHeaders(key(), "POST", "/x", spare=2, age_ms_max=1_000)
    for now_ms in (10_000, 10_100, 10_200, 10_501, 10_601):
        ready.refill(now_ms, most=1)
    stamps = [int(ready.take(10_602)[TIMESTAMP_HEADER]) for _ in range(3)]
    assert stamps == [10_501, 10_601, 10_602]
