"""Settings come from defaults, a file and the command line; what cannot work is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.run_settings import load_settings
from hotpath.assembly import RunSettings, assemble
from hotpath.paper.settings import FillModel
from hotpath.paper.starter import STARTER
from kairos.errors import UsageError
from tests.support.engine import Heard


def test_without_anything_the_defaults_hold() -> None:
    assert load_settings(None, [], {}) == RunSettings()


def test_the_command_line_wins_over_set_wins_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(
        'latency_ms = 10\nprofile = "v1"\n[strategy]\nmin_ev = 0.1\ncost_buffer = 0.01\n'
        "[strategy.volatility]\nfloor = 0.2\n"
    )
    loaded = load_settings(config, ["strategy.min_ev=0.2", "latency_ms=20"], {"latency_ms": 30})
    assert (loaded.latency_ms, loaded.profile) == (30, "v1")
    assert (loaded.strategy.min_ev, loaded.strategy.cost_buffer) == (0.2, 0.01)
    assert loaded.strategy.volatility.floor == 0.2


def test_values_are_taken_as_the_type_of_their_setting() -> None:
    loaded = load_settings(None, ["use_yes_price=true", "fill_model=pessimistic"], {})
    assert loaded.use_yes_price is True
    assert loaded.fill_model is FillModel.PESSIMISTIC


@pytest.mark.parametrize(
    ("assignments", "named"),
    [
        (["min_ev=1"], "min_ev"),
        (["strategy.minev=1"], "strategy.minev"),
        (["strategy=5"], "strategy is a group"),
        (["strategy.volatility=5"], "strategy.volatility is a group"),
        (["=5"], "no setting"),
        (["strategy..min_ev=1"], "no setting"),
        (["latency_ms"], "name=value"),
        (["latency_ms=soon"], "latency_ms"),
        (["latency_ms=1.5"], "latency_ms"),
        (["latency_ms.x=1"], "latency_ms"),
        (["latency_ms=5", "latency_ms.x=1"], "latency_ms"),
        (["profile=v9"], "profile"),
        (["profile=v2", "profile.x=1"], "profile"),
        (["fill_model=hopeful"], "fill_model"),
        (["use_yes_price=maybe"], "use_yes_price"),
        (["strategy.min_ev=nan"], "strategy.min_ev"),
        (["strategy.min_ev=-inf"], "strategy.min_ev"),
        (["strategy.basis_dollars=1e400"], "strategy.basis_dollars"),
        (["strategy.cooldown_seconds=nan"], "strategy.cooldown_seconds"),
        (["strategy.spot_stale_seconds=inf"], "strategy.spot_stale_seconds"),
        (["strategy.order_contracts=0"], "strategy.order_contracts"),
        (["strategy.ask_min_cents=96"], "strategy.ask_min_cents"),
        (["strategy.volatility.sample_seconds=0"], "volatility.sample_seconds"),
        (["strategy.volatility.half_life_seconds=0"], "volatility.half_life_seconds"),
        (["strategy.volatility.prior_log_sd=800"], "volatility.prior_log_sd"),
        (["strategy.volatility.gap_seconds=nan"], "volatility.gap_seconds"),
        (["engine.opening_cash=-1"], "engine.opening_cash"),
        (["engine.book_stale_after_ns=0"], "engine.book_stale_after_ns"),
        (["engine.ledger=5"], "engine.ledger"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(assignments: list[str], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        load_settings(None, assignments, {})


@pytest.mark.parametrize(
    "assignment",
    ["strategy.cost_buffer=-1", "strategy.uncertainty_multiplier=-3", "strategy.basis_dollars=-3"],
)
def test_costs_and_doubts_cannot_be_negative(assignment: str) -> None:
    with pytest.raises(UsageError):
        load_settings(None, [assignment], {})


@pytest.mark.parametrize("latency", [-5, 10**9])
def test_a_latency_no_venue_has_is_refused_when_the_run_is_assembled(latency: int) -> None:
    settings = load_settings(None, [], {"latency_ms": latency})
    with pytest.raises(UsageError, match="latency"):
        assemble(settings, Heard(), {})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"latency_ms = ", "TOML"),
        (b"\xff\xfe", "cannot be read"),
        (b"nothing = 1", "nothing"),
        (b"[latency_ms]\nx = 1", "latency_ms"),
        (b"strategy = 5", "strategy is a group"),
        (b"[strategy]\nmin_ev = nan", "strategy.min_ev"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes, named: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_bytes(content)
    with pytest.raises(UsageError, match=named):
        load_settings(config, [], {})


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_of_settings_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_settings(tmp_path / name, [], {})


def test_every_setting_of_a_run_is_on_its_record() -> None:
    run = assemble(load_settings(None, ["strategy.min_ev=0.07"], {}), Heard(), {})
    assert run.settings["strategy.min_ev"] == "0.07"
    assert {"profile", "engine.opening_cash", "paper.latency_ns"} <= run.settings.keys()
    assert "strategy.volatility.half_life_seconds" in run.settings


# Risk: limits come from a named file, and a file that names some of them has to name all


RISK_FILE = STARTER.read_text(encoding="utf-8")


def with_risk(tmp_path: Path, text: str) -> Path:
    config = tmp_path / "risk.toml"
    config.write_text(text)
    return config


def test_without_limits_the_paper_starter_holds_and_is_on_the_record() -> None:
    run = assemble(load_settings(None, [], {}), Heard(), {})
    assert run.settings["risk.origin"] == "paper starter (hotpath/paper/limits.toml)"
    assert run.settings["risk.limits.order_dollars_max"] == "50"
    assert run.settings["risk.triggers.start_healthy_seconds_min"] == "0"
    assert run.settings["risk.correlated.BTC"] == "KXBTC15M,KXBTCD,KXBTC"
    assert run.settings["risk.watched"] == "spot_age,quote_age,quote_coverage,snapshot_age"


def test_the_limits_of_a_file_replace_the_starter_whole(tmp_path: Path) -> None:
    text = RISK_FILE.replace("order_dollars_max = 50", "order_dollars_max = 7")
    loaded = load_settings(with_risk(tmp_path, text), [], {})
    assert loaded.risk.limits.order_dollars_max == 7
    assert loaded.risk.origin == str(tmp_path / "risk.toml")


def test_a_limit_missing_in_a_file_is_not_taken_from_the_starter(tmp_path: Path) -> None:
    config = with_risk(tmp_path, RISK_FILE.replace("drawdown_dollars_max = 250", ""))
    with pytest.raises(UsageError, match=r"risk\.toml: risk\.limits\.drawdown_dollars_max is miss"):
        load_settings(config, [], {})


def test_one_limit_can_be_set_and_the_record_says_so() -> None:
    loaded = load_settings(None, ["risk.limits.order_dollars_max=9"], {})
    assert loaded.risk.limits.order_dollars_max == 9
    assert loaded.risk.limits.market_dollars_max == 100
    assert loaded.risk.origin.endswith("limits.toml) and --set")


@pytest.mark.parametrize(
    ("assignment", "named"),
    [
        ("risk=5", "risk is a group"),
        ("risk.limits=5", "risk.limits is a group"),
        ("risk.limits.max_order=5", "risk.limits.max_order"),
        ("risk.limits.order_dollars_max=many", "risk.limits.order_dollars_max"),
        ("risk.limits.order_dollars_max=0", "risk.limits.order_dollars_max"),
        ("risk.limits.order_dollars_max=5.5", "risk.limits.order_dollars_max"),
        ("risk.limits.order_dollars_max=nan", "risk.limits.order_dollars_max"),
        ("risk.limits.order_dollars_max=101", "could never bind"),
        ("risk.limits.order_dollars_max.x=1", "risk.limits.order_dollars_max"),
        ("risk.triggers.spot_age=5", "risk.triggers.spot_age"),
        ("risk.triggers.spot_age_seconds_max=0", "risk.triggers.spot_age_seconds_max"),
        ("risk.correlated.BTC=KXETH", "KXETH is in"),
        ("risk.trigger.spot=5", "risk.trigger"),
    ],
)
def test_a_risk_setting_that_cannot_be_used_is_named(assignment: str, named: str) -> None:
    with pytest.raises(UsageError, match=named.replace(".", r"\.")):
        load_settings(None, [assignment], {})
