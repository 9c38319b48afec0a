"""Keeps the garbage collector out of the hot loop.

The engine makes no reference cycles, so nothing is left for a collector to find; `python -m
benchmarks --only memory` runs without one and would show it. Looking cost 3 % of a replay.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """Collect once, then not before the end. Nested, the outermost decides."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
        gc.unfreeze()
