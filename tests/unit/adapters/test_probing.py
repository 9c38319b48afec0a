"""Dates of answers, and how answers fit the schemas that read them."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest

from kairos.adapters.probing import date_ns, sample, server_time
from kairos.ports import HttpRequest, HttpResponse
from tests.support.rest import FakeClock


class Price(msgspec.Struct, rename="camel"):
    last_price: Decimal


class Row(msgspec.Struct, rename="camel"):
    market_slug: str
    best: Price | None = None
    levels: list[Price] | None = None
    strike: str | None = None


WHOLE = b'{"marketSlug":"a","best":{"lastPrice":1},"levels":[{"lastPrice":"2"}],"strike":"3"}'


def test_a_sample_that_fits_says_nothing() -> None:
    found = sample("rows", Row, [WHOLE, b'{"marketSlug":"b"}'])
    assert (found.rows, found.broken, found.absent, found.unread) == (2, (), (), ())


def test_fields_that_nobody_reads_are_named_wherever_they_are() -> None:
    row = (
        b'{"marketSlug":"a","best":{"lastPrice":1,"size":2},"levels":[{"lastPrice":2,"age":3}],'
        b'"strike":"3","icon":"x"}'
    )
    assert sample("rows", Row, [row, row]).unread == ("best.size", "levels.age", "icon")


def test_a_field_that_is_gone_is_named_unless_it_seldom_is_there() -> None:
    row = b'{"marketSlug":"a","best":{"lastPrice":1}}'
    assert sample("rows", Row, [row]).absent == ("levels", "strike")
    assert sample("rows", Row, [row], {"strike", "levels"}).absent == ()


@pytest.mark.parametrize(
    "row",
    [b'{"marketslug":"a"}', b'{"marketSlug":1}', b'{"marketSlug":"a","best":{}}', b"[]", b"{"],
)
def test_what_cannot_be_read_is_broken(row: bytes) -> None:
    found = sample("rows", Row, [row, WHOLE])
    assert len(found.broken) == 1
    assert (found.rows, found.absent) == (2, ())


def test_nothing_to_look_at_is_nothing_missing() -> None:
    found = sample("rows", Row, [])
    assert (found.rows, found.absent) == (0, ())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Wed, 18 Nov 2026 11:06:40 GMT", 1_795_000_000),
        ("Wed, 18 Nov 2026 11:06:40", 1_795_000_000),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_of_answers(text: str | None, seconds: int | None) -> None:
    assert date_ns(text) == (None if seconds is None else seconds * 10**9)


def test_the_clock_is_read_around_the_question() -> None:
    clock = FakeClock()

    class Slow:
        async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
            assert (request.path, request.headers) == ("/time", None)
            clock.advance(0.5)
            return HttpResponse(401, {"date": "Wed, 18 Nov 2026 11:06:40 GMT"}, b"")

    time = asyncio.run(server_time(Slow(), "/time", clock))
    assert time.date_ns == 1_795_000_000 * 10**9
    assert time.received_ns - time.sent_ns == 500_000_000
