"""Reading a golden row's inputs: each must be there and of its type, or the row has failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kairos.errors import Malformed


def need(row: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
    """The value at a dotted path. Raises Malformed (`missing_field`) naming the path."""
    value: Any = row
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise Malformed("missing_field", path, "the row has no such field")
        value = value[name]
    return value


def need_object(row: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    value = need(row, path)
    return value if isinstance(value, Mapping) else _refuse(path, value, "object")


def need_list(row: Mapping[str, Any], path: str) -> list[Any]:
    value = need(row, path)
    return value if isinstance(value, list) else _refuse(path, value, "list")


def need_objects(row: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    """A list of objects."""
    values = need_list(row, path)
    for index, value in enumerate(values):
        if not isinstance(value, Mapping):
            _refuse(f"{path}[{index}]", value, "object")
    return values


def need_text(row: Mapping[str, Any], path: str) -> str:
    value = need(row, path)
    return value if isinstance(value, str) else _refuse(path, value, "text")


def need_flag(row: Mapping[str, Any], path: str) -> bool:
    value = need(row, path)
    return value if isinstance(value, bool) else _refuse(path, value, "true or false")


def need_integer(row: Mapping[str, Any], path: str) -> int:
    value = need(row, path)
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(path, value, "whole number")
    return int(value)


def need_number(row: Mapping[str, Any], path: str) -> float:
    value = need(row, path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(path, value, "number")
    return float(value)


def integer_or_null(row: Mapping[str, Any], path: str) -> int | None:
    return None if need(row, path) is None else need_integer(row, path)


def number_or_null(row: Mapping[str, Any], path: str) -> float | None:
    return None if need(row, path) is None else need_number(row, path)


def need_tuples(row: Mapping[str, Any], path: str, *kinds: type) -> list[tuple[Any, ...]]:
    """A list of lists, each with exactly these types; a whole number passes for a float."""
    values = need_list(row, path)
    for index, value in enumerate(values):
        shaped = isinstance(value, list) and len(value) == len(kinds)
        if not shaped or not all(map(_is_kind, value, kinds)):
            _refuse(f"{path}[{index}]", value, f"[{', '.join(kind.__name__ for kind in kinds)}]")
    return [tuple(value) for value in values]


def _is_kind(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float) if kind is float else isinstance(value, kind)


def _refuse(path: str, value: object, wanted: str) -> Any:  # noqa: ANN401
    raise Malformed("wrong_type", path, f"{value!r} is no {wanted}")
