"""The scanner says what the csv module says, at any cut into blocks, or refuses."""

import csv
import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.csv_dialect import read_header
from synclog.exporter.source.csv_scan import RECORD_LIMIT, Kept, Scanner
from synclog.exporter.source.timestamps import Timestamps
from synclog.windows import Window, format_time, parse_time

START = parse_time("2026-01-31T10:00:00Z")
WINDOW = Window(START, START + 60_000)
ALWAYS = Window(0, parse_time("9000-01-01T00:00:00Z"))

values = st.one_of(
    st.text(
        st.one_of(
            st.sampled_from("\",;\t\r\n= 'ab12Z:-é漢🙂\u2028\x00"),
            st.characters(codec="utf-8", exclude_characters="\x00"),
        ),
        max_size=12,
    ).filter(lambda text: "\x00" not in text),
    st.lists(st.sampled_from(["\r\n", "\n", "\r", '"', "a"]), max_size=5).map("".join),
)


def zulu(instant: int, digits: int) -> str:
    text = format_time(instant)[:-1]
    whole, _, fraction = text.partition(".")
    return whole + ("." + fraction.ljust(9, "0")[:digits] if digits else "") + "Z"


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], int, dict[str, object]]:
    width = draw(st.integers(2, 5))
    column = draw(st.integers(0, width - 1))
    one_shape = draw(st.booleans())
    digits = draw(st.sampled_from([0, 3, 6, 9]))
    rows = [[f"c{n}" for n in range(width)]]
    rows[0][column] = draw(st.sampled_from(["logEventTimeStamp", "Log Event Time Stamp", "TIME"]))
    for _ in range(draw(st.integers(0, 12))):
        row = [draw(values) for _ in range(width)]
        instant = START + draw(st.integers(-90_000, 90_000))
        row[column] = zulu(instant, digits if one_shape else draw(st.sampled_from([3, 6, 9])))
        rows.append(row)
    writing: dict[str, object] = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])),
    }
    if writing["lineterminator"] == "\n" and writing["quoting"] == csv.QUOTE_MINIMAL:
        # Python's writer leaves a lone carriage return unquoted then, and nobody can read that.
        rows[1:] = [[value.replace("\r", "") for value in row] for row in rows[1:]]
    return rows, column, writing


def written(rows: list[list[str]], writing: dict[str, object]) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target, **writing).writerows(rows)  # type: ignore[call-overload]
    return target.getvalue().encode()


def scan(data: bytes, cuts: list[int], window: Window) -> tuple[list[Kept], Scanner, bytes]:
    found = read_header(data, at_end=False)
    assert found is not None
    dialect, end = found
    scanner = Scanner(dialect, window, Timestamps())
    edges = sorted({end, len(data), *(cut for cut in cuts if end < cut < len(data))})
    kept = [
        each for at, edge in enumerate(edges[1:]) for each in scanner.feed(data[edges[at] : edge])
    ]
    kept += scanner.finish()
    return kept, scanner, data[end:]


@given(tables(), st.lists(st.integers(0, 2000), max_size=6))
def test_records_and_times_are_those_of_the_csv_module(
    table: tuple[list[list[str]], int, dict[str, object]], cuts: list[int]
) -> None:
    rows, _, writing = table
    data = written(rows, writing)

    kept, scanner, body = scan(data, cuts, ALWAYS)
    spooled = b"".join(each.data for each in kept)
    records = [record for each in kept for record in each.records]

    assert spooled == body
    text = io.StringIO(body.decode(), newline="")
    parsed = list(csv.reader(text, strict=True, delimiter=str(writing["delimiter"])))
    assert parsed == rows[1:]
    assert len(records) == scanner.seen == len(rows) - 1
    again = [
        next(csv.reader(io.StringIO(r.decode(), newline=""), delimiter=str(writing["delimiter"])))
        for r in records
    ]
    assert again == rows[1:]


@given(tables(), st.lists(st.integers(0, 2000), max_size=6))
def test_the_window_keeps_what_lies_in_it(
    table: tuple[list[list[str]], int, dict[str, object]], cuts: list[int]
) -> None:
    rows, column, writing = table
    data = written(rows, writing)
    inside = [row for row in rows[1:] if parse_time(row[column]) in WINDOW]

    kept, scanner, _ = scan(data, cuts, WINDOW)

    spooled = b"".join(each.data for each in kept).decode()
    parsed = list(csv.reader(io.StringIO(spooled, newline=""), delimiter=str(writing["delimiter"])))
    assert parsed == inside
    assert scanner.seen == len(rows) - 1
    times = [parse_time(row[column]) for row in inside]
    firsts = [each.selected.first for each in kept if each.selected.first is not None]
    lasts = [each.selected.last for each in kept if each.selected.last is not None]
    assert min(firsts, default=None) == min(times, default=None)
    assert max(lasts, default=None) == max(times, default=None)


@given(
    st.lists(st.text(st.sampled_from('ab",;\r\n0Z'), max_size=8), min_size=1, max_size=4),
    st.lists(st.integers(0, 300), max_size=4),
)
def test_what_is_not_the_csv_of_anybody_is_never_misread(lines: list[str], cuts: list[int]) -> None:
    """Hostile bytes: the scanner refuses, or agrees with the csv module where that is strict."""
    good = "2026-01-31T10:00:01.000Z,x\r\n"
    data = ("time,value\r\n" + good + "\r\n".join(lines) + "\r\n" + good).encode()
    try:
        kept, scanner, body = scan(data, cuts, ALWAYS)
    except AnswerError:
        return
    if scanner.broken:
        return
    parsed = [row for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if row]
    records = Counter(record for each in kept for record in each.records)
    assert records.total() == len(parsed)
    assert all(len(row) == 2 for row in parsed)


@given(tables())
def test_all_ways_through_a_block_say_the_same(
    table: tuple[list[list[str]], int, dict[str, object]],
) -> None:
    rows, _, writing = table
    data = written(rows, writing)
    whole, _, _ = scan(data, [], WINDOW)
    bytewise, _, _ = scan(data, list(range(len(data))), WINDOW)
    assert b"".join(k.data for k in whole) == b"".join(k.data for k in bytewise)
    assert [r for k in whole for r in k.records] == [r for k in bytewise for r in k.records]


HEADER = b"time,a,b\n"
GOOD = b"2026-01-31T10:00:01.000Z,x,y\n"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"2026-01-31T10:00:01.000Z,x\n", "record 2 of the answer has 2 fields where the header"),
        (b"2026-01-31T10:00:01.000Z,x,y,z\n", "has 4 fields where the header has 3"),
        (b'2026-01-31T10:00:01.000Z,5" disk,y\n', "double quote in the middle of a field"),
        (b'2026-01-31T10:00:01.000Z,"x"y,z\n', "double quote in the middle of a field"),
        (b"yesterday,x,y\n", "has no time in its column time: 'yesterday' is not a time"),
        (b"2026-02-30T10:00:01.000Z,x,y\n", "is not a time"),
        (b"2026-01-31T10:61:01.000Z,x,y\n", "is not a time"),
        (b"2026-01-31T10:00:99.000Z,x,y\n", "is not a time"),
        (b"2026-01-31T29:00:01.000Z,x,y\n", "is not a time"),
        (b"2026-01-31T10:00:01.000,x,y\n", "names no time zone"),
        (b"2026-01-31T10:00:01.000+99:99,x,y\n", "is not a time"),
    ],
)
def test_a_malformed_record_is_refused(record: bytes, message: str) -> None:
    with pytest.raises(AnswerError) as caught:
        scan(HEADER + GOOD + record + GOOD, [], WINDOW)
    assert message in caught.value.message


def test_values_are_not_shown_in_errors() -> None:
    with pytest.raises(AnswerError) as caught:
        scan(HEADER + b"2026-01-31T10:00:01.000Z,private\n" + GOOD, [], WINDOW)
    assert "private" not in caught.value.message


def test_an_answer_cut_inside_a_record_is_broken_and_loses_only_that_record() -> None:
    data = HEADER + GOOD + b'2026-01-31T10:00:01.000Z,"x'
    kept, scanner, _ = scan(data, [], WINDOW)
    assert b"".join(k.data for k in kept) == GOOD
    assert scanner.broken
    assert scanner.ended_mid_line


def test_a_last_record_without_line_end_gets_one() -> None:
    kept, scanner, _ = scan(HEADER + GOOD + GOOD[:-1], [], WINDOW)
    assert b"".join(k.data for k in kept) == GOOD + GOOD
    assert scanner.ended_mid_line
    assert not scanner.broken


def test_a_line_end_cut_in_the_middle_is_noticed() -> None:
    data = b"time,a,b\r\n" + GOOD[:-1] + b"\r\n" + GOOD[:-1] + b"\r"
    kept, scanner, _ = scan(data, [], WINDOW)
    assert b"".join(k.data for k in kept) == (GOOD[:-1] + b"\r\n") * 2
    assert scanner.ended_mid_line


def test_lone_carriage_returns_and_empty_lines() -> None:
    data = HEADER + GOOD[:-1] + b"\r" + b"\n\n" + GOOD + b"\r\n" + GOOD
    kept, scanner, _ = scan(data, [], WINDOW)
    assert scanner.seen == 3
    assert sum(len(k.records) for k in kept) == 3


def test_a_record_without_end_is_refused_before_memory_is_full() -> None:
    found = read_header(HEADER, at_end=False)
    assert found is not None
    scanner = Scanner(found[0], WINDOW, Timestamps())
    list(scanner.feed(b'2026-01-31T10:00:01.000Z,"' + b"x" * (RECORD_LIMIT - 100)))
    with pytest.raises(AnswerError, match="has no end within"):
        list(scanner.feed(b"x" * 100))
