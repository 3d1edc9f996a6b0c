import itertools
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.planning.errors import SpecError
from synclog.planning.schedule import parse_schedule
from synclog.windows import DAY, MINUTE, format_seconds, parse_time, to_datetime


def ticks(text, start, count=3, zone="UTC", by="ns/name"):
    schedule = parse_schedule(text, zone, by)
    found = itertools.islice(schedule.after(parse_time(start)), count)
    return [format_seconds(tick) for tick in found]


def test_ticks_are_utc_instants_in_the_zone():
    assert ticks("30 2 * * *", "2026-01-01T00:00:00Z", 2, "Europe/Berlin") == [
        "2026-01-01T01:30:00Z",
        "2026-01-02T01:30:00Z",
    ]


def test_a_time_that_the_clocks_skip_is_due_once():
    assert ticks("30 2 * * *", "2026-03-28T12:00:00Z", 2, "Europe/Berlin") == [
        "2026-03-29T01:00:00Z",
        "2026-03-30T00:30:00Z",
    ]


def test_a_time_that_the_clocks_repeat_is_due_once():
    assert ticks("30 2 * * *", "2026-10-24T12:00:00Z", 2, "Europe/Berlin") == [
        "2026-10-25T00:30:00Z",
        "2026-10-26T01:30:00Z",
    ]


@pytest.mark.parametrize(
    "start", ["2026-10-25T00:30:00Z", "2026-10-25T00:59:00Z", "2026-10-25T01:05:00Z"]
)
def test_a_look_in_the_middle_of_a_repeated_hour_adds_no_tick(start):
    assert ticks("30 2 * * *", start, 1, "Europe/Berlin") == ["2026-10-26T01:30:00Z"]


@pytest.mark.parametrize(
    ("macro", "cron"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
    ],
)
def test_macros(macro, cron):
    assert parse_schedule(macro, "UTC", "a/b").effective == cron


def test_the_zone_is_part_of_the_effective_schedule():
    assert parse_schedule("0 0 * * *", "Asia/Tokyo", "a/b").effective == "0 0 * * * Asia/Tokyo"


def test_due_is_open_at_the_start_and_closed_at_the_end():
    schedule = parse_schedule("0 * * * *", "UTC", "a/b")
    one, two = parse_time("2026-01-01T01:00:00Z"), parse_time("2026-01-01T02:00:00Z")
    assert list(schedule.due(one, two)) == [two]


@given(
    text=st.sampled_from(
        ["* * * * *", "*/7 9-17 * * 1-5", "30 2 * * *", "0 0,23 * * *", "0 */5 * * *",
         "15 1 1,15 * 5", "59 23 L * *", "0 12 * * 5#2"]
    ),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Australia/Lord_Howe",
         "Pacific/Apia", "Africa/Casablanca", "America/Nuuk"]
    ),
    year=st.sampled_from([2011, 2017, 2026]),
    start=st.integers(0, 365 * 24 * 60),
    days=st.integers(2, 9),
    odd=st.integers(0, 59_999),
)  # fmt: skip
def test_a_long_absence_has_the_same_ticks_as_many_short_ones(text, zone, year, start, days, odd):
    schedule = parse_schedule(text, zone, "a/b")
    after = parse_time(f"{year}-01-01T00:00:00Z") + start * MINUTE + odd
    until = after + days * DAY
    one_by_one = itertools.takewhile(lambda tick: tick <= until, schedule.after(after))
    assert list(schedule.due(after, until)) == list(one_by_one)


@pytest.mark.parametrize("text", ["30 23 * * *", "30 22,23 * * *"])
def test_a_time_that_is_skipped_at_midnight_is_due_on_the_next_day_also_after_an_absence(text):
    schedule = parse_schedule(text, "America/Nuuk", "a/b")
    midnight = parse_time("2026-03-29T01:00:00Z")
    assert midnight in schedule.due(midnight - DAY, midnight + DAY)
    assert midnight in schedule.due(midnight - 3 * DAY, midnight + 3 * DAY)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk"])
@pytest.mark.parametrize("text", ["30 1,2 * * *", "*/20 * * * *", "30 23 * * *"])
def test_wherever_one_looks_around_a_change_of_clocks_the_next_tick_is_the_same(zone, text):
    schedule = parse_schedule(text, zone, "a/b")
    for start in ("2026-03-28T12:00:00Z", "2026-04-04T06:00:00Z", "2026-10-24T12:00:00Z"):
        begin = parse_time(start)
        found = list(schedule.due(begin, begin + DAY))
        for after in range(begin, found[-1], 17 * MINUTE):
            assert next(schedule.after(after)) == next(tick for tick in found if tick > after)


def test_the_days_on_which_clocks_change_are_counted_as_they_are():
    schedule = parse_schedule("*/30 * * * *", "Europe/Berlin", "a/b")
    for month, hours in (("03-29", 23), ("10-25", 25)):
        noon = parse_time(f"2026-{month}T12:00:00Z")
        found = list(schedule.due(noon - 2 * DAY, noon + 2 * DAY))
        assert len(found) == 4 * 48, "elapsed time counts for these"
        local = [tick for tick in found if schedule_day(tick) == f"2026-{month}"]
        assert len(local) == 2 * hours


def schedule_day(tick):
    return to_datetime(tick).astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%d")


@given(st.text("abcdefgh/", min_size=1, max_size=30))
def test_h_is_stable_and_always_a_schedule(by):
    text = "H H H H H"
    first = parse_schedule(text, "UTC", by).effective
    assert parse_schedule(text, "UTC", by).effective == first
    minute, hour, day, month, weekday = map(int, first.split())
    assert minute < 60
    assert hour < 24
    assert 1 <= day <= 28
    assert 1 <= month <= 12
    assert weekday <= 6


def test_h_spreads_over_every_value_of_every_field():
    seen = [Counter(), Counter(), Counter(), Counter(), Counter()]
    for number in range(5000):
        fields = parse_schedule("H H H H H", "UTC", f"ns/{number}").effective.split()
        for counter, value in zip(seen, fields, strict=True):
            counter[int(value)] += 1
    assert [len(counter) for counter in seen] == [60, 24, 28, 12, 7]
    for counter in seen:
        assert max(counter.values()) < 2 * min(counter.values())


@pytest.mark.parametrize(
    ("field", "minutes"), [("H/15", 4), ("H(0-29)", 1), ("H(0-29)/10", 3), ("5,H(30-59)", 2)]
)
def test_h_with_range_and_step(field, minutes):
    found = ticks(f"{field} * * * *", "2026-01-01T00:00:00Z", minutes)
    assert found[-1] <= "2026-01-01T01:00:00Z"
    assert ticks(f"{field} * * * *", "2026-01-01T01:00:00Z", 1)[0] > "2026-01-01T01:00:00Z"


@pytest.mark.parametrize("day", ["THU", "MON-THU", "THU-SAT", "MON,THU", "THU#2"])
def test_names_of_days_and_months_with_an_h_are_not_spread(day):
    assert parse_schedule(f"0 0 * MAR {day}", "UTC", "a/b").cron == f"0 0 * MAR {day}"


@pytest.mark.parametrize(
    "text",
    ["", "daily", "@yearly", "* * * *", "* * * * * *", "61 * * * *", "a b c d e", "*/0 * * * *",
     "H/0 * * * *", "H/61 * * * *", "H(5-99) * * * *", "H(9-5) * * * *", "Hx * * * *",
     "0 0 31 2 *", "0 0 30 2 *"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused_with_advice(text):
    with pytest.raises(SpecError, match=r"write|within|step|never due"):
        parse_schedule(text, "UTC", "a/b")


@pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc", "Europe", "CET\0"])
def test_an_unknown_zone_is_refused_with_advice(zone):
    with pytest.raises(SpecError, match="write an IANA name"):
        parse_schedule("@daily", zone, "a/b")
