"""Kalshi's config and key out of settings as text, for the probe and for whoever trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from kairos.adapters.access import check_origin, read_key
from kairos.adapters.kalshi.auth import KalshiKey
from kairos.adapters.kalshi.config import DEMO, PRODUCTION, STREAM_PATH, KalshiConfig
from kairos.errors import UsageError

_ENVIRONMENTS: Final = {"production": PRODUCTION, "demo": DEMO}
_STREAMS: Final = {"https": "wss", "http": "ws"}


class KalshiAccess(NamedTuple):
    """Where, and as whom."""

    config: KalshiConfig
    key: KalshiKey


def kalshi_access(stated: Mapping[str, str], base_url: str | None) -> KalshiAccess:
    """`stated` has all variables of `probes.VARIABLES`; `base_url` is the one origin of a simulated
    venue, REST and websocket. Raises UsageError naming the variable."""
    config = _ENVIRONMENTS.get(stated["KALSHI_ENVIRONMENT"])
    if config is None:
        raise UsageError("KALSHI_ENVIRONMENT must be production or demo")
    try:
        config = replace(config, tier=stated["KALSHI_TIER"])
    except ValueError as error:
        raise UsageError(f"KALSHI_TIER: {error}") from error
    if base_url is not None:
        config = _elsewhere(config, base_url)
    pem = read_key(Path(stated["KALSHI_PRIVATE_KEY_PATH"]), "KALSHI_PRIVATE_KEY_PATH")
    return KalshiAccess(config, KalshiKey.from_pem(stated["KALSHI_API_KEY_ID"], pem))


def _elsewhere(config: KalshiConfig, base_url: str) -> KalshiConfig:
    check_origin(base_url)
    scheme, _, host = base_url.rstrip("/").partition("://")
    stream = f"{_STREAMS[scheme]}://{host}{STREAM_PATH}"
    return replace(config, rest_origin=base_url.rstrip("/"), stream_url=stream)
