"""Typed calls over the REST client, and paging that ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from kairos.adapters.http.client import Query, RestClient
from kairos.adapters.kalshi.endpoints import CREATE, Endpoint
from kairos.adapters.kalshi.errors import readable, unreadable

PAGE_ITEMS: Final = 1_000
PAGES_MAX: Final = 100
_CREATE_PATH, _CREATE_NAME = CREATE.at(), CREATE.name  # put together once
_encode = msgspec.json.Encoder().encode

Reply = TypeVar("Reply")
Item = TypeVar("Item")


class Page(Protocol):
    @property
    def cursor(self) -> str | None: ...


AnyPage = TypeVar("AnyPage", bound=Page)


class Calls:
    """Every 2xx that cannot be read is an OutcomeUnknown: it proves nothing."""

    def __init__(self, client: RestClient) -> None:
        self.client = client

    async def get(
        self, endpoint: Endpoint, kind: type[Reply], *ids: str, query: Query = ()
    ) -> Reply:
        body = await self.client.read(endpoint.at(*ids), query, endpoint.name)
        return decoded(endpoint, kind, body)

    async def write(
        self, endpoint: Endpoint, kind: type[Reply], *ids: str,
        body: object, query: Query = (), count: int = 1,
    ) -> Reply:  # fmt: skip
        """Sent exactly once; `count` is how many orders the body holds."""
        reply = await self.client.write(
            endpoint.method, endpoint.at(*ids), msgspec.json.encode(body), endpoint.name,
            query=query, count=count,
        )  # fmt: skip
        return decoded(endpoint, kind, reply)

    def create_now(self, body: object) -> Awaitable[bytes] | None:
        """One order, sent when this returns; or None: then nothing was, and `write` may."""
        return self.client.write_now(CREATE.method, _CREATE_PATH, _encode(body), _CREATE_NAME)

    async def cancel(
        self, endpoint: Endpoint, *ids: str, body: bytes = b"", query: Query = (), count: int = 1
    ) -> bytes:
        """Idempotent, so tried again; the reply is returned as it came."""
        return await self.client.cancel(
            endpoint.method, endpoint.at(*ids), body, endpoint.name, query=query, count=count
        )

    async def pages(
        self, endpoint: Endpoint, kind: type[AnyPage], items: Callable[[AnyPage], Sequence[Item]],
        query: Query = (), *, pages_max: int = PAGES_MAX, page_items: int = PAGE_ITEMS,
    ) -> list[Item]:  # fmt: skip
        """All items of all pages, or an error: a part is never passed off as the whole."""
        found: list[Item] = []
        cursors: set[str] = set()
        cursor = ""
        for _ in range(pages_max):
            asked = (*query, ("limit", str(page_items)), *((("cursor", cursor),) if cursor else ()))
            page = await self.get(endpoint, kind, query=asked)
            found.extend(items(page))
            cursor = page.cursor or ""
            if not cursor:
                return found
            if cursor in cursors:
                raise unreadable(endpoint.name, "a page points back to one that was read")
            cursors.add(cursor)
        raise unreadable(endpoint.name, f"more than {pages_max} pages; ask for less")


def decoded(endpoint: Endpoint, kind: type[Reply], body: bytes) -> Reply:
    with readable(endpoint.name):
        return msgspec.json.decode(body, type=kind)
