"""What tests of REST adapters share: time that is told, a transport that is scripted."""

from __future__ import annotations

from collections.abc import Sequence

from kairos.ports import HttpRequest, HttpResponse

Answer = HttpResponse | Exception


class FakeClock:
    """Moves only when somebody sleeps, or a test says so."""

    def __init__(self, now_ns: int = 1_795_000_000_000_000_000) -> None:
        self.ns = now_ns
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self.ns

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * 1_000_000_000)


class ScriptedTransport:
    """Records requests and gives the next answer of the script; running dry is an error."""

    def __init__(self, answers: Sequence[Answer] = ()) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    async def send(self, request: HttpRequest, timeout_seconds: float) -> HttpResponse:
        self.requests.append(request)
        assert timeout_seconds > 0
        assert self.answers, f"nothing is scripted for {request.method} {request.path}"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(
    body: bytes | str = b"{}", status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    return HttpResponse(status, headers or {}, body.encode() if isinstance(body, str) else body)
