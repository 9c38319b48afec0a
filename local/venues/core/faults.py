"""Everything a venue can do wrong, on request: each fault is data, counted, bounded and seeded.

Inject from a test with `Faults.inject(...)`, from outside with `POST /_sim/faults` and the same
fields as JSON (`{"fault": "fail", "status": 503, "count": 2, "path": "*/orders*"}`).
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from kairos.domain.units import NANOSECONDS_PER_MILLISECOND
from kairos.errors import Malformed, UsageError
from local.market_generator.chance import Chance

ACTIVE_MAX: Final = 256
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
Skew = Annotated[int, msgspec.Meta(ge=-86_400_000, le=86_400_000)]
Status = Annotated[int, msgspec.Meta(ge=400, le=599)]

Frame = dict[str, Any]
Kind = TypeVar("Kind")


class _Fault(msgspec.Struct, tag_field="fault", forbid_unknown_fields=True, kw_only=True):
    """Patterns are shell patterns (`*`): `path` of requests, `conn` of connections, `market`."""


class Disconnect(_Fault, tag="disconnect"):
    """Cut connections now."""

    conn: str = "*"


class DisconnectEvery(_Fault, tag="disconnect_every"):
    """Cut a connection after every `frames` it was sent."""

    frames: Count
    conn: str = "*"


class SkipFrames(_Fault, tag="skip_frames"):
    """Number the next `count` frames of a kind and never send them: a sequence gap."""

    count: Count
    kind: str = "*"
    market: str = "*"


class Freeze(_Fault, tag="freeze"):
    """The connection stays open and says nothing, not even pings; or one market stands still."""

    conn: str | None = None
    market: str | None = None


class Thaw(_Fault, tag="thaw"):
    """End every freeze."""


class SlowReplies(_Fault, tag="slow_replies"):
    """Do what was asked, answer late; `millis` 0 ends it."""

    millis: Millis
    path: str = "*"


class LoseReplies(_Fault, tag="lose_replies"):
    """Do what was asked, then cut the connection instead of answering."""

    count: Count
    path: str = "*"
    method: str = "*"


class FailReplies(_Fault, tag="fail_replies"):
    """Do what was asked, then answer the next `count` with a status as if it had not been done."""

    status: Status
    count: Count
    path: str = "*"
    method: str = "*"


class DuplicateFills(_Fault, tag="duplicate_fills"):
    """Say the next `count` fills twice."""

    count: Count


class Fail(_Fault, tag="fail"):
    """Answer the next `count` requests with a status and do nothing."""

    status: Status
    count: Count
    path: str = "*"
    method: str = "*"
    retry_after: int | None = None


class ClockSkew(_Fault, tag="clock_skew"):
    """Judge signatures and stamp what is sent by a clock wrong by `millis`; 0 ends it."""

    millis: Skew


class CrossBooks(_Fault, tag="cross_books"):
    """Publish the next `count` books of a market with its sides crossed."""

    count: Count
    market: str = "*"


class Drift(_Fault, tag="drift"):
    """Rename, remove or retype a field in the next `count` frames of a kind."""

    change: Literal["rename", "remove", "retype"]
    field: str
    count: Count
    kind: str = "*"


class ChannelError(_Fault, tag="channel_error"):
    """End subscriptions to a channel with the venue's own terminal error."""

    code: Literal[10, 25] = 10
    channel: str = "*"


Fault = (
    ChannelError
    | ClockSkew
    | CrossBooks
    | Disconnect
    | DisconnectEvery
    | Drift
    | DuplicateFills
    | Fail
    | FailReplies
    | Freeze
    | LoseReplies
    | SkipFrames
    | SlowReplies
    | Thaw
)
_Counted = SkipFrames | LoseReplies | DuplicateFills | Fail | FailReplies | CrossBooks | Drift
_decoder: Final[msgspec.json.Decoder[Fault]] = msgspec.json.Decoder(Fault)


def fault_from_json(body: bytes) -> Fault:
    """Raises Malformed (`bad_fault`) that says what is wrong with it."""
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise Malformed("bad_fault", "body", str(error)) from error


class Faults:
    """The faults of one venue that are active, and how often each kind has struck.

    Servers ask before they act; a counted fault is used up by the question.
    """

    def __init__(self, seed: int = 0) -> None:
        self.struck: dict[str, int] = {}
        self._active: list[Fault] = []
        self._chance = Chance(seed)
        self._cut_now: list[str] = []
        self._channel_errors: list[ChannelError] = []
        self._since_cut: dict[str, int] = {}

    def inject(self, fault: Fault) -> None:
        """Make it so from now on. Raises UsageError when too many are active already."""
        match fault:
            case Thaw():
                self._drop(Freeze)
            case Disconnect(conn=conn):
                self._cut_now = [*self._cut_now[-ACTIVE_MAX:], conn]
            case ChannelError():
                self._channel_errors = [*self._channel_errors[-ACTIVE_MAX:], fault]
            case SlowReplies() | ClockSkew():
                self._drop(type(fault))
                self._add(fault)
            case _:
                self._add(fault)

    def clear(self) -> None:
        self._active.clear()
        self._cut_now.clear()
        self._channel_errors.clear()
        self._since_cut.clear()

    def state(self) -> dict[str, Any]:
        """What is active (with what is left of it) and what has struck."""
        return {"active": msgspec.to_builtins(self._active), "struck": dict(self.struck)}

    # --- requests -----------------------------------------------------------------------------

    def failure(self, method: str, path: str) -> Fail | None:
        """The answer to give instead of doing what was asked."""
        for fault in self._of(Fail):
            if _fits(fault.path, path) and _fits(fault.method, method):
                self._use(fault)
                return fault
        return None

    def belied(self, method: str, path: str) -> FailReplies | None:
        """The answer to give after doing what was asked."""
        for fault in self._of(FailReplies):
            if _fits(fault.path, path) and _fits(fault.method, method):
                self._use(fault)
                return fault
        return None

    def loses_reply(self, method: str, path: str) -> bool:
        for fault in self._of(LoseReplies):
            if _fits(fault.path, path) and _fits(fault.method, method):
                return self._use(fault)
        return False

    def reply_delay_s(self, path: str) -> float:
        for fault in self._of(SlowReplies):
            if fault.millis and _fits(fault.path, path):
                self._strike(fault)
                return fault.millis / 1000
        return 0.0

    def skew_ns(self) -> int:
        return sum(fault.millis for fault in self._of(ClockSkew)) * NANOSECONDS_PER_MILLISECOND

    # --- connections --------------------------------------------------------------------------

    def to_cut(self, conns: Iterable[str]) -> list[str]:
        """Connections that have to go now."""
        if not self._cut_now:
            return []
        patterns, self._cut_now = self._cut_now, []
        chosen = [conn for conn in conns if any(_fits(p, conn) for p in patterns)]
        if chosen:
            self.struck["disconnect"] = self.struck.get("disconnect", 0) + len(chosen)
        return chosen

    def channel_errors(self) -> list[ChannelError]:
        """Subscriptions to end now; asked for once."""
        errors, self._channel_errors = self._channel_errors, []
        for error in errors:
            self._strike(error)
        return errors

    def cuts_after_frame(self, conn: str) -> bool:
        """Count a frame sent on a connection; True when it is its last."""
        for fault in self._of(DisconnectEvery):
            if not _fits(fault.conn, conn):
                continue
            sent = self._since_cut.get(conn, 0) + 1
            self._since_cut[conn] = sent
            if sent >= fault.frames:
                del self._since_cut[conn]
                self._strike(fault)
                return True
        return False

    def is_conn_frozen(self, conn: str) -> bool:
        return any(f.conn is not None and _fits(f.conn, conn) for f in self._of(Freeze))

    def is_market_frozen(self, market: str) -> bool:
        return any(f.market is not None and _fits(f.market, market) for f in self._of(Freeze))

    # --- frames -------------------------------------------------------------------------------

    def skips(self, kind: str, market: str | None) -> bool:
        """True when a frame that has its number already must not be sent."""
        for fault in self._of(SkipFrames):
            if _fits(fault.kind, kind) and _fits(fault.market, market or ""):
                return self._use(fault)
        return False

    def duplicates_fill(self) -> bool:
        return any(self._use(fault) for fault in self._of(DuplicateFills)[:1])

    def crosses(self, market: str) -> bool:
        return any(self._use(f) for f in self._of(CrossBooks) if _fits(f.market, market))

    def drifted(self, kind: str, frame: Frame) -> Frame:
        """The frame as a venue would send it that changed its schema overnight."""
        for fault in self._of(Drift):
            if _fits(fault.kind, kind) and _has(frame, fault.field):
                self._use(fault)
                frame = _drift(frame, fault)
        return frame

    @property
    def is_quiet(self) -> bool:
        """Nothing is active: the fast way for a venue that sends much."""
        return not self._active and not self._cut_now and not self._channel_errors

    # --- inside -------------------------------------------------------------------------------

    def _of(self, kind: type[Kind]) -> list[Kind]:
        return [fault for fault in self._active if isinstance(fault, kind)]

    def _add(self, fault: Fault) -> None:
        if len(self._active) >= ACTIVE_MAX:
            raise UsageError(f"{ACTIVE_MAX} faults are active; clear them first")
        # A copy: what is left of the count is ours to change.
        self._active.append(msgspec.structs.replace(fault))

    def _drop(self, kind: type[Any]) -> None:
        self._active = [fault for fault in self._active if type(fault) is not kind]

    def _use(self, fault: _Counted) -> bool:
        self._strike(fault)
        fault.count -= 1
        if fault.count <= 0:
            self._active = [other for other in self._active if other is not fault]
        return True

    def _strike(self, fault: Fault) -> None:
        name = str(type(fault).__struct_config__.tag)
        self.struck[name] = self.struck.get(name, 0) + 1


def _fits(pattern: str, text: str) -> bool:
    return pattern == "*" or fnmatchcase(text, pattern)


def _has(frame: Frame, field: str) -> bool:
    return field in frame or any(isinstance(v, dict) and field in v for v in frame.values())


def _drift(frame: Frame, fault: Drift) -> Frame:
    """Change the field where it is: at the top or one level below."""
    changed = {}
    for key, value in frame.items():
        if key == fault.field:
            changed.update(_drifted_field(key, value, fault.change))
        elif isinstance(value, dict) and fault.field in value:
            changed[key] = _drift(value, fault)
        else:
            changed[key] = value
    return changed


def _drifted_field(key: str, value: object, change: str) -> Frame:
    if change == "remove":
        return {}
    if change == "rename":
        return {f"{key}_new": value}
    return {key: [value] if isinstance(value, str) else str(value)}
