"""What an arriving order gets from displayed contracts, under each fill model."""

from __future__ import annotations

from hotpath.paper.orders import Levels, PaperOrder
from hotpath.paper.overlay import ConsumedDepth, level_key
from hotpath.paper.settings import FillModel


def untaken(levels: Levels, leg: int, consumed: ConsumedDepth) -> Levels:
    """Displayed levels less what we took of them."""
    return {
        price: consumed.left(level_key(leg, price), quantity) for price, quantity in levels.items()
    }


def offered(
    model: FillModel, order: PaperOrder, displayed: Levels, consumed: ConsumedDepth
) -> Levels:
    """The contracts this model lets the order have, best level first.

    `displayed` is the book at arrival. The pessimist believes a level only as far as it was there
    at every sighting; the optimist takes the better of what was decided on and what is there.
    """
    if model is FillModel.PESSIMISTIC:
        displayed = _always_displayed(displayed, order.sightings)
    levels = untaken(displayed, order.take_leg, consumed)
    if model is FillModel.OPTIMISTIC:
        levels = _ever_offered(levels, order.sightings)
    return {price: quantity for price, quantity in levels.items() if quantity}


def _always_displayed(displayed: Levels, sightings: list[Levels]) -> Levels:
    levels = displayed
    for sighting in sightings:
        levels = {
            price: min(quantity, sighting[price])
            for price, quantity in levels.items()
            if price in sighting
        }
    return levels


def _ever_offered(levels: Levels, sightings: list[Levels]) -> Levels:
    best = dict(levels)
    for sighting in sightings:
        for price, quantity in sighting.items():
            best[price] = max(best[price], quantity) if price in best else quantity
    return dict(sorted(best.items(), reverse=True))


def allocate(levels: Levels, wanted: int, granularity: int) -> list[tuple[int, int]]:
    """Fill `wanted` from the best level down: (level price, quantity), in tradable quantities."""
    plan = []
    for price, quantity in levels.items():
        part = min(quantity, wanted)
        part -= part % granularity
        if part:
            plan.append((price, part))
            wanted -= part
        if not wanted:
            break
    return plan
