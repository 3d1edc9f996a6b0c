"""Ticks that could not be answered at once, and what became of them."""

from support.world import SPEC, World, at, between, make_spec
from synclog.api.run import Slot
from synclog.windows import Window, Windows


def test_a_tick_that_waits_is_owed_when_the_schedule_is_edited():
    world = World().inspected()
    world.now = at("02T01:00")
    world.settle()
    world.edit(schedule="@monthly")
    world.settle()
    assert world.status.last_schedule_time == "2026-01-02T01:00:00Z"
    world.work_off()
    assert world.covered.covers(Window(at("01T00:00"), at("02T00:45")))


def test_a_tick_that_waits_is_exported_although_the_schedule_is_taken_away():
    world = World().inspected()
    world.now = at("02T01:00")
    world.settle()
    world.edit(schedule=None)
    world.work_off()
    assert world.covered.covers(Window(at("01T00:00"), at("02T00:45")))


def test_a_tick_that_waits_while_it_is_suspended_goes_with_the_next_one():
    world = World().inspected()
    world.now = at("02T01:00")
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.succeed(world.active()[0])
    world.settle()
    assert world.status.skipped == {"Suspended": 1}
    assert world.active() == []
    world.edit()
    world.now = at("02T02:00")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T01:45"))


def test_moving_the_end_of_a_range_that_is_over_makes_no_missed_ticks():
    world = World(spec=make_spec(**between("2026-01-01T12:00:00Z"))).exported()
    world.now = at("05T00:30")
    world.settle()
    assert world.status.skipped == {}
    world.edit(**between("2026-01-06T00:00:00Z"))
    world.settle()
    assert world.status.skipped == {}
    assert world.status.next == "2026-01-05T01:00:00Z"
    world.now = at("05T01:00")
    world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert run.span == Window(at("01T12:00"), at("05T00:45"))
    world.work_off()
    assert world.status.skipped == {}


def test_a_tick_that_waits_when_its_range_is_over_gets_its_run():
    world = World(spec=make_spec(**between("2026-01-02T02:30:00Z"))).inspected()
    world.now = at("03T00:30")
    world.settle()
    world.succeed(world.active(slot=Slot.MAIN)[0])
    world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert (run.scheduled, run.span.end) == (at("02T02:00"), at("02T02:30"))
    assert world.status.skipped == {"Overlap": 1}


def test_the_last_ticks_of_a_fixed_range_are_counted_before_it_is_over():
    world = World(spec=make_spec(**between("2026-01-02T02:30:00Z"))).exported()
    world.now = at("03T00:30")
    world.work_off()
    assert world.status.skipped == {"Missed": 1}
    assert world.status.last_schedule_time == "2026-01-02T02:00:00Z"
    assert world.status.schedule_since is None
    assert world.covered == Windows([Window(at("01T00:00"), at("02T02:30"))])
    assert SPEC["schedule"] == world.status.effective_schedule
