"""Recordings of the market channel that nobody described: frames as of 2025, tokens without market.

Which of a market's two tokens pays on YES is not in the frames, and is not guessed: each token
becomes a market of its own, which pays when the token does.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

# Any price fits: the frames do not say the tick.
_FINEST_TICK: Final = 1
_TOKENS_MAX: Final = 20_000
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Tokens:
    """Rewrites the frames of one session, and lists each token before it is first spoken of."""

    def __init__(self) -> None:
        self._listed: set[str] = set()

    def rewrite(self, frame: bytes) -> list[bytes]:
        """Frames that say the same of markets named after their tokens; listings come first.

        What has no token, or cannot be read, stays as it is.
        """
        try:
            decoded = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [frame]
        frames = decoded if isinstance(decoded, list) else [decoded]
        if not all(isinstance(each, dict) for each in frames):
            return [frame]
        rewritten = [part for each in frames for part in _by_token(each)]
        return [*self._listings(rewritten), _encode(rewritten)]

    def _listings(self, frames: list[dict[str, Any]]) -> list[bytes]:
        listings = []
        for frame in frames:
            token = frame.get("asset_id", frame.get("market"))
            if not isinstance(token, str) or token != frame.get("market"):
                continue
            if token not in self._listed and len(self._listed) < _TOKENS_MAX:
                self._listed.add(token)
                listings.append(_listing(token))
        return listings


def _listing(token: str) -> bytes:
    return _encode(
        {
            "event_type": "kairos_listing", "market": token, "yes_token": token,
            "no_token": f"other than {token}", "tick": _FINEST_TICK,
        }
    )  # fmt: skip


def _by_token(frame: dict[str, Any]) -> list[dict[str, Any]]:
    token, changes = frame.get("asset_id"), frame.get("changes")
    if isinstance(token, str) and isinstance(changes, list):
        return [_changed(frame, token, [_with(each, token) for each in changes])]
    if isinstance(frame.get("price_changes"), list):
        return _apart(frame, frame["price_changes"])
    name = "winning_asset_id" if frame.get("event_type") == "market_resolved" else "asset_id"
    token = frame.get(name)
    if not isinstance(token, str):
        return [frame]
    # The hash is of the market's own name.
    return [{field: value for field, value in frame.items() if field != "hash"} | {"market": token}]


def _apart(frame: dict[str, Any], changes: list[Any]) -> list[dict[str, Any]]:
    """A frame for each token; all of them or, where one change names none, the frame itself."""
    grouped: dict[str, list[Any]] = {}
    for change in changes:
        token = change.get("asset_id") if isinstance(change, dict) else None
        if not isinstance(token, str):
            return [frame]
        grouped.setdefault(token, []).append(change)
    return [_changed(frame, token, own) for token, own in grouped.items()] or [frame]


def _changed(frame: dict[str, Any], token: str, changes: list[Any]) -> dict[str, Any]:
    kept = {name: value for name, value in frame.items() if name not in ("asset_id", "changes")}
    return kept | {"market": token, "price_changes": changes}


def _with(change: object, token: str) -> object:
    return change | {"asset_id": token} if isinstance(change, dict) else change
