"""Which check a golden row gets, and what a row that cannot be checked counts as: failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from cli.parity import engine_rows, table_rows
from cli.parity.compare import ABSENT, Mismatch
from cli.parity.fields import need
from kairos.errors import Malformed

NO_KIND: Final = "(no kind)"
Check = Callable[[Mapping[str, Any]], Iterator[Mismatch]]

CHECKS: Final[Mapping[str, Check]] = {
    "edge": engine_rows.check_edge,
    "sigma": engine_rows.check_sigma,
    "pipeline": engine_rows.check_pipeline,
    "build": engine_rows.check_build,
    "loop": engine_rows.check_loop,
    "fee": table_rows.check_fee,
    "idempotency": table_rows.check_idempotency,
    "score": table_rows.check_score,
    "outcome": table_rows.check_outcome,
    "bounds_payload": table_rows.check_bounds_payload,
    "bounds_ticker": table_rows.check_bounds_ticker,
    "quote_validate": table_rows.check_quote_validate,
    "max_contracts": table_rows.check_max_contracts,
    "exec_gate": table_rows.check_exec_gate,
}
_IDENTIFIED: Final = frozenset({"edge", "sigma", "pipeline", "build", "loop"})


def kind_of(row: Mapping[str, Any]) -> str:
    kind = row.get("kind")
    return kind if isinstance(kind, str) else NO_KIND


def check_row(row: Mapping[str, Any]) -> list[Mismatch]:
    """Everything about the row that profile v1 does not reproduce; empty when it passes."""
    kind = kind_of(row)
    check = CHECKS.get(kind)
    if check is None:
        return [Mismatch("kind", f"one of {', '.join(CHECKS)}", row.get("kind", ABSENT))]
    try:
        if kind in _IDENTIFIED:
            need(row, "id")
        return list(check(row))
    except Malformed as error:
        was = ABSENT if error.reason == "missing_field" else error.detail
        return [Mismatch(error.field, "a usable value", was)]
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A value deep in a row that no check could foresee must fail that row, not the run.
        return [
            Mismatch("(row)", "inputs that can be evaluated", f"{type(error).__name__}: {error}")
        ]
