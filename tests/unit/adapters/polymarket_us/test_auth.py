"""Keys: what cannot be one is said at once, and no secret is ever shown."""

from __future__ import annotations

import base64
import traceback

import pytest

from kairos.adapters.polymarket_us.auth import Credentials, Signer
from kairos.errors import UsageError
from tests.support.polymarket_us import SECRET
from tests.support.rest import FakeClock


@pytest.mark.parametrize(
    "secret",
    ["", "not base64!", SECRET[:-4], base64.b64encode(bytes(33)).decode(), "schlüssel=" * 4],
)
def test_what_is_no_key_is_refused_without_showing_it(secret: str) -> None:
    with pytest.raises(UsageError) as refused:
        Credentials("key-id", secret)
    shown = "".join(traceback.format_exception(refused.value))
    assert not secret or secret not in shown


@pytest.mark.parametrize("key_id", ["", "  ", "a\nb", "ключ"])
def test_a_key_id_must_be_plain_text(key_id: str) -> None:
    with pytest.raises(UsageError, match="key id"):
        Credentials(key_id, SECRET)


def test_nothing_shows_the_secret() -> None:
    credentials = Credentials("key-id", SECRET)
    signer = Signer(credentials, FakeClock())
    seed_hex = bytes(range(32)).hex()
    for shown in (repr(credentials), str(credentials), repr(signer), f"{signer}"):
        assert SECRET not in shown
        assert seed_hex not in shown
        assert "redacted" in shown


def test_a_signature_is_made_for_the_moment_of_sending() -> None:
    clock = FakeClock()
    signer = Signer(Credentials("key-id", SECRET), clock)
    first = signer.headers("GET", "/v1/orders/open")
    clock.advance(1)
    second = signer.headers("GET", "/v1/orders/open")
    assert int(second["X-PM-Timestamp"]) - int(first["X-PM-Timestamp"]) == 1_000
    assert first["X-PM-Signature"] != second["X-PM-Signature"]
