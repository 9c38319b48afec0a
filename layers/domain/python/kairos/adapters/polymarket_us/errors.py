"""What a refusal of Polymarket US means: its statuses, its reject codes and its words, by cause.

A 4xx proves that nothing was done, except those that speak of time or of conflict; everything
else that is not 2xx proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from kairos.adapters.polymarket_us.config import VENUE
from kairos.adapters.polymarket_us.schemas import Execution
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Malformed, OutcomeUnknown, VenueError, VenueRefused
from kairos.ports import HttpResponse

_T = TypeVar("_T")

PAUSE_NS_MIN: Final = NANOSECONDS_PER_SECOND
_WORDS_MAX: Final = 200
_LOOK_UP: Final = "Look it up before anything is sent again"
_TOO_MANY: Final = 429
# They may have been done: a timeout, a conflict with something we cannot see, a replay guard.
_UNPROVED: Final = frozenset({408, 409, 425})

_RPC_NOT_FOUND: Final = 5
_RPC_PERMISSION: Final = 7
_RPC_UNAUTHENTICATED: Final = 16

_PLACE = re.compile(
    r"\b(not|isn't|un)[ -]?(available|permitted|allowed|supported|offered)\b.{0,20}"
    r"\b(state|region|location|area|jurisdiction|country)\b"
    r"|\b(restricted|ineligible|unsupported) (state|location|jurisdiction|region|area|country)\b"
    r"|\bgeo-?(fenc|locat|block|restrict)"
)
# In this order: the first that speaks decides.
_SAID: Final[tuple[tuple[re.Pattern[str], Refusal], ...]] = (
    (_PLACE, Refusal.REGION_BLOCKED),
    (re.compile(r"global rate limit exceeded"), Refusal.RATE_LIMITED),
    (re.compile(r"insufficient|buying power|not enough (funds|balance|cash|collateral)"),
     Refusal.INSUFFICIENT_BALANCE),
    (re.compile(r"self[ -]?(match|trade)"), Refusal.SELF_TRADE),
    (re.compile(r"participate|post[ -]?only|would (cross|immediately match|take)"),
     Refusal.POST_ONLY_CROSSED),
    (re.compile(r"maintenance|exchange (is )?(closed|paused|halted)"), Refusal.EXCHANGE_PAUSED),
    (re.compile(r"exchange_closed|market[_ ](is )?(closed|halted|suspended|expired|not open)"
                r"|not (currently )?(open|accepting orders)|trading (is )?(halted|suspended)"),
     Refusal.MARKET_CLOSED),
    (re.compile(r"invalid[_ ]price|price[_ ](increment|out)|\btick\b|price not on"),
     Refusal.PRICE_OFF_GRID),
    (re.compile(r"quantity|minimum (trade|order|size)|below (the )?minimum"),
     Refusal.SIZE_BELOW_MINIMUM),
    (re.compile(r"no[_ ]liquidity"), Refusal.NOT_FILLED),
    (re.compile(r"unknown (or invalid )?market|market not found"), Refusal.NOT_FOUND),
)  # fmt: skip
_CLOCK = re.compile(r"timestamp|clock|time window|too (old|far)|request expired|skew")
_EXPIRED = re.compile(
    r"key.{0,20}\b(expired|revoked|disabled|inactive)|\b(expired|revoked).{0,20}key"
)
_SLUG = re.compile(r"\b[a-z0-9]+(?:-[a-z0-9]+){2,}\b")
_TAGS = re.compile(r"<[^>]*>")

_REJECTS: Final = {
    "ORD_REJECT_REASON_UNKNOWN_MARKET": Refusal.NOT_FOUND,
    "ORD_REJECT_REASON_EXCHANGE_CLOSED": Refusal.MARKET_CLOSED,
    "ORD_REJECT_REASON_INCORRECT_QUANTITY": Refusal.SIZE_BELOW_MINIMUM,
    "ORD_REJECT_REASON_INVALID_PRICE_INCREMENT": Refusal.PRICE_OFF_GRID,
    "ORD_REJECT_REASON_PRICE_OUT_OF_BOUNDS": Refusal.PRICE_OFF_GRID,
    "ORD_REJECT_REASON_INCORRECT_ORDER_TYPE": Refusal.UNSUPPORTED,
    "ORD_REJECT_REASON_NO_LIQUIDITY": Refusal.NOT_FILLED,
}


class _Body(msgspec.Struct):
    """The gateway writes {code, message, details}, its edge {status, message} or nothing."""

    code: int | str | None = None
    message: str | None = None
    error: str | None = None


_decode_body = msgspec.json.Decoder(_Body).decode


def explain(endpoint: str, response: HttpResponse) -> VenueError:
    """What an answer that is not 2xx proves. Only its words are kept, never a header of ours."""
    code, words = _said(response.body)
    detail = f"{endpoint} answered {response.status}" + (f": {words}" if words else "")
    if response.status == _TOO_MANY:
        return _refused(Refusal.RATE_LIMITED, detail, response.status, _wait_ns(response))
    if not 400 <= response.status < 500 or response.status in _UNPROVED:
        return OutcomeUnknown(VENUE, f"http_{response.status}", detail, _LOOK_UP)
    return _refused(_cause(response.status, code, words.lower()), detail, response.status)


def rejected(execution: Execution) -> VenueRefused:
    """An order that the exchange took in and turned away; its own words say more than its code."""
    reason, words = execution.order_reject_reason or "", _one_line(execution.text or "")
    cause = _by_words(words.lower()) or _REJECTS.get(reason) or Refusal.INVALID_REQUEST
    return refuse(cause, f"order {execution.order.id} was rejected: {reason} {words}".strip())


def refuse(cause: Refusal, detail: str) -> VenueRefused:
    """Proved not done, for instance because we did not send it."""
    return _refused(cause, detail, None)


def unknown(reason: str, detail: str, remedy: str = _LOOK_UP) -> OutcomeUnknown:
    return OutcomeUnknown(VENUE, reason, detail, remedy)


def readable(parse: Callable[[bytes], _T], body: bytes, what: str) -> _T:
    """Parse an answer. Raises OutcomeUnknown where it cannot be read: it proves nothing then."""
    try:
        return parse(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, Malformed) as error:
        detail = _one_line(str(error))
        raise unknown("unreadable_reply", f"{what}: {detail}") from error


def _refused(
    cause: Refusal, detail: str, status: int | None, retry_after_ns: int | None = None
) -> VenueRefused:
    return VenueRefused(
        VENUE, cause.value, detail, REMEDIES[cause], status=status, retry_after_ns=retry_after_ns
    )


def _wait_ns(response: HttpResponse) -> int:
    """At least a second. A Retry-After date needs a clock, and the pacing layer has one."""
    text = response.headers.get("retry-after", "").strip()
    asked = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
    return max(PAUSE_NS_MIN, asked * NANOSECONDS_PER_SECOND)


def _cause(status: int, code: int | str | None, words: str) -> Refusal:
    if status == 451:
        return Refusal.REGION_BLOCKED
    if status == 401 or code == _RPC_UNAUTHENTICATED:
        return _key_trouble(words)
    spoken = _by_words(f"{code} {words}" if isinstance(code, str) else words)
    if spoken is not None:
        return spoken
    if status == 403 or code == _RPC_PERMISSION:
        return Refusal.MISSING_SCOPE
    if status == 404 or code == _RPC_NOT_FOUND:
        return Refusal.NOT_FOUND
    return Refusal.INVALID_REQUEST


def _key_trouble(words: str) -> Refusal:
    if _CLOCK.search(words):
        return Refusal.CLOCK_SKEW
    return Refusal.EXPIRED_KEY if _EXPIRED.search(words) else Refusal.WRONG_KEY


def _by_words(words: str) -> Refusal | None:
    """The cause that the words name; a market's slug is a name and not a word of theirs."""
    spoken = " ".join(_SLUG.sub(" ", words.lower()).split())
    return next((cause for pattern, cause in _SAID if pattern.search(spoken)), None)


def _said(body: bytes) -> tuple[int | str | None, str]:
    try:
        read = _decode_body(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None, _one_line(body[: 4 * _WORDS_MAX].decode("utf-8", "replace"))
    return read.code, _one_line(read.message or read.error or "")


def _one_line(text: str) -> str:
    kept = " ".join(_TAGS.sub(" ", text[: 8 * _WORDS_MAX]).split())
    return "".join(each for each in kept if each.isprintable())[:_WORDS_MAX]
