"""Reads and cancels persist within bounds; a write is sent exactly once, whatever comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from kairos.adapters.http.client import RestClient, encoded
from kairos.adapters.http.limits import Budget, TokenBucket
from kairos.adapters.http.retry import Backoff
from kairos.errors import OutcomeUnknown, VenueError, VenueRefused, VenueUnreachable
from kairos.ports import HttpResponse
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

LOST = OutcomeUnknown("host", "no_answer", "it broke", "Look")
ABSENT = VenueUnreachable("host", "no_connection", "refused", "Check")


def explain(endpoint: str, response: HttpResponse) -> VenueError:
    if response.status >= 500:
        return OutcomeUnknown("test", "server_error", f"{endpoint} {response.status}", "Look")
    return VenueRefused("test", "refused", endpoint, "No", status=response.status)


class Fixture:
    def __init__(self, *answers: Answer, attempts: int = 3) -> None:
        self.clock = FakeClock()
        self.transport = ScriptedTransport(answers)
        self.signed: list[tuple[str, str, bytes]] = []
        read, write = TokenBucket(100, 100, self.clock), TokenBucket(100, 100, self.clock)
        self.client = RestClient(
            "test",
            self.transport,
            Budget(read, write, {"cancel": 2}, default_cost=10, cancel_reserve=20),
            self.clock,
            self.sign,
            explain,
            Backoff(0.1, 1.0, attempts, lambda: 0.5),
            timeout_seconds=1.0,
        )

    def sign(self, method: str, path: str, body: bytes) -> Mapping[str, str]:
        self.signed.append((method, path, body))
        return {"X-Signature": str(len(self.signed))}

    def read(self) -> bytes:
        return asyncio.run(self.client.read("/a", [("b", "c d,e")], "get"))

    def write(self) -> bytes:
        return asyncio.run(self.client.write("POST", "/orders", b"{1}", "create"))

    def cancel(self) -> bytes:
        return asyncio.run(self.client.cancel("DELETE", "/orders/1", b"", "cancel"))


def test_a_read_is_signed_without_its_query() -> None:
    fixture = Fixture(answer(b"[]"))
    assert fixture.read() == b"[]"
    assert fixture.signed == [("GET", "/a", b"")]
    (request,) = fixture.transport.requests
    assert (request.path, request.query, request.body) == ("/a", "b=c%20d%2Ce", b"")
    assert request.headers == {"Accept": "application/json", "X-Signature": "1"}


@pytest.mark.parametrize("first", [answer(status=429), answer(status=503), LOST, ABSENT])
def test_a_read_is_tried_again_and_signed_again(first: Answer) -> None:
    fixture = Fixture(first, answer(b"ok"))
    assert fixture.read() == b"ok"
    assert len(fixture.signed) == 2
    assert fixture.clock.slept[0] == 0.05


def test_a_read_gives_up_after_its_attempts() -> None:
    fixture = Fixture(*[answer(status=500)] * 3)
    with pytest.raises(OutcomeUnknown, match="get 500"):
        fixture.read()
    assert len(fixture.transport.requests) == 3
    assert fixture.clock.slept == [0.05, 0.1]


def test_a_read_that_is_refused_is_not_repeated() -> None:
    fixture = Fixture(answer(status=404))
    with pytest.raises(VenueRefused) as refused:
        fixture.read()
    assert refused.value.status == 404
    assert len(fixture.transport.requests) == 1


def test_retry_after_wins_over_our_own_wait() -> None:
    fixture = Fixture(answer(status=503, headers={"retry-after": "4"}), answer(b"ok"))
    assert fixture.read() == b"ok"
    assert fixture.clock.slept == [4.0]


def test_a_wait_that_is_too_long_is_not_waited() -> None:
    fixture = Fixture(answer(status=429, headers={"retry-after": "3600"}))
    with pytest.raises(VenueRefused):
        fixture.read()
    assert fixture.clock.slept == []
    with pytest.raises(VenueUnreachable, match="rate_limited"):
        fixture.read()
    assert len(fixture.transport.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_write_answered_with_a_server_error_is_unknown_and_sent_once(status: int) -> None:
    fixture = Fixture(answer(status=status), answer(b"never"))
    with pytest.raises(OutcomeUnknown):
        fixture.write()
    assert len(fixture.transport.requests) == 1


def test_a_write_whose_answer_is_lost_is_unknown_and_sent_once() -> None:
    fixture = Fixture(LOST, answer(b"never"))
    with pytest.raises(OutcomeUnknown) as lost:
        fixture.write()
    assert (lost.value.venue, lost.value.reason) == ("test", "no_answer")
    assert len(fixture.transport.requests) == 1


def test_a_write_that_never_left_says_so_and_is_not_repeated() -> None:
    fixture = Fixture(ABSENT, answer(b"never"))
    with pytest.raises(VenueUnreachable) as absent:
        fixture.write()
    assert absent.value.venue == "test"
    assert len(fixture.transport.requests) == 1


@pytest.mark.parametrize("status", [429, 425])
def test_a_write_told_to_wait_is_not_repeated(status: int) -> None:
    fixture = Fixture(answer(status=status, headers={"retry-after": "1"}), answer(b"never"))
    with pytest.raises(VenueRefused):
        fixture.write()
    assert len(fixture.transport.requests) == 1


def test_a_write_carries_its_body_and_its_type() -> None:
    fixture = Fixture(answer(b"{}", 201))
    assert fixture.write() == b"{}"
    (request,) = fixture.transport.requests
    assert request.body == b"{1}"
    assert request.headers is not None
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("first", [answer(status=429), answer(status=500), LOST, ABSENT])
def test_a_cancel_is_tried_again(first: Answer) -> None:
    fixture = Fixture(first, answer(b"gone"))
    assert fixture.cancel() == b"gone"
    assert len(fixture.transport.requests) == 2


def test_a_cancel_gives_up_after_its_attempts() -> None:
    fixture = Fixture(LOST, LOST, LOST)
    with pytest.raises(OutcomeUnknown):
        fixture.cancel()
    assert len(fixture.transport.requests) == 3


def test_a_cancel_passes_when_writes_have_used_theirs() -> None:
    fixture = Fixture(*[answer(b"{}", 201)] * 8, answer(b"gone"))
    for _ in range(8):
        fixture.write()
    assert fixture.cancel() == b"gone"
    assert fixture.clock.slept == []


def test_an_empty_query_is_no_query() -> None:
    assert encoded(()) == ""
    assert encoded([("a", "1"), ("a", "2&3")]) == "a=1&a=2%263"
