"""Whether a venue can be traded on from here and now: one finding per check, each with a remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND, cash_dollars
from kairos.errors import Malformed, OutcomeUnknown, VenueError
from kairos.messages.diagnosis import KeyFacts, Location, RateFacts, Sample, ServerTime

CHECK_SECONDS_MAX: Final = 20.0
# Signatures are valid for 10 to 30 seconds at the venues; orders are matched with their intents
# within 2 seconds where there is no client order id.
OFFSET_WARN_NS: Final = NANOSECONDS_PER_SECOND
OFFSET_FAIL_NS: Final = 5 * NANOSECONDS_PER_SECOND
# A slower answer bounds the clock too loosely to say that it is right.
ANSWER_NS_MAX: Final = 5 * NANOSECONDS_PER_SECOND
_NAMES_SHOWN: Final = 8
_NO_ANSWER: Final = "Check the network and the venue's status page, then run it again"
_CLOCK: Final = "Set this machine's clock (NTP)"
_REPORT: Final = "Do not trade there: the venue has changed its messages. Report it with this line"


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` is what a person can do, empty when there is nothing to."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


class VenueProbe(Protocol):
    """What the checks ask of a venue; every call may raise VenueError or Malformed."""

    venue: str

    async def server_time(self) -> ServerTime: ...

    async def key(self) -> KeyFacts: ...

    async def balance(self) -> int:
        """Cash in micro-dollars that may be traded with."""
        ...

    async def location(self) -> Location | None:
        """None when the venue has nothing that could be asked."""
        ...

    async def rate(self) -> RateFacts: ...

    async def samples(self) -> Sequence[Sample]: ...


Check = Callable[[VenueProbe], Awaitable[Finding]]


async def examine(probe: VenueProbe) -> list[Finding]:
    """Every check, one after the other; what goes wrong in one is its finding."""
    return [await _bounded(name, check, probe) for name, check in CHECKS.items()]


async def check_clock(probe: VenueProbe) -> Finding:
    """How far our clock can be off, from the whole seconds of an answer's Date."""
    name, time = f"{probe.venue} clock", await probe.server_time()
    if time.date_ns is None:
        return Finding(name, Status.WARN, "the venue's answer has no date", _CLOCK)
    if time.received_ns - time.sent_ns > ANSWER_NS_MAX:
        took = (time.received_ns - time.sent_ns) // NANOSECONDS_PER_MILLISECOND
        return Finding(
            name, Status.WARN, f"the answer took {took} ms, too long to tell", _NO_ANSWER
        )
    # Between sending and receiving, the venue's clock showed some moment of that second.
    earliest = time.sent_ns - (time.date_ns + NANOSECONDS_PER_SECOND)
    latest = time.received_ns - time.date_ns
    least = 0 if earliest <= 0 <= latest else min(abs(earliest), abs(latest))
    detail = f"ahead of the venue by {_seconds(earliest)} to {_seconds(latest)} s"
    if least >= OFFSET_FAIL_NS:
        return Finding(name, Status.FAIL, detail, f"{_CLOCK}; signatures are valid for seconds")
    if least >= OFFSET_WARN_NS:
        return Finding(name, Status.WARN, detail, _CLOCK)
    return Finding(name, Status.OK, detail)


async def check_key(probe: VenueProbe) -> Finding:
    name, facts = f"{probe.venue} key", await probe.key()
    scopes = "scopes not told" if facts.scopes is None else f"scopes: {', '.join(facts.scopes)}"
    if facts.restriction:
        return Finding(
            name, Status.FAIL, f"accepted, but {facts.restriction}",
            "Ask the venue; the account may only close positions until then",
        )  # fmt: skip
    if facts.can_trade is False:
        return Finding(
            name, Status.FAIL, f"accepted, but cannot trade ({scopes})",
            "Make a key with the scope that trading needs",
        )  # fmt: skip
    return Finding(name, Status.OK, f"accepted, {scopes}")


async def check_balance(probe: VenueProbe) -> Finding:
    name, cash = f"{probe.venue} balance", await probe.balance()
    if cash <= 0:
        return Finding(name, Status.WARN, f"${cash_dollars(cash)} to trade with", "Deposit")
    return Finding(name, Status.OK, f"${cash_dollars(cash)} to trade with")


async def check_location(probe: VenueProbe) -> Finding:
    name, location = f"{probe.venue} geography", await probe.location()
    if location is None:
        return Finding(name, Status.SKIPPED, "the venue has no check; it refuses orders itself")
    if location.is_blocked:
        return Finding(
            name, Status.FAIL, location.evidence,
            "Trading is not allowed from this location; do not route around it",
        )  # fmt: skip
    return Finding(name, Status.OK, location.evidence)


async def check_rate(probe: VenueProbe) -> Finding:
    name, facts = f"{probe.venue} rate tier", await probe.rate()
    detail = f"{facts.tier}: {facts.detail}" + ("" if facts.is_told else " (assumed, not told)")
    if facts.is_less_than_assumed:
        return Finding(name, Status.WARN, detail, "Set the venue's tier to what the account has")
    return Finding(name, Status.OK, detail)


async def check_drift(probe: VenueProbe) -> Finding:
    """Whether live answers still have the fields we read. New fields are named and do no harm."""
    name, samples = f"{probe.venue} spec drift", await probe.samples()
    broken = [f"{each.what} {path}" for each in samples for path in each.broken]
    absent = [f"{each.what} {path}" for each in samples for path in each.absent]
    unread = [f"{each.what} {path}" for each in samples for path in each.unread]
    looked = ", ".join(f"{each.rows} {each.what}" for each in samples)
    also = f"; not read: {_some(unread)}" if unread else ""
    if broken:
        return Finding(name, Status.FAIL, f"cannot read {_some(broken)}{also}", _REPORT)
    if not any(each.rows for each in samples):
        return Finding(name, Status.WARN, "the venue listed nothing to look at", _NO_ANSWER)
    if absent:
        detail = f"not there any more: {_some(absent)}{also}"
        return Finding(name, Status.WARN, detail, "Report it: a field may have a new name")
    return Finding(name, Status.OK, f"{looked} read whole{also}")


CHECKS: Final[dict[str, Check]] = {
    "clock": check_clock,
    "key": check_key,
    "balance": check_balance,
    "geography": check_location,
    "rate tier": check_rate,
    "spec drift": check_drift,
}


async def _bounded(name: str, check: Check, probe: VenueProbe) -> Finding:
    title = f"{probe.venue} {name}"
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await check(probe)
    except TimeoutError:
        detail = f"no answer within {CHECK_SECONDS_MAX:.0f} s"
        return Finding(title, Status.FAIL, detail, _NO_ANSWER)
    except VenueError as error:
        # Nothing was to be done here, so there is nothing to look up.
        remedy = _NO_ANSWER if isinstance(error, OutcomeUnknown) else error.remedy
        return Finding(title, Status.FAIL, f"{error.reason}: {error.detail}", remedy)
    except Malformed as error:
        return Finding(title, Status.FAIL, str(error), _REPORT)


def _seconds(ns: int) -> str:
    return f"{ns / NANOSECONDS_PER_SECOND:+.2f}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
