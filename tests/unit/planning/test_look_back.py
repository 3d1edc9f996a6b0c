"""``range.last``: a look-back at every run."""

import pytest

from support.world import World, at, make_spec
from synclog.api.run import Purpose, Slot
from synclog.api.status import SyncLogExportStatus
from synclog.planning.lookback import joined
from synclog.windows import DAY, HOUR, MINUTE, SECOND, Window, Windows, parse_time


def options(duration="2d", schedule="0 * * * *", **changes):
    return {"schedule": schedule, "range": {"last": {"duration": duration, **changes}}}


def exported(now="10T12:30", **changes):
    """A world whose first look-back is exported."""
    world = World(now=at(now), spec=make_spec(**options(**changes))).inspected()
    work_off(world)
    return world


def work_off(world):
    """Every Job ends well until none is wanted. Returns them."""
    done = []
    for _ in range(50):
        world.settle()
        if not world.active():
            return done
        done += [world.succeed(run) for run in world.active()]
    raise AssertionError("planning always wants one run more")


def spans(runs, purpose=Purpose.WINDOW):
    return [run.span for run in runs if run.purpose is purpose]


def test_coverage_begins_with_the_first_look_back():
    world = World(now=at("10T12:30"), spec=make_spec(**options()))
    world.settle()
    assert world.asked == at("08T12:30")
    world.succeed(world.active()[0])
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("08T12:30"), at("10T12:15"))
    assert world.condition("CoverageComplete") == ("False", "Exporting")


def test_a_tick_exports_what_is_missing_and_reads_the_rest_again():
    world = exported()
    assert world.condition("CoverageComplete") == ("True", "Complete")
    world.now = at("10T13:00")
    world.settle()
    (main,), (again,) = world.active(slot=Slot.MAIN), world.active(slot=Slot.RECHECK)
    assert main.span == Window(at("10T12:15"), at("10T12:45"))
    assert again.span == Window(at("08T13:00"), at("10T12:15"))
    assert again.recheck == "2026-01-10T12:45:00Z"
    assert work_off(world)
    (told,) = world.status.coverage.rechecked
    assert told.after == again.recheck
    assert world.status.covered_until == "2026-01-10T12:45:00.000Z"


def test_what_a_tick_exports_is_not_read_again_by_the_same_tick():
    world = exported()
    world.now = at("10T13:00")
    runs = work_off(world)
    assert spans(runs, Purpose.RECHECK) == [Window(at("08T13:00"), at("10T12:15"))]
    assert work_off(world) == []


def test_only_the_newest_round_is_remembered():
    world = exported()
    for hour in range(13, 20):
        world.now = at(f"10T{hour}:00")
        work_off(world)
    assert list(world.rechecked) == ["2026-01-10T18:45:00Z"]
    assert [told.after for told in world.status.coverage.rechecked] == ["2026-01-10T18:45:00Z"]


def test_what_lies_between_look_backs_is_no_gap():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.now = at("11T06:00")
    (main,) = spans(work_off(world))
    assert main == Window(at("11T00:00"), at("11T05:45"))
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.condition("RetentionAtRisk") == ("False", "NothingMissing")
    assert world.status.coverage.gap_count == 0
    assert world.status.covered_until == "2026-01-11T05:45:00.000Z"
    assert world.status.next == "2026-01-12T06:00:00Z"


def test_ticks_of_a_downtime_are_late_oldest_first_and_only_the_newest_reads_again():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.now = at("14T07:00")
    runs = work_off(world)
    assert spans(runs) == [
        Window(at(f"{day}T00:00"), at(f"{day}T05:45")) for day in (11, 12, 13, 14)
    ]
    assert spans(runs, Purpose.RECHECK) == []
    assert world.status.skipped == {"Missed": 3}
    world.now = at("15T06:00")
    assert spans(work_off(world)) == [Window(at("15T00:00"), at("15T05:45"))]


def test_look_backs_that_overlap_leave_nothing_out_after_a_downtime():
    world = exported(duration="2d", schedule="0 6 * * *")
    world.now = at("20T07:00")
    runs = work_off(world)
    assert spans(runs) == [Window(at("10T12:15"), at("20T05:45"))]
    assert spans(runs, Purpose.RECHECK) == []


def test_the_ticks_of_a_pause_are_exported_with_the_first_run_after_it():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.edit(suspend=True, **options("6h", "0 6 * * *"))
    world.now = at("12T06:30")
    world.settle()
    assert world.active() == []
    assert world.status.skipped == {"Suspended": 2}
    assert world.condition("CoverageComplete") == ("True", "Complete")
    world.edit(**options("6h", "0 6 * * *"))
    world.settle()
    assert world.active() == []
    world.now = at("13T06:00")
    assert spans(work_off(world)) == [
        Window(at(f"{day}T00:00"), at(f"{day}T05:45")) for day in (11, 12, 13)
    ]


def test_what_a_pause_holds_back_is_at_risk_when_the_source_forgets_it_soon():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.edit(suspend=True, **options("6h", "0 6 * * *"))
    world.now = at("11T06:30")
    world.settle()
    risk = at("11T00:00") + 90 * DAY * 85 // 100
    assert world.last.wakeup is not None
    world.now = risk - SECOND
    world.settle()
    assert world.condition("RetentionAtRisk") == ("False", "Headroom")
    world.now = risk
    world.settle()
    assert world.condition("RetentionAtRisk") == ("True", "SourceForgetsSoon")


def test_a_failed_window_stays_a_gap_after_its_look_back_has_moved_on():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.now = at("11T06:00")
    world.settle()
    world.fail(world.active()[0])
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "GapsFailed")
    world.now = at("13T06:00")
    runs = work_off(world)
    assert Window(at("11T00:00"), at("11T05:45")) in spans(runs)
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_a_trigger_looks_back_too():
    world = exported()
    world.edit(trigger="now", **options())
    world.now = at("10T12:40")
    runs = work_off(world)
    assert spans(runs) == [Window(at("10T12:15"), at("10T12:25"))]
    assert spans(runs, Purpose.RECHECK) == [Window(at("08T12:40"), at("10T12:15"))]
    assert world.status.last_trigger == "now"


def test_without_a_schedule_it_looks_back_once_and_by_trigger():
    world = exported(schedule=None)
    world.now += 3 * DAY
    assert work_off(world) == []
    world.edit(trigger="again", **options(schedule=None))
    assert spans(work_off(world)) == [Window(at("11T12:30"), at("13T12:15"))]


def test_a_trigger_whose_status_was_never_written_loses_nothing():
    world = exported(duration="6h", schedule=None)
    world.now = at("11T12:30")
    world.edit(trigger="a", **options("6h", None))
    work_off(world)
    world.now = at("11T14:00")
    world.edit(trigger="b", **options("2d", None))
    world.step(crash=True)
    assert len(world.active()) == 3
    world.runs = [run for run in world.runs if run.slot is Slot.MAIN]
    work_off(world)
    assert world.covered == Windows([Window(at("10T06:30"), at("11T13:45"))])


def test_a_wiped_status_is_told_by_the_schedule_what_was_asked_for():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.now = at("13T07:00")
    world.status, world.runs = SyncLogExportStatus(), []
    runs = work_off(world)
    found = spans(runs)
    assert found[:3] == [Window(at(f"{day}T00:00"), at(f"{day}T05:45")) for day in (11, 12)] + [
        Window(at("13T00:00"), at("13T06:45"))
    ]
    assert world.condition("CoverageComplete") == ("True", "Complete")


def test_what_is_older_than_the_ledger_is_not_asked_for():
    world = exported()
    world.edit(**options("30d"))
    world.now = at("10T13:00")
    runs = work_off(world)
    assert spans(runs) == [Window(at("10T12:15"), at("10T12:45"))]
    assert spans(runs, Purpose.RECHECK) == [Window(at("08T12:30"), at("10T12:15"))]


def test_a_recheck_spans_its_gaps_so_that_nothing_behind_one_waits():
    world = exported()
    world.covered -= Windows([Window(at("09T00:00"), at("10T00:00"))])
    world.status, world.runs = SyncLogExportStatus(), []
    world.inspected()
    world.fail(world.active(purpose=Purpose.WINDOW)[0])
    world.now = at("10T13:00")
    world.settle()
    (again,) = world.active(slot=Slot.RECHECK)
    assert again.span == Window(at("08T13:00"), at("10T12:15"))


def test_a_recheck_that_fails_is_tried_again_and_a_new_tick_begins_anew():
    world = exported()
    world.now = at("10T13:00")
    world.settle()
    world.fail(world.active(slot=Slot.RECHECK)[0])
    work_off(world)
    assert world.status.summary in ("Degraded", "UpToDate")
    world.now = at("10T13:01")
    assert spans(work_off(world), Purpose.RECHECK) == [Window(at("08T13:00"), at("10T12:15"))]
    world.now = at("10T14:00")
    assert spans(work_off(world), Purpose.RECHECK) == [Window(at("08T14:00"), at("10T12:45"))]


def test_too_many_look_backs_to_remember_are_joined_where_the_pauses_are_shortest():
    windows = Windows([Window(0, 1), Window(3, 4), Window(5, 6), Window(9, 10)])
    assert joined(windows, 4) == windows
    assert joined(windows, 3) == Windows([Window(0, 1), Window(3, 6), Window(9, 10)])
    assert joined(windows, 1) == Windows([Window(0, 10)])


def test_a_downtime_of_many_small_look_backs_is_remembered_whole():
    small = {"settleDelay": "1m", "maxWindow": "1m"}
    world = exported(duration="2m", schedule="*/5 * * * *", **small)
    world.edit(suspend=True, **options("2m", "*/5 * * * *", **small))
    world.now += 3 * DAY
    world.settle()
    asked = Windows(
        Window(parse_time(i.start), parse_time(i.end)) for i in world.status.coverage.asked
    )
    assert len(asked) == 256
    for tick in range(at("10T12:35"), world.now - 5 * MINUTE, 5 * MINUTE):
        assert asked.covers(Window(tick - 2 * MINUTE, tick - MINUTE))


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({"duration": "90d"}, "shorter than spec.source.retention"),
        ({"duration": "15m"}, "longer than settleDelay"),
        ({"duration": "30d", "maxWindow": "1h"}, "longer maxWindow"),
        ({"duration": "soon"}, "soon"),
    ],
)
def test_a_look_back_that_nobody_can_do_is_refused_with_advice(last, words):
    world = World(spec=make_spec(range={"last": last}))
    (event,) = world.step().events
    assert event.reason == "InvalidSpec"
    assert words in event.message


def test_two_kinds_of_range_are_refused():
    world = World(spec=make_spec(range={"last": {"duration": "2d"}, "rolling": {}}))
    assert "exactly one" in world.step().events[0].message


def test_what_a_look_back_asked_for_and_the_source_forgot_is_lost_and_no_gap():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.now = at("11T06:00")
    world.settle()
    run = world.active(slot=Slot.MAIN)[0]
    world.lost = Windows([run.span])
    world.fail(run)
    world.settle()
    assert world.condition("CoverageComplete") == ("False", "EventsLost")
    assert world.status.coverage.gap_count == 0
    assert world.status.coverage.lost_seconds == run.span.length // SECOND
    world.now += HOUR
    world.settle()
    assert spans(world.active()) == []


def test_a_clock_that_was_ahead_asks_for_nothing_between_look_backs():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.now = at("14T06:00")  # wrong
    world.settle()
    assert world.active(slot=Slot.MAIN)[0].span.start == at("11T00:00")
    world.fail(world.active(slot=Slot.MAIN)[0], reason="NotSettled")
    world.now = at("10T13:00")
    assert spans(work_off(world)) == []
    assert world.status.coverage.asked == []
    world.now = at("11T06:00")
    assert spans(work_off(world)) == [Window(at("11T00:00"), at("11T05:45"))]
    world.now = at("12T05:00")
    assert spans(work_off(world)) == []
    assert world.status.coverage.asked == []


def test_what_a_wiped_status_owes_is_at_risk_while_it_is_suspended():
    world = exported(duration="6h", schedule="0 6 * * *")
    world.status, world.runs = SyncLogExportStatus(), []
    world.now = at("11T00:00") + 85 * DAY
    world.settle()
    world.edit(suspend=True, **options("6h", "0 6 * * *"))
    world.succeed(world.active()[0])
    world.settle()
    assert world.status.coverage.due_until is None
    assert world.condition("RetentionAtRisk") == ("True", "SourceForgetsSoon")


def test_ticks_before_the_first_inspection_succeeds_are_late_and_not_forgotten():
    world = World(now=at("10T12:30"), spec=make_spec(**options("6h", "0 6 * * *")))
    world.settle()
    world.fail(world.active()[0])
    world.now = at("13T07:00")
    world.settle()
    world.succeed(world.active()[0])
    found = spans(work_off(world))
    assert found[:2] == [Window(at(f"{day}T00:00"), at(f"{day}T05:45")) for day in (11, 12)]
    assert found[2] == Window(at("13T00:00"), at("13T06:45"))
