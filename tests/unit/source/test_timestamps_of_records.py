"""Timestamps: one by one, and a thousand at once."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.source.selection import select
from synclog.exporter.source.timestamp_blocks import instants_of_texts
from synclog.exporter.source.timestamps import NotATimestampError, Timestamps
from synclog.windows import Window, parse_time, to_datetime

instants = st.integers(parse_time("2001-01-01T00:00:00Z"), parse_time("2099-01-01T00:00:00Z"))
offsets = st.sampled_from(["Z", "+00:00", "+0000", "-05:00", "+0530", "+14:00", "-12:00"])


def written(instant: int, offset: str, digits: int, finer: str = "") -> tuple[bytes, int]:
    """A timestamp with so many digits, and the instant that it says."""
    minutes = 0
    if offset != "Z":
        plain = offset.replace(":", "")
        minutes = int(plain[0] + "1") * (int(plain[1:3]) * 60 + int(plain[3:]))
    unit = 1000 if digits == 0 else 1
    instant -= instant % unit
    local = to_datetime(instant + minutes * 60_000)
    fraction = "." + (f"{instant % 1000:03d}" + finer).ljust(9, "0")[:digits] if digits else ""
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{offset}".encode(), instant


@given(
    instants,
    offsets,
    st.sampled_from([0, 3, 4, 6, 9]),
    st.from_regex(r"[0-9]{0,6}", fullmatch=True),
)
def test_any_form_is_read(instant: int, offset: str, digits: int, finer: str) -> None:
    text, expected = written(instant, offset, digits, finer)
    assert Timestamps().parse(text) == expected


@given(st.lists(instants, min_size=2, max_size=5))
def test_a_remembered_minute_changes_nothing(times: list[int]) -> None:
    remembering = Timestamps()
    for instant in [each for at in times for each in (at, at - at % 60_000 + 59_999)]:
        text, expected = written(instant, "Z", 3)
        assert remembering.parse(text) == expected == parse_time(text.decode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "2026-13-01T00:00:00Z",
        "2026-01-31T24:00:01Z",
        "2026-01-31T00:00:60.000Z",
        "2026-01-31T00:00:00.0000000001Z",
        "1769817600000",
        "2026-01-31T00:00:00.000+2400",
        "２026-01-31T00:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    timestamps = Timestamps()
    timestamps.parse(b"2026-01-31T00:00:00.000Z")  # a remembered minute does not help it
    with pytest.raises(NotATimestampError):
        timestamps.parse(text.encode())


def test_a_time_without_zone_needs_an_assumed_one() -> None:
    text = b"2026-07-01T12:00:00.250"
    with pytest.raises(NotATimestampError, match=r"source\.assumeTimeZone"):
        Timestamps().parse(text)
    berlin = Timestamps(ZoneInfo("Europe/Berlin"))
    assert berlin.parse(text) == parse_time("2026-07-01T10:00:00.250Z")
    assert berlin.parse(b"2026-01-01T12:00:00") == parse_time("2026-01-01T11:00:00Z")


@given(
    st.lists(st.integers(-5000, 5000), min_size=1, max_size=30),
    instants,
    st.integers(1, 4000),
    offsets,
    st.sampled_from([0, 3, 6, 9]),
)
def test_times_read_together_are_those_read_one_by_one(
    deltas: list[int], start: int, length: int, offset: str, digits: int
) -> None:
    pairs = [written(start + delta, offset, digits, "999999") for delta in deltas]
    texts = [text for text, _ in pairs]

    together = instants_of_texts(texts, Timestamps())

    assert together is not None
    assert together.tolist() == [instant for _, instant in pairs]
    window = Window(start, start + length)
    records = [b"record %d" % at for at in range(len(pairs))]
    selected = select(records, together, window)
    inside = [at for at, (_, instant) in enumerate(pairs) if instant in window]
    assert selected.records == [records[at] for at in inside]
    assert selected.first == min((pairs[at][1] for at in inside), default=None)
    assert selected.last == max((pairs[at][1] for at in inside), default=None)
    assert selected.earliest == min(instant for _, instant in pairs)
    assert selected.latest == max(instant for _, instant in pairs)


@given(st.lists(st.tuples(instants, st.sampled_from([0, 3, 6, 9])), min_size=1, max_size=20))
def test_a_source_that_leaves_out_zeros_is_read_together(times: list[tuple[int, int]]) -> None:
    pairs = [written(instant, "Z", digits) for instant, digits in times]
    together = instants_of_texts([text for text, _ in pairs], Timestamps())
    assert together is not None
    assert together.tolist() == [instant for _, instant in pairs]


@pytest.mark.parametrize(
    "texts",
    [
        [b"2026-01-31T00:00:00+01:00", b"2026-01-31T00:00:00+02:00"],
        [b"2026-01-31T00:00:00Z", b"2026-01-32T00:00:00Z"],
        [b"2026-01-31T00:00:00Z", b"2026-01-31T25:00:00Z"],
        [b"2026-01-31T00:00:00Z", b"2026-01-31T00:60:00Z"],
        [b"2026-01-31T00:00:00Z", b"2026-01-31T00:00:60Z"],
        [b"2026-01-31T00:00:00Z", b"2026-01-31T23:00:0xZ"],
        [b"2026-01-31T00:00:00Z", b"2026-01-31T23:00:00X"],
        [b"2026-01-31T00:00:00Z", b"2026-01-31T23 00:00Z"],
        [b"2026-01-31T00:00:00+25:00", b"2026-01-31T00:00:00+25:00"],
        [b"2026-01-30T00:00:00Z", b"2026-01-30T30:00:00Z", b"2026-01-31T00:00:00Z"],
        [b"2026-01-31T00:00:00.000"],
        [b"no time", b"at all!"],
        [b""],
        [b"2026-01-31T00:00:00Z" + b"0" * digits for digits in range(9)],
    ],
)
def test_what_is_not_alike_is_left_to_the_careful_way(texts: list[bytes]) -> None:
    assert instants_of_texts(texts, Timestamps()) is None
