"""The CSV route: every dialect and every hazard of range, order and visibility."""

from collections import Counter
from collections.abc import Callable

import pytest

from devcluster.code42 import (
    Behaviour,
    Bounds,
    Csv,
    Event,
    Order,
    Population,
    RowCap,
    Times,
    Truth,
    Visibility,
    from_csv,
)
from devcluster.code42.behaviour import COLUMNS
from synclog.windows import DAY, HOUR, MINUTE, Window

RENAMED = {name: f"The {name}, renamed" for name in reversed(COLUMNS)}


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(),
        Behaviour(csv=Csv(quoting="all")),
        Behaviour(csv=Csv(byte_order_mark=True, line_end="\n")),
        Behaviour(csv=Csv(final_line_end=False)),
        Behaviour(csv=Csv(columns=RENAMED)),
        Behaviour(times=Times(fraction="shortest", offset="-05:00")),
        Behaviour(times=Times(fraction=0, offset="+0000")),
        Behaviour(order=Order(default="shuffled", unstable_ties=True)),
        Behaviour(population=Population(bulk_bytes_per_day=5_000_000)),
        Behaviour(
            population=Population(bulk_bytes_per_day=5_000_000),
            csv=Csv(quoting="all", byte_order_mark=True, line_end="\n", final_line_end=False),
        ),
    ],
    ids=[
        "default",
        "all quoted",
        "byte order mark, line feeds",
        "no final line end",
        "columns renamed and reversed",
        "short fractions with an offset",
        "whole seconds",
        "shuffled",
        "bulk",
        "bulk in another dialect",
    ],
)
def test_the_answer_is_the_truth(
    connect: Callable, behaviour: Behaviour, yesterday: Window
) -> None:
    client = connect(behaviour)
    # Not on whole minutes, so that bulk blocks are cut at both ends.
    window = Window(yesterday.start + 12_345, yesterday.end - 54_321)
    answer = client.csv(window)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    events = from_csv(answer.content, behaviour.csv.columns)
    assert len(events) > 100
    assert Counter(events) == client.source.truth.multiset(window)
    assert client.source.requests[-1].rows == len(events)


def test_the_truth_needs_no_server(connect: Callable, yesterday: Window) -> None:
    assert connect().source.truth.digest(yesterday) == Truth.of(7).digest(yesterday)


def test_the_dialect_is_as_told(connect: Callable, yesterday: Window) -> None:
    body = connect(Behaviour(csv=Csv(byte_order_mark=True, quoting="all", line_end="\n"))).csv()
    first, second = body.content.split(b"\n")[:2]
    assert first == b"\xef\xbb\xbf" + ",".join(f'"{name}"' for name in COLUMNS).encode()
    assert second.startswith(b'"2026-06-14T')
    assert body.content.endswith(b'"\n')


def test_the_crashplan_prefix_is_served(connect: Callable, yesterday: Window) -> None:
    client = connect()
    twin = client.get("/c42api/v3/DirectorySyncLog/csv", yesterday, {})
    assert twin.content == client.csv().content


@pytest.mark.parametrize(("no_rows", "body"), [("header", b"username\r\n"), ("nothing", b"")])
@pytest.mark.parametrize("bulk", [0, 1_000_000])
def test_an_answer_without_rows(
    connect: Callable, now: int, no_rows: str, body: bytes, bulk: int
) -> None:
    dialect = Csv(no_rows=no_rows, columns={"username": "username"})
    population = Population(bulk_bytes_per_day=bulk)
    client = connect(Behaviour(csv=dialect, population=population))
    assert client.csv(Window(now + DAY, now + 2 * DAY)).content == body


def test_extra_columns_are_served(connect: Callable) -> None:
    columns = {"logEventTimeStamp": "when", "tenant": "tenant"}
    client = connect(Behaviour(csv=Csv(columns=columns), extra_fields={"tenant": "t-1"}))
    lines = client.csv().text.splitlines()
    assert lines[0] == "when,tenant"
    assert all(line.endswith("Z,t-1") for line in lines[1:])


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_bounds(connect: Callable, now: int, after: bool, before: bool) -> None:
    client = connect(
        Behaviour(
            population=Population(events_per_day=0, burst_rows=0),
            bounds=Bounds(after_inclusive=after, before_inclusive=before),
        )
    )
    instants = [now - 3000, now - 2000, now - 1000]
    client.source.add_late([Event(instant, "p", "u", "a") for instant in instants])
    found = [
        event.instant for event in from_csv(client.csv(Window(now - 3000, now - 1000)).content)
    ]
    expected = instants[1:2]
    if after:
        expected = [instants[0], *expected]
    if before:
        expected = [*expected, instants[2]]
    assert found == expected


def test_retention_takes_old_rows_without_a_word(
    connect: Callable, now: int, yesterday: Window
) -> None:
    client = connect(Behaviour(visibility=Visibility(retention_ms=6 * HOUR)))
    answer = client.csv()
    kept = Window(now - 6 * HOUR, now)
    assert answer.status_code == 200
    assert Counter(from_csv(answer.content)) == client.source.truth.multiset(kept)
    assert client.source.truth.count(yesterday) > client.source.truth.count(kept) > 0


def test_the_future_is_not_told(connect: Callable, now: int) -> None:
    events = from_csv(connect().csv(Window(now - HOUR, now + DAY)).content)
    assert events
    assert max(event.instant for event in events) <= now


@pytest.mark.parametrize(
    "visibility",
    [Visibility(lag_ms=5 * MINUTE), Visibility(late_share=0.3, late_ms=5 * MINUTE)],
    ids=["lag", "late"],
)
def test_young_rows_become_visible_later(
    connect: Callable, now: int, visibility: Visibility
) -> None:
    client = connect(Behaviour(visibility=visibility, population=Population(events_per_day=50_000)))
    window = Window(now - HOUR, now)
    truth = client.source.truth.multiset(window)
    early = Counter(from_csv(client.csv(window).content))
    assert early < truth
    unseen = truth - early
    assert min(event.instant for event in unseen) >= now - 5 * MINUTE
    client.clock.advance(5 * MINUTE)
    assert Counter(from_csv(client.csv(window).content)) == truth


def test_late_events_appear_when_told(connect: Callable, now: int, yesterday: Window) -> None:
    client = connect()
    before = client.source.truth.multiset(yesterday)
    late = client.source.add_late_random(yesterday, 5, now + HOUR)
    assert Counter(from_csv(client.csv().content)) == before
    client.clock.advance(HOUR)
    assert Counter(from_csv(client.csv().content)) - before == Counter(late)
    assert client.source.truth.multiset(yesterday) - before == Counter(late)


def test_vanished_events_existed_all_the_same(connect: Callable, yesterday: Window) -> None:
    client = connect()
    truth = client.source.truth.multiset(yesterday)
    gone = list(truth.elements())[:3]
    client.source.vanish(gone)
    assert truth - Counter(from_csv(client.csv().content)) == Counter(gone)
    assert client.source.truth.multiset(yesterday) == truth


def test_a_row_cap_says_nothing(connect: Callable) -> None:
    client = connect(Behaviour(row_cap=RowCap(rows=50)))
    answer = client.csv()
    assert answer.status_code == 200
    assert len(from_csv(answer.content)) == 50


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_the_default_order(connect: Callable, order: str) -> None:
    instants = [
        event.instant
        for event in from_csv(connect(Behaviour(order=Order(default=order))).csv().content)
    ]
    assert instants == sorted(instants, reverse=order == "descending")


def test_a_shuffled_order_is_stable_between_requests(connect: Callable) -> None:
    client = connect(Behaviour(order=Order(default="shuffled")))
    first = from_csv(client.csv().content)
    assert first == from_csv(client.csv().content)
    assert first != sorted(first, key=lambda event: event.instant)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eventOccurredAfter", "2026-06-14T12:00:00.000+00:00"),
        ("eventOccurredAfter", "2026-06-14T12:00:00.000 00:00"),
        ("eventOccurredAfter", "2026-06-14T12:00:00Z"),
        ("eventOccurredBefore", "2026-06-31T12:00:00.000Z"),
        ("eventOccurredAfter", "2026-06-16T12:00:00.000Z"),
    ],
)
def test_a_malformed_range_is_refused(
    connect: Callable, yesterday: Window, name: str, value: str
) -> None:
    answer = connect().get("/api/v3/DirectorySyncLog/csv", yesterday, {}, **{name: value})
    assert answer.status_code == 400
    assert name in answer.json()[0]["description"]
