"""Exporting, rechecking, reading and verifying in the normal form, by either route."""

import gzip
import json
from dataclasses import replace

import msgspec
import pytest

from support.runs import events, exported, parts, records, run
from synclog.api.output import OutputFormat
from synclog.api.run import ExitCode
from synclog.api.source import SourceFormat
from synclog.exporter.normal import FIELDS
from synclog.exporter.query import Archive
from synclog.exporter.source.digest import multiset_sum, to_hex
from synclog.exporter.verify import Verdict, verify

ROUTES = list(SourceFormat)


def serve(bench, route, rows, names=("logEventTimeStamp", "username", "field", "extra")):
    """Let the source serve rows (hour, username, more values) by a route."""
    bench.source.header = b""
    bench.source.rows = []
    if route is SourceFormat.CSV:
        bench.source.header = ",".join(names).encode() + b"\r\n"
    for hour, *values in rows:
        at = bench.hours(0, 1).start + int(hour * 3_600_000)
        time = bench.row(at).decode().partition(",")[0]
        row = dict(zip(names, [time, *values], strict=True))
        if route is SourceFormat.CSV:
            record = ",".join(value or "" for value in row.values()).encode()
        else:
            record = msgspec.json.encode(row)
        bench.source.rows.append((at, record))


def normal(bench, route, window=None, **more):
    window = window or bench.hours(0, 24)
    return run(bench, window, form=OutputFormat.JSON_LINES, source_format=route, **more)


def lines(bench):
    return [
        line for _, line in Archive(bench.destination, clock=lambda: 0).events(bench.hours(0, 24))
    ]


def sound(bench):
    report = verify(bench.destination, clock=lambda: 0)
    return (report.verdict, report.findings) == (Verdict.COMPLETE, [])


TWIN = (1, "ana", None, "x")
ROWS = [(2, "bo", "title", None), TWIN, TWIN, (3, "çelik", "", "")]


def test_both_routes_make_the_same_parts(bench, memory):
    made = {}
    for route in ROUTES:
        bench.destination = memory()
        serve(bench, route, ROWS)
        result = normal(bench, route)
        assert (result.reason, result.events, result.parts) == ("Exported", 4, 1)
        [path] = parts(bench)
        assert path.endswith(".jsonl.gz")
        made[route] = (path, bench.destination.content[path], records(bench)[0].content)
        assert sound(bench)
    assert made[SourceFormat.CSV] == made[SourceFormat.JSON]
    _, data, content = made[SourceFormat.CSV]
    plain = gzip.decompress(data)
    assert (content.events, content.bytes) == (4, len(plain))
    assert content.digest == to_hex(multiset_sum(plain.splitlines()))
    assert content.columns == [*FIELDS, "extra"]
    assert json.loads(plain.splitlines()[1]) == {
        **dict.fromkeys(FIELDS),
        "logEventTimeStamp": "2026-05-30T01:00:00.000Z",
        "username": "ana",
        "extra": "x",
    }


@pytest.mark.parametrize("route", ROUTES)
def test_large_windows_become_parts_and_a_repeated_run_makes_the_same(bench, route):
    serve(bench, route, [(n / 20_000, f"name {n}", "x" * 60, None) for n in range(40_000)])
    assert normal(bench, route).parts > 3
    made = {path: bench.destination.content[path] for path in parts(bench)}
    assert sum(gzip.decompress(data).count(b"\n") for data in made.values()) == 40_000
    assert sound(bench)
    bench.destination.content = dict(made)
    assert normal(bench, route).reason == "Exported"
    assert {path: bench.destination.content[path] for path in parts(bench)} == made


@pytest.mark.parametrize("route", ROUTES)
def test_the_entry_tells_what_was_served(bench, route):
    serve(bench, route, ROWS)
    normal(bench, route)
    served = [record for _, record in bench.source.rows]
    told = records(bench)[0].evidence["served"]
    assert told["digest"] == to_hex(multiset_sum(served))
    assert told["bytes"] == sum(len(record) + 1 for record in served)


@pytest.mark.parametrize("route", ROUTES)
def test_late_events_are_added_in_the_form(bench, route):
    serve(bench, route, ROWS)
    normal(bench, route)
    late = [TWIN, (5, "late", None, None)]
    serve(bench, route, [*ROWS, *late])
    result = normal(bench, route, recheck="24h")
    assert (result.reason, result.late_events, records(bench)[-1].vanished) == ("Rechecked", 2, 0)
    assert events(bench, bench.hours(0, 24)) == [
        b"2026-05-30T0%d:00:00.000Z,%b" % (hour, name.encode())
        for hour, name in [(1, "ana")] * 3 + [(2, "bo"), (3, "çelik"), (5, "late")]
    ]
    assert sound(bench)
    assert normal(bench, route, recheck="30h").late_events == 0


@pytest.mark.parametrize("route", ROUTES)
def test_what_vanished_is_noted(bench, route):
    serve(bench, route, ROWS)
    normal(bench, route)
    serve(bench, route, ROWS[:1])  # no extra has a value any more, and nothing was late
    result = normal(bench, route, recheck="24h")
    assert (result.reason, result.late_events, records(bench)[-1].vanished) == ("Rechecked", 0, 3)


def test_columns_without_values_are_no_difference(bench):
    serve(bench, SourceFormat.CSV, ROWS)
    normal(bench, SourceFormat.CSV)
    names = ("extra", "username", "new", "field", "logEventTimeStamp")
    moved = [(hour, name, "", field, extra) for hour, name, field, extra in ROWS]
    serve(
        bench,
        SourceFormat.CSV,
        moved,
        names=("logEventTimeStamp", "username", "new", *names[3:4], "extra"),
    )
    result = normal(bench, SourceFormat.CSV, recheck="24h")
    assert (result.reason, result.late_events, records(bench)[-1].vanished) == ("Rechecked", 0, 0)


@pytest.mark.parametrize("route", ROUTES)
def test_a_new_column_with_values_is_never_an_addendum(bench, route):
    serve(bench, route, ROWS)
    normal(bench, route)
    names = ("logEventTimeStamp", "username", "field", "extra", "new")
    serve(bench, route, [(*row, "1") for row in ROWS], names=names)
    result = normal(bench, route, recheck="24h")
    assert (result.reason, result.exit_code) == ("SourceSchemaChanged", ExitCode.INTEGRITY)
    assert len(records(bench)) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_a_late_event_may_bring_a_new_column(bench, route):
    names = ("logEventTimeStamp", "username", "field", "extra", "new")
    serve(bench, route, ROWS)
    normal(bench, route)
    serve(bench, route, [*((*row, None) for row in ROWS), (4, "di", None, None, "1")], names=names)
    assert normal(bench, route, recheck="24h").late_events == 1
    archive = Archive(bench.destination, clock=lambda: 0)
    assert archive.columns(bench.hours(0, 24)) == [*FIELDS, "extra", "new"]


def test_digits_below_a_millisecond_count(bench):
    at = bench.hours(1, 2).start
    bench.source.rows = [(at, b"2026-05-30T01:00:00.000001Z,ana")]
    normal(bench, SourceFormat.CSV)
    bench.source.rows.insert(0, (at, b"2026-05-30T01:00:00.000002000Z,ana"))
    assert normal(bench, SourceFormat.CSV, recheck="24h").late_events == 1
    assert exported(bench, bench.hours(0, 24)).keys() == {
        b"2026-05-30T01:00:00.000001Z,ana",
        b"2026-05-30T01:00:00.000002Z,ana",
    }


@pytest.mark.parametrize("route", ROUTES)
def test_a_window_without_events(bench, route):
    bench.source.header = b""  # an answer without a byte has no header either
    assert normal(bench, route).reason == "Exported"
    assert normal(bench, route, recheck="24h").late_events == 0
    assert records(bench)[0].content.columns == []
    assert sound(bench)


@pytest.mark.parametrize("route", ROUTES)
def test_a_ledger_keeps_its_form_and_its_route(bench, route):
    serve(bench, route, ROWS)
    normal(bench, route)
    other = next(each for each in ROUTES if each is not route)
    for result in (
        run(bench, bench.hours(24, 30), source_format=route),
        normal(bench, other, bench.hours(24, 30)),
    ):
        assert (result.reason, result.exit_code) == ("FormatMismatch", ExitCode.CONFIGURATION)


def test_numbers_that_no_float_holds_are_read_back(bench):
    at = bench.hours(1, 2).start
    bench.source.header = b""
    bench.source.rows = [(at, b'{"date":"2026-05-30T01:00:00Z","newValue":1e400,"x":[2e999]}')]
    normal(bench, SourceFormat.JSON)
    assert normal(bench, SourceFormat.JSON, recheck="24h").late_events == 0
    [line] = lines(bench)
    assert line.endswith(b'"newValue":1e400,"x":[2e999]}')


def test_a_form_that_says_something_else_is_not_committed(bench):
    serve(bench, SourceFormat.CSV, ROWS)
    read = bench.source.read
    bench.source.read = lambda *args: replace(read(*args), events=5)
    result = normal(bench, SourceFormat.CSV)
    assert (result.reason, result.exit_code) == ("NotNormalisable", ExitCode.SOURCE)
    assert (parts(bench), records(bench)) == ([], [])


def test_a_damaged_part_is_found(bench):
    serve(bench, SourceFormat.CSV, ROWS)
    normal(bench, SourceFormat.CSV)
    [path] = parts(bench)
    plain = gzip.decompress(bench.destination.content[path])
    bench.destination.content[path] = gzip.compress(plain.replace(b"ana", b"bob"))
    assert {each.reason for each in verify(bench.destination, clock=lambda: 0).findings} == {
        "PartDamaged",
    }
