"""Writes the lines of a live session: what it writes is a journal, so a live session replays.

A venue's message goes in byte for byte as `raw`. What would break the line (a line break, no JSON)
goes in as `raw_text`, or as `raw_base64` when it is no text either; the decoder quarantines that.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

import msgspec

_NEWLINE: Final = 0x0A
_check = msgspec.json.Decoder(msgspec.Raw).decode
_encode = msgspec.json.Encoder().encode


class LineWriter:
    """Writes the lines of one connection. `source` is the `src` of its messages."""

    def __init__(self, source: str, conn: str) -> None:
        self._source = source
        self._conn = conn
        # Filled with a number only, so that names may contain whatever they like.
        self._head = f',"src":{_text(source)},"conn":{_text(conn)},'.encode()
        self.damaged = 0

    def messages(self, recv_ns: int, messages: list[bytes]) -> list[bytes]:
        """One line per message of a socket read."""
        head = b'{"recv_ns":%d%b"raw":' % (recv_ns, self._head)
        lines = []
        for message in messages:
            try:
                _check(message)  # or a message could close its object and write fields of ours
                whole = _NEWLINE not in message and (message.isascii() or _is_text(message))
            except (msgspec.DecodeError, RecursionError):
                whole = False
            lines.append(b"%b%b}" % (head, message) if whole else self._odd(recv_ns, message))
        return lines

    def _odd(self, recv_ns: int, message: bytes) -> bytes:
        self.damaged += 1
        try:
            name, text = b"raw_text", message.decode()
        except UnicodeDecodeError:
            name, text = b"raw_base64", base64.b64encode(message).decode()
        return b'{"recv_ns":%d%b"%b":%b}' % (recv_ns, self._head, name, _encode(text))

    def note(self, recv_ns: int, kind: str, data: Mapping[str, object]) -> bytes:
        """A line of the recorder's, which the engine may learn from (docs/replay.md)."""
        return _encode(
            {"recv_ns": recv_ns, "src": "recorder", "conn": self._conn, "type": kind, "data": data}
        )

    def sent(self, recv_ns: int, command: bytes) -> bytes:
        """A command that we sent; the decoder learns from it what later messages mean."""
        head = b'{"recv_ns":%d,"src":"recorder","conn":%b,"type":"subscribe","data":%b}'
        return head % (recv_ns, _encode(self._conn), command)

    def change(self, recv_ns: int, change: str, data: Mapping[str, object]) -> bytes:
        """A change of the stream's state, for people and metrics: it is never fed back."""
        body = {"venue": self._source, "change": change} | dict(data)
        return _encode(
            {
                "recv_ns": recv_ns,
                "src": "kairos",
                "conn": self._conn,
                "type": "stream",
                "data": body,
            }
        )


def clock_line(recv_ns: int) -> bytes:
    """Time passed: without it a session in which nothing is heard would not notice."""
    return b'{"recv_ns":%d,"src":"recorder","type":"clock"}' % recv_ns


def watch_line(
    recv_ns: int,
    market: str,
    ranges: tuple[tuple[str, str, str], ...] | None,
    close_time: str | None,
    strike: float | None = None,
) -> bytes:
    """What the catalogue says about a market before its book arrives.

    `ranges` is (start, end, step) as decimal dollars. Without it a book gets the finest grid there
    is, which costs a hundred times the memory of a one-cent grid.
    """
    data: dict[str, object] = {"market_ticker": market}
    if ranges is not None:
        data["price_ranges"] = [
            {"start": start, "end": end, "step": step} for start, end, step in ranges
        ]
    data |= {"close_time": close_time} if close_time is not None else {}
    data |= {"strike": strike} if strike is not None else {}
    return _encode({"recv_ns": recv_ns, "src": "recorder", "type": "watch_market", "data": data})


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(value: str) -> str:
    return _encode(value).decode()
