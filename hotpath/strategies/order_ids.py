"""Client order ids: the same decision always has the same one, so sending it twice is one order.

`kr-<24 hex digits>`, and with a fencing token `kr-<token>-<24 hex digits>`: who reads the venue's
list of orders sees which holder of the lease sent each. Letters, digits and hyphens only, at most
48 characters, which every venue with client order ids takes.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from kairos.domain.instruments import Action, Outcome

TOKEN_MAX: Final = 10**20 - 1
_OURS: Final = re.compile(r"kr-(?:([1-9][0-9]{0,19})-)?[0-9a-f]{24}", re.ASCII)


def order_id(
    profile: str, market: str, side: Outcome, action: Action, ts_ns: int, token: int = 0
) -> str:
    """The id of a decision. `token` is the lease's fencing token; 0 in replay and paper."""
    if not 0 <= token <= TOKEN_MAX:
        raise ValueError(f"fencing token {token} is outside 0..{TOKEN_MAX}")
    text = f"{profile}|{market}|{side}|{action}|{ts_ns}"
    digest = hashlib.sha256(text.encode()).hexdigest()[:24]
    return f"kr-{token}-{digest}" if token else f"kr-{digest}"


def token_of(client_order_id: str) -> int | None:
    """The fencing token an id was made with; None for an id that is not ours."""
    match = _OURS.fullmatch(client_order_id)
    if match is None:
        return None
    return int(match[1]) if match[1] is not None else 0
