"""A decision has one id, a holder of the lease another, and a venue takes both."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath.strategies.order_ids import TOKEN_MAX, order_id, token_of
from kairos.domain.instruments import Action, Outcome

tokens = st.integers(0, TOKEN_MAX)


def of(token: int, ts_ns: int = 7, market: str = "KXBTC15M-X") -> str:
    return order_id("v2", market, Outcome.YES, Action.BUY, ts_ns, token)


def test_without_a_token_ids_are_what_they_always_were() -> None:
    assert of(0) == "kr-39cc5a29f22614891d27084f"


@given(tokens, st.text(), st.integers())
def test_ids_fit_every_venue_and_say_their_token(token: int, market: str, ts_ns: int) -> None:
    made = of(token, ts_ns, market)
    assert re.fullmatch(r"[a-z0-9-]{1,64}", made)
    assert token_of(made) == token


@given(tokens, tokens)
def test_two_holders_never_share_an_id(one: int, other: int) -> None:
    assert (of(one) == of(other)) == (one == other)


@pytest.mark.parametrize("foreign", ["", "kr-", "kr-0-" + "a" * 24, "kr-07-" + "a" * 24, "web-1"])
def test_ids_that_we_did_not_make_have_no_token(foreign: str) -> None:
    assert token_of(foreign) is None


@pytest.mark.parametrize("token", [-1, TOKEN_MAX + 1])
def test_an_impossible_token_is_refused(token: int) -> None:
    with pytest.raises(ValueError, match="fencing token"):
        of(token)
