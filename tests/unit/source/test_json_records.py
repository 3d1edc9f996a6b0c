"""Records that are read all at once say what they say one by one."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.json_records import JsonRecords, Rows
from synclog.exporter.source.timestamps import Timestamps
from synclog.windows import parse_time

FIRST = {"logEventTimeStamp": "2026-01-31T10:00:00.000Z", "username": "ana", "newValue": None}
keys = st.one_of(st.sampled_from(["username", "newValue", "field"]), st.text(max_size=4))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(keys, inner, max_size=2)),
    max_leaves=4,
)
times = st.one_of(
    st.integers(0, 999).map(lambda ms: f"2026-01-31T10:00:07.{ms:03d}Z"),
    st.sampled_from(["2026-01-31T10:00:07Z", "2026-01-31T05:00:07.123456-05:00"]),
)
wrong = st.sampled_from(
    [None, 7, "yesterday", "2026-01-31T10:00:00", "２026-01-31T10:00:07Z", ["x"]]
)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    row = draw(st.dictionaries(keys, values, max_size=4))
    row["logEventTimeStamp"] = draw(st.one_of(times, times, times, times, wrong))
    if draw(st.integers(0, 30)) == 0:
        del row["logEventTimeStamp"]
    text = json.dumps(
        row, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    return text.encode()


def read(reader: JsonRecords, records: list[bytes]) -> Rows | str:
    try:
        return reader.read(records)
    except AnswerError as error:
        return error.reason


def one_by_one(records: list[bytes]) -> list[int | str]:
    """Each record by a reader that has seen nothing, so that it has no keys to read at once."""
    found = (read(JsonRecords(Timestamps()), [record]) for record in records)
    return [rows if isinstance(rows, str) else int(rows.instants[0]) for rows in found]


@given(st.lists(objects(), min_size=1, max_size=6))
def test_a_page_says_what_its_records_say_one_by_one(records):
    reader = JsonRecords(Timestamps())
    reader.read([json.dumps(FIRST).encode()])
    expected = one_by_one(records)
    rows = read(reader, records)
    if isinstance(rows, str):
        # A record without the key that was the time so far is malformed; alone it has none.
        assert {rows, "UnknownColumns"} & set(expected)
        return
    assert rows.instants.tolist() == expected
    assert [json.loads(line) for line in rows.lines] == [json.loads(each) for each in records]
    assert not any(b"\n" in line for line in rows.lines)
    assert reader.keys == set(FIRST).union(*(json.loads(each) for each in records))


@pytest.mark.parametrize("strange", ['a"b', "a\\b", "a\nb", "", "time", "key0"])
def test_keys_of_any_kind_are_read_again(strange):
    reader = JsonRecords(Timestamps())
    row = msgspec.json.encode(FIRST | {strange: 1})
    for _ in range(2):
        assert reader.read([row]).instants.tolist() == [parse_time(str(FIRST["logEventTimeStamp"]))]
    assert reader.keys == {*FIRST, strange}


def test_a_key_that_comes_later_is_learned():
    reader = JsonRecords(Timestamps())
    for key in ("one", "two", "three"):
        reader.read([msgspec.json.encode(FIRST | {key: "x"})])
    assert {"one", "two", "three"} < reader.keys
