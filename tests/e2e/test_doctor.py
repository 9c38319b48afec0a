"""`kairos doctor` as a user runs it, against venues on this machine."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kairos.bootstrap import VENUE_VARIABLES
from local.venues.btc.session import BtcSession, BtcSettings
from local.venues.core.clock import RunningClock
from local.venues.registry import World, build_venue
from tests.support.cli import Teller, Told
from tests.support.polymarket_us import balance, book

SECRET = base64.b64encode(bytes(range(32))).decode()
US_KEYS = {"POLYMARKET_US_KEY_ID": "key-id", "POLYMARKET_US_SECRET_KEY": SECRET}
KEYS = {
    "POLYMARKET_PRIVATE_KEY": "0x" + "11" * 32,
    "POLYMARKET_API_KEY": "api-key",
    "POLYMARKET_API_SECRET": base64.urlsafe_b64encode(b"x" * 32).decode(),
    "POLYMARKET_API_PASSPHRASE": "pass-phrase",
}
Answers = dict[str, Any]
US_MARKET = {
    "slug": "m1", "question": "?", "status": "MARKET_STATUS_OPEN", "active": True, "closed": False,
    "orderPriceMinTickSize": 0.01, "minimumTradeQty": 1, "feeCoefficient": 0.0695,
    "endDate": "2026-11-18T11:06:40Z", "marketSides": [{"long": True, "description": "Yes"}],
    "icon": "x",
}  # fmt: skip
US_ANSWERS: Answers = {
    "/v1/orders/open": {"orders": []},
    "/v1/account/balances": {"balances": [balance()]},
    "/v1/markets": {"markets": [US_MARKET]},
    "/v1/markets/m1/book": {"marketData": book()["marketData"]},
}
GAMMA_MARKET = {
    "conditionId": "0x1", "question": "?", "active": True, "closed": False, "slug": "s",
    "outcomes": '["Yes", "No"]', "outcomePrices": '["0.5", "0.5"]', "clobTokenIds": '["1", "2"]',
    "orderPriceMinTickSize": 0.01, "orderMinSize": 5, "acceptingOrders": True,
    "enableOrderBook": True, "endDate": "2026-11-18T11:06:40Z",
}  # fmt: skip
ANSWERS: Answers = {
    "/time": 1_795_000_000,
    "/auth/ban-status/closed-only": {"closed_only": False},
    "/balance-allowance": {"balance": "250250000", "allowances": {}},
    "/api/geoblock": {"blocked": False, "country": "NL", "region": "NH", "ip": "127.0.0.1"},
    "/markets/keyset": {"markets": [GAMMA_MARKET], "next_cursor": None},
}


@pytest.fixture(autouse=True)
def _no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key of whoever runs the tests is used."""
    for each in (named for venue in VENUE_VARIABLES.values() for named in venue):
        monkeypatch.delenv(each.name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture
def teller(capsys: pytest.CaptureFixture[str]) -> Teller:
    return Teller(capsys)


def served(answers: Answers, teller: Teller, *arguments: object) -> Told:
    """Run the command while a server on this machine gives `answers` by path."""

    async def handle(request: web.Request) -> web.Response:
        found = answers.get(request.path)
        if found is None:
            return web.json_response({"code": 5, "message": "not found"}, status=404)
        if isinstance(found, int) and found < 600:
            return web.json_response({"message": "refused"}, status=found)
        return web.json_response(found)

    async def run() -> Told:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            texts = [str(each).format(url=f"http://127.0.0.1:{port}") for each in arguments]
            return await asyncio.wait_for(asyncio.to_thread(teller, "doctor", *texts), 30)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def statuses(told: Told) -> dict[str, str]:
    return {each["name"]: each["status"] for each in told.json()["findings"]}


def setenv(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_without_keys_everything_is_skipped_with_what_to_set(teller: Teller) -> None:
    told = teller("doctor")
    assert told.code == 0
    lines = told.out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["skip"] * 3
    assert "KALSHI_API_KEY_ID" in lines[0]
    assert lines[-1] == "0 ok, 0 warn, 0 fail, 3 skipped"
    assert statuses(teller("doctor", "--json", "--venue", "kalshi")) == {"kalshi keys": "skipped"}


def test_half_a_key_fails_and_names_the_other_half(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYMARKET_US_KEY_ID", "key-id")
    told = teller("doctor")
    assert told.code == 1
    assert "FAIL polymarket-us keys  POLYMARKET_US_SECRET_KEY not set" in told.out


def test_a_key_that_is_none_fails_without_being_shown(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    setenv(monkeypatch, US_KEYS | {"POLYMARKET_US_SECRET_KEY": "my-secret-key!"})
    told = teller("doctor", "--venue", "polymarket-us")
    assert told.code == 1
    assert "not base64" in told.out
    assert "my-secret-key!" not in told.out + told.err


def test_a_healthy_venue_passes(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    setenv(monkeypatch, US_KEYS)
    told = served(
        US_ANSWERS, teller, "--venue", "polymarket-us", "--base-url", "polymarket-us={url}"
    )
    assert told.code == 0, told.out
    assert [line.split()[0] for line in told.out.splitlines()[:-1]] == [
        "ok", "ok", "ok", "skip", "ok", "ok",
    ]  # fmt: skip
    assert "$250.250000 to trade with" in told.out
    assert "1 markets, 1 books read whole; not read: markets icon, books stats" in told.out


@pytest.mark.parametrize(
    ("changed", "name", "words"),
    [
        ({"/v1/orders/open": 401}, "key", "wrong_key"),
        ({"/v1/account/balances": {"balances": []}}, "balance", "unreadable_reply"),
        ({"/v1/account/balances": 451}, "balance", "region_blocked"),
        ({"/v1/markets": {"markets": [{"slugs": "m1"}]}}, "spec drift", "`slug`"),
        ({"/v1/markets/m1/book": {"marketData": {"marketSlug": "m1"}}}, "spec drift", "`bids`"),
    ],
)
def test_what_is_wrong_is_found(
    teller: Teller, monkeypatch: pytest.MonkeyPatch, changed: Answers, name: str, words: str
) -> None:
    setenv(monkeypatch, US_KEYS)
    told = served(
        US_ANSWERS | changed, teller, "--json", "--venue", "polymarket-us",
        "--base-url", "polymarket-us={url}",
    )  # fmt: skip
    assert told.code == 1
    (failed,) = [each for each in told.json()["findings"] if each["status"] == "fail"]
    assert failed["name"] == f"polymarket-us {name}"
    assert words in failed["detail"]
    assert failed["remedy"]


def test_polymarket_passes_and_its_geography_fails_closed(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    setenv(monkeypatch, KEYS)
    asked = ("--json", "--venue", "polymarket", "--base-url", "polymarket={url}")
    told = served(ANSWERS, teller, *asked)
    assert told.code == 0, told.out
    assert set(statuses(told).values()) == {"ok"}
    for answer in (503, {"blocked": True, "country": "US", "region": "NY", "ip": "x"}, {}):
        told = served(ANSWERS | {"/api/geoblock": answer}, teller, *asked)
        assert told.code == 1
        assert statuses(told)["polymarket geography"] == "fail"
    told = served(ANSWERS | {"/auth/ban-status/closed-only": {"closed_only": True}}, teller, *asked)
    assert statuses(told)["polymarket key"] == "fail"
    assert "pass-phrase" not in told.out + told.err


def test_the_simulated_kalshi_passes(
    teller: Teller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> Told:
        clock = RunningClock(time.time_ns(), 1.0)
        session = BtcSession(BtcSettings(7, clock.now_ns(), 30))
        async with AsyncExitStack() as running:
            venue = build_venue("kalshi", World(7, clock, session, tmp_path))
            running.push_async_callback(venue.stop)
            where = await venue.start(0)
            monkeypatch.setenv("KALSHI_API_KEY_ID", where.credentials["key_id"])
            monkeypatch.setenv("KALSHI_PRIVATE_KEY_PATH", where.credentials["private_key"])
            told = asyncio.to_thread(
                teller, "doctor", "--json", "--venue", "kalshi",
                "--base-url", f"kalshi={where.control_url}",
            )  # fmt: skip
            return await asyncio.wait_for(told, 30)

    told = asyncio.run(run())
    assert told.code == 0, told.out
    found = statuses(told)
    assert (found["kalshi key"], found["kalshi balance"], found["kalshi rate tier"]) == (
        "ok", "ok", "ok",
    )  # fmt: skip
    assert found["kalshi clock"] == "ok"
    assert found["kalshi spec drift"] in ("ok", "warn")
    details = {each["name"]: each["detail"] for each in told.json()["findings"]}
    assert details["kalshi rate tier"].startswith("advanced: ")


def test_a_venue_that_is_not_there_fails_every_check_with_a_remedy(
    teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    setenv(monkeypatch, US_KEYS)
    told = served({}, teller, "--json", "--venue", "polymarket-us", "--base-url",
                  "polymarket-us=http://127.0.0.1:9")  # fmt: skip
    assert told.code == 1
    failed = [each for each in told.json()["findings"] if each["status"] == "fail"]
    assert {each["name"].split(" ", 1)[1] for each in failed} == {
        "clock", "key", "balance", "spec drift",
    }  # fmt: skip
    assert all(each["remedy"] for each in failed)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--venue", "nasdaq"),
        ("--base-url", "kalshi"),
        ("--base-url", "nasdaq=https://x"),
        ("--venue", "kalshi", "--base-url", "polymarket=https://x"),
        ("--base-url", "kalshi=https://a", "--base-url", "kalshi=https://b"),
    ],
)
def test_usage_errors(teller: Teller, arguments: tuple[str, ...]) -> None:
    assert teller("doctor", *arguments).code == 2


@pytest.mark.parametrize("url", ["http://example.com", "ftp://x", "https://x/path", "x"])
def test_keys_do_not_go_out_in_the_clear(
    teller: Teller, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    setenv(monkeypatch, US_KEYS)
    told = teller("doctor", "--venue", "polymarket-us", "--base-url", f"polymarket-us={url}")
    assert told.code == 1
    assert "must be https://" in told.out


def test_an_env_file_is_read_and_one_that_cannot_be_is_named(
    teller: Teller, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("POLYMARKET_US_KEY_ID=key-id\n")
    assert "POLYMARKET_US_SECRET_KEY not set" in teller("doctor").out
    assert teller("doctor", "--env-file", tmp_path / "absent").code == 3
    (tmp_path / ".env").write_text("my secret\n")
    told = teller("doctor", "--json")
    assert told.code == 3
    assert "my secret" not in told.out + told.err
    assert json.loads(told.out)["error"]["kind"] == "InputError"
