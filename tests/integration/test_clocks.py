"""Wall clocks that are wrong, and that are set while things run."""

import time

import pytest

from support.product import PATIENCE
from support.wallclock import set_ahead
from synclog.windows import format_time, parse_time

HOUR, DAY = 3600, 86_400


class ClockAhead:
    """The source's clock, so many seconds ahead of the machine's."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> int:
        return (time.time_ns() + int(self.seconds * 1e9)) // 1_000_000


def lately():
    """A little ago: longer than the settle delay, so that a run of now covers it."""
    return format_time(time.time_ns() // 1_000_000 - 10_000)


@pytest.mark.parametrize("steps", [(300, 0), (DAY, 0), (-DAY, 0), (0, -HOUR, DAY)])
def test_an_operator_lives_by_the_cluster_s_clock_whatever_its_own_says(world, eventually, steps):
    clock, begun = world.folder / "clock", lately()
    set_ahead(clock, steps[0])
    operator = world.operator(clock=clock).leads()
    world.create(backoffLimit=1)
    due = eventually(
        lambda: (world.status().get("coverage") or {}).get("dueUntil"), "it says what is due"
    )
    assert parse_time(begun) <= parse_time(due) <= time.time() * 1000
    for ahead in steps:
        set_ahead(clock, ahead)
        world.answered(f"by the clock that is {ahead} s ahead")
    world.complete(beyond=begun)
    assert world.prove().end <= time.time() * 1000
    assert world.condition("Degraded")["status"] == "False", "and no run failed by that"
    assert operator.poll() is None, "a clock costs no leadership"


def test_a_source_whose_clock_is_behind_is_not_believed_to_be_settled(world, eventually):
    clock = world.source.simulation.clock = ClockAhead(-HOUR)
    begun = lately()
    world.operator().leads()
    world.create(backoffLimit=1)
    found = eventually(
        lambda: (one := world.condition("Degraded"))["status"] == "True" and one,
        "it says that a window is too young",
        2 * PATIENCE,
    )
    assert found["reason"] == "NotSettled"
    assert parse_time(world.status()["coveredUntil"]) <= clock.now()
    clock.seconds = 0
    world.answered("the clock is right")
    world.complete(beyond=begun)
    world.prove()


def test_a_source_whose_clock_is_ahead_changes_nothing(world):
    world.source.simulation.clock = ClockAhead(HOUR)
    world.operator().leads()
    world.create()
    status = world.complete()
    assert parse_time(status["coveredUntil"]) <= time.time() * 1000
    world.prove()
