"""Every refusal of the venue has our name and says what to do; what proves nothing is unknown."""

from __future__ import annotations

import json

import msgspec
import pytest

from kairos.adapters.polymarket_us.errors import explain, readable, rejected
from kairos.adapters.polymarket_us.schemas import Execution
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.errors import OutcomeUnknown, VenueRefused
from kairos.ports import HttpResponse
from tests.support.polymarket_us import encoded, execution


def response(status: int, body: object = None, **headers: str) -> HttpResponse:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, headers, text)


def said(status: int, message: str, code: int | str | None = None) -> HttpResponse:
    return response(status, {"code": code, "message": message, "details": []})


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (said(401, "invalid signature", 16), Refusal.WRONG_KEY),
        (said(401, "", None), Refusal.WRONG_KEY),
        (said(401, "timestamp outside of the 30s window", 16), Refusal.CLOCK_SKEW),
        (said(401, "API key has expired", 16), Refusal.EXPIRED_KEY),
        (said(401, "this key was revoked", 16), Refusal.EXPIRED_KEY),
        (said(403, "permission denied", 7), Refusal.MISSING_SCOPE),
        (said(403, "account state is not ACTIVE", 7), Refusal.MISSING_SCOPE),
        (said(403, "not available in your state", 7), Refusal.REGION_BLOCKED),
        (said(400, "Trading isn't available in your state", 9), Refusal.REGION_BLOCKED),
        (response(451, b""), Refusal.REGION_BLOCKED),
        (said(400, "insufficient buying power", 9), Refusal.INSUFFICIENT_BALANCE),
        (said(400, "", "INSUFFICIENT_BALANCE"), Refusal.INSUFFICIENT_BALANCE),
        (said(400, "market is closed", 9), Refusal.MARKET_CLOSED),
        (said(400, "", "MARKET_CLOSED"), Refusal.MARKET_CLOSED),
        (said(400, "exchange is closed for maintenance", 9), Refusal.EXCHANGE_PAUSED),
        (said(400, "price not on valid increment", 3), Refusal.PRICE_OFF_GRID),
        (said(400, "", "INVALID_PRICE"), Refusal.PRICE_OFF_GRID),
        (said(400, "invalid quantity", 3), Refusal.SIZE_BELOW_MINIMUM),
        (said(400, "order would self-match", 9), Refusal.SELF_TRADE),
        (said(400, "participateDontInitiate order would cross", 9), Refusal.POST_ONLY_CROSSED),
        (said(404, "order not found", 5), Refusal.NOT_FOUND),
        (said(400, "unknown field foo", 3), Refusal.INVALID_REQUEST),
        (response(400, b"<html>Bad <b>request</b></html>"), Refusal.INVALID_REQUEST),
        (response(429, {"status": 429}), Refusal.RATE_LIMITED),
    ],
)
def test_refusals_have_our_names(answer: HttpResponse, refusal: Refusal) -> None:
    error = explain("create_order", answer)
    assert isinstance(error, VenueRefused)
    assert (error.reason, error.status) == (refusal, answer.status)
    assert error.remedy == REMEDIES[refusal]
    assert "create_order" in error.detail


def test_a_market_s_name_is_not_what_the_venue_says() -> None:
    error = explain("x", said(400, "market tec-geo-blocked-countries-2026 is closed", 9))
    assert error.reason == Refusal.MARKET_CLOSED


@pytest.mark.parametrize("status", [302, 408, 409, 425, 500, 502, 503, 504, 600])
def test_what_may_have_been_done_is_unknown(status: int) -> None:
    error = explain("create_order", said(status, "insufficient funds", 9))
    assert isinstance(error, OutcomeUnknown)
    assert "Look it up" in error.remedy


@pytest.mark.parametrize(
    ("header", "seconds"), [({}, 1), ({"retry-after": "0"}, 1), ({"retry-after": "7"}, 7)]
)
def test_too_many_requests_means_a_second_at_least(header: dict[str, str], seconds: int) -> None:
    error = explain("x", HttpResponse(429, header, b""))
    assert isinstance(error, VenueRefused)
    assert error.retry_after_ns == seconds * 10**9


def test_long_or_odd_words_are_cut_to_a_line() -> None:
    error = explain("x", said(400, "a\x1b[31m\n b" + "z" * 10_000))
    assert "\x1b" not in error.detail
    assert "\n" not in error.detail
    assert len(error.detail) < 300


@pytest.mark.parametrize(
    ("reason", "text", "refusal"),
    [
        ("ORD_REJECT_REASON_EXCHANGE_CLOSED", "", Refusal.MARKET_CLOSED),
        ("ORD_REJECT_REASON_UNKNOWN_MARKET", "", Refusal.NOT_FOUND),
        ("ORD_REJECT_REASON_INCORRECT_QUANTITY", "", Refusal.SIZE_BELOW_MINIMUM),
        ("ORD_REJECT_REASON_INVALID_PRICE_INCREMENT", "", Refusal.PRICE_OFF_GRID),
        ("ORD_REJECT_REASON_PRICE_OUT_OF_BOUNDS", "", Refusal.PRICE_OFF_GRID),
        ("ORD_REJECT_REASON_INCORRECT_ORDER_TYPE", "", Refusal.UNSUPPORTED),
        ("ORD_REJECT_REASON_NO_LIQUIDITY", "", Refusal.NOT_FILLED),
        ("ORD_REJECT_REASON_EXCHANGE_OPTION", "", Refusal.INVALID_REQUEST),
        ("ORD_REJECT_REASON_EXCHANGE_OPTION", "insufficient funds", Refusal.INSUFFICIENT_BALANCE),
        # The stopgap for slow processing; whatever it is called, nothing was placed.
        ("", "Global Rate Limit Exceeded", Refusal.RATE_LIMITED),
        ("", "order would immediately match", Refusal.POST_ONLY_CROSSED),
    ],
)
def test_rejections_have_our_names(reason: str, text: str, refusal: Refusal) -> None:
    body = execution("EXECUTION_TYPE_REJECTED", orderRejectReason=reason, text=text)
    error = rejected(msgspec.json.decode(encoded(body), type=Execution))
    assert error.reason == refusal
    assert "CX5M98730YHH" in error.detail


def test_an_answer_that_cannot_be_read_proves_nothing() -> None:
    decode = msgspec.json.Decoder(Execution).decode
    for body in (b"", b"<html>", b"{}", b"\xff", b"[]"):
        with pytest.raises(OutcomeUnknown, match="unreadable_reply"):
            readable(decode, body, "new order")
