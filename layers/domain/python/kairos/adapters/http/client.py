"""One venue's REST calls: reads and cancels are tried again, a write is sent exactly once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

from kairos.adapters.http.limits import Budget, Kind
from kairos.adapters.http.retry import Backoff, retry_after_seconds
from kairos.errors import OutcomeUnknown, VenueError, VenueUnreachable
from kairos.ports import Clock, HttpRequest, HttpResponse, HttpTransport, PromptTransport

Query = Sequence[tuple[str, str]]
Sign = Callable[[str, str, bytes], Mapping[str, str]]
Explain = Callable[[str, HttpResponse], VenueError]

# Who is told to wait longer gives up instead, and the budget remembers until when.
RETRY_AFTER_MAX_SECONDS: Final = 30.0
_RETRIED: Final = frozenset({425, 429, 500, 502, 503, 504})
_TOO_MANY: Final = 429
_WITHOUT: Final = {"Accept": "application/json"}
_WITH_BODY: Final = {"Accept": "application/json", "Content-Type": "application/json"}


class _Call(NamedTuple):
    """One thing to ask, however often; headers are signed anew each time."""

    method: str
    path: str
    query: str
    body: bytes
    endpoint: str
    kind: Kind
    orders: int


class RestClient:
    """Signs, paces and sends. `path` is whole, from the root; `sign(method, path, body)` gives
    headers and does not see the query; `explain(endpoint, response)` names what was not 2xx.

    Every call raises VenueRefused, VenueUnreachable or OutcomeUnknown; after a read, the last just
    means that no answer came.
    """

    def __init__(
        self,
        venue: str,
        transport: HttpTransport,
        budget: Budget,
        clock: Clock,
        sign: Sign | None,
        explain: Explain,
        backoff: Backoff,
        timeout_seconds: float,
        *,
        wait_max_seconds: float = 2.0,
    ) -> None:
        self._venue = venue
        self._transport = transport
        self._prompt = transport if isinstance(transport, PromptTransport) else None
        self._budget = budget
        self._clock = clock
        self._sign = sign
        self._explain = explain
        self._backoff = backoff
        self._timeout_seconds = timeout_seconds
        self._wait_max_seconds = wait_max_seconds

    @property
    def budget(self) -> Budget:
        return self._budget

    async def read(self, path: str, query: Query = (), endpoint: str = "") -> bytes:
        """GET; 429, 425, 5xx, lost connections and timeouts are tried again, a bounded number."""
        named = endpoint or path
        return await self._persist(_Call("GET", path, encoded(query), b"", named, "read", 1))

    async def write(
        self,
        method: str,
        path: str,
        body: bytes,
        endpoint: str,
        *,
        query: Query = (),
        count: int = 1,
    ) -> bytes:
        """Send exactly once; `count` is how many orders the body holds, for the budget."""
        call = _Call(method, path, encoded(query), body, endpoint, "write", count)
        return self._proved(call, await self._once(call))

    def write_now(
        self, method: str, path: str, body: bytes, endpoint: str
    ) -> Awaitable[bytes] | None:
        """Like `write` of one order, but the bytes have left when this returns.

        None when nothing was sent: no connection is warm, or the budget has no room now.
        """
        prompt = self._prompt
        if prompt is None or not prompt.is_ready:
            return None
        if not self._budget.try_take(endpoint, kind="write"):
            return None
        call = _Call(method, path, "", body, endpoint, "write", 1)
        try:
            answer = prompt.send_now(self._request(call), self._timeout_seconds)
        except VenueUnreachable as error:
            raise self._named(error) from error
        return self._answered(call, answer)

    async def _answered(self, call: _Call, answer: Awaitable[HttpResponse]) -> bytes:
        try:
            response = await answer
        except OutcomeUnknown as error:
            raise self._named(error) from error
        return self._proved(call, self._counted(call, response))

    async def cancel(
        self,
        method: str,
        path: str,
        body: bytes,
        endpoint: str,
        *,
        query: Query = (),
        count: int = 1,
    ) -> bytes:
        """Like `write` with the cancel reserve, and tried again like a read: it is idempotent."""
        return await self._persist(
            _Call(method, path, encoded(query), body, endpoint, "cancel", count)
        )

    async def _persist(self, call: _Call) -> bytes:
        last = self._backoff.attempts_max - 1
        for attempt in range(last):
            asked: float | None = None
            try:
                response = await self._once(call)
            except (VenueUnreachable, OutcomeUnknown) as error:
                if error.reason == "rate_limited":
                    raise
            else:
                asked = self._retry_after(response)
                if response.status not in _RETRIED or (asked or 0.0) > RETRY_AFTER_MAX_SECONDS:
                    return self._proved(call, response)
            await self._clock.sleep(self._backoff.delay_seconds(attempt, asked))
        return self._proved(call, await self._once(call))

    async def _once(self, call: _Call) -> HttpResponse:
        try:
            await self._budget.take(
                call.endpoint,
                kind=call.kind,
                count=call.orders,
                wait_max_seconds=self._wait_max_seconds,
            )
            response = await self._transport.send(self._request(call), self._timeout_seconds)
        except (VenueUnreachable, OutcomeUnknown) as error:
            raise self._named(error) from error
        return self._counted(call, response)

    def _named(self, error: VenueUnreachable | OutcomeUnknown) -> VenueError:
        """The layers below know hosts; only here is it known whose host it is."""
        return type(error)(self._venue, error.reason, error.detail, error.remedy)

    def _counted(self, call: _Call, response: HttpResponse) -> HttpResponse:
        if response.status == _TOO_MANY:
            self._budget.refused(call.kind, self._retry_after(response))
        return response

    def _request(self, call: _Call) -> HttpRequest:
        headers = _WITH_BODY if call.body else _WITHOUT
        if self._sign is not None:
            headers = headers | self._sign(call.method, call.path, call.body)  # type: ignore[operator]
        return HttpRequest(call.method, call.path, call.query, headers, call.body)

    def _proved(self, call: _Call, response: HttpResponse) -> bytes:
        if 200 <= response.status < 300:
            return response.body
        raise self._explain(call.endpoint, response)

    def _retry_after(self, response: HttpResponse) -> float | None:
        return retry_after_seconds(response.headers, self._clock.now_ns())


def encoded(query: Query) -> str:
    """A query string with every reserved character escaped, commas included; order is kept."""
    return urlencode(query, quote_via=quote, safe="")
