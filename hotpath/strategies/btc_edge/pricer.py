"""What profile v2 believes about the underlying: spot, basis, volatility, realised prints."""

from __future__ import annotations

from typing import Final

from hotpath.spot import Spot
from hotpath.strategies.btc_edge.settings import BtcEdgeSettings
from kairos.domain.contract import Contract
from kairos.domain.fair_value import Moments, probability, settlement_moments
from kairos.domain.settlement_average import PRINTS, SettlementWindow
from kairos.domain.volatility import Volatility

_NS: Final = 1_000_000_000
_NEVER_NS: Final = 1 << 62
_WINDOWS_MAX: Final = 64
_BASIS_MEMORY: Final = 0.9  # of the last gap between index and spot, per index print


class Pricer:
    """Fed with spot and index; asked for moments of a settlement and probabilities of contracts."""

    __slots__ = (
        "_basis", "_fixed", "_fixed_index", "_index_ns", "_move_min", "_opens_ns", "_spot",
        "_spot_stale_ns", "_windows", "price", "version", "volatility",
    )  # fmt: skip

    def __init__(self, settings: BtcEdgeSettings, spot: Spot) -> None:
        self._spot = spot
        self.volatility = Volatility(settings.volatility)
        self.price: float | None = None  # the spot, corrected by what the index has shown
        self.version = 0  # counts what `estimate` rests on: spot, index, volatility
        self._basis = 0.0
        self._index_ns = -1
        self._spot_stale_ns = int(settings.spot_stale_seconds * _NS)
        self._move_min = settings.spot_move_min_dollars
        self._fixed = settings.basis_dollars**2
        self._fixed_index = settings.basis_dollars_with_index**2
        self._windows: dict[int, SettlementWindow] = {}
        self._opens_ns = _NEVER_NS  # when the first of them begins to fill

    def open_window(self, close_ns: int) -> None:
        if close_ns not in self._windows and len(self._windows) < _WINDOWS_MAX:
            self._windows[close_ns] = SettlementWindow(close_ns)
            self._opens_ns = min(self._windows) - PRINTS * _NS

    def spot(self, price: float, now_ns: int) -> bool:
        """Take a trade; True when anything that is priced from it moved."""
        moved = self.volatility.update(now_ns, price)
        corrected = price + self._basis
        if now_ns > self._opens_ns:
            self.realise(corrected, now_ns)
        last = self.price
        if last is not None and not moved and abs(corrected - last) < self._move_min:
            return False
        self.price = corrected
        self.version += 1
        return True

    def index(self, value: float, venue_ns: int, now_ns: int) -> bool:
        """The index is the thing itself: learn the proxy's basis from it, slowly."""
        spot = self._spot.price
        if spot is None:
            return False
        gap = value - spot
        fresh = self._index_ns >= 0
        self._basis = _BASIS_MEMORY * self._basis + (1 - _BASIS_MEMORY) * gap if fresh else gap
        self._index_ns = now_ns
        for window in self._windows.values():
            window.take_print(venue_ns, value)
        self.price = spot + self._basis
        self.version += 1
        self.realise(self.price, now_ns)
        return True

    def realise(self, price: float, now_ns: int) -> None:
        """Book the prints of settlement windows that fell due; called on every tick and timer."""
        if now_ns > self._opens_ns:
            for window in self._windows.values():
                if now_ns > window.close_ns - PRINTS * _NS:
                    window.advance(now_ns, price)

    def forget(self, now_ns: int) -> None:
        if now_ns <= self._opens_ns + 2 * PRINTS * _NS:
            return
        for close_ns in [each for each in self._windows if now_ns > each + PRINTS * _NS]:
            del self._windows[close_ns]
            self._opens_ns = min(self._windows, default=_NEVER_NS) - PRINTS * _NS

    def moments(self, close_ns: int, now_ns: int, price: float) -> Moments:
        """Mean and variance of the settlement value of contracts that close at `close_ns`."""
        seconds = (close_ns - now_ns) / 1e9
        total, count = 0.0, 0
        if seconds < PRINTS:
            window = self._windows.get(close_ns)
            if window is not None:
                total, count = window.total, window.count
        return settlement_moments(price, seconds, total, count, self.volatility.sigma)

    def fixed_variance(self, now_ns: int) -> float:
        """Dollars squared by which the proxy may miss the index."""
        fresh = self._index_ns >= 0 and now_ns - self._index_ns <= self._spot_stale_ns
        return self._fixed_index if fresh else self._fixed

    def estimate(self, contract: Contract, now_ns: int) -> tuple[float, float] | None:
        """(probability of YES, its uncertainty); None without a fresh spot or a volatility."""
        price, volatility = self.price, self.volatility
        if (
            price is None
            or not volatility.ready
            or now_ns - self._spot.heard_ns > self._spot_stale_ns
        ):
            return None
        seconds = (contract.close_ns - now_ns) / 1e9
        if seconds >= PRINTS:
            mean, variance = settlement_moments(price, seconds, 0.0, 0, volatility.sigma)
        else:
            mean, variance = self.moments(contract.close_ns, now_ns, price)
        fixed = self._fixed if self._index_ns < 0 else self.fixed_variance(now_ns)
        return probability(contract.lower, contract.upper, mean, variance, volatility.spread, fixed)

    def heard(self, now_ns: int) -> bool:
        """Whether the spot is fresh enough to price from."""
        return now_ns - self._spot.heard_ns <= self._spot_stale_ns

    def ready(self, now_ns: int) -> bool:
        """Everything a price needs is there: a fresh spot and a volatility worth the name."""
        return (
            self.volatility.ready
            and self.price is not None
            and now_ns - self._spot.heard_ns <= self._spot_stale_ns
        )
