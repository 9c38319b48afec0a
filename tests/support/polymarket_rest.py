"""A Polymarket account behind a scripted transport, and orders to give it."""

from __future__ import annotations

import json
from typing import Any

from kairos.adapters.http.client import RestClient
from kairos.adapters.http.retry import Backoff
from kairos.adapters.polymarket.auth import ApiCredentials, Level2
from kairos.adapters.polymarket.catalogue import ClobMarkets, PolymarketCatalogue
from kairos.adapters.polymarket.config import Limits, clob_budget, public_budget
from kairos.adapters.polymarket.eip712 import OrderSigner, SignatureType, SigningKey
from kairos.adapters.polymarket.errors import explainer
from kairos.adapters.polymarket.geoblock import Geoblock
from kairos.adapters.polymarket.listings import Listing, Listings
from kairos.adapters.polymarket.rest import Clients, PolymarketTrading
from kairos.adapters.polymarket.user import FeeAsset
from kairos.domain.instruments import Action, Outcome
from kairos.messages.commands import SubmitOrder, TimeInForce
from kairos.ports import HttpResponse
from tests.support.polymarket import MARKET, listing
from tests.support.rest import Answer, FakeClock, ScriptedTransport, answer

# The first account of a public test mnemonic: everybody knows this key.
TEST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
API_KEY = "00000000-0000-0000-0000-000000000001"
SECRET = "yMnKy8zNzs_Q0dLT1NXW19jZ2tvc3d7f4OHi4-Tl5uc="  # noqa: S105
PASSPHRASE = "p" * 32
ALLOWED = b'{"blocked":false,"country":"CH","region":"ZH"}'
ORDER_ID = "0x" + "cd" * 32


def credentials() -> ApiCredentials:
    return ApiCredentials(API_KEY, SECRET, PASSPHRASE)


def signer(signature_type: SignatureType = SignatureType.EOA, wallet: str = WALLET) -> OrderSigner:
    return OrderSigner(SigningKey.from_hex(TEST_KEY), signature_type, wallet)


class Rig:
    """A PolymarketTrading whose hosts answer from scripts."""

    def __init__(
        self,
        *listings: Listing,
        geoblock: tuple[Answer, ...] | None = None,
        fee_asset: FeeAsset = FeeAsset.COLLATERAL,
        limits: Limits | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.clob, self.data, self.gamma = (ScriptedTransport() for _ in range(3))
        self.website = ScriptedTransport((answer(ALLOWED),) if geoblock is None else geoblock)
        level2 = Level2(credentials(), WALLET, self.clock)
        clob = self._client(self.clob, level2, limits or Limits())
        self.listings = Listings()
        for each in listings or (listing(),):
            self.listings.add(each)
        self.geoblock = Geoblock(self.website, self.clock)
        self.catalogue = PolymarketCatalogue(self._client(self.gamma, None, None))
        self.trading = PolymarketTrading(
            Clients(clob, self._client(self.data, None, None)),
            ClobMarkets(clob, self.listings),
            signer(),
            credentials(),
            self.geoblock,
            fee_asset,
            self.clock,
        )

    def _client(
        self, transport: ScriptedTransport, level2: Level2 | None, limits: Limits | None
    ) -> RestClient:
        budget = public_budget(self.clock) if limits is None else clob_budget(limits, self.clock)
        sign = None if level2 is None else level2.headers
        backoff = Backoff(0.1, 1.0, 3, lambda: 0.5)
        return RestClient(
            "polymarket", transport, budget, self.clock, sign, explainer(self.clock), backoff, 5.0
        )

    def answers(self, *answers: Answer | bytes | str | dict[str, Any] | list[Any]) -> None:
        """What the CLOB says next."""
        self.clob.answers += [_answer(each) for each in answers]

    @property
    def sent(self) -> list[str]:
        return [f"{each.method} {each.path}" for each in self.clob.requests]

    def posted(self, index: int = -1) -> Any:  # noqa: ANN401
        return json.loads(self.clob.requests[index].body)


def _answer(each: Answer | bytes | str | dict[str, Any] | list[Any]) -> Answer:
    if isinstance(each, HttpResponse | Exception):
        return each
    return answer(each if isinstance(each, bytes | str) else json.dumps(each))


def submit(
    client_order_id: str = "a-1",
    *,
    price: int = 5600,
    quantity: int = 21_040_000,
    outcome: Outcome = Outcome.YES,
    action: Action = Action.BUY,
    time_in_force: TimeInForce = TimeInForce.GTC,
    post_only: bool = False,
    reduce_only: bool = False,
    expires_ns: int | None = None,
    market: str = MARKET,
) -> SubmitOrder:
    return SubmitOrder(
        1_795_000_000_000_123_456, client_order_id, market, outcome, action, price, quantity,
        time_in_force, post_only, reduce_only, expires_ns,
    )  # fmt: skip


def reply(
    order_id: str = ORDER_ID,
    status: str = "live",
    making: str = "",
    taking: str = "",
    *,
    success: bool = True,
    error: str = "",
) -> dict[str, Any]:
    return {
        "success": success, "errorMsg": error, "orderID": order_id, "status": status,
        "makingAmount": making, "takingAmount": taking, "transactionsHashes": [], "tradeIDs": [],
    }  # fmt: skip
