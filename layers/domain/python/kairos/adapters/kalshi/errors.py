"""What Kalshi's refusals mean: its status and words become one of our names, with a remedy.

The venue writes errors in three shapes: `{"error": {"code", "message", "details"}}`,
`{"code", "message", "details"}` and `{"error": "text"}`. Codes are told apart before statuses,
because one status has several meanings: a 409 is a duplicate, a pause, or an unfilled order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from kairos.adapters.http.retry import retry_after_seconds
from kairos.domain.instruments import Venue
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import Malformed, OutcomeUnknown, VenueError, VenueRefused
from kairos.ports import HttpResponse

_WORDS_MAX: Final = 300
_LOOK_UP: Final = "Look it up; only the venue knows whether it happened"
_SEPARATORS = re.compile(r"[^a-z0-9]+")
# A proxy says 408 after it has passed the request on.
_REQUEST_TIMEOUT: Final = 408

# Anything that makes a later, vaguer line wrong stands above it.
_CODES: Final[tuple[tuple[str, Refusal], ...]] = (
    ("header_timestamp_expired", Refusal.CLOCK_SKEW),
    ("order_already_exists", Refusal.ALREADY_PLACED),
    ("duplicate", Refusal.ALREADY_PLACED),
    ("trading_is_paused", Refusal.EXCHANGE_PAUSED),
    ("exchange_is_paused", Refusal.EXCHANGE_PAUSED),
    ("trading_paused", Refusal.EXCHANGE_PAUSED),
    ("exchange_paused", Refusal.EXCHANGE_PAUSED),
    ("exchange_closed", Refusal.EXCHANGE_PAUSED),
    ("market_inactive", Refusal.MARKET_CLOSED),
    ("market_not_active", Refusal.MARKET_CLOSED),
    ("market_closed", Refusal.MARKET_CLOSED),
    ("market_is_closed", Refusal.MARKET_CLOSED),
    ("market_settled", Refusal.MARKET_CLOSED),
    ("insufficient_resting_volume", Refusal.NOT_FILLED),
    ("available_balance_too_low", Refusal.INSUFFICIENT_BALANCE),
    ("insufficient_balance", Refusal.INSUFFICIENT_BALANCE),
    ("insufficient_funds", Refusal.INSUFFICIENT_BALANCE),
    ("post_only_cross", Refusal.POST_ONLY_CROSSED),
    ("self_trade", Refusal.SELF_TRADE),
    ("self_cross", Refusal.SELF_TRADE),
    ("order_group_triggered", Refusal.GROUP_TRIGGERED),
    ("order_group_not_active", Refusal.GROUP_TRIGGERED),
    ("order_group_limit", Refusal.GROUP_TRIGGERED),
    ("exceeded_order_group", Refusal.GROUP_TRIGGERED),
    ("group_triggered", Refusal.GROUP_TRIGGERED),
    ("reduce_only", Refusal.REDUCE_ONLY),
    ("invalid_price", Refusal.PRICE_OFF_GRID),
    ("price_off_grid", Refusal.PRICE_OFF_GRID),
    ("tick_size", Refusal.PRICE_OFF_GRID),
    ("invalid_order_size", Refusal.SIZE_BELOW_MINIMUM),
    ("order_size_too_small", Refusal.SIZE_BELOW_MINIMUM),
    ("invalid_count", Refusal.SIZE_BELOW_MINIMUM),
    ("not_found", Refusal.NOT_FOUND),
)
_UNAUTHENTICATED: Final[tuple[tuple[str, Refusal], ...]] = (
    ("timestamp", Refusal.CLOCK_SKEW),
    ("revoked", Refusal.EXPIRED_KEY),
    ("key_expired", Refusal.EXPIRED_KEY),
    ("expired_key", Refusal.EXPIRED_KEY),
    ("expired_api_key", Refusal.EXPIRED_KEY),
    ("disabled", Refusal.EXPIRED_KEY),
)
_FORBIDDEN: Final[tuple[tuple[str, Refusal], ...]] = (
    ("scope", Refusal.MISSING_SCOPE),
    ("region", Refusal.REGION_BLOCKED),
    ("jurisdiction", Refusal.REGION_BLOCKED),
    ("country", Refusal.REGION_BLOCKED),
    ("location", Refusal.REGION_BLOCKED),
    ("geo", Refusal.REGION_BLOCKED),
    *_CODES,
)
_BY_STATUS: Final[dict[int, tuple[tuple[tuple[str, Refusal], ...], Refusal]]] = {
    401: (_UNAUTHENTICATED, Refusal.WRONG_KEY),
    403: (_FORBIDDEN, Refusal.MISSING_SCOPE),
    404: (_CODES, Refusal.NOT_FOUND),
    429: ((), Refusal.RATE_LIMITED),
}
_CREATES: Final = frozenset(
    {"POST /portfolio/events/orders", "POST /portfolio/events/orders/batched"}
)


def explain(endpoint: str, response: HttpResponse) -> VenueError:
    """The error that a response which is not 2xx stands for; `endpoint` as in `endpoints.py`."""
    words = _words(response.body)
    status = response.status
    detail = f"{endpoint} answered {status}: {words or 'nothing readable'}"
    if not 400 <= status < 500 or status == _REQUEST_TIMEOUT:
        return OutcomeUnknown(Venue.KALSHI, "server_error", detail, _LOOK_UP)
    return _refused(_meaning(endpoint, status, words), detail, status, response.headers)


def explain_item(endpoint: str, error: Mapping[str, str | None]) -> VenueError:
    """The error of one item of a batch, which has no status of its own."""
    words = " ".join(str(text) for text in error.values() if text)[:_WORDS_MAX]
    detail = f"{endpoint} refused an item: {words}"
    if "internal" in words.lower() or "timeout" in words.lower() or not words:
        return OutcomeUnknown(Venue.KALSHI, "server_error", detail, _LOOK_UP)
    return refused(_named(_CODES, words) or Refusal.INVALID_REQUEST, detail)


def refused(refusal: Refusal, detail: str) -> VenueRefused:
    """A proved refusal, ours or the venue's."""
    return VenueRefused(Venue.KALSHI, refusal, detail, REMEDIES[refusal])


@contextmanager
def readable(endpoint: str) -> Iterator[None]:
    """A 2xx whose body makes no sense proves nothing: OutcomeUnknown (`unreadable_reply`)."""
    try:
        yield
    except (msgspec.DecodeError, Malformed, RecursionError, UnicodeDecodeError) as error:
        raise unreadable(endpoint, str(error)) from error


def unreadable(endpoint: str, detail: str) -> OutcomeUnknown:
    return OutcomeUnknown(Venue.KALSHI, "unreadable_reply", f"{endpoint}: {detail}", _LOOK_UP)


def _meaning(endpoint: str, status: int, words: str) -> Refusal:
    codes, otherwise = _BY_STATUS.get(status, (_CODES, Refusal.INVALID_REQUEST))
    if status == 409 and endpoint in _CREATES:
        otherwise = Refusal.ALREADY_PLACED
    return _named(codes, words) or otherwise


def _named(codes: tuple[tuple[str, Refusal], ...], words: str) -> Refusal | None:
    said = _SEPARATORS.sub("_", words.lower())
    return next((refusal for code, refusal in codes if code in said), None)


def _refused(
    refusal: Refusal, detail: str, status: int, headers: Mapping[str, str]
) -> VenueRefused:
    # Only seconds are read here: a date needs a clock, and this venue sends neither so far.
    wait = retry_after_seconds(headers, 0) if headers.get("retry-after", "").isdigit() else None
    return VenueRefused(
        Venue.KALSHI,
        refusal,
        detail,
        REMEDIES[refusal],
        status=status,
        retry_after_ns=None if wait is None else round(wait * NANOSECONDS_PER_SECOND),
    )


def _words(body: bytes) -> str:
    """Code, message and details in whatever shape they come; empty when unreadable."""
    try:
        raw: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return ""
    error = raw.get("error", raw) if isinstance(raw, dict) else raw
    if isinstance(error, dict):
        named = (error.get(name) for name in ("code", "message", "details"))
        error = " ".join(str(text) for text in named if text)
    return error[:_WORDS_MAX] if isinstance(error, str) else ""
