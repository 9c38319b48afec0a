"""What a venue tells about itself and our account when it is asked whether all is well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerTime:
    """The `Date` of an answer, whole seconds, and our clock before and after; nanoseconds."""

    date_ns: int | None
    sent_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key that the venue accepted. `scopes` is None where the venue does not tell them;
    `restriction` says what the account may not do, empty when nothing is known."""

    scopes: tuple[str, ...] | None
    can_trade: bool | None
    restriction: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """Whether the venue lets this location (or this account's) trade, and what says so."""

    is_blocked: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class RateFacts:
    """Requests or tokens a second; `is_told` when the venue said so, else we assume it."""

    tier: str
    detail: str
    is_told: bool
    # The venue allows less than we are set to use.
    is_less_than_assumed: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """How a live answer fits what we read of it. Names are paths (`marketData.bids`).

    `broken`: what we cannot decode; `absent`: fields we read that no part of the sample has;
    `unread`: fields that no schema of ours names; `rows` is how many objects were looked at.
    """

    what: str
    rows: int
    broken: tuple[str, ...]
    absent: tuple[str, ...]
    unread: tuple[str, ...]
