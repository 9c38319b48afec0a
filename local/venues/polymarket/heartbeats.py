"""The dead man's switch: whoever has once sent heartbeats and stops loses all open orders."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from local.venues.polymarket.errors import ApiError

KEYS_MAX = 10_000


@dataclass(slots=True)
class Heartbeats:
    """`after_ns` is how long the venue waits for the next one."""

    after_ns: int
    _expected: dict[str, tuple[str, int]] = field(default_factory=dict)

    def beat(self, api_key: str, heartbeat_id: str, now_ns: int) -> str:
        """The id to send next. Raises ApiError (400) that names the expected one."""
        expected = self._expected.get(api_key, ("", 0))[0]
        if heartbeat_id != expected:
            words = {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}
            raise ApiError(400, "Invalid Heartbeat ID", words)
        if len(self._expected) >= KEYS_MAX and api_key not in self._expected:
            raise ApiError(400, "the simulator has too many heartbeats")
        following = str(uuid.uuid4())
        self._expected[api_key] = (following, now_ns)
        return following

    def silent(self, now_ns: int) -> list[str]:
        """API keys whose time is up; named once, until they beat again."""
        gone = [
            api_key
            for api_key, (_, at_ns) in self._expected.items()
            if now_ns - at_ns > self.after_ns
        ]
        for api_key in gone:
            del self._expected[api_key]
        return gone

    def state(self) -> dict[str, int]:
        return {api_key: at_ns for api_key, (_, at_ns) in self._expected.items()}
