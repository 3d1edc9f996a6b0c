from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from synclog.controller.clock import ClusterClock
from synclog.windows import DAY, SECOND

BEGIN = 1_767_225_600_000
spans = st.integers(0, 5 * SECOND)


def dated(instant: int) -> str:
    return formatdate(instant / 1000, usegmt=True)


class Ticking:
    def __init__(self) -> None:
        self.at = 12_345

    def __call__(self) -> int:
        return self.at


@given(
    wrong=st.integers(-400 * DAY, 400 * DAY),
    answers=st.lists(st.tuples(spans, spans, spans), min_size=1, max_size=8),
)
def test_it_is_the_server_s_time_to_a_second_and_the_time_that_an_answer_took(wrong, answers):
    ticking = Ticking()
    server = BEGIN - ticking.at
    clock = ClusterClock(lambda: BEGIN + wrong, ticking)
    best = 400 * DAY
    for pause, there, back in answers:
        ticking.at += pause
        asked = ticking.at
        date = dated(server + asked + there)
        ticking.at += there + back
        clock.heard(date, asked, ticking.at)
        best = min(best, there + back + SECOND)
        assert abs(clock.now() - (server + ticking.at)) <= best


@given(st.integers(-999, 999))
def test_a_clock_that_agrees_is_left_alone(offset):
    ticking = Ticking()
    clock = ClusterClock(lambda: BEGIN + 999, ticking)
    clock.heard(dated(BEGIN + 999 + min(offset, 0)), ticking.at, ticking.at + abs(offset))
    assert clock.now() == BEGIN + 999


def test_a_clock_that_is_set_later_moves_nothing():
    ticking, local = Ticking(), [BEGIN]
    clock = ClusterClock(lambda: local[0], ticking)
    local[0] += DAY
    ticking.at += SECOND
    assert clock.now() == BEGIN + SECOND


def test_what_is_no_date_says_nothing():
    clock = ClusterClock(lambda: BEGIN, Ticking())
    for date in (None, "", "soon", "Thu, 01 Jan 2026 00:00:00 -0000"):
        clock.heard(date, 0, 0)
    assert clock.now() == BEGIN
