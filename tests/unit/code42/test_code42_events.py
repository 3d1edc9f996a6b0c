"""The simulated source's events: a pure function of seed and time, with awkward contents."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devcluster.code42 import Behaviour, Population, Times, Truth, values
from devcluster.code42.events import Event, drawn
from devcluster.code42.timestamps import writer
from synclog.windows import DAY, HOUR, MINUTE, Window, parse_time

START = parse_time("2026-06-01T00:00:00Z")
MONTH = Window(START, START + 30 * DAY)


@given(
    st.integers(0, 5 * DAY),
    st.integers(1, 3 * DAY),
    st.integers(1, 3 * DAY),
    st.sampled_from([0, 20_000_000]),
)
@settings(max_examples=50, deadline=None)
def test_a_window_is_its_two_halves(start: int, first: int, second: int, bulk: int) -> None:
    if bulk:
        first, second = first // 1000 + 1, second // 1000 + 1
    truth = Truth.of(7, Behaviour(population=Population(bulk_bytes_per_day=bulk)))
    middle = START + start + first
    whole = truth.events(Window(START + start, middle + second))
    halves = truth.events(Window(START + start, middle)) + truth.events(
        Window(middle, middle + second)
    )
    assert whole == halves
    assert whole == sorted(whole, key=lambda event: event.instant)


def test_the_events_do_not_depend_on_the_process() -> None:
    script = (
        "from devcluster.code42 import Truth; from synclog.windows import Window; "
        f"print(Truth.of(7).digest(Window({MONTH.start}, {MONTH.start + DAY})))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert told == Truth.of(7).digest(Window(START, START + DAY))


def test_identical_rows_are_as_many_as_told() -> None:
    def repeated(share: float) -> float:
        population = Population(identical_share=share, awkward_share=1, burst_rows=0)
        events = Truth.of(7, Behaviour(population=population)).events(MONTH)
        return 1 - len(set(events)) / len(events)

    assert repeated(0) < 0.01
    assert repeated(0.1) == pytest.approx(0.1, abs=0.03)


def test_seeds_differ() -> None:
    assert Truth.of(1).digest(MONTH) != Truth.of(2).digest(MONTH)


@pytest.mark.parametrize("rate", [24, 300, 5000])
def test_the_rate_is_kept(rate: int) -> None:
    truth = Truth.of(7, Behaviour(population=Population(events_per_day=rate, burst_rows=0)))
    assert truth.count(MONTH) == pytest.approx(rate * 30, rel=0.1)


def test_bursts_fill_one_millisecond() -> None:
    population = Population(burst_rows=777, burst_every_hours=6)
    truth = Truth.of(7, Behaviour(population=population))
    instants = Counter(event.instant for event in truth.events(Window(START, START + DAY)))
    assert sum(count >= 777 for count in instants.values()) == 4


def test_everything_awkward_occurs() -> None:
    events = Truth.of(7).events(MONTH)
    assert set(values.AWKWARD) <= {event.old_value for event in events}
    assert max(Counter(events).values()) > 1, "no identical rows"
    instants = Counter(event.instant for event in events)
    assert any(1 < count < 10 for count in instants.values()), "no rows with one timestamp"
    errors = [event for event in events if event.action == values.ERROR_ACTION]
    assert errors
    assert {event[4:] for event in errors} == {("", "", "")}


def test_a_clock_of_seconds_has_events_on_seconds_only() -> None:
    truth = Truth.of(7, Behaviour(times=Times(fraction=0)))
    events = truth.events(Window(START, START + DAY))
    assert events
    assert all(event.instant % 1000 == 0 for event in events)


def test_a_distant_window_costs_what_it_holds() -> None:
    far = parse_time("1999-12-31T23:00:00Z")
    found = drawn(7, Population(), 1, Window(far, far + HOUR))
    assert all(far <= instant < far + HOUR for instant in found.instants)
    assert found.events


@pytest.mark.parametrize("fraction", [0, 3, 6, 9, "shortest"])
@pytest.mark.parametrize("offset", ["Z", "+0000", "-05:00", "+05:30"])
def test_timestamps_read_back_as_their_instant(fraction: int | str, offset: str) -> None:
    behaviour = Behaviour(times=Times(fraction=fraction, offset=offset))
    write = writer(behaviour.times)
    lengths = set()
    for event in Truth.of(7, behaviour).events(Window(START, START + 5 * DAY)):
        text = write(event)
        assert parse_time(text) == event.instant
        assert text.endswith(offset)
        lengths.add(len(text.removesuffix(offset)) - len("2026-06-01T00:00:00"))
    if fraction == "shortest":
        assert lengths >= {4, 7, 10}
    else:
        assert lengths == {fraction + 1 if fraction else 0}


def test_the_shortest_fraction_says_all() -> None:
    write = writer(Times(fraction="shortest"))
    texts = {write(Event(0, "Okta", f"user{n}@example.com", "USER_UPDATED")) for n in range(60)}
    assert "1970-01-01T00:00:00Z" in texts
    assert not [text for text in texts if text.endswith("000Z")]


def test_a_time_without_a_zone_is_local() -> None:
    write = writer(Times(offset="", zone="America/Chicago"))
    noon = parse_time("2026-06-01T12:00:00Z")
    assert write(Event(noon, "", "", "")) == "2026-06-01T07:00:00.000"


def test_bulk_rate_is_kept() -> None:
    behaviour = Behaviour(population=Population(bulk_bytes_per_day=DAY // MINUTE * 50_000))
    events = Truth.of(7, behaviour).events(Window(START, START + MINUTE))
    size = sum(len(",".join(map(str, event[1:])).encode()) + 26 for event in events)
    assert size == pytest.approx(50_000, rel=0.1)
