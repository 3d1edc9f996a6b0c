import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.windows import (
    DAY,
    HOUR,
    Window,
    Windows,
    cut,
    format_duration,
    format_seconds,
    format_time,
    parse_duration,
    parse_time,
    piece,
    pieces,
)

instants = st.integers(0, 200)
windows = st.builds(lambda a, b: Window(a, a + b), instants, st.integers(1, 60))
sets = st.lists(windows, max_size=8).map(Windows)


def members(windows):
    return {instant for window in windows for instant in range(window.start, window.end)}


@given(sets, sets)
def test_sets_of_windows_behave_as_sets_of_instants(one, other):
    assert members(one | other) == members(one) | members(other)
    assert members(one - other) == members(one) - members(other)
    assert members(one & other) == members(one) & members(other)
    assert one.length == len(members(one))


@given(sets)
def test_windows_of_a_set_neither_overlap_nor_touch(one):
    ends = [(window.start, window.end) for window in one]
    assert all(left[1] < right[0] for left, right in itertools.pairwise(ends))
    assert Windows(one) == one
    assert hash(Windows(one)) == hash(one)


@given(sets, windows)
def test_gaps_are_what_is_missing(one, within):
    gaps = one.gaps(within)
    assert members(gaps) == members([within]) - members(one)
    assert one.covers(within) is (not gaps)
    assert one.overlaps(within) is bool(members([within]) & members(one))


@given(sets, instants)
def test_reach_is_the_first_missing_instant(one, start):
    expected = start
    while expected in members(one):
        expected += 1
    assert one.reach(start) == expected


@given(windows, st.integers(1, 70))
def test_cut_pieces_are_the_span_and_end_at_multiples(span, step):
    pieces = cut(span, step)
    assert pieces[0].start == span.start
    assert pieces[-1].end == span.end
    assert all(a.end == b.start for a, b in itertools.pairwise(pieces))
    assert all(piece.end % step == 0 for piece in pieces[:-1])
    assert all(piece.length <= step for piece in pieces)


@given(windows, st.integers(1, 70))
def test_each_window_of_a_span_can_be_had_without_the_others(span, step):
    assert [piece(span, step, index) for index in range(pieces(span, step))] == cut(span, step)


def test_a_step_of_nothing_is_refused():
    with pytest.raises(ValueError, match="positive"):
        cut(Window(0, 1), 0)


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="end after it starts"):
        Window(5, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.1Z", 100),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01T00:00:00,5+00:00", 500),
        ("1970-01-01 01:00:00+0100", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("1970-01-01t00:00:01z", 1000),
    ],
)
def test_times_are_read(text, expected):
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z",
     "1970-01-01T00:00:00.1234567890Z", "1970-01-01T24:61:00Z"],
)  # fmt: skip
def test_other_texts_are_no_times(text):
    with pytest.raises(ValueError, match="is not a time such as"):
        parse_time(text)


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_survives_text(instant):
    assert parse_time(format_time(instant)) == instant
    assert parse_time(format_seconds(instant)) == instant // 1000 * 1000


@pytest.mark.parametrize(
    ("text", "expected"), [("0s", 0), ("90d", 90 * DAY), ("24h", DAY), ("15m", HOUR // 4)]
)
def test_durations_are_read(text, expected):
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "1", "-1s", "1.5h", "1w", "1h30m", "٣d"])
def test_other_texts_are_no_durations(text):
    with pytest.raises(ValueError, match="is not a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("span", "expected"),
    [(0, "0s"), (1500, "1s500ms"), (DAY + HOUR + 1, "1d1h"), (90 * DAY, "90d")],
)
def test_durations_are_written_for_people(span, expected):
    assert format_duration(span) == expected


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_is_out_of_the_calendar_in_utc_is_refused(text):
    with pytest.raises(ValueError, match="is not a time"):
        parse_time(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00.000Z", "0900-01-01T00:00:00.001Z"])
def test_years_are_written_with_four_digits(text):
    assert format_time(parse_time(text)) == text
    assert format_seconds(parse_time(text)) == f"{text[:19]}Z"
