"""The venues' own clients are made ready once for everybody, before the clock of a test runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sdk_drivers import end_all
from tests.support.sdk_environments import SDKS, Unavailable, environment


@pytest.fixture(scope="session", autouse=True)
def sdk_environments() -> Iterator[None]:
    """What cannot be made is reported by the tests that need it."""
    for name in SDKS:
        try:
            environment(name)
        except Unavailable:
            continue
    yield
    end_all()
