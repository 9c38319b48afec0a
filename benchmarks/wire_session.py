"""The live process as it trades, with a strategy that answers every change of the best price.

Websocket client, journal on a disk in memory, decoder, session, engine, risk desk, live gateway and
Kalshi adapter are the ones that trade; only the strategy is the benchmark's.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.assembling import CountingSink
from benchmarks.silent_strategy import SilentStrategy
from benchmarks.wire_bare import Probe, Where
from benchmarks.wire_venue import MARKET
from hotpath.assembly import Role, RunSettings
from hotpath.feeds.live.clock import SystemClock
from hotpath.feeds.live.feed import Plan
from hotpath.feeds.live.lines import LineWriter, watch_line
from hotpath.feeds.live.settings import ConnectionSettings, StreamSettings
from hotpath.feeds.live.websocket import Receiver, WebSocket, open_websocket
from hotpath.gateway.factory import GatewayParts, TradingMode, gateway_for
from hotpath.gateway.settings import ForeignOrders, GatewaySettings
from hotpath.journal import Journal, JournalSettings
from hotpath.live.control import FixedControl, Wanted
from hotpath.live.health import Health, keep_well
from hotpath.live.settings import ShellSettings
from hotpath.live.shell import LiveShell, Outside
from hotpath.market import Market
from hotpath.paper.starter import starter_values
from hotpath.strategies.base import Commands
from hotpath.strategies.order_ids import order_id
from kairos.adapters.http.wire import WireTransport
from kairos.bootstrap import KalshiConfig, KalshiKey, KalshiStream, kalshi_trading
from kairos.domain.instruments import Action, Outcome
from kairos.domain.risk.settings import risk_from
from kairos.domain.risk.trading_state import TradingState
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.messages.streams import StreamAddress
from kairos.ports import HttpRequest, HttpResponse

_CONN: Final = "kalshi_ws"
_CENTS: Final = (("0.0000", "1.0000", "0.0100"),)
_ONE: Final = 1_000_000
# Nobody comes back before the next client's turn.
_SHELL: Final = ShellSettings(
    streams=StreamSettings(connection=ConnectionSettings(backoff_base_s=20.0))
)
_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a place, and the directory in it is our own
_SPOT: Final = (
    b'{"type":"match","trade_id":%d,"maker_order_id":"a","taker_order_id":"b","side":"buy",'
    b'"size":"0.01","price":"72000.00","product_id":"BTC-USD","sequence":%d,'
    b'"time":"2026-11-18T10:00:00.000000Z"}'
)


class EveryMove(SilentStrategy):
    """One contract for every change of the best price, the first book aside."""

    def __init__(self) -> None:
        self._books = 0

    def on_book(self, market: Market, now_ns: int) -> Commands:
        self._books += 1
        if self._books == 1:
            return ()
        name = order_id("bench", market.market_id, Outcome.YES, Action.BUY, now_ns + self._books)
        return (
            SubmitOrder(
                now_ns, name, market.market_id, Outcome.YES, Action.BUY, 4_500, _ONE,
                TimeInForce.IOC, post_only=False, reduce_only=False,
            ),
        )  # fmt: skip

    def estimate(self, market: Market, now_ns: int) -> float | None:
        return 0.5


class _TimedWire(WireTransport):
    probe: Probe

    def send_now(
        self, request: HttpRequest, timeout_seconds: float
    ) -> asyncio.Future[HttpResponse]:
        answer = super().send_now(request, timeout_seconds)
        self.probe.wrote.append(time.monotonic_ns() - self.probe.read_ns)
        return answer


def ours(*, ahead: bool, busy: bool = False) -> Callable[[Where, Probe], Awaitable[None]]:
    """`ahead`: headers are signed before they are needed. `busy`: the loop never sleeps."""

    async def run(where: Where, probe: Probe) -> None:
        with _journal() as (journal, directory):
            await _trade(where, probe, journal, directory, ahead=ahead, busy=busy)

    return run


async def _trade(
    where: Where, probe: Probe, journal: Journal, directory: Path, *, ahead: bool, busy: bool
) -> None:
    clock, key, over = SystemClock(), _key(), asyncio.Event()
    config = KalshiConfig(where.orders, where.stream, tier="prestige")
    plan = Plan(_CONN, KalshiStream(where.stream, key, ("orderbook_delta",)), (MARKET,))
    outside = Outside((plan,), clock, lambda: 1.0, journal, directory, _opener(where, probe, over))
    role = Role(TradingMode.LIVE, TradingState.ACTIVE)
    shell = LiveShell(
        RunSettings(risk=_risk()), role, _SHELL, outside, CountingSink(),
        lambda _settings, _account, _spot: EveryMove(),
    )  # fmt: skip
    wire = _TimedWire(where.orders, jitter=random.random, ssl=where.tls)
    wire.probe = probe
    trading = kalshi_trading(config, key, clock, wire, order_group_id="group", jitter=random.random)
    parts = GatewayParts(
        shell.say, clock=clock, trading=trading, settings=GatewaySettings(ForeignOrders.LEAVE),
        estimate_fee=lambda _command, _fill: 0,
    )  # fmt: skip
    shell.session.gateway = gateway_for(TradingMode.LIVE, parts)
    keep_well(shell, Health(shell, FixedControl(Wanted(TradingState.ACTIVE, "bench", "bench"))))
    if ahead:
        shell.add(trading.stay_ready)
    if busy:
        shell.add(_never_sleep)
    await wire.open()
    shell.on_close(wire.close)
    shell.feed.put(_known(clock.now_ns()))
    running = asyncio.ensure_future(shell.run())
    await asyncio.wait({running, asyncio.ensure_future(over.wait())}, return_when="FIRST_COMPLETED")
    shell.stop("measured")
    await running


async def _never_sleep() -> None:
    """A loop with something to do asks the sockets again at once."""
    loop = asyncio.get_running_loop()

    def again() -> None:
        loop.call_soon(again)

    again()
    await asyncio.Event().wait()


def _opener(
    where: Where, probe: Probe, over: asyncio.Event
) -> Callable[[StreamAddress, Receiver], Awaitable[WebSocket]]:
    class Stamped(WebSocket):
        def data_received(self, data: bytes) -> None:
            probe.read_ns = time.monotonic_ns()
            super().data_received(data)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            over.set()

    def opened(address: StreamAddress, receiver: Receiver) -> Awaitable[WebSocket]:
        return open_websocket(address, receiver, tls=where.tls, kind=Stamped)

    return opened


def _known(now_ns: int) -> list[bytes]:
    """What a session knows before the first book: the market, and two spot trades."""
    spot = LineWriter("coinbase_ws", "coinbase_ws")
    return [
        watch_line(now_ns, MARKET, _CENTS, "2027-11-18T15:00:00Z", 72_000.0),
        *spot.messages(now_ns, [_SPOT % (each, each) for each in (1, 2)]),
    ]


def _risk() -> Any:  # noqa: ANN401 - whatever the settings are made of
    values = starter_values()
    limits: dict[str, Any] = values["limits"]
    limits |= {"orders_per_second_max": 10_000, "orders_per_minute_max": 600_000}
    return risk_from(values, "benchmark")


def _key() -> KalshiKey:
    secret = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KalshiKey.from_pem("bench", pem)


@contextmanager
def _journal() -> Iterator[tuple[Journal, Path]]:
    at = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=at) as directory:
        settings = JournalSettings(Path(directory))
        with Journal.open(
            settings, clock=time.time_ns, code_version="bench", settings_sha256="0"
        ) as journal:
            yield journal, Path(directory)
