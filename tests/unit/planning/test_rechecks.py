"""Exported windows are read again."""

from support.world import SPEC, World, at, make_spec
from synclog.api.run import Purpose, Slot
from synclog.windows import Window


def test_windows_are_read_again_when_they_are_old_enough():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    assert list(world.rechecked) == []
    world.now = at("02T12:00")
    world.settle()
    main = world.active(slot=Slot.MAIN)[0]
    (again,) = world.active(slot=Slot.RECHECK)
    assert (again.recheck, again.purpose) == ("24h", Purpose.RECHECK)
    assert again.span == Window(at("01T00:00"), at("01T12:00"))
    world.succeed(again)
    world.succeed(main)
    world.settle()
    assert world.active() == []
    (told,) = world.status.coverage.rechecked
    assert (told.after, told.intervals[0].end) == ("24h", "2026-01-01T12:00:00.000Z")
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_windows_that_were_exported_late_enough_are_not_read_again():
    world = World(now=at("20T00:30")).inspected()
    world.succeed(world.active()[0])
    world.settle()
    assert [told.after for told in world.status.coverage.rechecked] == ["24h", "7d"]
    world.now = at("20T01:00")
    world.settle()
    assert world.active(slot=Slot.RECHECK) == []


def test_a_recheck_that_fails_is_tried_again_later_and_holds_up_nothing():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.now = at("02T12:00")
    world.settle()
    world.fail(world.active(slot=Slot.RECHECK)[0])
    world.succeed(world.active(slot=Slot.MAIN)[0])
    world.settle()
    assert world.active() == []
    assert world.condition("CoverageComplete") == ("True", "Complete")
    world.now = at("02T12:01")
    world.settle()
    assert world.active(slot=Slot.RECHECK)


def test_what_the_source_is_about_to_forget_is_not_read_again():
    rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "6h", "recheckAfter": ["29d"]}
    source = {**SPEC["source"], "retention": "30d"}
    world = World(spec=make_spec(range={"rolling": rolling}, source=source)).inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.now = at("31T20:00")
    world.settle()
    (again,) = world.active(slot=Slot.RECHECK)
    assert again.span == Window(at("01T21:05"), at("02T00:15"))


def test_without_a_schedule_rechecks_come_on_their_own():
    between = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T12:00:00Z", "maxWindow": "6h"}
    world = World(spec=make_spec(schedule=None, range={"between": between})).inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.now = at("02T06:00")
    assert world.last.wakeup == world.now
    world.settle()
    (again,) = world.active()
    assert again.purpose is Purpose.RECHECK
