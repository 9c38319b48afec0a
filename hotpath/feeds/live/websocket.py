"""A websocket client that hands over message bytes inside the socket read, with nothing in between.

The handshake, control frames, fragments and the close are the Sans-I/O protocol of `websockets`.
A whole message in one unmasked frame, which is nearly all a venue sends, is cut out of the read
buffer here: that is what costs time (docs/adr/0008).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final, Protocol, cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from kairos.errors import KairosError, UsageError
from kairos.messages.streams import StreamAddress

MESSAGE_BYTES_MAX: Final = 8 << 20
_HEAD_BYTES_MAX: Final = 64 << 10
_WRITE_BUFFER_BYTES: Final = 256 << 10
_WHOLE: Final = (0x80 | int(Opcode.TEXT), 0x80 | int(Opcode.BINARY))
_DATA: Final = (Opcode.TEXT, Opcode.BINARY)


class HandshakeFailed(KairosError):
    """The venue did not open the websocket. `status` is the HTTP status, None when there is none.

    `retry_after` is the header's text, which only whoever retries can make sense of.
    """

    def __init__(
        self, detail: str, status: int | None = None, retry_after: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class Receiver(Protocol):
    """Hears a websocket, inside the socket read: it must not wait for anything."""

    def messages(self, messages: list[bytes]) -> None:
        """Whole messages of one socket read, in order; never empty."""
        ...

    def pinged(self, body: bytes) -> None:
        """The venue sent a ping; the pong is already on its way."""
        ...

    def closed(self, reason: str) -> None:
        """Nothing more will come. Called once for a connection that was opened."""
        ...


async def open_websocket(
    address: StreamAddress,
    receiver: Receiver,
    *,
    tls: ssl.SSLContext | None = None,
    kind: type[WebSocket] | None = None,
) -> WebSocket:
    """Connect and shake hands. Bound the time with `asyncio.timeout`.

    Raises HandshakeFailed when the venue answers something else, OSError when it is not there,
    UsageError when the address is no websocket address.
    """
    try:
        uri = parse_uri(address.url)
    except InvalidURI as error:
        raise UsageError(f"{address.url!r} is no websocket address: {error}") from error
    context = (tls or ssl.create_default_context()) if uri.secure else None
    loop = asyncio.get_running_loop()
    protocol = ClientProtocol(uri, max_size=MESSAGE_BYTES_MAX)
    socket = (kind or WebSocket)(protocol, address.headers, receiver)
    transport, _ = await loop.create_connection(lambda: socket, uri.host, uri.port, ssl=context)
    try:
        await socket.opened
    except BaseException:
        transport.abort()
        raise
    return socket


class WebSocket(asyncio.Protocol):
    """One open connection. `opened` is done when the handshake is."""

    def __init__(
        self, protocol: ClientProtocol, headers: Mapping[str, str], receiver: Receiver
    ) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._protocol = protocol
        self._headers = headers
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self._take = self._handshake
        self._waiting: list[bytes] = []  # parts of a frame that is not all here yet
        self._waiting_bytes = 0
        self._needed_bytes = 0
        self._fragments: list[bytes] = []
        self._fragmented = False
        self._ended = ""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio's without being of its classes.
        self._transport = stream = cast(asyncio.Transport, transport)
        stream.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._writable.set()
        request = self._protocol.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        self._write()

    def data_received(self, data: bytes) -> None:
        if not self._waiting:
            self._take(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= self._needed_bytes:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._take(data)

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        if not self.opened.done():
            self._take_response()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._writable.set()
        reason = self._ended or (str(exc) or type(exc).__name__ if exc else "end of stream")
        if not self.opened.done():
            self.opened.set_exception(HandshakeFailed(f"closed in the handshake: {reason}"))
            self.opened.exception()  # nobody may be waiting for it any more
        elif not self.opened.cancelled() and self.opened.exception() is None:
            self._receiver.closed(reason)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # What comes in

    def _wait_for(self, rest: bytes, needed: int) -> None:
        self._waiting.append(rest)
        self._waiting_bytes = len(rest)
        self._needed_bytes = needed

    def _handshake(self, data: bytes) -> None:
        """Hand exactly the response's head to the protocol: what follows are frames, ours."""
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 and len(data) < _HEAD_BYTES_MAX:
            self._wait_for(data, len(data) + 1)
            return
        accepted = data.startswith(b"HTTP/1.1 101")
        self._protocol.receive_data(data[:end] if accepted else data)
        self._take_response()
        if accepted and self.opened.done() and self.opened.exception() is None:
            self._take = self._frames
            if len(data) > end:
                self._frames(data[end:])

    def _take_response(self) -> None:
        failure = self._protocol.handshake_exc
        for event in self._protocol.events_received():
            if isinstance(event, Response) and failure is None and not self.opened.done():
                self.opened.set_result(None)
        if failure is None and self._protocol.parser_exc is not None:
            failure = self._protocol.parser_exc
        if failure is not None and not self.opened.done():
            self.opened.set_exception(_handshake_failed(failure))
            self._abort()

    def _frames(self, data: bytes) -> None:
        """Every whole frame in `data`; what is left over waits for its rest."""
        messages: list[bytes] = []
        add, at, size = messages.append, 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length >= 126:
                start = at + (4 if length == 126 else 10)
                if length > 127 or start > size:
                    break
                length = int.from_bytes(data[at + 2 : start], "big")
            end = start + length
            if end > size:
                break
            if data[at] in _WHOLE and not self._fragmented:
                add(data[start:end])
            else:
                self._through_protocol(data[at:end], messages)
                if self._ended:
                    end = size  # whatever follows a close or a violation is nothing
            at = end
        if at < size:
            self._keep(data[at:] if at else data, messages)
        if messages:
            self._receiver.messages(messages)

    def _keep(self, rest: bytes, messages: list[bytes]) -> None:
        """A frame that is not all here. What cannot be one is the protocol's to refuse."""
        length, head = rest[1] if len(rest) > 1 else 0, 2
        if length > 127:
            self._refuse(rest, messages)
            return
        if length >= 126:
            head = 4 if length == 126 else 10
            if len(rest) >= head:
                length = int.from_bytes(rest[2:head], "big")
                if length > MESSAGE_BYTES_MAX:
                    self._refuse(rest, messages)
                    return
            else:
                length = 0
        self._wait_for(rest, head + length)

    def _refuse(self, rest: bytes, messages: list[bytes]) -> None:
        self._take = self._discard
        self._through_protocol(rest, messages)

    def _discard(self, data: bytes) -> None:
        """After a violation the protocol swallows what still comes, and answers the close."""
        self._protocol.receive_data(data)
        self._protocol.events_received()

    def _through_protocol(self, frame: bytes, messages: list[bytes]) -> None:
        """Control frames and fragments: rare, and full of rules that `websockets` knows."""
        protocol = self._protocol
        protocol.receive_data(frame)
        for event in protocol.events_received():
            if isinstance(event, Frame):
                self._take_frame(event, messages)
        self._write()
        if protocol.parser_exc is not None and not self._ended:
            self._end(f"protocol violation: {protocol.parser_exc}")

    def _take_frame(self, frame: Frame, messages: list[bytes]) -> None:
        if frame.opcode is Opcode.PING:
            self._receiver.pinged(bytes(frame.data))
        elif frame.opcode is Opcode.CLOSE:
            received = self._protocol.close_rcvd
            self._end(f"closed by the venue: {received}")
        elif frame.opcode in _DATA or frame.opcode is Opcode.CONT:
            self._fragments.append(bytes(frame.data))
            self._fragmented = not frame.fin
            if frame.fin:
                messages.append(b"".join(self._fragments))
                self._fragments.clear()

    def _end(self, reason: str) -> None:
        """The connection is over: the venue gets a moment to close it, then it is cut."""
        self._ended = reason
        self._take = self._discard
        asyncio.get_running_loop().call_later(1.0, self._abort)

    # What goes out

    def send(self, text: bytes) -> None:
        """Send one text message. Nothing happens on a connection that is closing."""
        if self.is_open:
            self._protocol.send_text(text)
            self._write()

    async def writable(self) -> None:
        """Return when what was sent has left the buffer far enough, or the connection is gone."""
        await self._writable.wait()

    @property
    def is_open(self) -> bool:
        return not self._ended and self._protocol.state is State.OPEN

    def pause_reading(self) -> None:
        """Leave what comes in the kernel, which in turn makes the venue wait."""
        if self._transport is not None and not self._gone.is_set():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._transport is not None and not self._gone.is_set():
            self._transport.resume_reading()

    async def close(self, timeout_s: float, reason: str = "closed by us") -> None:
        """Say goodbye and wait for the answer, but not for longer than `timeout_s`."""
        if self.is_open:
            self._ended = reason
            self._take = self._discard
            self._waiting.clear()
            self.resume_reading()
            self._protocol.send_close(1000)
            self._write()
        try:
            async with asyncio.timeout(timeout_s):
                await self._gone.wait()
        except TimeoutError:
            self._abort()
            await self._gone.wait()

    def _write(self) -> None:
        transport = self._transport
        for data in self._protocol.data_to_send():
            if transport is None or transport.is_closing():
                continue
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _handshake_failed(failure: Exception) -> HandshakeFailed:
    if isinstance(failure, InvalidStatus):
        response = failure.response
        retry_after = response.headers.get("Retry-After")
        return HandshakeFailed(f"HTTP {response.status_code}", response.status_code, retry_after)
    known = isinstance(failure, InvalidHandshake | ProtocolError)
    return HandshakeFailed(str(failure) if known else f"no HTTP response: {failure}")
