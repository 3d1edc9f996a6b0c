"""A client of the simulated source, with a token, and windows that never move."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from devcluster.code42 import Behaviour, ManualClock, SimulatedCode42, running
from synclog.windows import DAY, Window, format_time, parse_time

NOW = parse_time("2026-06-15T12:00:00Z")
YESTERDAY = Window(NOW - DAY, NOW)


@dataclass
class Client:
    """A synchronous client of one running source, whose clock stands at `NOW`."""

    source: SimulatedCode42
    clock: ManualClock
    http: httpx.Client

    def token(self) -> str:
        answer = self.http.post(
            "/api/v3/oauth/token",
            params={"grant_type": "client_credentials"},
            auth=(self.source.client_id, self.source.client_secret),
        )
        return str(answer.raise_for_status().json()["access_token"])

    def authorise(self) -> None:
        self.http.headers["Authorization"] = f"Bearer {self.token()}"

    def csv(self, window: Window = YESTERDAY, **headers: str) -> httpx.Response:
        return self.get("/api/v3/DirectorySyncLog/csv", window, headers)

    def page(
        self,
        number: int | None = None,
        size: int | None = None,
        window: Window = YESTERDAY,
        **more: str,
    ) -> httpx.Response:
        if number is not None:
            more["page[number]"] = str(number)
        if size is not None:
            more["page[size]"] = str(size)
        return self.get("/api/v3/DirectorySyncLog", window, {}, **more)

    def get(
        self, path: str, window: Window, headers: dict[str, str], **more: str
    ) -> httpx.Response:
        parameters = {
            "eventOccurredAfter": format_time(window.start),
            "eventOccurredBefore": format_time(window.end),
        }
        return self.http.get(path, params=parameters | more, headers=headers)

    def rows(self, number: int, size: int, **more: str) -> list[dict[str, Any]]:
        document = self.page(number, size, **more).raise_for_status().json()
        return list(document["data"]["directorySyncLogs"])


@pytest.fixture
def now() -> int:
    return NOW


@pytest.fixture
def yesterday() -> Window:
    return YESTERDAY


@pytest.fixture
def connect(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., Client]]:
    """Starts a source and gives an authorised client of it: ``connect(Behaviour(…), seed=7)``.

    What the server logs as an error is one: a broken answer must be broken on purpose.
    """
    with ExitStack() as stack:

        def start(
            behaviour: Behaviour | None = None, seed: int = 7, *, authorised: bool = True
        ) -> Client:
            clock = ManualClock(NOW)
            source = stack.enter_context(running(behaviour, seed, clock=clock))
            http = stack.enter_context(
                # The environment's proxies have no business with a local server.
                httpx.Client(base_url=source.url, trust_env=False, timeout=20)
            )
            client = Client(source, clock, http)
            if authorised:
                client.authorise()
            return client

        yield start
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
