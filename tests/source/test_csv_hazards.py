"""Each hazard of the CSV route: every event once, or an error that says why."""

from collections.abc import Callable
from typing import Any

import pytest

from devcluster.code42 import (
    Behaviour,
    Body,
    Bounds,
    Csv,
    Faults,
    Order,
    Population,
    RowCap,
    Times,
    from_csv,
)
from devcluster.code42.behaviour import COLUMNS
from synclog.exporter.errors import AnswerError, ConfigurationError, SourceError, UnprovenError
from synclog.exporter.source import Bound, Proof
from synclog.windows import DAY, HOUR, Window

BUSY = Population(events_per_day=900)
QUIET = Population(events_per_day=0, burst_rows=0)
Bench = Callable[..., Any]


def test_a_friendly_source(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY)) as b:
        reading = b.read_truly()
    assert reading.evidence.proof is Proof.FRAMED
    assert reading.columns == COLUMNS
    assert [answer.status for answer in reading.evidence.answers] == [200]
    assert "eventOccurredAfter=" in reading.evidence.answers[0].query


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", ["minimal", "all"])
@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("final", [False, True])
def test_dialects(bench: Bench, line_end: Any, quoting: Any, *, mark: bool, final: bool) -> None:
    csv = Csv(line_end=line_end, quoting=quoting, byte_order_mark=mark, final_line_end=final)
    with bench(Behaviour(population=BUSY, csv=csv)) as b:
        reading = b.read_truly()
    assert reading.header.endswith(line_end.encode())
    assert not reading.header.startswith(b"\xef")


def test_other_names_and_orders_of_columns(bench: Bench) -> None:
    names = {column: column for column in reversed(COLUMNS)}
    names |= {"logEventTimeStamp": "Log Event Time Stamp (UTC)", "more": "more"}
    behaviour = Behaviour(population=BUSY, csv=Csv(columns=names), extra_fields={"more": "x"})
    with bench(behaviour) as b:
        columns = b.read_truly().columns
    assert columns[-2:] == ("Log Event Time Stamp (UTC)", "more")


def test_an_unknown_time_column_is_an_error_that_shows_the_header(bench: Bench) -> None:
    names = {column: column for column in COLUMNS} | {"logEventTimeStamp": "when"}
    with (
        bench(Behaviour(csv=Csv(columns=names))) as b,
        pytest.raises(AnswerError, match="begins with 'when,providerName") as caught,
    ):
        b.read()
    assert caught.value.reason == "UnknownColumns"


@pytest.mark.parametrize("fraction", [0, 3, 6, 9, "shortest"])
@pytest.mark.parametrize("offset", ["Z", "+0000", "-05:00"])
def test_timestamps(bench: Bench, fraction: Any, offset: str) -> None:
    with bench(Behaviour(population=BUSY, times=Times(fraction=fraction, offset=offset))) as b:
        b.read_truly()


def test_times_without_zone(bench: Bench) -> None:
    behaviour = Behaviour(population=BUSY, times=Times(offset="", zone="Europe/Berlin"))
    with bench(behaviour) as b, pytest.raises(AnswerError, match=r"source\.assumeTimeZone"):
        b.read()
    with bench(behaviour, assume_time_zone="Europe/Berlin") as b:
        assert b.read().events == len(b.simulation.truth.events(b.day))
    with (
        pytest.raises(ConfigurationError, match="Europe/Berlin"),
        bench(behaviour, assume_time_zone="Mars/Base"),
    ):
        pass


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("before", [False, True])
def test_bounds_of_either_kind(bench: Bench, *, after: bool, before: bool) -> None:
    bounds = Bounds(after_inclusive=after, before_inclusive=before)
    with bench(Behaviour(population=BUSY, bounds=bounds)) as b:
        events = b.simulation.truth.events(b.day)
        middle = events[len(events) // 2].instant
        b.read_truly(Window(middle, middle + HOUR))
        b.spool.truncate(0)
        b.read_truly(Window(middle - HOUR, middle))
        b.spool.truncate(0)
        reading = b.read_truly(Window(middle, middle + 1))
        b.spool.truncate(0)
        neighbour = b.read_truly(Window(middle + 1, middle + 2))
    assert reading.events > 0
    assert neighbour.evidence.lower_bound is (Bound.INCLUSIVE if after else Bound.UNSEEN)


@pytest.mark.parametrize("order", ["descending", "shuffled"])
def test_orders(bench: Bench, order: Any) -> None:
    with bench(Behaviour(population=BUSY, order=Order(default=order))) as b:
        b.read_truly()


def test_a_row_cap_is_met_by_halving(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY, row_cap=RowCap(rows=137)), max_rows_per_answer=137) as b:
        reading = b.read_truly()
    assert reading.evidence.proof is Proof.HALVES
    assert reading.evidence.parts > 5


def test_a_burst_beyond_the_cap_is_an_error_that_names_the_millisecond(bench: Bench) -> None:
    behaviour = Behaviour(population=BUSY, row_cap=RowCap(rows=30))
    with (
        bench(behaviour, max_rows_per_answer=30) as b,
        pytest.raises(UnprovenError, match=r"cannot be halved.*set it higher"),
    ):
        b.read()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("encoding", ["identity", "gzip", "gzip_two_members"])
def test_framings_and_encodings(bench: Bench, framing: Any, encoding: Any) -> None:
    body = Body(framing=framing, encoding=encoding, force_encoding=True)
    with bench(Behaviour(population=BUSY, body=body)) as b:
        reading = b.read_truly()
    proof = Proof.FOLLOWED if framing == "close" else Proof.FRAMED
    assert reading.evidence.proof is proof


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("by", ["close", "reset"])
def test_a_body_cut_once_is_read_again(bench: Bench, framing: Any, by: Any) -> None:
    body = Body(framing=framing, cut_bytes=20_000, cut_by=by)
    with bench(Behaviour(population=BUSY)) as b:
        b.reader.server_time()
        b.simulation.behave(Behaviour(population=BUSY, body=body, hostile_until=1))
        b.read_truly()


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_is_always_cut_is_an_error(bench: Bench, framing: Any) -> None:
    body = Body(framing=framing, cut_bytes=20_000)
    with bench(Behaviour(population=BUSY, body=body)) as b:
        with pytest.raises(SourceError, match="without sending complete message body"):
            b.read()
        assert len(b.stop.waited) == 5


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("events", [0, 3, 900])
def test_no_final_line_end_and_no_framing(bench: Bench, encoding: Any, events: int) -> None:
    behaviour = Behaviour(
        population=Population(events_per_day=events or 3, burst_rows=0),
        csv=Csv(final_line_end=False),
        body=Body(framing="close", encoding=encoding, force_encoding=True),
    )
    with bench(behaviour) as b:
        last = b.simulation.truth.events(b.day)[-1].instant
        window = b.day if events else Window(last + 1, b.day.end)
        proof = Proof.FOLLOWED if events == 900 else Proof.HALVES  # few rows tell no order
        assert b.read_truly(window).evidence.proof is proof


@pytest.mark.parametrize("order", ["ascending", "descending"])
@pytest.mark.parametrize("share", [0.01, 0.4, 0.99])
def test_a_record_that_ends_each_body_without_framing_hides_nothing_unnoticed(
    bench: Bench, share: float, order: Any
) -> None:
    with bench(Behaviour(population=BUSY)) as b:
        events = b.simulation.truth.events(b.day)
        at = events[int(len(events) * share)].instant
        body = Body(framing="close", ends_before=at)
        b.simulation.behave(Behaviour(population=BUSY, body=body, order=Order(default=order)))
        with pytest.raises(UnprovenError, match="breaks answers off") as caught:
            b.read()
    assert caught.value.reason == "AnswersDisagree"


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_same_in_no_order_of_time(bench: Bench, share: float) -> None:
    population = Population(events_per_day=40, burst_rows=0)
    order = Order(default="shuffled")
    with bench(Behaviour(population=population, order=order)) as b:
        served = from_csv(b.read().header + bytes(b.spool.data))
        at = served[int(len(served) * share)].instant
        body = Body(framing="close", ends_before=at)
        b.simulation.behave(Behaviour(population=population, body=body, order=order))
        with pytest.raises(UnprovenError):
            b.read()


@pytest.mark.parametrize("lacking", [1, 2, 3])
def test_rows_that_each_body_lacks_at_its_end_are_missed(bench: Bench, lacking: int) -> None:
    body = Body(framing="close")
    with bench(Behaviour(population=BUSY, body=body)) as b:
        b.read_truly()
        size = sum(map(len, bytes(b.spool.data).splitlines(keepends=True)[-lacking:]))
        body = Body(framing="close", cut_end=size)
        b.simulation.behave(Behaviour(population=BUSY, body=body))
        b.spool.truncate(0)
        with pytest.raises(SourceError, match=r"cut short|disagree|nothing proves"):
            b.read()


def test_bodies_without_framing_that_are_always_cut_are_read_in_parts(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY, body=Body(framing="close", cut_bytes=20_000))) as b:
        assert b.read_truly().evidence.parts > 5


@pytest.mark.parametrize("no_rows", ["header", "nothing"])
def test_a_quiet_window(bench: Bench, no_rows: Any) -> None:
    population = Population(events_per_day=3, burst_rows=0)
    behaviour = Behaviour(population=population, csv=Csv(no_rows=no_rows))
    with bench(behaviour) as b:
        taken = {event.instant // HOUR for event in b.simulation.truth.events(b.day)}
        start = (
            next(
                hour for hour in range(b.day.start // HOUR, b.day.end // HOUR) if hour not in taken
            )
            * HOUR
        )
        reading = b.read_truly(Window(start, start + HOUR))
    assert reading.events == 0
    assert reading.header.startswith(b"logEventTimeStamp,")


def test_empty_bodies_alone_are_never_no_rows(bench: Bench) -> None:
    with (
        bench(Behaviour(population=QUIET, csv=Csv(no_rows="nothing"))) as b,
        pytest.raises(UnprovenError, match="nothing says that there are no records"),
    ):
        b.read()


@pytest.mark.parametrize("page", ["login", "json", "empty"])
def test_a_200_that_is_no_csv(bench: Bench, page: Any) -> None:
    with (
        bench(Behaviour(population=BUSY, faults=Faults(page=page))) as b,
        pytest.raises(SourceError),
    ):
        b.read()
    assert not b.spool.data


def test_rows_beyond_the_retention_are_simply_gone(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY)) as b:
        edge = b.simulation.now - 90 * DAY
        window = Window(edge - 2 * DAY, edge - DAY)
        reading = b.read(window)
        assert b.simulation.truth.events(window)
    assert reading.events == 0
    assert reading.evidence.retention_deadline > reading.evidence.server_time[:4]


@pytest.mark.parametrize(
    "url",
    ["console.example.com", "ftp://example.com", "https://u:p@example.com", "https://e.com/?a"],
)
def test_what_is_no_url_is_refused_with_an_example(bench: Bench, url: str) -> None:
    with (
        pytest.raises(ConfigurationError, match="write one such as https://console") as caught,
        bench(Behaviour(), url=url),
    ):
        pass
    assert caught.value.reason == "InvalidUrl"


def test_a_header_that_changes_between_answers_is_an_error(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY)) as b:
        b.read_truly()
        csv = Csv(columns={column: column for column in (*COLUMNS, "more")})
        b.simulation.behave(Behaviour(population=BUSY, csv=csv, extra_fields={"more": "x"}))
        with pytest.raises(AnswerError) as caught:
            b.read()
    assert caught.value.reason == "SourceSchemaChanged"
