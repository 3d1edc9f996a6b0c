"""Tasks run side by side within their bound, all of them end, and the first error is told."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.errors import Interrupted
from synclog.exporter.lanes import Lanes

PATIENCE = 20


def go_on():
    """Nobody wants to stop."""


def test_tasks_run_side_by_side():
    meeting = threading.Barrier(3)
    with Lanes(30, count=3, check=go_on) as lanes:
        for _ in range(3):
            lanes.wait_for(10)
            lanes.start(lambda: meeting.wait(PATIENCE), 10)
    assert not meeting.broken


def test_without_room_a_task_ends_before_the_next_begins():
    trace = []
    with Lanes(0, count=3, check=go_on) as lanes:
        for number in range(3):
            lanes.wait_for(10)
            lanes.start(lambda number=number: trace.append((number, threading.get_ident())), 10)
            assert trace == [(index, threading.get_ident()) for index in range(number + 1)]


class Held:
    """Counts what tasks hold at a time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now, self.most, self.ended = [], [], 0

    def task(self, size, *, fails):
        with self.lock:
            self.now.append(size)
            self.most.append(list(self.now))
        with self.lock:
            self.now.remove(size)
            self.ended += 1
        if fails:
            raise ZeroDivisionError(size)


@given(
    sizes=st.lists(st.integers(1, 40), max_size=25),
    room=st.integers(1, 40),
    count=st.integers(1, 5),
    failing=st.sets(st.integers(0, 24), max_size=2),
)
def test_the_bound_holds_and_nothing_goes_on_afterwards(sizes, room, count, failing):
    held = Held()
    started = 0
    failed = None
    try:
        with Lanes(room, count=count, check=go_on) as lanes:
            for index, size in enumerate(sizes):
                lanes.wait_for(size)
                lanes.start(
                    lambda size=size, index=index: held.task(size, fails=index in failing), size
                )
                started += 1
    except ZeroDivisionError as error:
        failed = error
    assert held.ended == started, "every task that was started has ended"
    assert (failed is not None) == any(index < started for index in failing)
    if failed is None:
        assert started == len(sizes)
    for together in held.most:
        assert len(together) <= count
        assert sum(together) <= room or len(together) == 1


def test_after_an_error_nothing_new_begins_and_the_first_error_is_told():
    failed = threading.Event()
    begun = []

    def fail():
        failed.set()
        raise ZeroDivisionError("first")

    def fail_later():
        failed.wait(PATIENCE)
        raise ZeroDivisionError("second")

    def run():
        with Lanes(20, count=2, check=go_on) as lanes:
            for task in (fail, fail_later, lambda: begun.append("third")):
                lanes.wait_for(20)
                lanes.start(task, 20)

    with pytest.raises(ZeroDivisionError, match="first"):
        run()
    assert begun == []


def test_who_waits_for_room_can_be_told_to_stop():
    ended = []

    def stop():
        raise Interrupted("Interrupted", "told to stop")

    def run():
        with Lanes(10, count=2, check=stop) as lanes:
            lanes.start(lambda: ended.append("first"), 10)
            lanes.wait_for(10)
            lanes.start(lambda: ended.append("second"), 10)

    with pytest.raises(Interrupted):
        run()
    assert ended == ["first"]
