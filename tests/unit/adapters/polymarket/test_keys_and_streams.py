"""Keys show nothing, the geoblock fails closed, streams say what the venue expects."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from kairos.adapters.polymarket.auth import ApiCredentials, Level2
from kairos.adapters.polymarket.config import Exchange, Hosts
from kairos.adapters.polymarket.connect import (
    PolymarketConnection,
    PolymarketSettings,
)
from kairos.adapters.polymarket.eip712 import (
    OrderFields,
    OrderSigner,
    Side,
    SignatureType,
    SigningKey,
    address_word,
)
from kairos.adapters.polymarket.geoblock import ALLOWED_SECONDS, BLOCKED_SECONDS, Geoblock
from kairos.adapters.polymarket.stream import (
    TOKENS_MAX,
    PolymarketStream,
    PolymarketUserStream,
)
from kairos.adapters.polymarket.user import FeeAsset
from kairos.domain.refusals import Refusal
from kairos.errors import OutcomeUnknown, UsageError, VenueRefused, VenueUnreachable
from kairos.messages.streams import SaidKind
from kairos.ports import VenueStream
from tests.support.polymarket_rest import (
    ALLOWED,
    API_KEY,
    PASSPHRASE,
    SECRET,
    TEST_KEY,
    WALLET,
    credentials,
    signer,
)
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

PROXY = "0x" + "11" * 20


# Keys


@pytest.mark.parametrize("text", ["", "0x", "ac", TEST_KEY + "00", "zz" * 32, "00" * 32])
def test_a_bad_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        SigningKey.from_hex(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "secret", "passphrase"),
    [("", SECRET, "p"), ("k", "", "p"), ("k", SECRET, ""), ("k", "not base64!", "p")],
)
def test_bad_credentials_are_refused_without_being_shown(
    key: str, secret: str, passphrase: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ApiCredentials(key, secret, passphrase)
    assert not secret or secret not in str(caught.value)


def test_nothing_of_a_key_is_in_any_repr() -> None:
    key = SigningKey.from_hex(TEST_KEY[2:])
    fields = OrderFields(1, "2", 3, 4, Side.BUY, 5)
    signed = signer().sign(fields, Exchange.CTF)
    shown = [
        repr(key), repr(signer()), repr(signed), repr(credentials()),
        repr(Level2(credentials(), WALLET, FakeClock())),
        repr(PolymarketUserStream(credentials())),
        repr(list(PolymarketUserStream(credentials()).first_frames([]))),
    ]  # fmt: skip
    for secret in (TEST_KEY[2:], SECRET, API_KEY, PASSPHRASE, signed.signature):
        assert not any(secret in each for each in shown)


def test_a_wallet_and_its_signature_type_belong_together() -> None:
    key = SigningKey.from_hex(TEST_KEY)
    with pytest.raises(UsageError, match="type 0"):
        OrderSigner(key, SignatureType.EOA, PROXY)
    assert OrderSigner(key, SignatureType.PROXY, PROXY).signer == WALLET
    assert OrderSigner(key, SignatureType.DEPOSIT_WALLET, PROXY).signer == PROXY
    with pytest.raises(UsageError, match="32 bytes"):
        OrderSigner(key, SignatureType.EOA, WALLET, builder=b"x")


@pytest.mark.parametrize("text", ["", "0x12", WALLET[2:], WALLET + "00", "0x" + "zz" * 20])
def test_only_addresses_are_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="is not an address"):
        address_word(text)


# The geoblock


def geoblock(*answers: Answer) -> tuple[Geoblock, ScriptedTransport, FakeClock]:
    transport, clock = ScriptedTransport(answers), FakeClock()
    return Geoblock(transport, clock), transport, clock


def test_an_allowed_location_is_asked_about_every_five_minutes() -> None:
    check, transport, clock = geoblock(answer(ALLOWED), answer(b'{"blocked":true}'))
    asyncio.run(check.require())
    clock.advance(ALLOWED_SECONDS - 1)
    asyncio.run(check.require())
    assert len(transport.requests) == 1
    clock.advance(1)
    with pytest.raises(VenueRefused) as caught:
        asyncio.run(check.require())
    assert caught.value.reason == Refusal.REGION_BLOCKED
    assert "do not route around" in caught.value.remedy


@pytest.mark.parametrize(
    "bad",
    [
        answer(b'{"blocked":true,"country":"US"}'), answer(b'{"blocked":"no"}'), answer(b"{}"),
        answer(b'{"blocked":null}'), answer(b""), answer(b"<html>"), answer(ALLOWED, 500),
        answer(ALLOWED, 302), answer(ALLOWED, 403),
        VenueUnreachable("polymarket.com", "no_connection", "dns", "look"),
        OutcomeUnknown("polymarket.com", "no_answer", "timeout", "look"),
    ],
    ids=str,
)  # fmt: skip
def test_anything_but_a_clear_yes_blocks(bad: Answer) -> None:
    check, _, clock = geoblock(bad, answer(ALLOWED))
    assert asyncio.run(check.verdict()).blocked
    with pytest.raises(VenueRefused):
        asyncio.run(check.require())
    clock.advance(BLOCKED_SECONDS)
    asyncio.run(check.require())


def test_a_verdict_is_renewed_before_an_order_has_to_wait_for_it() -> None:
    check, transport, clock = geoblock(answer(ALLOWED), answer(ALLOWED))
    asyncio.run(check.refresh())
    clock.advance(ALLOWED_SECONDS / 2 - 1)
    asyncio.run(check.refresh())
    assert len(transport.requests) == 1
    clock.advance(1)
    asyncio.run(check.refresh())
    assert len(transport.requests) == 2


def test_a_clock_that_went_back_asks_again() -> None:
    check, transport, clock = geoblock(answer(ALLOWED), answer(ALLOWED))
    asyncio.run(check.require())
    clock.advance(-10)
    asyncio.run(check.require())
    assert len(transport.requests) == 2


# Streams


def test_the_first_message_opens_and_the_others_add() -> None:
    markets = [f"0x{number}" for number in range(TOKENS_MAX + 1)]
    tokens = {market: f"t{market}" for market in markets}
    stream = PolymarketStream(tokens)
    typed: VenueStream = stream
    first = [json.loads(each.message) for each in typed.first_frames(markets)]
    assert [len(each["assets_ids"]) for each in first] == [TOKENS_MAX, 1]
    assert (first[0]["type"], first[0]["custom_feature_enabled"]) == ("market", True)
    assert first[1] == {"operation": "subscribe", "assets_ids": [f"t0x{TOKENS_MAX}"]}
    [more] = stream.add_frames(["0x1"])
    assert json.loads(more.message)["operation"] == "subscribe"
    stream.opened()
    [again] = stream.first_frames(["0x1"])
    assert json.loads(again.message)["type"] == "market"


def test_a_fresh_book_is_a_fresh_subscription() -> None:
    stream = PolymarketStream({"0x1": "7"})
    list(stream.first_frames(["0x1"]))
    asked = [json.loads(each.message) for each in stream.resync_frames(["0x1"])]
    assert asked == [
        {"operation": "unsubscribe", "assets_ids": ["7"]},
        {"operation": "subscribe", "assets_ids": ["7"]},
    ]
    [dropped] = stream.drop_frames(["0x1"])
    assert json.loads(dropped.message) == asked[0]


def test_the_user_channel_proves_who_we_are_and_is_never_noted() -> None:
    stream: VenueStream = PolymarketUserStream(credentials())
    [every] = stream.first_frames([])
    body: dict[str, Any] = json.loads(every.message)
    assert body == {
        "type": "user",
        "auth": {"apiKey": API_KEY, "secret": SECRET, "passphrase": PASSPHRASE},
    }
    assert not every.is_noted
    [some] = stream.first_frames(["0x1"])
    assert json.loads(some.message)["markets"] == ["0x1"]
    assert stream.resync_frames(["0x1"]) == []


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b"PONG", SaidKind.HEARTBEAT), (b"INVALID OPERATION", SaidKind.REFUSED), (b"{}", None),
        (b"[]", None), (b"", None), (b"hello", None),
    ],
)  # fmt: skip
def test_words_that_are_not_data(message: bytes, kind: SaidKind | None) -> None:
    for stream in (PolymarketStream({}), PolymarketUserStream(credentials())):
        said = stream.classify(message)
        assert (None if said is None else said.kind) is kind
        assert stream.heartbeat.text == b"PING"
        assert stream.address(0).url.startswith("wss://")


def test_an_account_is_put_together_and_closed() -> None:
    async def run() -> None:
        settings = PolymarketSettings(
            WALLET, SignatureType.EOA, FeeAsset.COLLATERAL, Hosts(clob="http://127.0.0.1:1")
        )
        clock = FakeClock()
        connection = PolymarketConnection(
            settings, SigningKey.from_hex(TEST_KEY), credentials(), clock, lambda: 0.0
        )
        with pytest.raises(VenueUnreachable):
            await connection.trading.balance()
        await connection.close()

    asyncio.run(run())
