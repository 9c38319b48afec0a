"""Times one Polymarket order, from what the engine says to the bytes that are posted.

    python -m benchmarks.polymarket_signing [--peer-python PATH]

The peer is py-clob-client-v2, whose pins conflict with ours: PATH is the interpreter of an
environment that has it (default: this one). Both run in turn, the best of the rounds counts, and
the peer's orders are signed again by us and compared byte for byte. Ours builds the JSON body as
well; the peer's figure stops at the signed order.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from benchmarks.rows import Goal, Row, absolute_row, conclusion, speedup_row, table
from benchmarks.timing import pin_to_one_cpu
from hotpath.heap import no_collector
from kairos.adapters.polymarket.config import Exchange
from kairos.adapters.polymarket.eip712 import (
    OrderFields,
    OrderSigner,
    Side,
    SignatureType,
    SigningKey,
)
from kairos.adapters.polymarket.listings import Listing, fees_of
from kairos.adapters.polymarket.orders import OrderBuilder
from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import SubmitOrder, TimeInForce

ROUNDS: Final = 5
ORDERS: Final = 2_000
PEER_ORDERS: Final = 300
GOAL: Final = Goal("≥", 8.0)
BUDGET: Final = Goal("≤", 40.0, "us")
PEER: Final = "py-clob-client-v2"
MISSING: Final = f"{PEER} is not installed: nothing to compare with. Give --peer-python"
# A key that everybody knows, of a public test mnemonic.
_KEY: Final = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
_YES: Final = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
_NO: Final = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
_NOW_NS: Final = 1_795_000_000_000_000_000
_PEER_SECONDS_MAX: Final = 120

_PEER_SCRIPT: Final = """
import json, sys, time
from py_clob_client_v2.clob_types import CreateOrderOptions, OrderArgsV2
from py_clob_client_v2.order_builder.builder import OrderBuilder
from py_clob_client_v2.signer import Signer
key, token, orders = sys.argv[1], sys.argv[2], int(sys.argv[3])
builder = OrderBuilder(Signer(key, 137))
options = CreateOrderOptions(tick_size="0.01", neg_risk=False)
def one():
    return builder.build_order(
        OrderArgsV2(token_id=token, price=0.56, size=21.04, side="BUY"), options, version=2)
one()
start = time.perf_counter()
for _ in range(orders):
    signed = one()
seconds = (time.perf_counter() - start) / orders
samples = [one() for _ in range(5)]
print(json.dumps({"seconds": seconds, "samples": [
    {"salt": int(s.salt), "token": int(s.tokenId), "maker": int(s.makerAmount),
     "taker": int(s.takerAmount), "timestamp": int(s.timestamp), "signature": s.signature}
    for s in samples]}))
"""


@dataclass(slots=True)
class Best:
    """The least seconds per order so far."""

    seconds: float = float("inf")

    def add(self, seconds: float) -> None:
        self.seconds = min(self.seconds, seconds)

    @property
    def microseconds(self) -> float:
        return self.seconds * 1e6


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH")
    args = parser.parse_args(argv)
    pin_to_one_cpu()
    rows = run(args.peer_python)
    print(table(rows))
    print(conclusion(rows))
    return 0


def run(peer_python: str = sys.executable) -> list[Row]:
    """Rows of the table; without the peer the ratio is missing and a note says why."""
    prepare, ours, theirs, bare = _prepare(), Best(), Best(), Best()
    key, digest = SigningKey.from_hex(_KEY), bytes(range(32))
    equal = 0
    for _ in range(ROUNDS):
        ours.add(_timed(prepare, ORDERS))
        bare.add(_timed(lambda _: key.sign(digest), ORDERS))
        answer = _peer(peer_python)
        if answer is None:
            return [
                *_alone(ours, bare),
                absolute_row(f"sign an order, {PEER}", 0, "us", note=MISSING),
            ]
        theirs.add(answer["seconds"])
        equal += _equal(answer["samples"])
    return [
        *_alone(ours, bare),
        speedup_row("sign an order", ours.microseconds, "us", PEER, theirs.microseconds, GOAL),
        absolute_row("signatures equal byte for byte", equal, "orders", Goal("≥", 5.0 * ROUNDS)),
    ]


def _alone(ours: Best, bare: Best) -> list[Row]:
    """Our figure, and beside it the elliptic curve's share of it, which nobody can avoid."""
    curve = f"of it {bare.microseconds:.1f} us in secp256k1"
    return [absolute_row("sign an order", ours.microseconds, "us", BUDGET, curve)]


def _prepare() -> Callable[[int], object]:
    """Build, sign and encode the order of a number; each has its own id and so its own salt."""
    fees = fees_of(Decimal("0.07"), Decimal(1), taker_only=True)
    listing = Listing("0x" + "a1" * 32, _YES, _NO, 100, 5_000_000, Exchange.CTF, fees)
    builder = OrderBuilder(_signer(), "00000000-0000-0000-0000-000000000000")
    orders = [
        SubmitOrder(
            _NOW_NS + number, f"bench-{number}", listing.market, Outcome.YES, Action.BUY, 5_600,
            21_040_000, TimeInForce.GTC, post_only=False, reduce_only=False,
        )
        for number in range(ORDERS)
    ]  # fmt: skip
    return lambda number: builder.prepare(orders[number], listing, _NOW_NS)


def _signer() -> OrderSigner:
    key = SigningKey.from_hex(_KEY)
    return OrderSigner(key, SignatureType.EOA, key.address)


def _timed(prepare: Callable[[int], object], orders: int) -> float:
    with no_collector():
        start = time.perf_counter()
        for number in range(orders):
            prepare(number)
        return (time.perf_counter() - start) / orders


def _peer(python: str) -> dict[str, Any] | None:
    """What the peer's own process measured; None when it cannot be imported there."""
    done = subprocess.run(
        [python, "-c", _PEER_SCRIPT, _KEY, _YES, str(PEER_ORDERS)],
        capture_output=True, check=False, timeout=_PEER_SECONDS_MAX,
    )  # fmt: skip
    if done.returncode != 0 and b"ModuleNotFoundError" in done.stderr:
        return None
    done.check_returncode()
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _equal(samples: Sequence[dict[str, Any]]) -> int:
    """How many of the peer's orders we sign to the same bytes."""
    signer = _signer()
    return sum(
        signer.sign(
            OrderFields(
                each["salt"], str(each["token"]), each["maker"], each["taker"], Side.BUY,
                each["timestamp"],
            ),
            Exchange.CTF,
        ).signature == "0x" + each["signature"].removeprefix("0x")
        for each in samples
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
