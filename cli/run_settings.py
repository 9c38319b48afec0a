"""Settings of a run: defaults, a TOML file, then `--set name=value`; nothing unknown passes."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError

from hotpath.assembly import PROFILES, RunSettings
from hotpath.paper.starter import ORIGIN, starter_values
from kairos.domain.risk.settings import RiskSettings, risk_from
from kairos.errors import UsageError


def load_settings(
    config: Path | None,
    assignments: Sequence[str],
    overrides: Mapping[str, Any],
    base: RunSettings | None = None,
) -> RunSettings:
    """`base`, where given, is what holds unless something says otherwise.

    Raises UsageError naming the file, the field and what would be right.
    """
    values: dict[str, Any] = {} if base is None else _as_given(base)
    if config is not None:
        _merge(values, _read(config), str(config))
    origin = base.risk.origin if base is not None and config is None else ORIGIN
    if config is not None and "risk" in values:
        origin = str(config)
    values.setdefault("risk", starter_values())
    for assignment in assignments:
        name, separator, text = assignment.partition("=")
        if not separator:
            raise UsageError(f"--set {assignment!r}: write it as name=value")
        _merge(values, _nested(name.strip().split("."), text.strip()), f"--set {name}")
        if name.strip().startswith("risk."):
            origin = f"{origin.removesuffix(' and --set')} and --set"
    _merge(values, {name: value for name, value in overrides.items() if value is not None}, "")
    values["risk"] = _risk(values["risk"], origin)
    return _validate(values)


def _as_given(settings: RunSettings) -> dict[str, Any]:
    """The values of a settings file that would give these settings."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    risk = settings.risk
    values["risk"] = {
        "limits": dict(risk.limits.flat()),
        "triggers": dict(risk.triggers.flat()),
        "correlated": dict(risk.correlated),
    }
    return values


def _risk(values: object, origin: str) -> RiskSettings:
    """A file's limits are all of them: only where there is no file at all does the starter hold."""
    if not isinstance(values, Mapping):
        raise UsageError(f"{origin}: risk is a group; set risk.limits.<name>")
    return risk_from(values, origin)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: is not TOML: {error}") from error


def _nested(path: list[str], value: str) -> dict[str, Any]:
    return {path[0]: value if len(path) == 1 else _nested(path[1:], value)}


def _merge(into: dict[str, Any], new: Mapping[str, Any], where: str) -> None:
    _refuse_unknown(RunSettings, new, where, "")
    _deep_update(into, new)


def _deep_update(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        group = into.get(name)
        if isinstance(value, Mapping) and isinstance(group, dict):
            _deep_update(group, value)
        else:
            into[name] = value


def _refuse_unknown(shape: type, given: Mapping[str, Any], where: str, prefix: str) -> None:
    known = {field.name: field for field in fields(shape)}
    for name, value in given.items():
        if name not in known:
            choices = ", ".join(f"{prefix}{each}" for each in sorted(known))
            raise UsageError(f"{where}: there is no setting {prefix}{name}. There are: {choices}")
        inner: object = known[name].default_factory
        if isinstance(inner, type) and is_dataclass(inner):
            if not isinstance(value, Mapping):
                raise UsageError(f"{where}: {prefix}{name} is a group; set {prefix}{name}.<name>")
            _refuse_unknown(inner, value, where, f"{prefix}{name}.")


def _validate(values: dict[str, Any]) -> RunSettings:
    try:
        settings: RunSettings = TypeAdapter(RunSettings).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"setting {name}: {first['msg']} (was {first['input']!r})") from error
    _refuse_infinite(asdict(settings), "")
    if settings.profile not in PROFILES:
        raise UsageError(f"setting profile: {settings.profile!r} is not one of {PROFILES}")
    return settings


def _refuse_infinite(values: Mapping[str, Any], prefix: str) -> None:
    """No limit compares with nan: what is not a number would be a gate that stands open."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            _refuse_infinite(value, f"{prefix}{name}.")
        elif isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"setting {prefix}{name}: {value} is not a finite number")
