"""What a venue's stream adapter and the socket shell say to each other; no socket in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """Where to connect and what to send with the upgrade. Headers may be secret: never shown."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a venue shows that a connection lives.

    `server_every_s`: it sends a ping or a heartbeat message this often; None: it promises nothing.
    `text`: what we must send every `text_every_s`, where the venue wants a heartbeat as a message.
    """

    server_every_s: float | None = None
    text: bytes | None = None
    text_every_s: float | None = None

    def __post_init__(self) -> None:
        if (self.text is None) != (self.text_every_s is None):
            raise ValueError("a heartbeat text and its interval come together")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to the venue. `replies` is how many answers to wait for before the next one.

    It is written to the journal, where `is_noted`; a message with a secret in it must not be.
    """

    message: bytes = field(repr=False)
    replies: int = 0
    is_noted: bool = True


class SaidKind(StrEnum):
    """What a message that is not plain data means for its connection."""

    REPLY = "reply"  # a command was carried out
    REFUSED = "refused"  # a command was not carried out; the rest of the connection goes on
    ENDED = "ended"  # a subscription is over: only a new connection brings it back
    HEARTBEAT = "heartbeat"  # nothing but proof of life


@dataclass(frozen=True, slots=True)
class Said:
    """A message that is not plain data. It goes to the journal, where `is_noted`."""

    kind: SaidKind
    detail: str = ""
    is_noted: bool = True
