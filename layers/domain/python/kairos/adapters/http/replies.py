"""Reads one HTTP/1.1 response, strictly: what it cannot vouch for is not an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from kairos.ports import HttpResponse

HEAD_BYTES_MAX: Final = 64 * 1024
HEADERS_MAX: Final = 256
CHUNK_LINE_BYTES_MAX: Final = 256
_STATUS = re.compile(rb"HTTP/1\.([01]) ([2-5]\d\d)(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH = re.compile(r"\d{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
_BODILESS: Final = frozenset({204, 304})
_Step = Callable[[bytes], bytes | None]


class BadReply(Exception):
    """What came is no response of the kind we take. `reason` is a stable code."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Reply:
    """One response, however its bytes are cut. `keeps_open`: the connection may be used again.

    Taken: status line, headers, a Content-Length or chunks. Refused: interim responses, two lengths
    or none, encodings, folded headers, trailers, anything after the end, more than `bytes_max` of
    body.
    """

    __slots__ = (
        "_body", "_bytes_max", "_headers", "_left", "_rest", "_status", "_step", "keeps_open",
    )  # fmt: skip

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._rest = b""
        self._step: _Step = self._head
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._left = 0  # bytes of the body, or of this chunk, that have not come
        self.keeps_open = True

    def feed(self, data: bytes) -> HttpResponse | None:
        """The response once it is whole. Raises BadReply."""
        data = self._rest + data if self._rest else data
        while data:
            step = self._step
            rest = step(data)
            if rest is None:  # what is here is not enough for this step
                self._rest = data
                return None
            data = rest
            if self._step is _done:
                if data:
                    raise BadReply("surplus", f"{len(data)} bytes after the end")
                return HttpResponse(self._status, self._headers, bytes(self._body))
        self._rest = b""
        return None

    def _head(self, data: bytes) -> bytes | None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > HEAD_BYTES_MAX:
                raise BadReply("head_too_large", f"over {HEAD_BYTES_MAX} bytes")
            if not b"HTTP/1.".startswith(data[:7]):
                raise BadReply("not_http", repr(data[:16]))
            return None
        first, *lines = data[:end].split(b"\r\n")
        status = _STATUS.fullmatch(first)
        if status is None or end > HEAD_BYTES_MAX or len(lines) > HEADERS_MAX:
            raise BadReply("not_http", repr(first[:64]))
        self._status = int(status[2])
        self.keeps_open = status[1] == b"1"
        for line in lines:
            self._take_header(line)
        self._frame()
        return data[end + 4 :]

    def _take_header(self, line: bytes) -> None:
        parts = _HEADER.fullmatch(line)
        if parts is None:
            raise BadReply("bad_header", "a line is no header")
        name, value = parts[1].decode("ascii").lower(), parts[2].decode("latin-1").rstrip(" \t")
        known = self._headers.get(name)
        self._headers[name] = value if known is None else f"{known}, {value}"

    def _frame(self) -> None:
        """How long the body is. Two ways to tell are none."""
        headers = self._headers
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise BadReply("encoded", "a Content-Encoding that nobody asked for")
        if "connection" in headers:
            self.keeps_open &= "close" not in headers["connection"].lower()
        if self._status in _BODILESS:
            if coding is not None or (length not in (None, "0") and self._status != 304):
                raise BadReply("bad_length", f"{self._status} with a body")
            self._step = _done
        elif coding is not None:
            if length is not None or coding.lower() != "chunked":
                raise BadReply("bad_length", "two lengths, or an unknown transfer encoding")
            self._step = self._chunk_line
        else:
            self._expect(length)

    def _expect(self, length: str | None) -> None:
        if length is None or _LENGTH.fullmatch(length) is None:
            raise BadReply("bad_length", "no readable Content-Length")
        self._left = int(length)
        self._bound(0)
        self._step = self._sized if self._left else _done

    def _bound(self, taken: int) -> None:
        if taken + self._left > self._bytes_max:
            raise BadReply("response_too_large", f"over {self._bytes_max} bytes")

    def _sized(self, data: bytes) -> bytes:
        data = self._take(data)
        if not self._left:
            self._step = _done
        return data

    def _take(self, data: bytes) -> bytes:
        part = data[: self._left]
        self._body += part
        self._left -= len(part)
        return data[len(part) :]

    def _chunk_line(self, data: bytes) -> bytes | None:
        end = data.find(b"\r\n")
        if end < 0 and len(data) <= CHUNK_LINE_BYTES_MAX:
            return None
        line = _CHUNK.fullmatch(data[:end]) if end >= 0 else None
        if line is None or end > CHUNK_LINE_BYTES_MAX:
            raise BadReply("bad_chunk", "a line is no chunk size")
        self._left = int(line[1], 16)
        self._bound(len(self._body))
        self._step = self._chunk if self._left else self._last_line
        return data[end + 2 :]

    def _chunk(self, data: bytes) -> bytes:
        data = self._take(data)
        if not self._left:
            self._step = self._chunk_end
        return data

    def _chunk_end(self, data: bytes) -> bytes | None:
        return self._line_break(data, self._chunk_line)

    def _last_line(self, data: bytes) -> bytes | None:
        return self._line_break(data, _done)

    def _line_break(self, data: bytes, following: _Step) -> bytes | None:
        if data == b"\r":
            return None
        if not data.startswith(b"\r\n"):
            raise BadReply("bad_chunk", "no line break where one must be")
        self._step = following
        return data[2:]


def _done(data: bytes) -> bytes:
    """Not a step, but the mark that there is none left."""
    return data
