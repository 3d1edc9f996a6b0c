"""Holes that a hostile reader once found, one story each."""

import pytest

from support.world import World, at, between, make_spec
from synclog.api.run import Purpose, Slot
from synclog.api.status import GapState
from synclog.planning.coverage import LISTED, LISTED_OF_A_ROUND
from synclog.planning.model import RunState, Stuck
from synclog.planning.pauses import back_off
from synclog.windows import DAY, HOUR, MINUTE, SECOND, Window, Windows, parse_time


def test_an_empty_trigger_asks_for_nothing():
    world = World().exported()
    before = world.created
    world.edit(trigger="")
    world.now += 10 * MINUTE
    world.settle()
    assert world.created == before
    assert world.status.last_trigger is None


@pytest.mark.parametrize("length", ["0s", "1s", "59s", "0m"])
def test_a_tiny_max_window_is_refused_before_any_window_is_cut(length):
    world = World(spec=make_spec(range={"rolling": {"maxWindow": length}}))
    (event,) = world.step().events
    expected = f"spec.range.rolling.maxWindow: {length.replace('0m', '0s')} is too short"
    assert event.message == f"{expected}: write at least 1m, or 24h"
    assert world.runs == []


def test_the_smallest_max_window_makes_bounded_runs():
    rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "1m", "recheckAfter": []}
    world = World(spec=make_spec(range={"rolling": rolling})).inspected()
    (run,) = world.active()
    assert run.span == Window(at("01T00:00"), at("01T08:20"))
    world.work_off()
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_a_clock_that_was_ahead_leaves_nothing_behind_when_it_is_set_right():
    world = World().exported()
    world.now += 3 * DAY  # wrong
    world.settle()
    world.fail(world.active(slot=Slot.MAIN)[0], reason="NotSettled")
    world.settle()
    world.now = at("02T01:00")
    world.work_off()
    assert world.status.covered_until == "2026-01-02T00:45:00.000Z"
    assert world.condition("CoverageComplete") == ("True", "Complete")
    world.now += MINUTE
    world.settle()
    assert world.active() == []
    world.now = at("02T02:00")
    world.work_off()
    assert world.status.covered_until == "2026-01-02T01:45:00.000Z"
    assert world.status.last_schedule_time == "2026-01-02T02:00:00Z"


def test_a_source_whose_clock_is_behind_makes_a_window_late_and_not_lost():
    world = World().exported()
    world.now = at("02T01:00")
    world.settle()
    world.fail(world.active(slot=Slot.MAIN)[0], reason="NotSettled")
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "GapsFailed")
    world.now += 30 * SECOND
    world.work_off()
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.covered == Windows([Window(at("01T00:00"), at("02T00:45"))])


def test_a_gap_keeps_its_back_off_when_its_jobs_vanish():
    world = World().inspected()
    world.fail(world.active()[0], windows=[0])
    for failures in range(1, 5):
        world.settle()
        world.runs = [run for run in world.runs if run.purpose is not Purpose.WINDOW]
        (gap,) = world.status.coverage.gaps
        assert gap.attempts == failures
        world.now += (30 << (failures - 1)) * SECOND - 1
        world.settle()
        assert world.active() == []
        world.now += 1
        world.settle()
        world.fail(world.active()[0])


def test_a_job_that_vanishes_while_it_runs_waits_too():
    world = World().inspected()
    world.runs = [run for run in world.runs if run.state is not RunState.ACTIVE]
    world.settle()
    assert world.status.last_run.reason == "JobGone"
    assert world.active() == []
    world.now = world.last.wakeup
    world.settle()
    assert world.active()


def islands(world, count):
    """A ledger with so many windows and pauses of an hour between them."""
    hours = range(at("01T00:00"), at("01T00:00") + 2 * count * HOUR, 2 * HOUR)
    world.covered = Windows(Window(hour, hour + HOUR) for hour in hours)
    return hours


def test_a_status_that_cannot_list_all_still_comes_to_the_end():
    rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "1h", "recheckAfter": []}
    world = World(now=at("31T00:30"), spec=make_spec(range={"rolling": rolling}))
    world.settle()
    islands(world, 330)
    world.succeed(world.active()[0])
    world.settle()
    coverage = world.status.coverage
    assert (len(coverage.intervals), len(coverage.gaps)) == (LISTED, LISTED)
    assert coverage.gap_count == 330
    first, newest = world.covered.gaps(Window(0, at("31T00:30")))[0].end, list(world.covered)[-1]
    assert parse_time(coverage.intervals[0].start) == first
    assert parse_time(coverage.intervals[-1].end) == newest.end
    known = world.covered
    world.covered |= Windows(list(known.gaps(Window(at("01T00:00"), at("28T00:00"))))[:-5])
    found = world.covered.length  # another operator was here, and this one was not told
    world.work_off()
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.status.coverage.gap_count == 0
    assert sum(window.length for window in world.commits) == world.covered.length - found


def test_what_is_lost_is_listed_before_all_other_gaps():
    world = World(now=at("31T00:30")).inspected()
    hours = islands(world, 300)
    world.lost = Windows([Window(hours[-1] + HOUR, hours[-1] + 2 * HOUR)])
    world.fail(world.active()[0])
    world.settle()
    lost = [gap for gap in world.status.coverage.gaps if gap.state is GapState.LOST]
    assert len(world.status.coverage.gaps) == LISTED
    assert len(lost) == 1
    assert world.status.coverage.lost_seconds == 3600


def test_rechecks_in_more_pieces_than_a_status_lists_are_not_done_again_and_again():
    rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "1h", "recheckAfter": ["24h"]}
    world = World(now=at("20T00:30"), spec=make_spec(range={"rolling": rolling}))
    world.settle()
    islands(world, LISTED_OF_A_ROUND + 20)
    until = Window(at("01T00:00"), at("20T00:15"))
    world.lost = Windows(world.covered.gaps(until))
    world.rechecked = {"24h": world.covered}
    world.succeed(world.active()[0])
    world.settle()
    for hour in range(1, 4):
        world.now = at(f"20T0{hour}:00")
        world.runs = []  # the history is short, and with the Jobs go their results
        world.settle()
        assert world.active(slot=Slot.RECHECK) == []
        world.work_off()
    (told,) = world.status.coverage.rechecked
    assert len(told.intervals) == LISTED_OF_A_ROUND


def test_a_result_that_was_cut_to_what_is_near_its_window_makes_no_second_export():
    world = World().inspected()
    run = world.active()[0]
    world.succeed(run)  # each of its results tells of its own window only
    world.settle()
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.active() == []


def test_a_fixed_range_with_a_schedule_is_rechecked_after_its_end_too():
    world = World(spec=make_spec(**between("2026-01-01T12:00:00Z"))).exported()
    for name, moment in (("24h", "02T12:00"), ("7d", "08T12:00")):
        world.now = at(moment)
        world.work_off()
        assert world.rechecked[name] == Windows([Window(at("01T00:00"), at("01T12:00"))])
    assert world.last.wakeup is None


REFUSED = Stuck("Quota", "exceeded quota: jobs", at("02T01:00"))


def test_a_refused_job_keeps_its_trigger_and_its_tick_open():
    world = World().exported()
    world.refuses = REFUSED
    world.now = at("02T01:00")
    world.edit(trigger="please")
    world.settle()
    assert world.status.last_trigger is None
    assert world.status.last_schedule_time is None
    assert world.condition("Degraded") == ("True", "Quota")
    world.now += MINUTE
    world.refuses = None
    world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert (run.trigger, run.scheduled) == ("please", at("02T01:00"))
    assert world.status.last_trigger == "please"
    assert world.status.skipped == {}
    assert world.condition("Degraded")[0] == "False"


def test_a_refused_retry_does_not_look_as_if_a_run_were_at_it():
    world = World().inspected()
    world.fail(world.active()[0])
    world.settle()
    world.refuses = REFUSED
    world.now += MINUTE
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "GapsFailed")


@pytest.mark.parametrize("trouble", ["refused", "stuck", "none"])
def test_retention_is_at_risk_where_the_run_that_is_at_it_gets_nowhere(trouble):
    world = World().inspected()
    risk = at("01T00:00") + 90 * DAY * 85 // 100
    if trouble == "refused":
        world.fail(world.active()[0])
        world.settle()
        world.refuses = REFUSED
    if trouble == "stuck":
        pending = Stuck("Unschedulable", "no node fits", risk - MINUTE)
        world.change(world.active()[0], stuck=pending)
    world.now = risk
    world.settle()
    expected = ("False", "Exporting") if trouble == "none" else ("True", "SourceForgetsSoon")
    assert world.condition("RetentionAtRisk") == expected


def test_a_start_that_the_source_forgot_meanwhile_is_said():
    rolling = {"from": "2025-01-01T00:00:00Z"}
    world = World(spec=make_spec(range={"rolling": rolling})).exported()
    assert world.condition("CoverageComplete") == ("False", "StartForgotten")
    assert world.status.summary == "EventsLost"
    assert world.status.coverage.gap_count == 0


def test_an_export_that_became_invalid_still_says_what_is_at_risk():
    world = World().exported()
    world.edit(schedule="61 * * * *")
    plan = world.step()
    conditions = {each.type: each for each in plan.status.conditions}
    assert (conditions["Ready"].reason, plan.actions) == ("InvalidSpec", ())
    assert conditions["Progressing"].status.value == "Unknown"
    assert conditions["RetentionAtRisk"].reason == "Headroom"

    assert plan.wakeup is not None
    world.now = plan.wakeup
    at_risk = {each.type: each for each in world.step().status.conditions}["RetentionAtRisk"]
    assert (at_risk.status.value, at_risk.reason) == ("True", "SourceForgetsSoon")


def test_a_finished_range_that_became_invalid_has_nothing_at_risk():
    fixed = between("2026-01-02T00:00:00Z")
    world = World(spec=make_spec(**fixed)).exported()
    world.work_off()
    world.edit(schedule="61 * * * *", **fixed)
    assert world.step().wakeup is None
    world.now += 89 * DAY
    risk = {each.type: each for each in world.step().status.conditions}["RetentionAtRisk"]
    assert risk.status.value == "False"


def test_a_look_in_a_repeated_hour_waits_for_the_tick_that_comes():
    berlin = {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin"}
    second_pass = parse_time("2026-10-25T01:05:00Z")
    rolling = {"from": "2026-10-24T00:00:00Z"}
    spec = make_spec(**berlin, range={"rolling": rolling})
    world = World(now=second_pass, spec=spec).exported()
    assert world.status.next == "2026-10-26T01:30:00Z"
    assert world.last.wakeup == parse_time(world.status.next)
    world.now += 10 * MINUTE
    world.settle()
    assert world.active() == []
    assert world.status.skipped == {}


@pytest.mark.parametrize("purpose", Purpose)
def test_back_off_holds_where_the_clock_that_tells_of_ends_is_ahead(purpose):
    world = World()
    world.settle()
    if purpose is not Purpose.INSPECT:
        world.succeed(world.active()[0])
        world.settle()
    if purpose is Purpose.RECHECK:
        world.succeed(world.active()[0])
        world.now = at("02T12:00")
        world.settle()
        world.succeed(world.active(slot=Slot.MAIN)[0])
    for failures in range(1, 4):
        (run,) = world.active(purpose=purpose)
        world.change(world.fail(run), finished=world.now + 20 * MINUTE)
        world.settle()
        assert world.active() == []
        world.now += back_off(failures) - 1
        world.settle()
        assert world.active() == []
        world.now += 1
        world.settle()


def test_what_lies_behind_an_end_that_was_moved_is_no_gap_any_more():
    world = World(spec=make_spec(**between("2026-01-03T00:00:00Z"))).inspected()
    world.fail(world.active()[0], windows=[0, 1])
    world.settle()
    world.edit(**between("2026-01-01T12:00:00Z"))
    world.work_off(minutes=5)
    assert world.covered == Windows([Window(at("01T00:00"), at("01T12:00"))])
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_the_longest_schedule_and_destination_fit_into_a_status():
    names = {"schedule": f"{','.join(['H'] * 50)} * * * *", "timeZone": "America/New_York"}
    store = {"persistentVolumeClaim": {"claimName": "c" * 253, "subPath": "p" * 512}}
    world = World(spec=make_spec(**names, destination=store))
    world.settle()
    assert len(world.status.effective_schedule) > 160
    assert len(world.status.destination) > 512
