"""Every REST endpoint of Kalshi that is used, once: its method, its path, and so its cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from kairos.adapters.kalshi.config import API

_PLACEHOLDER = re.compile(r"\{[^/]*\}|:[^/]+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is below the API root, with `{}` where an id goes."""

    method: str
    path: str

    @property
    def name(self) -> str:
        """What budgets and errors call it: `GET /portfolio/orders/{}`."""
        return f"{self.method} {self.path}"

    def at(self, *ids: str) -> str:
        """The whole path, the way it is signed and sent."""
        return API + self.path.format(*(quote(each, safe="") for each in ids))


def named_as_ours(method: str, path: str) -> str:
    """The name of an endpoint as the venue lists it (`/x/{order_id}`, `/x/:order_id`, with or
    without the API root)."""
    return f"{method.upper()} {_PLACEHOLDER.sub('{}', path.removeprefix(API))}"


CREATE: Final = Endpoint("POST", "/portfolio/events/orders")
CREATE_BATCH: Final = Endpoint("POST", "/portfolio/events/orders/batched")
CANCEL: Final = Endpoint("DELETE", "/portfolio/events/orders/{}")
CANCEL_ALL: Final = Endpoint("DELETE", "/portfolio/events/orders")
CANCEL_BATCH: Final = Endpoint("DELETE", "/portfolio/events/orders/batched")
AMEND: Final = Endpoint("POST", "/portfolio/events/orders/{}/amend")
DECREASE: Final = Endpoint("POST", "/portfolio/events/orders/{}/decrease")

GROUP_CREATE: Final = Endpoint("POST", "/portfolio/order_groups/create")
GROUP: Final = Endpoint("GET", "/portfolio/order_groups/{}")
GROUP_DELETE: Final = Endpoint("DELETE", "/portfolio/order_groups/{}")
GROUP_RESET: Final = Endpoint("PUT", "/portfolio/order_groups/{}/reset")
GROUP_TRIGGER: Final = Endpoint("PUT", "/portfolio/order_groups/{}/trigger")
GROUP_LIMIT: Final = Endpoint("PUT", "/portfolio/order_groups/{}/limit")

BALANCE: Final = Endpoint("GET", "/portfolio/balance")
POSITIONS: Final = Endpoint("GET", "/portfolio/positions")
FILLS: Final = Endpoint("GET", "/portfolio/fills")
SETTLEMENTS: Final = Endpoint("GET", "/portfolio/settlements")
ORDERS: Final = Endpoint("GET", "/portfolio/orders")
ORDER: Final = Endpoint("GET", "/portfolio/orders/{}")

STATUS: Final = Endpoint("GET", "/exchange/status")
SCHEDULE: Final = Endpoint("GET", "/exchange/schedule")
USER_DATA_TIMESTAMP: Final = Endpoint("GET", "/exchange/user_data_timestamp")
LIMITS: Final = Endpoint("GET", "/account/limits")
COSTS: Final = Endpoint("GET", "/account/endpoint_costs")

SERIES: Final = Endpoint("GET", "/series/{}")
EVENTS: Final = Endpoint("GET", "/events")
EVENT: Final = Endpoint("GET", "/events/{}")
MARKETS: Final = Endpoint("GET", "/markets")
MARKET: Final = Endpoint("GET", "/markets/{}")
ORDERBOOK: Final = Endpoint("GET", "/markets/{}/orderbook")
ORDERBOOKS: Final = Endpoint("GET", "/markets/orderbooks")
TRADES: Final = Endpoint("GET", "/markets/trades")
CANDLESTICKS: Final = Endpoint("GET", "/series/{}/markets/{}/candlesticks")

HISTORICAL_CUTOFF: Final = Endpoint("GET", "/historical/cutoff")
HISTORICAL_ORDERS: Final = Endpoint("GET", "/historical/orders")
HISTORICAL_FILLS: Final = Endpoint("GET", "/historical/fills")
HISTORICAL_MARKETS: Final = Endpoint("GET", "/historical/markets")
HISTORICAL_MARKET: Final = Endpoint("GET", "/historical/markets/{}")
HISTORICAL_TRADES: Final = Endpoint("GET", "/historical/trades")
HISTORICAL_CANDLESTICKS: Final = Endpoint("GET", "/historical/markets/{}/candlesticks")

USED: Final = tuple(value for value in globals().values() if isinstance(value, Endpoint))
