"""One connection as the recorder sees it: latency, order of arrival, and the capture line."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND
from local.market_generator.chance import Chance
from local.market_generator.clock_text import second_text

LATENCY_MIN_NS: Final = 20 * NANOSECONDS_PER_MILLISECOND
LATENCY_SPREAD_NS: Final = 58 * NANOSECONDS_PER_MILLISECOND
_TREMBLE_NS: Final = 2 * NANOSECONDS_PER_MILLISECOND
_MICROSECOND: Final = 1_000
# How often the network changes its mind; in between, latency only trembles.
_WEATHER_NS: Final = 300 * NANOSECONDS_PER_MILLISECOND

Line = tuple[int, bytes]

_encode = msgspec.json.Encoder().encode


class Link:
    """Collects the lines of one connection, in the order and at the time they arrive.

    A connection delivers in order, so a message never arrives before the one sent earlier.
    While `down`, nothing arrives and nothing is kept.
    """

    def __init__(self, head: dict[str, str], chance: Chance) -> None:
        self.down = False
        self.lines: list[Line] = []
        self._head = head
        self._uniform = chance.uniform
        self._last_recv_ns = 0
        self._weather_ns = 0
        self._weather_until_ns = 0
        # The texts that all lines of one second begin with.
        self._second_ns = self._second_end_ns = 0
        self._number_text = self._time_text = ""

    def write(self, sent_ns: int, rest: str) -> None:
        """Add a line for something sent at `sent_ns`; `rest` follows its receive time.

        Receive times are whole microseconds, written twice: as a number and as a time.
        """
        if sent_ns >= self._weather_until_ns:
            self._change_weather(sent_ns)
        recv_ns = sent_ns + self._weather_ns + int(self._uniform() * _TREMBLE_NS)
        recv_ns -= recv_ns % _MICROSECOND
        if recv_ns > self._last_recv_ns:
            self._last_recv_ns = recv_ns
        else:
            recv_ns = self._last_recv_ns
        if recv_ns >= self._second_end_ns:
            self._turn_to(recv_ns)
        micros = f"{(recv_ns - self._second_ns) // _MICROSECOND:06d}"
        line = f'{self._number_text}{micros}{self._time_text}{micros}+00:00",{rest}'
        self.lines.append((recv_ns, line.encode()))

    def deliver(self, sent_ns: int, raw: dict[str, Any]) -> None:
        """A venue's message, wrapped the way recordings wrap it."""
        if not self.down:
            self._write(sent_ns, {**self._head, "type": raw["type"], "raw": raw})

    def note(self, at_ns: int, kind: str, ticker: str, data: dict[str, Any]) -> None:
        """A control line of the recorder's own, between the venue's messages."""
        body = {"src": "recorder", "type": kind, "market_ticker": ticker, "data": data}
        self._write(at_ns, {**self._head, **body})

    def _write(self, sent_ns: int, body: dict[str, Any]) -> None:
        self.write(sent_ns, _encode(body).decode()[1:])

    def _change_weather(self, sent_ns: int) -> None:
        draw = self._uniform()
        self._weather_ns = LATENCY_MIN_NS + int(LATENCY_SPREAD_NS * draw * draw * draw)
        self._weather_until_ns = sent_ns + _WEATHER_NS

    def _turn_to(self, recv_ns: int) -> None:
        second = recv_ns // NANOSECONDS_PER_SECOND
        self._second_ns = second * NANOSECONDS_PER_SECOND
        self._second_end_ns = self._second_ns + NANOSECONDS_PER_SECOND
        self._number_text = f'{{"recv_ns":{second}'
        self._time_text = f'000,"recv_ts":"{second_text(second)}.'

    def drain(self) -> list[Line]:
        lines, self.lines = self.lines, []
        return lines
