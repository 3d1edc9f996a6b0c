"""The decisions, one story a test."""

import pytest

from support.world import SPEC, World, make_spec
from synclog.api.run import Purpose, Slot
from synclog.planning.model import RunState, Stuck
from synclog.windows import DAY, HOUR, MINUTE, SECOND, Window, format_seconds, parse_time


def at(text):
    return parse_time(f"2026-01-{text}:00Z")


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


def test_failed_windows_become_gaps_that_are_retried_beside_the_schedule():
    world = World().inspected()
    world.fail(world.active()[0], windows=[0, 2, 3, 4])
    world.settle()
    assert world.condition("Degraded") == ("True", "SourceUnavailable")
    assert world.condition("CoverageComplete") == ("False", "GapsFailed")
    (gap,) = world.status.coverage.gaps
    assert (gap.start, gap.end) == ("2026-01-01T06:00:00.000Z", "2026-01-01T12:00:00.000Z")
    assert world.active() == []
    world.now += 30 * SECOND
    world.settle()
    (retry,) = world.active()
    assert retry.slot is Slot.RETRY
    assert retry.span == Window(at("01T06:00"), at("01T12:00"))
    world.now = at("02T01:00")
    world.settle()
    assert {run.slot for run in world.active()} == {Slot.MAIN, Slot.RETRY}


def test_retries_of_a_poisoned_gap_wait_longer_and_longer():
    world = World().inspected()
    waits = []
    world.fail(world.active()[0])
    for _ in range(8):
        world.settle()
        assert world.active() == []
        retry_at = min(t for t in [world.last.wakeup])
        if retry_at == at("02T01:00"):
            break
        waits.append(retry_at - world.now)
        world.now = retry_at
        world.settle()
        (run,) = world.active()
        world.fail(run)
    assert waits[:4] == [30 * SECOND, 60 * SECOND, 120 * SECOND, 240 * SECOND]


def test_a_poisoned_gap_does_not_hold_up_another():
    world = World().inspected()
    world.fail(world.active()[0], windows=[1, 3, 4])
    world.settle()
    world.now += 30 * SECOND
    world.settle()
    (first,) = world.active()
    assert first.span.start == at("01T00:00")
    world.fail(first)
    world.now += 30 * SECOND
    world.settle()
    (second,) = world.active()
    assert second.span.start == at("01T12:00")


def test_an_edit_of_the_spec_ends_the_waiting_of_gaps_but_starts_nothing_else():
    world = World().inspected()
    world.fail(world.active()[0])
    world.settle()
    assert world.active() == []
    world.edit(parallelism=5)
    world.settle()
    (run,) = world.active()
    assert run.slot is Slot.RETRY


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
    assert again.span == Window(at("01T21:00"), at("02T00:15"))


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


def test_a_wiped_status_is_filled_again_from_the_ledger():
    world = World().inspected()
    world.succeed(world.active()[0])
    world.settle()
    before = world.status
    world.status, world.runs = type(before)(), []
    world.settle()
    (run,) = world.active()
    assert run.purpose is Purpose.INSPECT
    world.succeed(run)
    world.settle()
    assert world.status.coverage == before.coverage
    assert world.status.covered_until == before.covered_until
    assert world.active() == []


def test_a_lost_result_is_recovered_by_a_cheap_run():
    world = World().inspected()
    world.succeed(world.active()[0], tell=False)
    world.settle()
    assert world.status.coverage.gap_count == 1
    world.now += HOUR
    world.settle()
    runs = world.active()
    commits = len(world.commits)
    for run in runs:
        world.succeed(run)
    world.settle()
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert len(world.commits) == commits + 1


def test_a_run_that_cannot_start_is_given_up_and_does_not_stop_the_schedule():
    world = World().inspected()
    stuck = Stuck("MissingSecret", 'secret "code42" not found', world.now)
    world.change(world.active()[0], stuck=stuck)
    world.settle()
    assert world.condition("Degraded") == ("True", "MissingSecret")
    assert world.last.wakeup == world.now + 10 * MINUTE
    world.now += 10 * MINUTE
    world.settle()
    assert world.active() == []
    assert world.status.last_run.reason == "MissingSecret"
    assert world.status.totals.runs["Failed/MissingSecret"] == 1
    world.now = at("02T01:00")
    world.settle()
    assert world.active(slot=Slot.MAIN)


def test_a_job_that_never_finishes_failing_is_abandoned_and_kept():
    world = World().inspected()
    run = world.change(world.active()[0], failing_since=world.now)
    world.settle()
    assert world.status.active_count == 1
    world.now += 5 * MINUTE
    world.settle()
    assert world.status.last_run.result == "Abandoned"
    assert run.uid in {r.uid for r in world.runs}
    world.now = at("02T01:00")
    world.settle()
    assert world.active(slot=Slot.MAIN, scheduled=at("02T01:00"))
    world.change(run, state=RunState.FAILED, finished=world.now)
    world.settle()
    assert sum(world.status.totals.runs.values()) == 2


def test_finished_jobs_beyond_the_history_go_only_after_they_were_counted():
    world = World(spec=make_spec(history={"successful": 1, "failed": 0})).inspected()
    world.succeed(world.active()[0])
    plan = world.step()
    assert plan.actions == ()
    plan = world.step()
    assert [action.name for action in plan.actions] == ["i0-1"]
    world.settle()
    assert len(world.runs) == 1
    assert world.status.totals.runs == {"Succeeded/Inspected": 1, "Succeeded/Exported": 1}


def test_what_the_source_forgot_is_said_loudly_and_not_tried_again():
    world = World().inspected()
    world.lost = type(world.lost)([Window(at("01T00:00"), at("01T06:00"))])
    run = world.active()[0]
    world.fail(run, windows=[1, 2, 3, 4])
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "EventsLost")
    assert world.status.coverage.lost_seconds == 6 * 3600
    assert world.status.coverage.gap_count == 0
    assert world.status.covered_until == "2026-01-02T00:15:00.000Z"


def test_retention_is_at_risk_long_before_the_source_forgets():
    world = World(spec=make_spec(suspend=True))
    world.spec = make_spec()
    world.inspected()
    world.fail(world.active()[0])
    world.settle()
    assert world.condition("RetentionAtRisk") == ("False", "Headroom")
    world.now = at("01T00:00") + 90 * DAY * 85 // 100
    world.edit(suspend=True)
    world.settle()
    assert world.condition("RetentionAtRisk") == ("True", "SourceForgetsSoon")


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "every day"},
        {"timeZone": "Mars/Base"},
        {"range": {"rolling": {"settleDelay": "91d"}}},
        {"range": {}},
        {"range": {"rolling": {"from": "soon"}}},
        {"range": {"rolling": {"recheckAfter": ["90d"]}}},
    ],
)
def test_a_spec_that_nobody_can_follow_is_said_once_and_touches_nothing(changes):
    world = World(spec=make_spec(**changes))
    plan = world.step()
    assert plan.actions == ()
    assert [event.reason for event in plan.events] == ["InvalidSpec"]
    assert world.condition("Ready") == ("False", "InvalidSpec")
    assert world.status.summary == "Invalid"
    assert world.step().events == ()


def test_a_condition_keeps_its_time_while_its_status_holds():
    world = World().inspected()
    since = {c.type: c.last_transition_time for c in world.status.conditions}
    world.now += MINUTE
    world.succeed(world.active()[0])
    world.settle()
    times = {c.type: c.last_transition_time for c in world.status.conditions}
    assert times["Ready"] == since["Ready"]
    assert times["CoverageComplete"] == format_seconds(world.now)


def test_nothing_changes_when_nothing_happened():
    world = World().inspected()
    world.settle()
    before = world.status
    world.now += 7 * MINUTE
    plan = world.step()
    assert world.status == before
    assert plan.events == ()
    assert SPEC["schedule"] == before.effective_schedule
