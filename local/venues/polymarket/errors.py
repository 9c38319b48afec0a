"""What Polymarket says when it refuses: statuses and sentences, as its error page words them."""

from __future__ import annotations

from typing import Any, Final

from kairos.domain.refusals import Refusal
from kairos.errors import KairosError, VenueRefused

FOK_KILLED: Final = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_KILLED: Final = (
    "no orders found to match with FAK order. FAK orders are partially filled or killed if no "
    "match is found."
)
CROSSES: Final = "invalid post-only order: order crosses book"
BAD_EXPIRATION: Final = "invalid expiration"
RESTRICTED: Final = "Trading restricted in your region, please refer to available regions"
POST_ONLY_MODE: Final = "post-only mode: only post-only orders and cancels are allowed"
CANCEL_ONLY: Final = "Trading is currently cancel-only. New orders are not accepted"
_SENTENCES: Final[dict[str, str]] = {
    Refusal.INSUFFICIENT_BALANCE: "not enough balance / allowance: the balance is not enough -> ",
    Refusal.POST_ONLY_CROSSED: CROSSES,
    Refusal.NOT_FOUND: "order can't be found - already canceled or matched",
}


class ApiError(KairosError):
    """An answer that refuses. `extra` are more fields of the body."""

    def __init__(self, status: int, words: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {words}")
        self.status = status
        self.words = words
        self.extra = extra or {}
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        return {"error": self.words, **self.extra}


def from_refusal(refusal: VenueRefused) -> ApiError:
    """What matching or an account refused, in the venue's words."""
    sentence = _SENTENCES.get(refusal.reason, refusal.detail)
    if refusal.reason == Refusal.INSUFFICIENT_BALANCE:
        sentence += refusal.detail
    return ApiError(400, sentence)


def plain_error(status: int, words: str) -> dict[str, Any]:
    """Bodies of injected failures and of paths that do not exist."""
    known = {
        425: "the matching engine is restarting",
        429: "Too Many Requests",
        500: "Internal server error",
    }
    return {"error": known.get(status, words)}
