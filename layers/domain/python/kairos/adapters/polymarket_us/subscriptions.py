"""What a websocket connection asks Polymarket US for, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from kairos.adapters.polymarket_us.config import (
    MARKETS_MAX,
    SLUGS_PER_SUBSCRIPTION_MAX,
    SUBSCRIPTIONS_MAX,
)
from kairos.errors import Malformed


class Subscriptions:
    """What one connection asked for: at most 100 markets a request, no market twice.

    Asking again for a subscribed market is refused by the venue as a whole, so a fresh book of one
    market takes an end and a new beginning of the request that carries it.
    """

    def __init__(self, kind: str, prefix: str) -> None:
        self._kind = kind
        self._prefix = prefix
        self._count = 0
        self._requests: dict[str, tuple[str, ...]] = {}
        self._request_of: dict[str, str] = {}

    @property
    def markets(self) -> frozenset[str]:
        return frozenset(self._request_of)

    def subscribe(self, slugs: Iterable[str]) -> list[bytes]:
        """Frames to send for those of `slugs` that are not subscribed yet."""
        new = [slug for slug in dict.fromkeys(slugs) if slug not in self._request_of]
        size = SLUGS_PER_SUBSCRIPTION_MAX
        return [self._ask(tuple(new[at : at + size])) for at in range(0, len(new), size)]

    def renew(self, slugs: Iterable[str]) -> list[bytes]:
        """Frames that bring whole books of `slugs` (and of those that share their requests)."""
        ids = dict.fromkeys(self._request_of[each] for each in slugs if each in self._request_of)
        frames: list[bytes] = []
        for request_id in ids:
            batch = self._requests[request_id]
            frames += [self._end(request_id), self._ask(batch)]
        return frames

    def unsubscribe(self, slugs: Iterable[str]) -> list[bytes]:
        """Frames to send; what shared a request with one of `slugs` is asked for anew."""
        gone = frozenset(slugs)
        ids = dict.fromkeys(self._request_of[each] for each in gone if each in self._request_of)
        frames: list[bytes] = []
        for request_id in ids:
            kept = tuple(each for each in self._requests[request_id] if each not in gone)
            frames.append(self._end(request_id))
            if kept:
                frames.append(self._ask(kept))
        return frames

    def resubscribe(self) -> list[bytes]:
        """Frames for a new connection, on which nothing is subscribed."""
        slugs = list(self._request_of)
        self._requests.clear()
        self._request_of.clear()
        return self.subscribe(slugs)

    def refused(self, request_id: str) -> tuple[str, ...]:
        """The markets of a request that the venue turned down; they are not subscribed."""
        slugs = self._requests.pop(request_id, ())
        for slug in slugs:
            del self._request_of[slug]
        return slugs

    def _ask(self, slugs: tuple[str, ...]) -> bytes:
        if len(self._requests) >= SUBSCRIPTIONS_MAX:
            raise Malformed("too_many_markets", "marketSlugs", f"over {MARKETS_MAX}")
        self._count += 1
        request_id = f"{self._prefix}-{self._count}"
        self._requests[request_id] = slugs
        self._request_of |= dict.fromkeys(slugs, request_id)
        return subscribe_frame(request_id, self._kind, slugs)

    def _end(self, request_id: str) -> bytes:
        self.refused(request_id)
        return unsubscribe_frame(request_id)


def subscribe_frame(request_id: str, kind: str, slugs: Sequence[str] = ()) -> bytes:
    """No markets means all of them, where the channel allows it (the private ones)."""
    if len(slugs) > SLUGS_PER_SUBSCRIPTION_MAX:
        raise Malformed("too_many_markets", "marketSlugs", f"{len(slugs)} in one request")
    body: dict[str, object] = {"requestId": request_id, "subscriptionType": kind}
    if slugs:
        body["marketSlugs"] = list(slugs)
    return msgspec.json.encode({"subscribe": body})


def unsubscribe_frame(request_id: str) -> bytes:
    return msgspec.json.encode({"unsubscribe": {"requestId": request_id}})
