"""TLS without a transport of its own, so that what is written is on the socket when we go on."""

from __future__ import annotations

import ssl
from typing import Final

_PLAIN_BYTES: Final = 64 * 1024


class Tls:
    """The client's side of one TLS connection: bytes in, bytes out, no I/O.

    Raises ssl.SSLError (an OSError) for whatever the other side should not have sent.
    """

    __slots__ = ("_incoming", "_object", "_outgoing")

    def __init__(self, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host, session=session
        )

    def handshake(self, data: bytes) -> tuple[bytes, bool]:
        """What is to be sent, and whether that was all of it. Call it first with nothing."""
        self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return self._outgoing.read(), False
        return self._outgoing.read(), True

    def encrypt(self, plain: bytes) -> bytes:
        self._object.write(plain)
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, bytes, bool]:
        """What was said, what TLS itself wants to answer, and whether that was a goodbye."""
        self._incoming.write(data)
        parts: list[bytes] = []
        ended = False
        try:
            while part := self._object.read(_PLAIN_BYTES):
                parts.append(part)
            ended = True
        except ssl.SSLWantReadError:
            pass
        return b"".join(parts), self._outgoing.read(), ended

    @property
    def session(self) -> ssl.SSLSession | None:
        """What lets the next connection shake hands in one round trip; None before the ticket."""
        session = self._object.session
        return session if session is not None and session.has_ticket else None

    @property
    def is_resumed(self) -> bool:
        return bool(self._object.session_reused)
