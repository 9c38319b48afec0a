"""Which contracts a session lists: names, strikes, hours and price grids as Kalshi has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kairos.domain.units import NANOSECONDS_PER_SECOND, PRICE_PER_DOLLAR, dollars
from local.market_generator.chance import Chance
from local.market_generator.clock_text import eastern, ticker_date
from local.market_generator.settings import MINUTE_NS, SessionSettings
from local.market_generator.spot_path import SpotPath

QUARTER_NS: Final = 15 * MINUTE_NS
HOUR_NS: Final = 60 * MINUTE_NS
# A window that the session sees for less than this would only add noise at its ends.
LISTING_NS: Final = 2 * MINUTE_NS
_LADDER_SPACING_CENTS: Final = 25_000
_LADDER_OFFSETS: Final = (-3, -2, -1, 0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Grid:
    """The prices a contract accepts, ascending; a level is an index into `prices`.

    Every grid here is symmetric: level `i` of one leg faces level `last - i` of the other.
    """

    name: str
    bands: tuple[tuple[int, int, int], ...]
    prices: tuple[int, ...] = field(init=False)
    floor_level: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        prices = {p for start, end, step in self.bands for p in range(start, end + 1, step)}
        inside = tuple(sorted(prices - {0, PRICE_PER_DOLLAR}))
        object.__setattr__(self, "prices", inside)
        object.__setattr__(self, "floor_level", _floor_levels(inside))

    @property
    def last(self) -> int:
        return len(self.prices) - 1

    def ranges(self) -> list[dict[str, str]]:
        """`price_ranges` as the venue writes them."""
        return [
            {"start": dollars(start), "end": dollars(end), "step": dollars(step)}
            for start, end, step in self.bands
        ]


def _floor_levels(prices: tuple[int, ...]) -> tuple[int, ...]:
    """For each tenth of a cent from 0 to a dollar, the highest level at or below it, or -1."""
    levels, level = [], -1
    for price in range(0, PRICE_PER_DOLLAR + 1, 10):
        while level + 1 < len(prices) and prices[level + 1] <= price:
            level += 1
        levels.append(level)
    return tuple(levels)


TAPERED: Final = Grid(
    "tapered_deci_cent", ((0, 1_000, 10), (1_000, 9_000, 100), (9_000, 10_000, 10))
)
LINEAR: Final = Grid("linear_cent", ((0, 10_000, 100),))


@dataclass(frozen=True, slots=True)
class Series:
    """What the contracts of a series share. `strict` is True when equality settles NO."""

    ticker: str
    window_ns: int
    strike_type: str
    strict: bool
    grid: Grid
    settlement_delay_ns: int
    strike_known_at_listing: bool


QUARTER_HOUR: Final = Series(
    "KXBTC15M", QUARTER_NS, "greater_or_equal", False, TAPERED, 5 * NANOSECONDS_PER_SECOND, False
)
HOURLY: Final = Series(
    "KXBTCD", HOUR_NS, "greater", True, LINEAR, 60 * NANOSECONDS_PER_SECOND, True
)


@dataclass(frozen=True, slots=True)
class Contract:
    """One market of a session. The strike is in cents of a dollar."""

    series: Series
    ticker: str
    event_ticker: str
    market_id: str
    open_ns: int
    close_ns: int
    strike_cents: int

    def settles_yes(self, average_cents: int) -> bool:
        if self.series.strict:
            return average_cents > self.strike_cents
        return average_cents >= self.strike_cents


def history_begin_ns(settings: SessionSettings) -> int:
    """When the path has to begin, so that the first strike's minute lies inside it."""
    return settings.start_ns // QUARTER_NS * QUARTER_NS - 2 * MINUTE_NS


def listed_contracts(
    settings: SessionSettings, path: SpotPath, chance: Chance
) -> tuple[Contract, ...]:
    """Every contract of the session, in the order it opens."""
    quarters = [_quarter_hour(close_ns, path, chance) for close_ns in _closes(settings, QUARTER_NS)]
    ladders = [
        contract
        for close_ns in (_closes(settings, HOUR_NS) if settings.ladder else ())
        for contract in _ladder(close_ns, settings, path, chance)
    ]
    return tuple(sorted(quarters + ladders, key=lambda contract: contract.open_ns))


def _closes(settings: SessionSettings, window_ns: int) -> list[int]:
    first = settings.start_ns // window_ns * window_ns + window_ns
    return [
        close_ns
        for close_ns in range(first, settings.end_ns + window_ns, window_ns)
        if _overlap(close_ns - window_ns, close_ns, settings) >= LISTING_NS
    ]


def _overlap(open_ns: int, close_ns: int, settings: SessionSettings) -> int:
    return min(close_ns, settings.end_ns) - max(open_ns, settings.start_ns)


def _quarter_hour(close_ns: int, path: SpotPath, chance: Chance) -> Contract:
    """Up or down over fifteen minutes: the strike is the last minute's average at the opening."""
    local = eastern(close_ns)
    event_ticker = f"KXBTC15M-{ticker_date(local)}{local:%H%M}"
    open_ns = close_ns - QUARTER_NS
    return Contract(
        series=QUARTER_HOUR,
        ticker=f"{event_ticker}-{local:%M}",
        event_ticker=event_ticker,
        market_id=chance.uuid(),
        open_ns=open_ns,
        close_ns=close_ns,
        strike_cents=path.minute_average_cents(open_ns),
    )


def _ladder(
    close_ns: int, settings: SessionSettings, path: SpotPath, chance: Chance
) -> list[Contract]:
    """The strikes around the money, each a cent below a multiple of $250."""
    local = eastern(close_ns)
    event_ticker = f"KXBTCD-{ticker_date(local)}{local:%H}"
    open_ns = close_ns - HOUR_NS
    centre = path.index_at(max(open_ns, settings.start_ns)) + _LADDER_SPACING_CENTS // 2
    nearest = centre // _LADDER_SPACING_CENTS
    strikes = [(nearest + offset) * _LADDER_SPACING_CENTS - 1 for offset in _LADDER_OFFSETS]
    return [
        Contract(
            series=HOURLY,
            ticker=f"{event_ticker}-T{cents // 100}.{cents % 100:02d}",
            event_ticker=event_ticker,
            market_id=chance.uuid(),
            open_ns=open_ns,
            close_ns=close_ns,
            strike_cents=cents,
        )
        for cents in strikes
    ]
