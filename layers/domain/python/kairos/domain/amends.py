"""Whether an order is amended or canceled and placed anew: what keeps its place in the queue wins.

Venues keep the place of an order that only becomes smaller and put every other change at the end of
the queue. A change that loses the place anyway is a new order, decided and reserved like any other.
"""

from __future__ import annotations

from enum import StrEnum

from kairos.domain.order_effects import Terms


class AmendPlan(StrEnum):
    """How to get from the terms an order has to those it shall have."""

    KEEP = "keep"  # they are the same
    DECREASE = "decrease"  # amend: it keeps its place
    CANCEL = "cancel"  # nothing of it shall rest
    REPLACE = "replace"  # cancel it, and place a new one when the cancel is proved


def amend_plan(current: Terms, wanted: Terms, filled: int) -> AmendPlan:
    """`quantity` is filled plus what shall rest, in both; `filled` is what cannot rest any more."""
    if wanted == current:
        return AmendPlan.KEEP
    if wanted.quantity <= filled:
        return AmendPlan.CANCEL
    if wanted.price == current.price and wanted.quantity < current.quantity:
        return AmendPlan.DECREASE
    return AmendPlan.REPLACE
