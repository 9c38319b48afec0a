"""What Polymarket's refusals mean, in the words of `kairos.domain.refusals`.

The CLOB explains itself in prose; the phrases are those of its error page and of its clients. Only
what is surely a refusal counts as one: any 5xx without such a phrase may have been done.
"""

from __future__ import annotations

from typing import Final

import msgspec

from kairos.adapters.http.client import Explain
from kairos.adapters.http.retry import retry_after_seconds
from kairos.adapters.polymarket.config import VENUE
from kairos.adapters.polymarket.rest_schemas import EXCERPT_CHARACTERS
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.domain.units import NANOSECONDS_PER_SECOND
from kairos.errors import OutcomeUnknown, VenueError, VenueRefused
from kairos.ports import Clock, HttpResponse

LOOK_UP: Final = "Look the order up by its id before anything is sent again"
_RESTART_SECONDS: Final = 2.0
_REQUEST_TIMEOUT: Final = 408

# In this order: the first phrase that occurs decides.
_PHRASES: Final = (
    ("post_only_mode", Refusal.EXCHANGE_PAUSED),
    ("post-only mode", Refusal.EXCHANGE_PAUSED),
    ("cancel-only", Refusal.EXCHANGE_PAUSED),
    ("trading is currently disabled", Refusal.EXCHANGE_PAUSED),
    ("not yet ready", Refusal.EXCHANGE_PAUSED),
    ("crosses book", Refusal.POST_ONLY_CROSSED),
    ("minimum tick size", Refusal.PRICE_OFF_GRID),
    ("lower than the minimum", Refusal.SIZE_BELOW_MINIMUM),
    ("min size", Refusal.SIZE_BELOW_MINIMUM),
    ("duplicated", Refusal.ALREADY_PLACED),
    ("already exists", Refusal.ALREADY_PLACED),
    ("not enough balance", Refusal.INSUFFICIENT_BALANCE),
    ("insufficient balance", Refusal.INSUFFICIENT_BALANCE),
    ("fully filled or killed", Refusal.NOT_FILLED),
    ("no orders found to match", Refusal.NOT_FILLED),
    ("restricted in your region", Refusal.REGION_BLOCKED),
    ("closed only mode", Refusal.REGION_BLOCKED),
    ("address banned", Refusal.MISSING_SCOPE),
    ("orderbook", Refusal.MARKET_CLOSED),
    ("market is closed", Refusal.MARKET_CLOSED),
    ("not accepting orders", Refusal.MARKET_CLOSED),
    ("self trade", Refusal.SELF_TRADE),
    ("self-trade", Refusal.SELF_TRADE),
    ("expired api key", Refusal.EXPIRED_KEY),
    ("api key expired", Refusal.EXPIRED_KEY),
    ("invalid timestamp", Refusal.CLOCK_SKEW),
    ("timestamp expired", Refusal.CLOCK_SKEW),
    ("readonly", Refusal.MISSING_SCOPE),
    ("read-only", Refusal.MISSING_SCOPE),
    ("invalid signature", Refusal.WRONG_KEY),
    ("order owner", Refusal.WRONG_KEY),
    ("order signer", Refusal.WRONG_KEY),
    ("api key", Refusal.WRONG_KEY),
    ("too many requests", Refusal.RATE_LIMITED),
    ("not found", Refusal.NOT_FOUND),
)
_STATUSES: Final = {
    401: Refusal.WRONG_KEY,
    403: Refusal.REGION_BLOCKED,
    404: Refusal.NOT_FOUND,
    425: Refusal.RESTARTING,
    429: Refusal.RATE_LIMITED,
}


class _ErrorBody(msgspec.Struct, gc=False):
    error: str | None = None
    errorMsg: str | None = None
    error_msg: str | None = None
    message: str | None = None
    code: str | int | None = None
    heartbeat_id: str | None = None


def refusal_of(text: str) -> Refusal | None:
    """The cause a text of the venue names; None when it is no phrase we know."""
    lowered = text.lower()
    return next((cause for phrase, cause in _PHRASES if phrase in lowered), None)


def refused(
    cause: Refusal, detail: str, *, status: int | None = None, retry_after_ns: int | None = None
) -> VenueRefused:
    """A proved refusal with its remedy."""
    return VenueRefused(
        VENUE, cause, detail, REMEDIES[cause], status=status, retry_after_ns=retry_after_ns
    )


def unknown(reason: str, detail: str) -> OutcomeUnknown:
    """It may have been done."""
    return OutcomeUnknown(VENUE, reason, detail, LOOK_UP)


def explainer(clock: Clock) -> Explain:
    """`explain` of `RestClient`: what an answer that is not 2xx proves."""

    def explain(endpoint: str, response: HttpResponse) -> VenueError:
        text = told(response.body)
        detail = f"{endpoint}: {response.status} {text}".rstrip()
        cause = _cause(response.status, text)
        if cause is None:
            return unknown(f"http_{response.status}", detail)
        wait = retry_after_seconds(response.headers, clock.now_ns())
        if wait is None and cause is Refusal.RESTARTING:
            wait = _RESTART_SECONDS
        wait_ns = None if wait is None else round(wait * NANOSECONDS_PER_SECOND)
        return refused(cause, detail, status=response.status, retry_after_ns=wait_ns)

    return explain


def _cause(status: int, text: str) -> Refusal | None:
    named = refusal_of(text)
    if status >= 500:
        # Modes of the exchange are announced with 503 before an order is looked at.
        return named if status == 503 and named is Refusal.EXCHANGE_PAUSED else None
    if status < 400 or status == _REQUEST_TIMEOUT:
        return None
    if status in (425, 429):
        return _STATUSES[status]
    return named or _STATUSES.get(status, Refusal.INVALID_REQUEST)


def told(body: bytes) -> str:
    """The venue's own words in an error body, bounded; the body itself when it is no JSON."""
    try:
        fields = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")[:EXCERPT_CHARACTERS]
    beat = None if fields.heartbeat_id is None else f"heartbeat_id={fields.heartbeat_id}"
    words = (fields.code, fields.error, fields.errorMsg, fields.error_msg, fields.message, beat)
    return " ".join(str(each) for each in words if each)[:EXCERPT_CHARACTERS]
