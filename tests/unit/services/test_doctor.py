"""Every check says what is wrong and what to do; nothing that goes wrong in one stops another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kairos.errors import Malformed, OutcomeUnknown, VenueRefused, VenueUnreachable
from kairos.messages.diagnosis import KeyFacts, Location, RateFacts, Sample, ServerTime
from kairos.services import doctor
from kairos.services.doctor import Finding, Status, examine

SECOND = 1_000_000_000
DATE_NS = 1_795_000_000 * SECOND


class FakeProbe:
    """A venue where all is well, unless told otherwise."""

    venue = "kalshi"

    def __init__(self) -> None:
        self.time = ServerTime(DATE_NS, DATE_NS + SECOND // 2, DATE_NS + SECOND // 2)
        self.facts = KeyFacts(("read", "write"), can_trade=True)
        self.cash = 5_000_000
        self.where: Location | None = Location(False, "the venue's check says NL")
        self.limits = RateFacts("advanced", "300 a second", is_told=True)
        self.found: Sequence[Sample] = [Sample("markets", 20, (), (), ())]
        self.broken: dict[str, Exception] = {}
        self.hangs = ""

    async def _asked(self, name: str) -> None:
        if name in self.broken:
            raise self.broken[name]
        if name == self.hangs:
            await asyncio.sleep(60)

    async def server_time(self) -> ServerTime:
        await self._asked("clock")
        return self.time

    async def key(self) -> KeyFacts:
        await self._asked("key")
        return self.facts

    async def balance(self) -> int:
        await self._asked("balance")
        return self.cash

    async def location(self) -> Location | None:
        await self._asked("geography")
        return self.where

    async def rate(self) -> RateFacts:
        await self._asked("rate tier")
        return self.limits

    async def samples(self) -> Sequence[Sample]:
        await self._asked("spec drift")
        return self.found


def found(probe: FakeProbe, name: str) -> Finding:
    findings = {each.name: each for each in asyncio.run(examine(probe))}
    return findings[f"kalshi {name}"]


def test_a_healthy_venue_has_one_good_line_per_check() -> None:
    findings = asyncio.run(examine(FakeProbe()))
    assert [(each.name, each.status) for each in findings] == [
        (f"kalshi {name}", Status.OK)
        for name in ("clock", "key", "balance", "geography", "rate tier", "spec drift")
    ]
    assert not any(each.remedy for each in findings)


@pytest.mark.parametrize(
    ("ahead_s", "status"),
    [
        (0.0, "ok"),
        (0.9, "ok"),
        (-0.9, "ok"),
        (1.6, "warn"),
        (-1.6, "warn"),
        (7, "fail"),
        (-7, "fail"),
    ],
)
def test_the_clock_is_bounded_by_whole_seconds(ahead_s: float, status: str) -> None:
    """A date stands for any moment of its second; the benefit of the doubt is ours."""
    probe = FakeProbe()
    now_ns = DATE_NS + SECOND // 2 + round(ahead_s * SECOND)
    probe.time = ServerTime(DATE_NS, now_ns, now_ns)
    finding = found(probe, "clock")
    assert finding.status == status
    assert f"{ahead_s - 0.5:+.2f} to {ahead_s + 0.5:+.2f} s" in finding.detail
    assert ("NTP" in finding.remedy) == (status != "ok")


def test_a_slow_answer_says_nothing_about_the_clock() -> None:
    probe = FakeProbe()
    probe.time = ServerTime(DATE_NS, DATE_NS, DATE_NS + 6 * SECOND)
    assert found(probe, "clock").status is Status.WARN
    probe.time = ServerTime(None, DATE_NS, DATE_NS)
    assert "no date" in found(probe, "clock").detail


def test_a_key_that_cannot_trade_fails() -> None:
    probe = FakeProbe()
    probe.facts = KeyFacts(("read",), can_trade=False)
    finding = found(probe, "key")
    assert (finding.status, "scopes: read" in finding.detail) == (Status.FAIL, True)
    assert "scope" in finding.remedy
    probe.facts = KeyFacts(None, can_trade=None)
    assert found(probe, "key").detail == "accepted, scopes not told"
    probe.facts = KeyFacts(None, can_trade=False, restriction="held to closing positions")
    assert "held to closing" in found(probe, "key").detail


@pytest.mark.parametrize("cash", [0, -1])
def test_no_money_is_a_warning(cash: int) -> None:
    probe = FakeProbe()
    probe.cash = cash
    finding = found(probe, "balance")
    assert (finding.status, finding.remedy) == (Status.WARN, "Deposit")


def test_a_blocked_location_fails_and_is_not_to_be_routed_around() -> None:
    probe = FakeProbe()
    probe.where = Location(True, "the venue's check says US/NY")
    finding = found(probe, "geography")
    assert finding.status is Status.FAIL
    assert "do not route around it" in finding.remedy
    probe.where = None
    assert found(probe, "geography").status is Status.SKIPPED


def test_a_lower_tier_than_assumed_is_a_warning() -> None:
    probe = FakeProbe()
    probe.limits = RateFacts("basic", "200 a second", is_told=True, is_less_than_assumed=True)
    assert found(probe, "rate tier").status is Status.WARN
    probe.limits = RateFacts("standard", "40 a second", is_told=False)
    assert found(probe, "rate tier").detail == "standard: 40 a second (assumed, not told)"


def test_drift_is_named_field_by_field() -> None:
    probe = FakeProbe()
    probe.found = [Sample("markets", 20, ("missing `price`",), (), ("prise",))]
    finding = found(probe, "spec drift")
    assert (finding.status, finding.detail) == (
        Status.FAIL, "cannot read markets missing `price`; not read: markets prise",
    )  # fmt: skip
    probe.found = [Sample("markets", 20, (), ("tick",), ())]
    assert found(probe, "spec drift").status is Status.WARN
    probe.found = [Sample("markets", 20, (), (), tuple(f"f{n}" for n in range(11)))]
    finding = found(probe, "spec drift")
    assert finding.status is Status.OK
    assert finding.detail.endswith("markets f7 and 3 more")
    probe.found = [Sample("markets", 0, (), (), ())]
    assert found(probe, "spec drift").status is Status.WARN


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (VenueRefused("kalshi", "wrong_key", "401", "Check the key id"), "Check the key id"),
        (VenueUnreachable("kalshi", "no_connection", "refused", "Check the network"), "Check the"),
        (OutcomeUnknown("kalshi", "http_500", "500", "Look it up"), "Check the network"),
        (Malformed("missing_field", "x", "y"), "Do not trade there"),
    ],
)
@pytest.mark.parametrize("name", doctor.CHECKS)
def test_what_goes_wrong_in_a_check_is_its_finding(
    name: str, error: Exception, remedy: str
) -> None:
    probe = FakeProbe()
    probe.broken[name] = error
    findings = {each.name: each for each in asyncio.run(examine(probe))}
    failed = findings.pop(f"kalshi {name}")
    assert failed.status is Status.FAIL
    assert failed.remedy.startswith(remedy)
    assert {each.status for each in findings.values()} == {Status.OK}


def test_a_check_that_hangs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECK_SECONDS_MAX", 0.01)
    probe = FakeProbe()
    probe.hangs = "balance"
    finding = found(probe, "balance")
    assert finding.status is Status.FAIL
    assert "no answer within" in finding.detail
