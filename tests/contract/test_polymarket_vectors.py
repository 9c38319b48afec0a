"""Polymarket's signing and rounding against the venue's own clients, byte for byte."""

from __future__ import annotations

import gzip
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kairos.adapters.polymarket import amounts
from kairos.adapters.polymarket.auth import ApiCredentials, Level2, level1_headers
from kairos.adapters.polymarket.config import CHAIN_ID, CONTRACTS, Exchange
from kairos.adapters.polymarket.eip712 import (
    ORDER_TYPE,
    OrderFields,
    OrderSigner,
    Side,
    SignatureType,
    SigningKey,
    address_word,
    domain_separator,
    keccak256,
    typed_digest,
    word,
)
from kairos.adapters.polymarket.orders import post_body
from kairos.domain.instruments import Action
from tests.support.rest import FakeClock

VECTORS = Path(__file__).with_name("vectors")


def zipped(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(gzip.decompress((VECTORS / name).read_bytes()))
    return loaded


def plain(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((VECTORS / name).read_bytes())
    return loaded


ORDERS = zipped("polymarket_eip712_orders.json.gz")
AMOUNTS = zipped("polymarket_amount_rounding.json.gz")
LEVEL1 = plain("polymarket_l1_clobauth.json")
LEVEL2 = plain("polymarket_l2_hmac.json")
CURRENT = [each for each in ORDERS["vectors"] if each["version"] in (2, 3)]
DEAD = [each for each in ORDERS["vectors"] if each["version"] == 1]


def label(case: dict[str, Any]) -> str:
    return str(case["label"])


def exchange_of(case: dict[str, Any]) -> Exchange:
    if case["version"] == 3:
        return Exchange.POSITIONS
    return Exchange.NEG_RISK if case["neg_risk"] else Exchange.CTF


def signer_of(case: dict[str, Any]) -> OrderSigner:
    message = case["message"]
    return OrderSigner(
        SigningKey.from_hex(ORDERS["private_key"]),
        SignatureType(message["signatureType"]),
        message["maker"],
        metadata=bytes.fromhex(message["metadata"][2:]),
        builder=bytes.fromhex(message["builder"][2:]),
    )


def fields_of(case: dict[str, Any]) -> OrderFields:
    message = case["message"]
    return OrderFields(
        salt=message["salt"],
        token_id=message["tokenId"],
        maker_amount=message["makerAmount"],
        taker_amount=message["takerAmount"],
        side=Side(message["side"]),
        timestamp_ms=message["timestamp"],
    )


def price_units(price: float) -> int:
    exact = Decimal(repr(price)) * 10_000
    assert exact == int(exact)
    return int(exact)


def micro(size: float) -> int:
    exact = Decimal(repr(size)) * 1_000_000
    assert exact == int(exact)
    return int(exact)


def test_every_kind_of_order_is_covered() -> None:
    assert len(CURRENT) == 33
    assert len(DEAD) == 13
    assert {exchange_of(each) for each in CURRENT} == set(Exchange)
    assert {each["message"]["signatureType"] for each in CURRENT} == set(SignatureType)
    assert {each["input"]["tick_size"] for each in CURRENT} == set(AMOUNTS["round_config"])


def test_the_contracts_are_the_ones_that_were_signed_for() -> None:
    theirs = ORDERS["contracts"]
    assert ORDERS["chain_id"] == CHAIN_ID
    assert CONTRACTS[Exchange.CTF].address == theirs["exchange_v2"]
    assert CONTRACTS[Exchange.NEG_RISK].address == theirs["neg_risk_exchange_v2"]
    assert CONTRACTS[Exchange.POSITIONS].address == theirs["exchange_v3"]
    assert ORDERS["order_type_v2_v3"] == ORDER_TYPE
    assert SigningKey.from_hex(ORDERS["private_key"]).address == ORDERS["address"]


@pytest.mark.parametrize("case", CURRENT, ids=label)
def test_order_id_and_signature(case: dict[str, Any]) -> None:
    signer, fields = signer_of(case), fields_of(case)
    signed = signer.sign(fields, exchange_of(case))
    assert signed.order_id == case["order_hash"]
    assert signed.signature == case["signature"]
    assert signer.order_id(fields, exchange_of(case)) == case["order_hash"]


@pytest.mark.parametrize("case", CURRENT, ids=label)
def test_posted_body(case: dict[str, Any]) -> None:
    expected = case["post_body"]
    signer, fields = signer_of(case), fields_of(case)
    body = post_body(
        signer,
        fields,
        signer.sign(fields, exchange_of(case)).signature,
        owner=expected["owner"],
        order_type=expected["orderType"],
        expires=int(expected["order"]["expiration"]),
        post_only=expected["postOnly"],
    )
    assert json.loads(body) == expected
    assert list(json.loads(body)["order"]) == list(expected["order"])
    assert b" " not in body


@pytest.mark.parametrize("case", CURRENT, ids=label)
def test_amounts_of_the_signed_orders(case: dict[str, Any]) -> None:
    asked, message = case["input"], case["message"]
    tick = price_units(float(asked["tick_size"]))
    if asked["market_order"]:
        # Floats floored the price of one of them, 0.57, to 0.56 before it was signed.
        places = AMOUNTS["round_config"][asked["tick_size"]]["price"]
        price = price_units(cut_by_floats(asked["price"], places))
        ours = amounts.spend_amounts(micro(asked["size_or_amount"]), price, tick)
    else:
        ours = amounts.limit_amounts(
            Action(asked["side"]), price_units(asked["price"]), micro(asked["size_or_amount"]), tick
        )
    assert ours == (message["makerAmount"], message["takerAmount"])


@pytest.mark.parametrize("case", DEAD, ids=label)
def test_orders_of_the_first_exchange_from_the_same_parts(case: dict[str, Any]) -> None:
    """Nothing of it can be sent any more; the parts it is made of are those we sign with."""
    message, domain = case["message"], case["domain"]
    separator = domain_separator(
        domain["name"], domain["version"], domain["chainId"], domain["verifyingContract"]
    )
    words = b"".join(
        address_word(message[name]) if name in ("maker", "signer", "taker") else
        word(int(message[name]))
        for name in (
            "salt", "maker", "signer", "taker", "tokenId", "makerAmount", "takerAmount",
            "expiration", "nonce", "feeRateBps", "side", "signatureType",
        )
    )  # fmt: skip
    struct = keccak256(keccak256(ORDERS["order_type_v1"].encode()) + words)
    digest = typed_digest(separator, struct)
    assert "0x" + digest.hex() == case["order_hash"]
    signature = SigningKey.from_hex(ORDERS["private_key"]).sign(digest)
    assert "0x" + signature.hex() == case["signature"]


@pytest.mark.parametrize("case", LEVEL1["cases"], ids=lambda case: str(case["timestamp"]))
def test_level_one_headers(case: dict[str, Any]) -> None:
    key = SigningKey.from_hex(case["private_key"])
    ours = level1_headers(key, case["timestamp"], case["nonce"], chain_id=case["chain_id"])
    assert ours == case["headers"]


@pytest.mark.parametrize("case", LEVEL2["cases"], ids=lambda case: str(case["path"]))
def test_level_two_signatures(case: dict[str, Any]) -> None:
    credentials = ApiCredentials("key", case["secret"], "pass")
    assert credentials.sign(case["message"].encode()) == case["signature"]
    level2 = Level2(credentials, "0x0", FakeClock())
    body = (case["body"] or "").encode()
    headers = level2.headers_at(int(case["timestamp"]), case["method"], case["path"], body)
    assert headers["POLY_SIGNATURE"] == case["signature"]


def test_level_two_headers_at_the_clock_s_time() -> None:
    example = LEVEL2["full_headers_example"]
    credentials = ApiCredentials(example["api_key"], example["secret"], example["passphrase"])
    expected = example["headers"]
    clock = FakeClock(int(expected["POLY_TIMESTAMP"]) * 1_000_000_000 + 999)
    level2 = Level2(credentials, expected["POLY_ADDRESS"], clock)
    assert level2.headers("POST", "/order", example["body"].encode()) == expected


def amount_case(case: dict[str, Any]) -> tuple[Action, int, int, int]:
    tick = price_units(float(case["tick"]))
    return Action(case["side"]), price_units(case["price"]), micro(case["size"]), tick


def test_limit_amounts_equal_the_exact_client_in_every_case() -> None:
    assert len(AMOUNTS["cases"]) == 360
    wrong_floats = 0
    for case in AMOUNTS["cases"]:
        ours = amounts.limit_amounts(*amount_case(case))
        assert list(ours) == case["limit_decimal_sdk"], case
        wrong_floats += case["limit"] != case["limit_decimal_sdk"]
    assert wrong_floats == 12


def cut_by_floats(value: float, decimals: int) -> float:
    return math.floor(value * 10.0**decimals) / 10.0**decimals


def test_market_buys_equal_the_client_given_what_its_floats_made_of_price_and_size() -> None:
    """It floors 0.57 to 0.56 and 141.7 to 141.69 before it divides; the division is the same."""
    mangled = 0
    for case in AMOUNTS["cases"]:
        _, price, size, tick = amount_case(case)
        if case["side"] == "SELL":
            continue
        places = AMOUNTS["round_config"][case["tick"]]
        their_price = price_units(cut_by_floats(case["price"], places["price"]))
        their_size = micro(cut_by_floats(case["size"], 2))
        mangled += their_price != price or their_size != amounts.tradable(size)
        if amounts.on_grid(their_price, tick):
            assert list(amounts.spend_amounts(their_size, their_price, tick)) == case["market"]
    assert mangled


def test_market_sales_equal_the_exact_client() -> None:
    for case in AMOUNTS["cases"]:
        if case["side"] == "SELL":
            assert list(amounts.market_amounts(*amount_case(case))) == case["limit_decimal_sdk"]


def test_the_rounding_table_is_the_client_s() -> None:
    table = AMOUNTS["round_config"]
    assert {price_units(float(text)) for text in table} == set(amounts.AMOUNT_STEP)
    for text, places in table.items():
        assert amounts.AMOUNT_STEP[price_units(float(text))] == 10 ** (6 - places["amount"])
        assert 10 ** (6 - places["size"]) == amounts.SIZE_STEP
