"""Every refusal of Kalshi's has one of our names and a remedy; what proves nothing is unknown."""

from __future__ import annotations

import pytest

from kairos.adapters.kalshi.endpoints import CANCEL, CREATE, ORDER
from kairos.adapters.kalshi.errors import explain, explain_item, readable
from kairos.domain.refusals import REMEDIES, Refusal
from kairos.errors import Malformed, OutcomeUnknown, VenueRefused
from tests.support.rest import answer


def nested(code: str, message: str = "", details: str = "") -> str:
    inner = f'"code":"{code}","message":"{message}","details":"{details}","service":"exchange"'
    return f'{{"error":{{{inner}}}}}'


def flat(code: str, details: str = "") -> str:
    return f'{{"code":"{code}","message":"m","details":"{details}"}}'


CASES = [
    (401, nested("authentication_error", "", "INCORRECT_API_KEY_SIGNATURE"), Refusal.WRONG_KEY),
    (401, nested("authentication_error", "", "NOT_FOUND"), Refusal.WRONG_KEY),
    (401, nested("signature_is_missing_from_headers"), Refusal.WRONG_KEY),
    (401, "", Refusal.WRONG_KEY),
    (401, nested("header_timestamp_expired"), Refusal.CLOCK_SKEW),
    (401, nested("authentication_error", "", "api key expired"), Refusal.EXPIRED_KEY),
    (401, flat("unauthorized", "key was revoked"), Refusal.EXPIRED_KEY),
    (401, flat("unauthorized", "API_KEY_EXPIRED"), Refusal.EXPIRED_KEY),
    (403, flat("forbidden", "missing scope write::trade"), Refusal.MISSING_SCOPE),
    (403, "{}", Refusal.MISSING_SCOPE),
    (403, flat("forbidden", "not available in your jurisdiction"), Refusal.REGION_BLOCKED),
    (400, nested("insufficient_balance", "insufficient balance"), Refusal.INSUFFICIENT_BALANCE),
    (400, flat("available_balance_too_low"), Refusal.INSUFFICIENT_BALANCE),
    (400, flat("MARKET_INACTIVE"), Refusal.MARKET_CLOSED),
    (409, nested("market_closed"), Refusal.MARKET_CLOSED),
    (409, nested("trading_is_paused", "trading is paused"), Refusal.EXCHANGE_PAUSED),
    (409, nested("exchange_is_paused"), Refusal.EXCHANGE_PAUSED),
    (409, nested("order_already_exists"), Refusal.ALREADY_PLACED),
    (409, nested("something new"), Refusal.ALREADY_PLACED),
    (409, "", Refusal.ALREADY_PLACED),
    (409, nested("fill_or_kill_insufficient_resting_volume"), Refusal.NOT_FILLED),
    (400, nested("invalid_price"), Refusal.PRICE_OFF_GRID),
    (400, flat("invalid_order_size"), Refusal.SIZE_BELOW_MINIMUM),
    (400, nested("invalid_order", "invalid order", "post only cross"), Refusal.POST_ONLY_CROSSED),
    (400, nested("invalid_order", "", "reduce_only needs a position"), Refusal.REDUCE_ONLY),
    (400, nested("self_trade_prevention"), Refusal.SELF_TRADE),
    (409, nested("order_group_triggered"), Refusal.GROUP_TRIGGERED),
    (404, flat("order_group_not_found"), Refusal.NOT_FOUND),
    (404, "<html>", Refusal.NOT_FOUND),
    (429, '{"error":"too many requests"}', Refusal.RATE_LIMITED),
    (400, flat("no_idea"), Refusal.INVALID_REQUEST),
    (422, "[1]", Refusal.INVALID_REQUEST),
]


@pytest.mark.parametrize(("status", "body", "refusal"), CASES)
def test_a_refusal_has_a_name_and_a_remedy(status: int, body: str, refusal: Refusal) -> None:
    error = explain(CREATE.name, answer(body, status))
    assert isinstance(error, VenueRefused)
    assert error.reason == refusal
    assert error.remedy == REMEDIES[refusal]
    assert error.status == status
    assert f"{CREATE.name} answered {status}" in error.detail


def test_every_name_the_venue_can_earn_is_tested() -> None:
    ours_alone = {Refusal.DUST, Refusal.UNSUPPORTED, Refusal.RESTARTING}
    assert {refusal for _, _, refusal in CASES} == set(Refusal) - ours_alone


def test_a_conflict_elsewhere_is_no_placed_order() -> None:
    error = explain(CANCEL.name, answer("{}", 409))
    assert error.reason == Refusal.INVALID_REQUEST


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 302, 100])
def test_what_proves_nothing_is_unknown(status: int) -> None:
    body = nested("exchange_is_paused")
    error = explain(CREATE.name, answer(body, status))
    assert isinstance(error, OutcomeUnknown)
    assert error.reason == "server_error"


def test_retry_after_is_handed_on() -> None:
    error = explain(ORDER.name, answer("{}", 429, {"retry-after": "7"}))
    assert isinstance(error, VenueRefused)
    assert error.retry_after_ns == 7_000_000_000


@pytest.mark.parametrize("body", [b"\xff\xfe", b"[" * 100_000, b"", b"null", b'{"error":7}'])
def test_an_unreadable_body_still_has_its_status_explained(body: bytes) -> None:
    error = explain(ORDER.name, answer(body, 404))
    assert error.reason == Refusal.NOT_FOUND


def test_long_words_are_cut() -> None:
    assert len(explain(ORDER.name, answer(flat("x" * 10_000), 400)).detail) < 400


def test_an_item_of_a_batch_is_explained_like_a_whole_answer() -> None:
    crossed = explain_item(CREATE.name, {"code": "invalid order", "details": "post only cross"})
    assert crossed.reason == Refusal.POST_ONLY_CROSSED
    assert isinstance(explain_item(CREATE.name, {"code": "internal_error"}), OutcomeUnknown)
    assert isinstance(explain_item(CREATE.name, {"code": None}), OutcomeUnknown)


def test_unreadable_replies_are_unknown_and_keep_their_cause() -> None:
    with pytest.raises(OutcomeUnknown) as unknown, readable("GET /x"):
        raise Malformed("bad_number", "price", "'a'")
    assert unknown.value.reason == "unreadable_reply"
    assert isinstance(unknown.value.__cause__, Malformed)
