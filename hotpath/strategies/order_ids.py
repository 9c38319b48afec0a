"""Client order ids: the same decision always has the same one, so sending it twice is one order."""

from __future__ import annotations

import hashlib

from kairos.domain.instruments import Action, Outcome


def order_id(profile: str, market: str, side: Outcome, action: Action, ts_ns: int) -> str:
    text = f"{profile}|{market}|{side}|{action}|{ts_ns}"
    return "kr-" + hashlib.sha256(text.encode()).hexdigest()[:24]
