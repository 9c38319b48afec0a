"""What an operator may choose about live streams; every wait, batch and queue is bounded here."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from kairos.errors import UsageError


class _Positive:
    """Settings that make no sense at zero or below."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if isinstance(value, int | float) and value <= 0:
                raise UsageError(f"streams.{each.name} is {value}: use more than 0")


@dataclass(frozen=True, slots=True)
class ConnectionSettings(_Positive):
    """One connection. A reconnect waits a random part of `backoff_base_s` · 2ⁿ, at most
    `backoff_cap_s`; n starts over after `stable_s` of a connection that was whole. A venue that
    says how long to wait is obeyed up to `retry_after_cap_s`.
    """

    connect_timeout_s: float = 10.0
    reply_timeout_s: float = 10.0
    close_timeout_s: float = 2.0
    batch_pause_s: float = 0.02
    backoff_base_s: float = 0.25
    backoff_cap_s: float = 30.0
    retry_after_cap_s: float = 300.0
    stable_s: float = 10.0
    markets_max: int = 20_000


@dataclass(frozen=True, slots=True)
class InboxSettings(_Positive):
    """Lines that nobody has taken yet. At either limit no socket is read until half is free; what
    one read of each socket brings may come on top."""

    lines_max: int = 65_536
    bytes_max: int = 64 << 20


@dataclass(frozen=True, slots=True)
class FreezeSettings(_Positive):
    """When a stream that looks open is doubted. Times in seconds.

    * `missed_heartbeats`: the venue's own interval times this without a sign of life is death.
      Kalshi pings every 10 s, so 2.5 is 25 s.
    * `contradicted_s`: so long may a trade without a change of its book, or a quote that disagrees
      with a book older than it, stand before the book is doubted. Trades and changes come on
      different subscriptions, but within a second of each other.
    * `trade_slack_s`: a change this long before a trade may have been that trade's.
    * `silent_s`: a connection without data for so long, while something else shows that there is
      activity, is asked for a book to prove that it still delivers.
    * `activity_s`: what counts as activity now.
    * `proof_s`: a doubted book or connection that brings nothing for so long after it was asked is
      dead.
    * `suspects_share`: as soon as this share of a connection's contradicted and moving markets is
      in doubt (and at least `suspects_least` are), all of it is dead.
    """

    missed_heartbeats: float = 2.5
    contradicted_s: float = 3.0
    trade_slack_s: float = 2.0
    silent_s: float = 15.0
    activity_s: float = 5.0
    proof_s: float = 5.0
    suspects_share: float = 0.5
    suspects_least: int = 5


@dataclass(frozen=True, slots=True)
class ResyncSettings(_Positive):
    """Asking again for books that cannot be trusted.

    At most `batch_max` markets a request, `in_flight_max` requests a connection. A market that did
    not come back in `timeout_s` is asked for again, `attempts_max` times in all; then the
    connection is given up. `grace_s` is what the snapshots of a new subscription may take before
    they are asked for. More than `relapses_max` resyncs of one market within `relapse_s` give the
    connection up, too: it loses messages.
    """

    batch_max: int = 100
    in_flight_max: int = 4
    timeout_s: float = 3.0
    attempts_max: int = 3
    grace_s: float = 15.0
    relapses_max: int = 5
    relapse_s: float = 60.0


@dataclass(frozen=True, slots=True)
class StreamSettings(_Positive):
    """All of it. `tick_s` is how often time is looked at."""

    tick_s: float = 0.25
    connection: ConnectionSettings = field(default_factory=ConnectionSettings)
    inbox: InboxSettings = field(default_factory=InboxSettings)
    freeze: FreezeSettings = field(default_factory=FreezeSettings)
    resync: ResyncSettings = field(default_factory=ResyncSettings)
