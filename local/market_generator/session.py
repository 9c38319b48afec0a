"""A whole session: one path, two connections, merged in the order their lines arrive."""

from __future__ import annotations

import gzip
import heapq
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

from kairos.domain.units import NANOSECONDS_PER_SECOND
from local.market_generator.chance import Streams, streams
from local.market_generator.coinbase_feed import CoinbaseFeed
from local.market_generator.contracts import history_begin_ns, listed_contracts
from local.market_generator.faults import PlannedFault, plan_faults
from local.market_generator.kalshi_feed import KalshiFeed
from local.market_generator.kalshi_tape import KalshiTape
from local.market_generator.settings import FaultKind, SessionSettings
from local.market_generator.spot_path import SpotPath, simulate_path
from local.market_generator.wire import Line, Link

# Answers to what is sent in the last moments may look this far past the end.
_PATH_MARGIN_NS = 15 * NANOSECONDS_PER_SECOND


def generate(settings: SessionSettings) -> Iterator[bytes]:
    """Capture lines without newline, in order of receive time. Equal settings, equal bytes."""
    chances = streams(settings.seed)
    planned = plan_faults(settings, chances.faults)
    begin_ns = history_begin_ns(settings)
    path = simulate_path(
        begin_ns,
        settings.end_ns + _PATH_MARGIN_NS,
        settings.opening_spot_dollars,
        settings.annual_volatility,
        chances.path,
    )
    feeds = (
        _kalshi_lines(settings, path, chances, planned),
        _coinbase_lines(settings, path, chances, planned),
    )
    for _, line in heapq.merge(*feeds, key=itemgetter(0)):
        yield line


def describe(settings: SessionSettings) -> tuple[PlannedFault, ...]:
    """The faults in the session that these settings generate, by time."""
    return plan_faults(settings, streams(settings.seed).faults)


def write_session(settings: SessionSettings, path: Path) -> int:
    """Write the session to `path`, gzip-compressed when it ends in `.gz`; returns its lines.

    The file appears complete or not at all, and its bytes depend on the settings alone.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        lines = _write_lines(generate(settings), unfinished, path.suffix == ".gz")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return lines


def _write_lines(lines: Iterator[bytes], target: Path, compressed: bool) -> int:
    count = 0
    with target.open("wb") as raw:
        # Neither the time nor the name of the file may show in the bytes.
        stream = gzip.GzipFile("", "wb", 6, raw, mtime=0) if compressed else raw
        for line in lines:
            stream.write(line + b"\n")
            count += 1
        if stream is not raw:
            stream.close()
    return count


def _kalshi_lines(
    settings: SessionSettings, path: SpotPath, chances: Streams, planned: tuple[PlannedFault, ...]
) -> Iterator[Line]:
    started = datetime.fromtimestamp(settings.start_ns // NANOSECONDS_PER_SECOND, UTC)
    conn = f"generated-{started:%Y%m%dT%H%M%SZ}-seed{settings.seed}"
    link = Link({"src": "kalshi_ws", "conn": conn}, chances.exchange_link)
    contracts = listed_contracts(settings, path, chances.contracts)
    tape = KalshiTape(link, conn, chances.exchange)
    return KalshiFeed(settings, path, contracts, tape, chances.orders).lines(planned)


def _coinbase_lines(
    settings: SessionSettings, path: SpotPath, chances: Streams, planned: tuple[PlannedFault, ...]
) -> Iterator[Line]:
    silence = next(
        ((f.start_ns, f.end_ns) for f in planned if f.kind is FaultKind.SPOT_SILENCE), None
    )
    link = Link({"src": "coinbase_ws"}, chances.spot_link)
    return CoinbaseFeed(settings, path, link, chances.spot).lines(silence)
