import gzip

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.runs import run
from synclog.api.source import SourceFormat
from synclog.exporter import pipeline, query
from synclog.exporter.errors import ConfigurationError, IntegrityError
from synclog.exporter.query import Archive, in_order
from synclog.exporter.records import Batch, distinct, events
from synclog.exporter.source.timestamps import Timestamps


def names(bench, start, end, key="username"):
    archive = Archive(bench.destination, clock=lambda: 0)
    events = archive.events(bench.hours(start, end), folder=bench.spool)
    return [msgspec.json.decode(record)[key] for _, record in events]


def export(bench, start, end, **spec):
    result = pipeline.run(bench.spec(bench.hours(start, end), **spec), bench.site())
    assert result.reason == "Exported"


def test_events_of_a_range_in_order_whatever_order_they_came_in(bench):
    bench.fill([(5, "e"), (1, "a"), (3, "c"), (3, "c2"), (2, "b"), (7, "g"), (6, "f")])
    export(bench, 6, 12)
    export(bench, 0, 6)
    assert names(bench, 0, 12) == ["a", "b", "c", "c2", "e", "f", "g"]
    assert names(bench, 2, 6) == ["b", "c", "c2", "e"]


def test_events_of_one_millisecond_stand_as_served_and_late_ones_behind_them(bench):
    bench.fill([(1, "m"), (1, "b"), (2, "z")])
    export(bench, 0, 6)
    for late, round_ in (([(1, "a"), (2, "y")], "1h"), ([(1, "0"), (2, "a")], "2h")):
        bench.fill(late)
        assert run(bench, bench.hours(0, 6), recheck=round_).late_events == 2
    assert names(bench, 0, 6) == ["m", "b", "a", "0", "z", "y", "a"]


def test_values_survive_quoting(bench):
    name = 'a "quoted", text\nin two lines, 👩‍🚒'
    at = bench.hours(1, 2).start
    quoted = name.replace('"', '""')
    bench.source.rows = [(at, bench.row(at, f'"{quoted}"'))]
    export(bench, 0, 6)
    assert names(bench, 0, 6) == [name]


def test_json_records_are_given_as_served(bench):
    at = bench.hours(1, 2).start
    bench.source.header = b""
    bench.source.rows = [(at, b'{"u":"x", "n":1.50,"logEventTimeStamp":"2026-05-30T01:00:00Z"}')]
    export(bench, 0, 6, source_format=SourceFormat.JSON)
    archive = Archive(bench.destination, clock=lambda: 0)
    assert [e for _, e in archive.events(bench.hours(0, 6))] == [bench.source.rows[0][1]]


def test_no_ledger(memory):
    with pytest.raises(ConfigurationError, match="holds no ledger"):
        Archive(memory(), clock=lambda: 0)


def test_an_expired_part_is_an_error(bench):
    bench.fill([(1, "a")])
    export(bench, 0, 6)
    for path in [path for path in bench.destination.content if not path.startswith("_")]:
        del bench.destination.content[path]
    with pytest.raises(IntegrityError, match="tells whether it expired"):
        names(bench, 0, 6)


@given(st.lists(st.tuples(st.integers(-5, 5), st.binary(max_size=9)), max_size=60))
def test_sorting_with_little_memory_equals_sorting(tmp_path_factory, events):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(query, "_SORT_BYTES", 20)
        found = list(in_order(events, tmp_path_factory.getbasetemp()))
    assert found == sorted(events, key=lambda event: event[0])


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"]),
    ],
)
def test_column_names_are_made_distinct(columns, named):
    assert distinct(columns) == named


def test_columns_that_changed_are_all_there(bench):
    bench.fill([(1, "a")])
    export(bench, 0, 6)
    bench.source.header = b"logEventTimeStamp,username,extra\n"
    at = bench.hours(7, 8).start
    bench.source.rows = [(at, bench.row(at) + b",more")]
    export(bench, 6, 12)
    archive = Archive(bench.destination, clock=lambda: 0)
    assert archive.columns(bench.hours(0, 12)) == ["logEventTimeStamp", "username", "extra"]
    assert archive.columns(bench.hours(0, 6)) == ["logEventTimeStamp", "username"]


def test_a_part_that_was_changed_is_not_handed_on(bench):
    bench.fill([(1, "one")])
    export(bench, 0, 6)
    [path] = [path for path in bench.destination.content if not path.startswith("_")]
    plain = gzip.decompress(bench.destination.content[path])
    bench.destination.content[path] = gzip.compress(plain.replace(b"one", b"onf"))
    with pytest.raises(IntegrityError, match="does not hold the bytes that were written"):
        names(bench, 0, 6)


def test_a_record_that_is_nested_without_an_end_is_damage():
    deep = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(IntegrityError, match="a record cannot be read"):
        list(events(Batch([deep], None), Timestamps(None)))
