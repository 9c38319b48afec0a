"""Commands say what NO prices mean, come in bounded batches, and each has its answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kairos.adapters.kalshi.schemas import KalshiFrame
from kairos.adapters.kalshi.stream import Answer, Command, ErrorKind, KalshiCommands, classify
from kairos.errors import Malformed
from tests.support.repository import shared


def params(command: Command) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(command.frame)
    inner: dict[str, Any] = fields["params"]
    return inner


def frame(fields: dict[str, Any]) -> KalshiFrame:
    decoded: KalshiFrame = msgspec.convert(fields, KalshiFrame)
    return decoded


def subscribed(number: int, channel: str, sid: int) -> KalshiFrame:
    return frame({"type": "subscribed", "id": number, "msg": {"channel": channel, "sid": sid}})


def ok(number: int, sid: int, seq: int) -> KalshiFrame:
    return frame({"type": "ok", "id": number, "sid": sid, "seq": seq, "msg": {}})


def error(number: int | None, code: Any, **more: Any) -> KalshiFrame:  # noqa: ANN401
    return frame({"type": "error", "id": number, "msg": {"code": code, "msg": "said"}} | more)


def snapshot(number: int | None, market: str) -> KalshiFrame:
    body = {"type": "orderbook_snapshot", "sid": 3, "seq": 1, "msg": {"market_ticker": market}}
    return frame(body if number is None else body | {"id": number})


def answered(commands: KalshiCommands, reply: KalshiFrame) -> Answer:
    answer = commands.answer(reply)
    assert answer is not None
    return answer


def test_a_book_subscription_says_what_no_prices_mean_and_remembers_it() -> None:
    command = KalshiCommands().subscribe("orderbook_delta", ["A", "B"])
    assert msgspec.json.decode(command.frame) == {
        "id": 1,
        "cmd": "subscribe",
        "params": {
            "channels": ["orderbook_delta"], "market_tickers": ["A", "B"], "use_yes_price": False,
        },
    }  # fmt: skip
    assert command.use_yes_price is False
    assert command.markets == ("A", "B")


def test_other_channels_have_no_such_question() -> None:
    command = KalshiCommands().subscribe("fill")
    assert params(command) == {"channels": ["fill"]}
    assert command.use_yes_price is None


def test_index_subscriptions_name_their_indices() -> None:
    command = KalshiCommands().subscribe("cfbenchmarks_value_5hz", index_ids=["BRTI"])
    assert params(command) == {"channels": ["cfbenchmarks_value_5hz"], "index_ids": ["BRTI"]}


@given(st.integers(1, 60), st.integers(1, 20))
def test_every_market_is_subscribed_once_in_bounded_batches(count: int, batch_max: int) -> None:
    markets = [f"M{number}" for number in range(count)]
    commands = KalshiCommands(batch_max=batch_max)
    command = commands.subscribe("orderbook_delta", markets)
    sent = [command]
    answer = answered(commands, subscribed(command.id, "orderbook_delta", 3))
    while answer.send:
        (command,) = answer.send
        sent.append(command)
        assert (command.sid, command.action) == (3, "add_markets")
        assert len(commands.pending) == 1
        answer = answered(commands, ok(command.id, 3, len(sent)))
    assert [market for each in sent for market in each.markets] == markets
    assert all(len(each.markets) <= batch_max for each in sent)
    assert [each.id for each in sent] == list(range(1, len(sent) + 1))
    assert commands.pending == ()


def test_a_subscription_is_done_when_its_channel_has_a_number() -> None:
    commands = KalshiCommands()
    command = commands.subscribe("trade", ["A"])
    answer = answered(commands, subscribed(command.id, "trade", 11))
    assert answer == Answer(command, done=True, sid=11, channel="trade")


def test_a_snapshot_request_is_done_when_every_market_has_come() -> None:
    commands = KalshiCommands(batch_max=2)
    command = commands.get_snapshot(3, ["A", "B", "C"])
    assert params(command) == {"sid": 3, "action": "get_snapshot", "market_tickers": ["A", "B"]}
    assert not answered(commands, snapshot(command.id, "B")).done
    assert not answered(commands, ok(command.id, 3, 2)).done
    last = answered(commands, snapshot(command.id, "A"))
    assert last.done
    assert last.send[0].markets == ("C",)
    assert answered(commands, snapshot(last.send[0].id, "C")).done
    assert commands.pending == ()


def test_a_snapshot_nobody_asked_for_is_market_data() -> None:
    assert KalshiCommands().answer(snapshot(None, "A")) is None


def test_unsubscribing_is_done_when_every_sid_is_gone() -> None:
    commands = KalshiCommands()
    command = commands.unsubscribe([1, 2])
    assert params(command) == {"sids": [1, 2]}
    gone = {"type": "unsubscribed", "id": command.id, "seq": 9}
    assert not answered(commands, frame(gone | {"sid": 1})).done
    assert answered(commands, frame(gone | {"sid": 2})).done


def test_listing_subscriptions_has_no_parameters() -> None:
    commands = KalshiCommands()
    command = commands.list_subscriptions()
    assert msgspec.json.decode(command.frame) == {"id": 1, "cmd": "list_subscriptions"}
    reply = {"type": "ok", "id": 1, "msg": [{"channel": "fill", "sid": 3}]}
    assert answered(commands, frame(reply)).command == command


def test_an_error_ends_its_command_and_the_batches_behind_it() -> None:
    commands = KalshiCommands(batch_max=1)
    command = commands.subscribe("orderbook_delta", ["A", "B"])
    answer = answered(commands, error(command.id, 26))
    assert (answer.error, answer.code, answer.detail) == (ErrorKind.TOO_MANY_MARKETS, 26, "said")
    assert answer.send == ()
    assert commands.pending == ()


def test_an_error_about_a_subscription_names_it() -> None:
    answer = answered(KalshiCommands(), error(None, 25, sid=3, seq=9))
    assert (answer.command, answer.sid, answer.error) == (None, 3, ErrorKind.RESUBSCRIBE)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (10, ErrorKind.RESUBSCRIBE),
        (25, ErrorKind.RESUBSCRIBE),
        (1, ErrorKind.RETRY),
        (18, ErrorKind.RETRY),
        (27, ErrorKind.RETRY),
        (9, ErrorKind.WRONG_KEY),
        (26, ErrorKind.TOO_MANY_MARKETS),
        (7, ErrorKind.UNKNOWN_SID),
        (2, ErrorKind.DEFECT),
        (999, ErrorKind.DEFECT),
    ],
)
def test_an_error_code_says_what_to_do(code: int, kind: ErrorKind) -> None:
    assert classify(code) is kind


@pytest.mark.parametrize("code", [None, "10", True, 10.0])
def test_an_error_without_a_code_is_malformed(code: object) -> None:
    with pytest.raises(Malformed, match=r"msg\.code"):
        KalshiCommands().answer(error(None, code))


def test_answers_to_nobody_are_harmless() -> None:
    commands = KalshiCommands()
    assert answered(commands, ok(99, 1, 1)).command is None
    assert answered(commands, subscribed(99, "fill", 1)).command is None
    assert answered(commands, snapshot(99, "A")).command is None


def test_commands_without_answers_do_not_pile_up() -> None:
    commands = KalshiCommands(pending_max=3)
    for _ in range(3):
        commands.list_subscriptions()
    with pytest.raises(OverflowError, match="without an answer"):
        commands.list_subscriptions()


def test_an_update_of_no_market_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no market"):
        KalshiCommands().add_markets(1, [])


def test_our_commands_are_the_published_examples() -> None:
    raw = shared("samples/kalshi/asyncapi_examples_2026-10-26.json").read_bytes()
    examples = msgspec.json.decode(raw)
    wanted = examples["updateSubscriptionSingleSidCommand"][0]["payload"]["params"]
    made = KalshiCommands().add_markets(456, wanted["market_tickers"])
    assert params(made) == wanted
    wanted = examples["unsubscribeCommand"][0]["payload"]["params"]
    assert params(KalshiCommands().unsubscribe([1, 2])) == wanted
    wanted = examples["cfbenchmarksUpdateSubscriptionCommand"][1]["payload"]["params"]
    assert params(KalshiCommands().index_ids(1, "subscribe_indices", ["BRTI"])) == wanted
