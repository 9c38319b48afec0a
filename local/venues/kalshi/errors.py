"""What Kalshi says when it refuses: statuses, codes and bodies."""

from __future__ import annotations

from typing import Any, Final

from kairos.domain.refusals import Refusal
from kairos.errors import KairosError, VenueRefused

# Codes seen on the wire or documented for the order endpoints; the others follow their pattern.
_ANSWERS: Final[dict[str, tuple[int, str, str]]] = {
    Refusal.INSUFFICIENT_BALANCE: (400, "insufficient_balance", ""),
    Refusal.MARKET_CLOSED: (400, "MARKET_INACTIVE", ""),
    Refusal.EXCHANGE_PAUSED: (409, "trading_is_paused", ""),
    Refusal.PRICE_OFF_GRID: (400, "invalid_order", "invalid price"),
    Refusal.SIZE_BELOW_MINIMUM: (400, "invalid_order", "invalid count"),
    Refusal.POST_ONLY_CROSSED: (400, "invalid_order", "post only cross"),
    Refusal.REDUCE_ONLY: (400, "invalid_order", "reduce only"),
    Refusal.SELF_TRADE: (400, "invalid_order", "self trade"),
    Refusal.NOT_FILLED: (409, "fill_or_kill_insufficient_resting_volume", ""),
    Refusal.ALREADY_PLACED: (409, "order_already_exists", ""),
    Refusal.GROUP_TRIGGERED: (409, "order_group_limit_reached", ""),
    Refusal.NOT_FOUND: (404, "not_found", ""),
    Refusal.INVALID_REQUEST: (400, "invalid_parameters", ""),
}
_PLAIN_CODES: Final = {404: "not_found", 405: "method_not_allowed"}


class ApiError(KairosError):
    """An answer that is not a success."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(f"{status} {code}: {message} {details}")
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def item(self) -> dict[str, Any]:
        """The error object itself, as batch replies carry it."""
        return {"code": self.code, "message": self.message, "details": self.details}

    def body(self) -> dict[str, Any]:
        """The reply of a single request: nested, `details` only when there is something to add."""
        error = self.item()
        if not self.details:
            del error["details"]
        return {"error": error}


class Unreadable(ApiError):
    """A body that cannot be parsed is answered at the top level."""

    def __init__(self, details: str) -> None:
        super().__init__(400, "bad_request", "bad request", details)

    def body(self) -> dict[str, Any]:
        return self.item()


class TooManyRequests(ApiError):
    """No Retry-After, no code: this is all that comes."""

    def __init__(self) -> None:
        super().__init__(429, "too_many_requests", "too many requests")

    def body(self) -> dict[str, Any]:
        return {"error": "too many requests"}


def from_refusal(refusal: VenueRefused) -> ApiError:
    status, code, details = _ANSWERS.get(refusal.reason, (400, "invalid_order", ""))
    return ApiError(status, code, code.replace("_", " "), details or refusal.detail)


def plain_error(status: int, words: str) -> dict[str, Any]:
    """The body of a failure that has no cause in the exchange."""
    if status == 429:
        return TooManyRequests().body()
    return ApiError(status, _PLAIN_CODES.get(status, "service_error"), words).body()
