"""When to ask, and how long to wait."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.errors import Interrupted, SourceError
from synclog.exporter.source.pacing import Pace, backoff, http_date, pause, retry_after
from synclog.windows import parse_time

NOW = parse_time("2026-01-31T10:00:00Z")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sat, 31 Jan 2026 10:00:30 GMT", 30.0),
        ("Sat, 31 Jan 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("٧", None),
        ("", None),
        ("99999999999999999999", 999_999_999.0),
    ],
)
def test_both_forms_of_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize("text", [None, "", "yesterday", "Sat, 99 Jan 2026 10:00:00 GMT", "2026"])
def test_what_is_no_http_date(text: str | None) -> None:
    assert http_date(text) is None


@given(st.integers(1, 20), st.integers(0, 1000))
def test_backoff_grows_and_is_spread(attempt: int, seed: int) -> None:
    wait = backoff(attempt, None, random.Random(seed))
    whole = min(0.5 * 2 ** (attempt - 1), 30)
    assert whole / 2 <= wait <= whole


def test_what_the_source_asks_for_is_waited_in_full() -> None:
    assert backoff(1, 60.0, random.Random(1)) > 60
    with pytest.raises(SourceError, match="asks to wait 3600 seconds") as caught:
        backoff(1, 3600.0, random.Random(1))
    assert caught.value.reason == "RateLimited"


def test_no_limit_never_waits(fake_time: Any) -> None:
    pace = Pace(None, fake_time, fake_time)
    for _ in range(100):
        pace.wait()
    assert fake_time.waited == []


@given(st.integers(1, 6), st.lists(st.integers(0, 40_000), max_size=30))
def test_no_minute_has_more_requests_than_the_limit(limit: int, pauses: list[int]) -> None:
    clock = _Clock()
    pace = Pace(limit, clock, clock)
    begun = []
    for milliseconds in pauses:
        clock.milliseconds += milliseconds
        pace.wait()
        begun.append(clock.milliseconds)
    for at in range(limit, len(begun)):
        assert begun[at] - begun[at - limit] >= 59_999


def test_a_stop_ends_the_waiting(fake_time: Any) -> None:
    pace = Pace(1, fake_time, fake_time)
    pace.wait()
    fake_time.stopped = True
    with pytest.raises(Interrupted):
        pace.wait()
    with pytest.raises(Interrupted):
        pause(fake_time, 0)


class _Clock:
    def __init__(self) -> None:
        self.milliseconds = 0

    def now(self) -> int:
        return self.milliseconds

    def monotonic(self) -> float:
        return self.milliseconds / 1000

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float | None = None) -> bool:
        self.milliseconds += round((timeout or 0) * 1000)
        return False
