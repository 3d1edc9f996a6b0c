"""Each hazard of the JSON route: every event once, or an error that says why."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from devcluster.code42 import Behaviour, Body, Faults, Json, Order, Paging, Population, RowCap
from devcluster.code42.behaviour import COLUMNS
from synclog.api.source import Sort, SortColumn, SortDirection, SourceFormat
from synclog.exporter.errors import AnswerError, SourceError, UnprovenError
from synclog.exporter.source import Proof
from synclog.windows import SECOND, Window

BUSY = Population(events_per_day=900)
QUIET = Population(events_per_day=0, burst_rows=0)
JSON = SourceFormat.JSON
SILENT = Json(total_key=None)
Bench = Callable[..., Any]


def test_a_friendly_source(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY), JSON) as b:
        reading = b.read_truly()
    assert reading.evidence.proof is Proof.TOTAL
    assert reading.header == b""
    assert reading.columns == tuple(sorted(COLUMNS))
    assert (reading.evidence.page_base, reading.evidence.page_size) == (1, 500)


@pytest.mark.parametrize("wrap", ["bare", "data", "metadata", "siblings"])
@pytest.mark.parametrize("list_key", ["directorySyncLogs", None])
@pytest.mark.parametrize("total_key", ["totalCount", None])
@pytest.mark.parametrize("past_end", ["empty", "missing_key", "not_found"])
def test_envelopes(bench: Bench, wrap: Any, list_key: Any, total_key: Any, past_end: Any) -> None:
    json = Json(wrap=wrap, list_key=list_key, total_key=total_key)
    behaviour = Behaviour(population=BUSY, json=json, paging=Paging(past_end=past_end))
    with bench(behaviour, JSON) as b:
        b.read_truly()


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize(
    "paging",
    [
        {"max_size": 100},
        {"short_pages": True},
        {"max_size": 200, "oversize": "refuse"},
        {"past_end": "not_found"},
    ],
)
@pytest.mark.parametrize("json", [Json(), SILENT])
def test_paging(bench: Bench, base: Any, paging: dict[str, Any], json: Json) -> None:
    behaviour = Behaviour(population=BUSY, json=json, paging=Paging(base=base, **paging))
    with bench(behaviour, JSON) as b:
        assert b.read_truly().evidence.page_base == base


@pytest.mark.parametrize("direction", SortDirection)
@pytest.mark.parametrize("which", range(3))
def test_a_first_page_for_0_and_1_that_ends_amid_a_millisecond(
    bench: Bench, direction: Any, which: int
) -> None:
    with bench(Behaviour(population=BUSY), JSON, sort=Sort(direction=direction)) as b:
        wide = Window(b.day.start - SECOND, b.day.end + SECOND)
        times = [event.instant for event in b.simulation.truth.events(wide)]
        if direction is SortDirection.DESC:
            times.reverse()
        amid = [at for at in range(90, len(times)) if times[at - 1] == times[at]]
        size = amid[which]
        order, paging = Order(unstable_ties=True), Paging(max_size=size, below="first")
        b.simulation.behave(Behaviour(population=BUSY, json=SILENT, order=order, paging=paging))
        assert b.read_truly().evidence.page_base == 1


@pytest.mark.parametrize("paging", [{"ignore_number": True}, {"repeat_page": 2}])
@pytest.mark.parametrize("json", [Json(), SILENT])
def test_a_repeated_page_is_an_error(bench: Bench, paging: dict[str, Any], json: Json) -> None:
    with (
        bench(Behaviour(population=BUSY, json=json, paging=Paging(**paging)), JSON) as b,
        pytest.raises(AnswerError, match="page 2 is the same as page 1"),
    ):
        b.read()


@pytest.mark.parametrize("json", [Json(), SILENT])
def test_rows_inserted_while_pages_are_read(bench: Bench, json: Json) -> None:
    paging = Paging(max_size=100, insert_rows=3)
    with bench(Behaviour(population=BUSY, json=json, paging=paging), JSON) as b:
        b.read_truly()  # the truth has the inserted rows


@pytest.mark.parametrize("json", [Json(), SILENT])
def test_rows_that_expire_while_pages_are_read_hide_no_other(bench: Bench, json: Json) -> None:
    paging = Paging(max_size=100, expire_rows=3)
    with bench(Behaviour(population=BUSY, json=json, paging=paging), JSON) as b:
        before = len(b.simulation.truth.events(b.day))
        assert b.read().events == before - 3


@pytest.mark.parametrize("json", [Json(), SILENT])
def test_unstable_order_of_equal_timestamps(bench: Bench, json: Json) -> None:
    behaviour = Behaviour(
        population=BUSY, json=json, order=Order(unstable_ties=True), paging=Paging(max_size=100)
    )
    with bench(behaviour, JSON) as b:
        b.read_truly()


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("json", [Json(), SILENT])
@pytest.mark.parametrize("identical", [0.0, 0.3])
def test_a_millisecond_over_several_pages(
    bench: Bench, base: Any, json: Json, identical: float
) -> None:
    population = Population(events_per_day=900, identical_share=identical)
    paging = Paging(base=base, max_size=15)
    with bench(Behaviour(population=population, json=json, paging=paging), JSON) as b:
        b.read_truly()


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("max_size", [1, 2])
@pytest.mark.parametrize("past_end", ["empty", "missing_key", "not_found"])
@pytest.mark.parametrize("json", [Json(), SILENT])
def test_pages_that_are_alike_as_their_records_are(
    bench: Bench, base: Any, max_size: int, past_end: Any, json: Json
) -> None:
    population = Population(events_per_day=6, burst_rows=4, identical_share=1.0)
    paging = Paging(base=base, max_size=max_size, past_end=past_end)
    behaviour = Behaviour(population=population, json=json, paging=paging)
    with bench(behaviour, JSON) as b:
        assert b.read_truly().evidence.page_base == base


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_two_identical_records_on_pages_of_one_that_count_from_0(
    bench: Bench, share: float
) -> None:
    population = Population(events_per_day=6, burst_rows=0, identical_share=share)
    behaviour = Behaviour(population=population, json=SILENT, paging=Paging(base=0, max_size=1))
    with bench(behaviour, JSON) as b:
        counts = Counter(event.instant for event in b.simulation.truth.events(b.day))
        at = next(instant for instant, count in counts.items() if count == 2)
        if share < 1:
            assert b.read_truly(Window(at, at + 1)).events == 2
        else:  # pages 0 and 1 are alike everywhere
            with pytest.raises(AnswerError, match="whether that is one page or two"):
                b.read(Window(at, at + 1))


@pytest.mark.parametrize("json", [Json(), SILENT])
def test_a_single_record_where_page_0_is_the_first_page_too(bench: Bench, json: Json) -> None:
    population = Population(events_per_day=6, burst_rows=0, identical_share=0.0)
    behaviour = Behaviour(population=population, json=json, paging=Paging(below="first"))
    with bench(behaviour, JSON) as b:
        at = b.simulation.truth.events(b.day)[0].instant
        assert b.read_truly(Window(at, at + 1)).evidence.page_base == 1


def test_a_millisecond_over_several_unstable_pages_is_an_error(bench: Bench) -> None:
    behaviour = Behaviour(
        population=BUSY, order=Order(unstable_ties=True), paging=Paging(max_size=25)
    )
    with bench(behaviour, JSON) as b, pytest.raises(UnprovenError):
        b.read()


@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize("json", [Json(), SILENT])
def test_a_row_cap(bench: Bench, json: Json, *, capped: bool) -> None:
    cap = RowCap(rows=300, total_is_capped=capped)
    behaviour = Behaviour(population=BUSY, json=json, row_cap=cap)
    with bench(behaviour, JSON, max_rows_per_answer=300) as b:
        assert b.read_truly().evidence.proof is Proof.HALVES


@pytest.mark.parametrize(
    "sort",
    [
        Sort(direction=SortDirection.DESC),
        Sort(column=SortColumn.USERNAME),
        Sort(column=SortColumn.ACTION, direction=SortDirection.DESC),
    ],
)
def test_other_orders(bench: Bench, sort: Sort) -> None:
    with bench(Behaviour(population=BUSY), JSON, sort=sort, page_size=200) as b:
        b.read_truly()
        asked = b.reader.read(b.day, b.spool).evidence.answers[0].query
    assert f"sortColumn={sort.column.value}&sortDirection={sort.direction.value}" in asked


@pytest.mark.parametrize("error", [-3, 3])
def test_a_wrong_total_is_never_a_proof(bench: Bench, error: int) -> None:
    with bench(Behaviour(population=BUSY, json=Json(total_error=error)), JSON) as b:
        try:
            reading = b.read_truly()
        except UnprovenError:
            return
    assert reading.evidence.proof is Proof.HALVES


@pytest.mark.parametrize("json", [Json(), SILENT, Json(list_key=None), Json(wrap="bare")])
def test_a_quiet_source(bench: Bench, json: Json) -> None:
    with bench(Behaviour(population=QUIET, json=json), JSON) as b:
        assert b.read_truly().events == 0


def test_an_empty_list_that_may_be_anything_is_refused(bench: Bench) -> None:
    json = Json(total_key=None, list_key="things")
    with (
        bench(Behaviour(population=QUIET, json=json), JSON) as b,
        pytest.raises(UnprovenError, match="nothing says"),
    ):
        b.read()


def test_an_unknown_list_is_learned_from_a_wider_range(bench: Bench) -> None:
    population = Population(events_per_day=3, burst_rows=0)
    json = Json(total_key=None, list_key="things")
    with bench(Behaviour(population=population, json=json), JSON) as b:
        events = b.simulation.truth.events(b.day)
        at = events[0].instant + 100
        assert b.read_truly(Window(at, at + 1000)).evidence.proof is Proof.HALVES


@pytest.mark.parametrize("page", ["login", "json", "empty"])
@pytest.mark.parametrize("first", [1, 5])
def test_a_200_that_is_no_page(bench: Bench, page: Any, first: int) -> None:
    behaviour = Behaviour(
        population=BUSY, json=SILENT, faults=Faults(page=page), hostile_from=first
    )
    with bench(behaviour, JSON, page_size=100) as b, pytest.raises(SourceError):
        b.read()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_page_cut_short_is_asked_for_again_and_no_other(bench: Bench, framing: Any) -> None:
    body = Body(framing=framing, cut_bytes=5_000)
    with bench(Behaviour(population=BUSY), JSON, page_size=100) as b:
        b.read_truly()
        b.spool.truncate(0)
        undisturbed = b.read_truly().evidence.requests
        b.simulation.behave(Behaviour(population=BUSY, body=body, hostile_from=4, hostile_until=4))
        b.spool.truncate(0)
        reading = b.read_truly()
    assert reading.evidence.retries == 1
    assert reading.evidence.requests == undisturbed + 1


def test_records_stand_on_one_line_as_served(bench: Bench) -> None:
    with bench(Behaviour(population=BUSY, json=Json(ascii_only=True)), JSON) as b:
        reading = b.read_truly()
    lines = bytes(b.spool.data).splitlines()
    assert len(lines) == reading.events
    assert any(b"\\u" in line for line in lines)
