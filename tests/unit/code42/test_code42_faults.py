"""Answers that are none: errors, resets, limits, pages of somebody else."""

from collections import Counter
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx
import pytest

from devcluster.code42 import Behaviour, Faults
from devcluster.code42.faults import Fault, RateLimit, fault_of
from synclog.windows import MINUTE, from_datetime


def test_rates_are_kept_and_repeat() -> None:
    faults = Faults(reset_rate=0.1, throttle_rate=0.2, error_rate=0.3)
    drawn = [fault_of(faults, 7, "data", number) for number in range(2000)]
    assert drawn == [fault_of(faults, 7, "data", number) for number in range(2000)]
    assert drawn != [fault_of(faults, 8, "data", number) for number in range(2000)]
    counts = Counter(drawn)
    for fault, share in (
        (Fault.RESET, 0.1),
        (Fault.THROTTLED, 0.2),
        (Fault.ERROR, 0.3),
        (None, 0.4),
    ):
        assert counts[fault] / 2000 == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("list", [{"name": "SYSTEM", "description": "Something went wrong"}]),
        ("problem", {"problem": "SYSTEM", "description": None}),
        (
            "spring",
            {
                "timestamp": "2026-06-15T12:00:00.000Z",
                "status": 502,
                "error": "Bad Gateway",
                "message": "Something went wrong",
                "path": "/api/v3/DirectorySyncLog/csv",
            },
        ),
    ],
)
def test_error_shapes(connect: Callable, shape: str, expected: object) -> None:
    faults = Faults(error_rate=1, error_status=502)
    answer = connect(Behaviour(error_shape=shape, faults=faults)).csv()
    assert (answer.status_code, answer.json()) == (502, expected)


def test_an_error_of_a_proxy(connect: Callable) -> None:
    answer = connect(Behaviour(error_shape="html", faults=Faults(error_rate=1))).csv()
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")


def test_a_reset(connect: Callable) -> None:
    client = connect(Behaviour(faults=Faults(reset_rate=1)))
    with pytest.raises(httpx.ReadError):
        client.csv()
    assert client.source.requests[-1].status == 0
    assert client.source.simulation.counts["data 0"] == 1
    client.source.behave(Behaviour())
    assert client.csv().status_code == 200
    assert client.source.simulation.counts == {"tokens 200": 1, "data 0": 1, "data 200": 1}


def test_throttling(connect: Callable, now: int) -> None:
    faults = Faults(throttle_rate=1, retry_after_seconds=17)
    client = connect(Behaviour(faults=faults))
    answer = client.csv()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "17")
    client.source.behave(
        Behaviour(faults=Faults(throttle_rate=1, retry_after="date", retry_after_seconds=17))
    )
    date = parsedate_to_datetime(client.csv().headers["retry-after"])
    assert from_datetime(date) == now + 17_000
    client.source.behave(Behaviour(faults=Faults(throttle_rate=1, retry_after="absent")))
    assert "retry-after" not in client.csv().headers


def test_a_rate_limit(connect: Callable) -> None:
    client = connect(Behaviour(faults=Faults(requests_per_minute=2)))
    assert [client.csv().status_code for _ in range(2)] == [200, 200]
    client.clock.advance(20_000)
    limited = client.csv()
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "40")
    client.clock.advance(40_000)
    assert client.csv().status_code == 200


def test_a_rate_limit_counts_what_it_let_through() -> None:
    limit = RateLimit()
    assert [limit.wait(2, at) for at in (0, 10, 20, 30)] == [0, 0, 60, 60]
    assert limit.wait(2, MINUTE) == 0
    assert limit.wait(2, MINUTE) == 1


@pytest.mark.parametrize("route", ["data", "tokens"])
def test_faults_concern_their_routes(connect: Callable, route: str) -> None:
    client = connect()
    client.source.behave(Behaviour(faults=Faults(on=(route,), error_rate=1)))
    token = client.http.post(
        "/api/v3/oauth/token",
        params={"grant_type": "client_credentials"},
        auth=(client.source.client_id, client.source.client_secret),
    )
    statuses = {"data": client.csv().status_code, "tokens": token.status_code}
    assert statuses == {"data": 200, "tokens": 200} | {route: 503}


@pytest.mark.parametrize(
    ("page", "content_type", "start"),
    [
        ("login", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("json", "application/json; charset=utf-8", "{"),
        ("empty", "text/csv", ""),
    ],
)
def test_false_pages(connect: Callable, page: str, content_type: str, start: str) -> None:
    answer = connect(Behaviour(faults=Faults(page=page))).csv()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    assert answer.text.startswith(start)
    assert bool(answer.text) == bool(start)


def test_a_redirect_to_another_host(connect: Callable) -> None:
    behaviour = Behaviour(faults=Faults(redirect_to="https://elsewhere.example/"))
    answer = connect(behaviour).csv()
    assert answer.status_code == 302
    location = httpx.URL(answer.headers["location"])
    assert location.host == "elsewhere.example"
    assert (location.path, location.params) == (answer.url.path, answer.url.params)


def test_latency_delays_the_answer(connect: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    client = connect(Behaviour(faults=Faults(latency_ms=12_345)))
    monkeypatch.setattr("devcluster.code42.routes.pause", sleep)
    assert client.csv().status_code == 200
    assert slept == [12.345]


def test_the_date_header(connect: Callable, now: int) -> None:
    client = connect()

    def date() -> int:
        return from_datetime(parsedate_to_datetime(client.csv().headers["date"]))

    assert date() == now
    client.source.behave(Behaviour(date_skew_ms=-600_000))
    assert date() == now - 600_000
    client.source.behave(Behaviour(date_absent=True))
    assert "date" not in client.csv().headers
