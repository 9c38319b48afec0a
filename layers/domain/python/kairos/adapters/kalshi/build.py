"""Puts the Kalshi adapter together from a config, a key and a clock."""

from __future__ import annotations

from collections.abc import Callable
from ssl import SSLContext

from kairos.adapters.http.client import RestClient, Sign
from kairos.adapters.http.limits import Budget, TokenBucket
from kairos.adapters.http.retry import Backoff
from kairos.adapters.http.transport import AiohttpTransport
from kairos.adapters.http.wire import WireTransport
from kairos.adapters.kalshi.ahead import SignAhead
from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.catalogue import KalshiCatalogue
from kairos.adapters.kalshi.config import DEFAULT_COST, ENDPOINT_COSTS, TIERS, KalshiConfig
from kairos.adapters.kalshi.errors import explain
from kairos.adapters.kalshi.rest import KalshiTrading
from kairos.domain.instruments import Venue
from kairos.ports import Clock, HttpTransport


def kalshi_transport(config: KalshiConfig, ssl: SSLContext | None = None) -> AiohttpTransport:
    """The caller closes it."""
    return AiohttpTransport(config.rest_origin, ssl=ssl)


def kalshi_wire(
    config: KalshiConfig, *, jitter: Callable[[], float], ssl: SSLContext | None = None
) -> WireTransport:
    """For trading: connections that are kept warm, from `await open()` to `await close()`."""
    return WireTransport(config.rest_origin, jitter=jitter, ssl=ssl)


def kalshi_trading(
    config: KalshiConfig,
    key: KalshiKey,
    clock: Clock,
    transport: HttpTransport,
    *,
    order_group_id: str,
    jitter: Callable[[], float],
    exchange_index: int = 0,
) -> KalshiTrading:
    """`order_group_id` may be empty only to make the group itself (`trading.groups.create`).

    Before trading, `await trading.exchange.learn_limits()` replaces the tier's published rates.
    Over a `kalshi_wire` orders leave inside the call that places them (`place_now`), and while
    `trading.stay_ready()` runs their headers are signed ahead.
    """
    sign = SignAhead(key, clock)
    return KalshiTrading(
        _client(config, clock, transport, sign, jitter, _budget(config, clock)),
        _client(config, clock, transport, sign, jitter, _balance_budget(clock)),
        clock,
        order_group_id=order_group_id,
        lifetime_seconds=config.lifetime_seconds,
        exchange_index=exchange_index,
        subaccount=config.subaccount,
        stay_ready=sign.run,
    )


async def kalshi_account(
    config: KalshiConfig,
    key: KalshiKey,
    clock: Clock,
    transport: HttpTransport,
    *,
    contracts_limit: int,
    jitter: Callable[[], float],
    exchange_index: int,
) -> KalshiTrading:
    """Trading with the account's own rates and an order group of its own, which may match
    `contracts_limit` micro-contracts in any 15 seconds. Raises what the venue raises."""

    def over(group: str) -> KalshiTrading:
        return kalshi_trading(
            config, key, clock, transport, order_group_id=group, jitter=jitter,
            exchange_index=exchange_index,
        )  # fmt: skip

    trading = over(await over("").groups.create(contracts_limit))
    await trading.exchange.learn_limits()
    return trading


def kalshi_catalogue(
    config: KalshiConfig, clock: Clock, transport: HttpTransport, *, jitter: Callable[[], float]
) -> KalshiCatalogue:
    """Public pages: no key. With a budget of its own, so that it never starves trading's."""
    client = _client(config, clock, transport, None, jitter, _budget(config, clock))
    return KalshiCatalogue(client, clock)


def _client(
    config: KalshiConfig,
    clock: Clock,
    transport: HttpTransport,
    sign: Sign | None,
    jitter: Callable[[], float],
    budget: Budget,
) -> RestClient:
    backoff = Backoff(
        config.backoff_base_seconds, config.backoff_cap_seconds, config.attempts_max, jitter
    )
    return RestClient(
        Venue.KALSHI, transport, budget, clock, sign, explain, backoff, config.timeout_seconds,
        wait_max_seconds=config.wait_max_seconds,
    )  # fmt: skip


def _budget(config: KalshiConfig, clock: Clock) -> Budget:
    tier = TIERS[config.tier]
    return Budget(
        TokenBucket(tier.read_rate, tier.read_capacity, clock),
        TokenBucket(tier.write_rate, tier.write_capacity, clock),
        ENDPOINT_COSTS,
        DEFAULT_COST,
        config.cancel_reserve,
    )


def _balance_budget(clock: Clock) -> Budget:
    """The balance endpoint is counted apart: once a second on the lower tiers, without burst."""
    once_a_second = TokenBucket(1, 1, clock)
    return Budget(once_a_second, TokenBucket(1, 1, clock), {}, default_cost=1, cancel_reserve=0)
