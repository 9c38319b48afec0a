"""Builds a venue's probe from settings as text, and says which of them are missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from kairos.adapters.access import check_origin
from kairos.adapters.http.transport import AiohttpTransport
from kairos.adapters.kalshi.access import kalshi_access
from kairos.adapters.kalshi.probe import KalshiProbe
from kairos.adapters.polymarket.auth import ApiCredentials
from kairos.adapters.polymarket.config import Hosts
from kairos.adapters.polymarket.connect import PolymarketConnection, PolymarketSettings
from kairos.adapters.polymarket.eip712 import SignatureType, SigningKey
from kairos.adapters.polymarket.probe import PolymarketProbe
from kairos.adapters.polymarket.user import FeeAsset
from kairos.adapters.polymarket_us.auth import Credentials
from kairos.adapters.polymarket_us.config import Settings
from kairos.adapters.polymarket_us.probe import PolymarketUsProbe
from kairos.errors import UsageError
from kairos.ports import Clock


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting by name. Secrets are never shown; `default` None means that it must be set."""

    name: str
    meaning: str
    default: str | None = None


VARIABLES: Final[dict[str, tuple[Variable, ...]]] = {
    "kalshi": (
        Variable("KALSHI_API_KEY_ID", "id of the API key"),
        Variable("KALSHI_PRIVATE_KEY_PATH", "PEM file of its private key, Ed25519 or RSA"),
        Variable("KALSHI_ENVIRONMENT", "production or demo; keys belong to one", "production"),
        Variable("KALSHI_TIER", "usage tier to assume: basic, advanced, …", "basic"),
    ),
    "polymarket": (
        Variable("POLYMARKET_PRIVATE_KEY", "the wallet's key, 32 bytes of hexadecimal"),
        Variable("POLYMARKET_API_KEY", "CLOB API key"),
        Variable("POLYMARKET_API_SECRET", "its secret"),
        Variable("POLYMARKET_API_PASSPHRASE", "its passphrase"),
        Variable("POLYMARKET_WALLET", "the address that holds the funds", ""),
        Variable("POLYMARKET_SIGNATURE_TYPE", "0 own key, 1 proxy, 2 Safe, 3 deposit wallet", "0"),
    ),
    "polymarket-us": (
        Variable("POLYMARKET_US_KEY_ID", "id of the API key (uuid)"),
        Variable("POLYMARKET_US_SECRET_KEY", "its secret, base64"),
    ),
}

AnyProbe = KalshiProbe | PolymarketProbe | PolymarketUsProbe


@dataclass(frozen=True, slots=True)
class Opened:
    """A probe, and what ends its connections."""

    probe: AnyProbe
    close: Callable[[], Awaitable[None]]


def missing(venue: str, settings: Mapping[str, str]) -> list[str]:
    """Names that must be set and are not; all of them when nobody uses the venue."""
    return [
        each.name
        for each in VARIABLES[venue]
        if each.default is None and not settings.get(each.name)
    ]


def open_probe(
    venue: str,
    settings: Mapping[str, str],
    base_url: str | None,
    clock: Clock,
    jitter: Callable[[], float],
) -> Opened:
    """`base_url` is the one origin of a simulated venue. Raises UsageError for what cannot be."""
    if base_url is not None:
        check_origin(base_url)
    return _OPENERS[venue](with_defaults(venue, settings), base_url, clock, jitter)


def with_defaults(venue: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Every variable of a venue, as it is set or by its default."""
    return {each.name: settings.get(each.name) or each.default or "" for each in VARIABLES[venue]}


def _kalshi(
    stated: Mapping[str, str], base_url: str | None, clock: Clock, jitter: Callable[[], float]
) -> Opened:
    config, key = kalshi_access(stated, base_url)
    transport = AiohttpTransport(config.rest_origin)
    return Opened(KalshiProbe(transport, config, key, clock, jitter), transport.close)


def _polymarket(
    stated: Mapping[str, str], base_url: str | None, clock: Clock, jitter: Callable[[], float]
) -> Opened:
    hosts = Hosts() if base_url is None else Hosts(base_url, base_url, base_url, base_url)
    key = SigningKey.from_hex(stated["POLYMARKET_PRIVATE_KEY"])
    kind = stated["POLYMARKET_SIGNATURE_TYPE"]
    if kind not in ("0", "1", "2", "3"):
        raise UsageError("POLYMARKET_SIGNATURE_TYPE must be 0, 1, 2 or 3")
    if kind != "0" and not stated["POLYMARKET_WALLET"]:
        raise UsageError("POLYMARKET_WALLET must name the wallet for signature types 1 to 3")
    credentials = ApiCredentials(
        stated["POLYMARKET_API_KEY"],
        stated["POLYMARKET_API_SECRET"],
        stated["POLYMARKET_API_PASSPHRASE"],
    )
    settings = PolymarketSettings(
        stated["POLYMARKET_WALLET"] or key.address, SignatureType(int(kind)), FeeAsset.COLLATERAL,
        hosts,
    )  # fmt: skip
    connection = PolymarketConnection(settings, key, credentials, clock, jitter)
    clob, gamma = AiohttpTransport(hosts.clob), AiohttpTransport(hosts.gamma)

    async def close() -> None:
        await connection.close()
        await clob.close()
        await gamma.close()

    return Opened(PolymarketProbe(connection, clob, gamma, settings, clock, jitter), close)


def _polymarket_us(
    stated: Mapping[str, str], base_url: str | None, clock: Clock, jitter: Callable[[], float]
) -> Opened:
    settings = Settings()
    if base_url is not None:
        settings = replace(settings, api_url=base_url, gateway_url=base_url)
    credentials = Credentials(stated["POLYMARKET_US_KEY_ID"], stated["POLYMARKET_US_SECRET_KEY"])
    account, public = AiohttpTransport(settings.api_url), AiohttpTransport(settings.gateway_url)

    async def close() -> None:
        await account.close()
        await public.close()

    probe = PolymarketUsProbe(account, public, credentials, clock, jitter, settings)
    return Opened(probe, close)


_OPENERS: Final = {
    "kalshi": _kalshi,
    "polymarket": _polymarket,
    "polymarket-us": _polymarket_us,
}
