"""Reading a payload against its contract: which fields, of which type, with which coercions.

Reproduces although it is wrong: values are converted where the engine proper would refuse them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kairos.domain.profile_v1.coercion import Fields, to_float
from kairos.errors import Malformed

_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "off", "0"})


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One payload field: bool, float, int, str, or object for any scalar. Null unless required."""

    kind: type
    is_required: bool = False
    default: object = None
    minimum: int | None = None


def required(**kinds: type) -> dict[str, FieldSpec]:
    """Specs of fields that must be there and not be null."""
    return {name: FieldSpec(kind, is_required=True) for name, kind in kinds.items()}


def optional(kind: type, *names: str) -> dict[str, FieldSpec]:
    """Specs of fields of one type that may be missing or null."""
    return {name: FieldSpec(kind) for name in names}


def read_payload(specs: Mapping[str, FieldSpec], payload: Fields) -> dict[str, Any]:
    """Every field of the contract, converted, nulls where nothing was given.

    Raises Malformed naming the field: missing, unexpected, of the wrong type, or too small.
    """
    extra = sorted(set(payload) - set(specs))
    if extra:
        raise Malformed("unexpected_field", extra[0], "the contract has no such field")
    return {name: _read(name, spec, payload) for name, spec in specs.items()}


def _read(name: str, spec: FieldSpec, payload: Fields) -> object:
    if name not in payload and not spec.is_required:
        return spec.default
    value = payload.get(name)
    if value is None:
        if spec.is_required or spec.default is not None:
            raise Malformed("missing_field", name, "it must be given")
        return None
    converted = _convert(spec.kind, value)
    if converted is None:
        raise Malformed("wrong_type", name, f"{value!r} is no {spec.kind.__name__}")
    if spec.minimum is not None and isinstance(converted, int) and converted < spec.minimum:
        raise Malformed("too_small", name, f"{converted} is less than {spec.minimum}")
    return converted


def _convert(kind: type, value: Any) -> object:  # noqa: ANN401
    """The value as the wanted type, or None where it cannot pass for one."""
    if not isinstance(value, bool | int | float | str):
        return None
    if kind is object:
        return value
    if kind is str:
        return value if isinstance(value, str) else None
    if kind is bool:
        return _to_bool(value)
    number = to_float(value)
    if kind is float or number is None:
        return number
    if not number.is_integer():
        return None
    return int(value) if isinstance(value, int) else int(number)


def _to_bool(value: Any) -> bool | None:  # noqa: ANN401
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    text = value.lower() if isinstance(value, str) else ""
    if text in _TRUE:
        return True
    return False if text in _FALSE else None
