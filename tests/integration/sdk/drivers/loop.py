"""What every driver does: read a JSON line, let the SDK do it, answer with a JSON line.

Runs in an SDK's own environment, so nothing but the standard library is here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Command = Callable[..., Any]


def serve(commands: dict[str, Command], plain: Callable[[Any], Any] = str) -> None:
    """Until the input ends. `plain` turns the SDK's own objects into JSON. What an SDK raises is an
    answer as well: its kind, its words and its status if it has one."""
    # SDKs log and warn as they like; answers have a stream of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = commands[asked.pop("do")](**asked)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is compared
            status = getattr(error, "status_code", getattr(error, "status", None))
            said = {"error": str(error), "kind": type(error).__name__, "status": status}
        answers.write(json.dumps(said, default=plain) + "\n")
        answers.flush()
