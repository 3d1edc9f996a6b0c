"""What comes due, one story a test."""

from support.world import World, at, make_spec
from synclog.api.run import Purpose, Slot
from synclog.windows import MINUTE, Window, parse_time


def test_first_comes_one_inspect_run_and_no_window():
    world = World()
    world.settle()
    (run,) = world.runs
    assert run.purpose is Purpose.INSPECT
    assert world.condition("Ready") == ("False", "Inspecting")
    assert world.status.summary == "Inspecting"
    assert world.asked == parse_time("2026-01-01T00:00:00Z")


def test_without_a_start_the_exporter_begins_with_the_oldest_that_the_source_has():
    world = World(spec=make_spec(range={"rolling": {}}))
    world.settle()
    assert world.asked == 0


def test_then_everything_that_is_settled_is_exported_at_once_oldest_first():
    world = World().inspected()
    (run,) = world.active()
    assert run.span == Window(at("01T00:00"), at("02T00:15"))
    assert run.slot is Slot.MAIN
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("CoverageComplete") == ("False", "Exporting")
    assert [gap.state.value for gap in world.status.coverage.gaps] == ["exporting"]


def test_an_exported_range_is_complete_and_the_next_tick_goes_on_where_it_ended():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    assert world.status.summary == "UpToDate"
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.status.covered_until == "2026-01-02T00:15:00.000Z"
    assert world.status.coverage.gap_count == 0
    assert world.last.wakeup == at("02T01:00")
    world.now = at("02T01:00")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T00:45"))
    assert run.scheduled == at("02T01:00")
    assert world.status.last_schedule_time == "2026-01-02T01:00:00Z"


def test_ticks_during_a_run_are_answered_by_one_run_after_it():
    world = World().inspected()
    world.now = at("02T05:10")
    world.settle()
    assert len(world.active()) == 1
    world.succeed(world.active()[0])
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T04:45"))
    assert world.status.skipped == {"Overlap": 4}


def test_ticks_missed_while_the_operator_was_away_are_answered_by_one_run():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.now = at("05T12:20")
    world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert run.span == Window(at("02T00:15"), at("05T11:45"))
    assert world.status.skipped == {"Missed": 83}
    assert run.scheduled == at("05T12:00")


def test_a_long_backlog_is_worked_off_by_bounded_runs():
    world = World(now=at("31T00:00"), spec=make_spec(range={"rolling": {
        "from": "2026-01-01T00:00:00Z", "maxWindow": "1h"}}))  # fmt: skip
    world.inspected()
    (first,) = world.active()
    assert first.span == Window(at("01T00:00"), at("21T20:00"))
    world.succeed(first)
    world.settle()
    (second,) = world.active()
    assert second.span == Window(at("21T20:00"), at("30T23:45"))
    world.succeed(second)
    world.settle()
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_an_edited_schedule_is_served_from_now_on():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.now = at("02T00:55")
    world.edit(schedule="*/5 * * * *")
    world.settle()
    assert world.active() == []
    assert world.status.skipped == {}
    assert world.status.effective_schedule == "*/5 * * * *"
    assert world.last.wakeup == at("02T01:00")


def test_suspended_starts_nothing_and_counts_its_ticks():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.edit(suspend=True)
    world.now = at("02T04:30")
    world.settle()
    assert world.active() == []
    assert world.status.skipped == {"Suspended": 4}
    assert world.status.summary == "Suspended"
    assert world.status.next is None
    world.edit()
    world.settle()
    assert world.active() == []
    world.now = at("02T05:00")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T04:45"))


def test_a_resource_that_is_created_suspended_does_not_even_inspect():
    world = World(spec=make_spec(suspend=True))
    world.settle()
    assert world.runs == []
    assert world.condition("Ready") == ("False", "Suspended")


def test_a_trigger_runs_once_and_is_acknowledged():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.now += 10 * MINUTE
    world.edit(trigger="please")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T00:25"))
    assert run.trigger == "please"
    assert world.status.last_trigger == "please"
    world.succeed(run)
    world.settle()
    assert world.active() == []


def test_a_trigger_is_not_answered_again_after_another_one_left_its_job_behind():
    world = World().inspected()
    world.succeed(world.active()[0])
    for token in ("a", "b", "a"):
        world.now += 10 * MINUTE
        world.edit(trigger=token, schedule="@monthly")
        world.settle()
        (run,) = world.active()
        assert run.trigger == token
        world.succeed(run)
        world.settle()
        assert world.active() == []


def test_a_trigger_retries_gaps_without_waiting_but_only_once():
    world = World().inspected()
    world.fail(world.active()[0], windows=[0])
    world.settle()
    assert world.active() == []
    world.edit(trigger="now")
    world.settle()
    (run,) = world.active(slot=Slot.RETRY)
    world.fail(run)
    world.settle()
    assert world.active() == []


def test_a_starting_deadline_skips_a_tick_and_its_window_goes_with_the_next():
    world = World(spec=make_spec(startingDeadline="5m")).inspected()
    world.succeed(world.active()[0])
    world.settle()
    world.now = at("02T01:06")
    world.settle()
    assert world.active() == []
    assert world.status.skipped == {"DeadlineExceeded": 1}
    world.now = at("02T02:01")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T01:45"))


def test_a_fixed_range_is_exported_once_even_without_a_schedule():
    between = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T12:00:00Z", "maxWindow": "6h",
               "recheckAfter": []}  # fmt: skip
    world = World(spec=make_spec(schedule=None, range={"between": between}))
    world.inspected()
    (run,) = world.active()
    assert run.span == Window(at("01T00:00"), at("02T00:15"))
    world.succeed(run)
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "RangeNotOver")
    assert world.last.wakeup == at("02T12:15")
    world.now = at("02T12:15")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("02T00:15"), at("02T12:00"))
    world.succeed(run)
    world.settle()
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.last.wakeup is None
