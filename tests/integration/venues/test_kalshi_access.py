"""Who may do what at the simulated Kalshi, and how often; and that it stops without a trace."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import time
from pathlib import Path

import aiohttp
import pytest

from local.venues.core.accounts import OutOfBalance
from local.venues.kalshi.auth import new_credentials
from local.venues.kalshi.server import ServerSettings
from tests.support.sim_kalshi import Rest, run, sign, venue

PATH = "/trade-api/v2/portfolio/orders"


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_both_kinds_of_keys_sign_rest_and_websocket(kind: str) -> None:
    async def scenario() -> None:
        async with venue(kind=kind) as v, v.socket() as socket:
            assert (await v.alice.call("GET", "/portfolio/orders", limit=5)).status == 200
            await socket.send("list_subscriptions")
            assert (await socket.next())["type"] == "ok"

    run(scenario)


def test_every_wrong_signature_is_refused_by_its_cause() -> None:
    async def scenario() -> None:
        async with venue() as v:
            good = sign(v.alice.credentials, "GET", PATH)
            late = int(time.time() * 1000) - 30_000
            early = int(time.time() * 1000) + 300_000
            stranger = new_credentials()
            wrong = {
                "header_timestamp_expired": sign(v.alice.credentials, "GET", PATH, late),
                "header_timestamp_expired ": sign(v.alice.credentials, "GET", PATH, early),
                "header_timestamp_invalid": {**good, "KALSHI-ACCESS-TIMESTAMP": "soon"},
                "authentication_error": sign(v.alice.credentials, "POST", PATH),
                "authentication_error ": sign(v.alice.credentials, "GET", f"{PATH}?limit=5"),
                "authentication_error  ": sign(stranger, "GET", PATH),
                "signature_is_missing_from_headers": {**good, "KALSHI-ACCESS-SIGNATURE": ""},
            }
            for expected, headers in wrong.items():
                async with v.http.get(v.server.server.url + PATH, headers=headers) as reply:
                    body = await reply.json()
                    assert (reply.status, body["error"]["code"]) == (401, expected.strip())

    run(scenario)


def test_the_websocket_asks_for_a_signature_too() -> None:
    async def scenario() -> None:
        async with venue() as v:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await v.http.ws_connect(v.server.ws_url)
            assert refused.value.status == 401

    run(scenario)


def test_scopes_are_enforced() -> None:
    async def scenario() -> None:
        async with venue() as v:
            reader = v.client(v.server.add_member("alice", 0, None, frozenset({"read"})))
            trader = v.client(v.server.add_member("alice", 0, None, frozenset({"write::trade"})))
            only = frozenset({"read::portfolio_balance"})
            teller = v.client(v.server.add_member("alice", 0, None, only))
            assert (await reader.call("GET", "/portfolio/orders")).status == 200
            assert (await reader.place("bid", "0.4000")).status == 403
            assert (await trader.place("bid", "0.4000")).status == 201
            assert (await trader.call("GET", "/portfolio/orders")).status == 403
            assert (await teller.call("GET", "/portfolio/balance")).status == 200
            assert (await teller.call("GET", "/portfolio/orders")).status == 403

    run(scenario)


def test_expired_and_revoked_keys_are_refused() -> None:
    async def scenario() -> None:
        async with venue() as v:
            past = v.server.add_member("alice", 0, None, expires_ns=time.time_ns() - 1)
            assert (await v.client(past).call("GET", "/portfolio/orders")).status == 401
            v.server.exchange.members.revoke(v.alice.credentials.key_id)
            reply = await v.alice.call("GET", "/portfolio/orders")
            assert (reply.status, reply.body["error"]["details"]) == (401, "NOT_FOUND")

    run(scenario)


def test_writes_run_out_of_tokens_and_cancels_cost_less() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings(tier="basic", is_driven=False)) as v:
            replies = [await v.alice.place("bid", "0.4000", "0.01") for _ in range(14)]
            refused = [reply for reply in replies if reply.status == 429]
            assert refused
            assert refused[0].body == {"error": "too many requests"}
            assert "Retry-After" not in refused[0].headers
            limits = (await v.alice.call("GET", "/account/limits")).body
            assert limits["write"] == {"refill_rate": 100, "bucket_capacity": 100}
            costs = (await v.alice.call("GET", "/account/endpoint_costs")).body
            cheap = {c["path"]: c["cost"] for c in costs["endpoint_costs"]}
            assert cheap["/trade-api/v2/portfolio/events/orders/{order_id}"] == 2
            await asyncio.sleep(0.25)
            order_id = replies[0].body["order_id"]
            path = f"/portfolio/events/orders/{order_id}"
            assert (await v.alice.call("DELETE", path, exchange_index=2)).status == 200

    run(scenario)


def test_a_batch_takes_all_its_tokens_or_does_nothing() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings(tier="basic", is_driven=False)) as v:
            item = {
                "ticker": "KXBTC15M-26NOV181430-30", "side": "bid", "price": "0.2000",
                "count": "0.01", "time_in_force": "good_till_canceled",
                "self_trade_prevention_type": "maker",
            }  # fmt: skip
            path = "/portfolio/events/orders/batched"
            assert (await v.alice.call("POST", path, {"orders": [item] * 11})).status == 429
            assert not (await v.alice.call("GET", "/portfolio/orders")).body["orders"]
            assert (await v.alice.call("POST", path, {"orders": [item] * 9})).status == 201

    run(scenario)


def test_the_balance_has_a_bucket_of_its_own() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings(tier="basic", is_driven=False)) as v:
            statuses = [(await v.alice.call("GET", "/portfolio/balance")).status for _ in range(2)]
            assert statuses == [200, 429]
            assert (await v.alice.call("GET", "/portfolio/orders")).status == 200

    run(scenario)


def test_stopping_ends_connections_and_frees_the_port() -> None:
    async def scenario() -> int:
        async with venue(ServerSettings()) as v, v.socket() as socket:
            await socket.send("list_subscriptions")
            await socket.next()
            port = v.server.server.port
            await v.server.stop()
            with pytest.raises(ConnectionError):
                await socket.next()
        return port

    port = run(scenario)
    with sockets.socket() as probe:
        probe.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_a_restarted_venue_on_the_same_port_still_knows_its_orders() -> None:
    async def scenario() -> None:
        async with venue() as v:
            order_id = await v.alice.placed("bid", "0.4000")
            port = v.server.server.port
            await v.server.stop()
            with pytest.raises(aiohttp.ClientError):
                await v.alice.call("GET", "/portfolio/orders")
            await v.server.start(port)
            assert (await v.alice.order(order_id))["status"] == "resting"

    run(scenario)


def test_signatures_of_the_published_vectors_verify() -> None:
    """Vectors made with other libraries, so that the checking is not only checked by itself."""
    root = Path(__file__).resolve().parents[3]
    vectors = root / ".." / "shared" / "vectors" / "kalshi_auth.json"
    if not vectors.exists():
        pytest.skip("needs ../shared/vectors/kalshi_auth.json")
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    from local.venues.kalshi.auth import _is_signed_by

    facts = json.loads(vectors.read_text())
    key = load_pem_public_key(facts["rsa_public_key_pem"].encode())
    for case in facts["rsa_pss"]:
        message = case["message"].encode()
        assert _is_signed_by(key, message, case["signature_b64"])  # type: ignore[arg-type]
        assert not _is_signed_by(key, message + b"?", case["signature_b64"])  # type: ignore[arg-type]


def test_credentials_never_show_their_private_half() -> None:
    credentials = new_credentials()
    assert "PRIVATE" not in repr(credentials)
    assert "PRIVATE" not in repr(Rest("", credentials, None))  # type: ignore[arg-type]


def test_a_path_that_does_not_exist_is_refused_in_the_venues_words() -> None:
    async def scenario() -> None:
        async with venue() as v:
            reply = await v.alice.call("GET", "/portfolio/weather")
            assert (reply.status, reply.body["error"]["code"]) == (404, "not_found")

    run(scenario)


class Broken:
    """A feature of the simulator that fails: a defect of its own, not a fault on request."""

    def advance(self, now_ns: int) -> None:
        raise OutOfBalance(f"at {now_ns}")


def test_a_defect_of_the_simulator_is_loud() -> None:
    async def scenario() -> None:
        async with venue(ServerSettings()) as v:
            v.server.features.append(Broken())
            await asyncio.sleep(0.05)
            reply = await v.alice.call("GET", "/exchange/status")
            assert (reply.status, "simulator failed" in str(reply.body)) == (500, True)
            with pytest.raises(OutOfBalance):
                await v.server.stop()

    run(scenario)
