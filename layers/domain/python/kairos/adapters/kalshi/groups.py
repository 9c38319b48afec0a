"""Kalshi's order groups: the venue cancels all of them at once, even when we are dead."""

from __future__ import annotations

from kairos.adapters.http.client import Query
from kairos.adapters.kalshi import endpoints
from kairos.adapters.kalshi.calls import Calls
from kairos.adapters.kalshi.endpoints import Endpoint
from kairos.adapters.kalshi.rest_schemas import CreatedGroup, CreateGroup, Group, LimitGroup
from kairos.adapters.kalshi.wire import count_text


class OrderGroups:
    """A group lives on one exchange shard (`exchange_index`) and counts what its orders match in
    any 15 seconds; above its limit the venue cancels all of them and takes no more until `reset`.
    Limits are micro-contracts.
    """

    def __init__(self, calls: Calls, *, exchange_index: int, subaccount: int | None) -> None:
        self._calls = calls
        self._exchange_index = exchange_index
        self._subaccount = subaccount

    async def create(self, contracts_limit: int) -> str:
        body = CreateGroup(
            contracts_limit_fp=count_text(contracts_limit),
            exchange_index=self._exchange_index,
            subaccount=self._subaccount,
        )
        created = await self._calls.write(endpoints.GROUP_CREATE, CreatedGroup, body=body)
        return created.order_group_id

    async def group(self, group_id: str) -> Group:
        query = () if self._subaccount is None else (("subaccount", str(self._subaccount)),)
        return await self._calls.get(endpoints.GROUP, Group, group_id, query=query)

    async def limit(self, group_id: str, contracts_limit: int) -> None:
        body = LimitGroup(count_text(contracts_limit))
        await self._calls.write(
            endpoints.GROUP_LIMIT, dict[str, object], group_id, body=body, query=self._shard()
        )

    async def reset(self, group_id: str) -> None:
        """Let the group trade again; its counter starts at zero."""
        await self._calls.write(
            endpoints.GROUP_RESET, dict[str, object], group_id, body={}, query=self._shard()
        )

    async def trigger(self, group_id: str) -> None:
        """Cancel all orders of the group and take no more: from the cancel reserve."""
        await self._cancel(endpoints.GROUP_TRIGGER, group_id, b"{}")

    async def delete(self, group_id: str) -> None:
        """Cancel all orders of the group and forget it."""
        await self._cancel(endpoints.GROUP_DELETE, group_id, b"")

    async def _cancel(self, endpoint: Endpoint, group_id: str, body: bytes) -> None:
        await self._calls.cancel(endpoint, group_id, body=body, query=self._shard())

    def _shard(self) -> Query:
        shard = ("exchange_index", str(self._exchange_index))
        if self._subaccount is None:
            return (shard,)
        return (("subaccount", str(self._subaccount)), shard)
