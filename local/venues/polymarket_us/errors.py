"""What Polymarket US says when it refuses: the gateway's codes, and those of the exchange."""

from __future__ import annotations

from typing import Any, Final

from kairos.errors import KairosError

INVALID: Final = 3
NOT_FOUND: Final = 5
PERMISSION: Final = 7
EXHAUSTED: Final = 8
PRECONDITION: Final = 9
UNAUTHENTICATED: Final = 16
_STATUSES: Final = {
    INVALID: 400,
    NOT_FOUND: 404,
    PERMISSION: 403,
    PRECONDITION: 400,
    UNAUTHENTICATED: 401,
}


class ApiError(KairosError):
    """An answer of the gateway that refuses; nothing was done."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code} {words}")
        self.status = _STATUSES[code]
        self._body = {"code": code, "message": words, "details": []}

    def body(self) -> dict[str, Any]:
        return self._body


class TooManyRequests(KairosError):
    """More than the key or the address may ask; the edge answers it, with hardly a word."""

    status = 429

    def __init__(self) -> None:
        super().__init__("429")

    def body(self) -> dict[str, Any]:
        return {"status": 429}


class Rejected(KairosError):
    """The exchange took an order in and turned it away: it has an id and a rejection."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(f"{reason} {words}")
        self.reason = f"ORD_REJECT_REASON_{reason}"
        self.words = words


def plain_error(status: int, words: str) -> dict[str, Any]:
    """Bodies of injected failures and of paths that do not exist."""
    if status == 429:
        return {"status": 429}
    return {"code": {404: NOT_FOUND, 401: UNAUTHENTICATED}.get(status, 13), "message": words}
