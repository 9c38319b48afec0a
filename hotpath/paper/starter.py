"""The limits paper starts with where nobody gave any: a named file, never a default in code."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from kairos.domain.risk.settings import RiskSettings, risk_from

STARTER: Final = Path(__file__).with_name("limits.toml")
ORIGIN: Final = "paper starter (hotpath/paper/limits.toml)"


def starter_values() -> dict[str, Any]:
    """The `risk` group of the file, as TOML has it; the caller's own to change."""
    group: dict[str, Any] = tomllib.loads(STARTER.read_text(encoding="utf-8"))["risk"]
    return group


@lru_cache(maxsize=1)
def paper_starter() -> RiskSettings:
    return risk_from(starter_values(), ORIGIN)
