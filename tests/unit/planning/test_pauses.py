"""When planning waits: after failures that the next run would meet too, and for what is young."""

import pytest

from support.world import World, at, make_spec
from synclog.api.run import ExitCode, Slot
from synclog.planning.model import RunState
from synclog.windows import DAY, HOUR, MINUTE, SECOND, Window, Windows, parse_time

MINUTES = {"range": {"rolling": {"from": "2026-01-01T00:00:00Z", "maxWindow": "1m"}}}
HOPELESS = [ExitCode.AUTHORISATION, ExitCode.CONFIGURATION, ExitCode.USAGE]


def settled(world):
    for _ in range(50):
        world.settle()
        if not world.active():
            return world
        for run in world.active():
            world.succeed(run)
    raise AssertionError("planning always wants one run more")


def fail_for(world, span, code, *, tell=True):
    """Every run fails at once, for so long; returns how many there were."""
    before, end = world.created, world.now + span
    while world.now < end:
        world.settle()
        for run in world.active():
            world.fail(run, reason="TokenRefused", code=code, tell=tell)
            world.settle()
        if not world.active():
            world.now = min(world.last.wakeup or end, end)
    return world.created - before


@pytest.mark.parametrize("schedule", [None, "0 * * * *", "* * * * *"])
@pytest.mark.parametrize("tell", [True, False])
@pytest.mark.parametrize("kept", [0, 3])
def test_bad_credentials_make_few_jobs_however_many_windows_there_are(schedule, tell, kept):
    history = {"successful": kept, "failed": kept}
    options = {"schedule": schedule, "history": history, **MINUTES}
    world = World(now=at("06T00:30"), spec=make_spec(**options)).inspected()
    made = fail_for(world, DAY, ExitCode.AUTHORISATION, tell=tell)
    assert 20 < made <= 64, "each slot one run at each of 7 doublings and 24 hours"
    world.now += HOUR
    settled(world)
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.status.held_back is None


@pytest.mark.parametrize("code", [ExitCode.INTEGRITY, ExitCode.SOURCE])
def test_a_backlog_that_fails_everywhere_is_not_run_through_without_a_pause(code):
    world = World(now=at("11T00:30"), spec=make_spec(schedule=None, **MINUTES)).inspected()
    assert fail_for(world, HOUR, code) <= 16


@pytest.mark.parametrize("code", HOPELESS)
def test_a_run_that_was_refused_waits_and_says_until_when(code):
    world = World(now=at("10T00:30"), spec=make_spec(**MINUTES)).inspected()
    for failures in (1, 2, 3):
        for run in world.active():
            world.fail(run, reason="TokenRefused", code=code)
        world.settle()
        assert world.active() == []
        held = world.status.held_back
        assert (held.reason, held.failures) == ("TokenRefused", failures)
        until = world.now + (30 << (failures - 1)) * SECOND
        assert world.last.wakeup == parse_time(held.until) == until
        assert world.condition("Progressing") == ("False", "BackOff")
        degraded = next(each for each in world.status.conditions if each.type == "Degraded")
        assert held.until in degraded.message
        world.now = until - 1
        world.settle()
        assert world.active() == []
        while not world.active():
            world.now = world.last.wakeup
            world.settle()
    world.succeed(world.active()[0])
    world.settle()
    assert world.status.held_back is None


def test_what_fails_otherwise_holds_up_only_itself():
    world = World().inspected()
    world.fail(world.active()[0], windows=[0], code=ExitCode.SOURCE)
    world.settle()
    assert world.status.held_back is None


@pytest.mark.parametrize("how", ["edit", "trigger"])
def test_a_person_does_not_wait(how):
    world = World(spec=make_spec(**MINUTES)).inspected()
    fail_for(world, HOUR, ExitCode.AUTHORISATION)
    assert world.active() == []
    world.edit(**MINUTES, **({"trigger": "now"} if how == "trigger" else {"parallelism": 5}))
    world.settle()
    assert world.active()


def test_a_trigger_of_the_same_generation_does_not_wait():
    world = World(spec=make_spec(**MINUTES)).inspected()
    fail_for(world, HOUR, ExitCode.AUTHORISATION)
    world.spec = make_spec(**MINUTES, trigger="now")
    world.settle()
    assert world.active()
    assert world.status.last_trigger == "now"


def test_a_tick_waits_with_it_and_older_ones_are_counted():
    rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "6h"}
    options = {"schedule": "*/5 * * * *", "range": {"rolling": rolling}}
    world = settled(World(spec=make_spec(**options)))
    fail_for(world, 2 * HOUR, ExitCode.AUTHORISATION)
    until = parse_time(world.status.held_back.until)
    assert until > world.now + 5 * MINUTE
    skipped = world.status.skipped.get("BackOff", 0)
    assert skipped > 5
    runs = [run.scheduled for run in world.runs]
    while world.now < until:
        world.now = min(world.last.wakeup, until)
        world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert run.scheduled == until // (5 * MINUTE) * 5 * MINUTE
    assert run.scheduled not in runs
    assert set(world.status.skipped) <= {"BackOff", "AlreadyCovered", "Overlap"}


def test_a_clock_that_was_ahead_does_not_hold_runs_back_when_it_is_set_right():
    world = World(now=at("11T00:00"), spec=make_spec(**MINUTES)).inspected()
    fail_for(world, HOUR, ExitCode.AUTHORISATION)
    world.now -= DAY
    world.settle()
    assert world.active(slot=Slot.MAIN)


def test_runs_that_were_refused_side_by_side_count_once():
    world = World(now=at("10T00:30"), spec=make_spec(schedule=None, **MINUTES)).inspected()
    world.fail(world.active()[0], code=ExitCode.AUTHORISATION)
    world.settle()
    world.now += MINUTE
    world.settle()
    main, retry = world.active(slot=Slot.MAIN), world.active(slot=Slot.RETRY)
    assert main
    assert retry
    world.fail(main[0], code=ExitCode.AUTHORISATION)
    world.settle()
    world.now += MINUTE
    world.fail(retry[0], code=ExitCode.AUTHORISATION)
    world.settle()
    assert world.status.held_back.failures == 2


def lengths(delay, **more):
    rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "6h", "settleDelay": delay, **more}
    return {"range": {"rolling": rolling}}


def test_a_gap_that_is_too_young_for_a_longer_delay_waits_until_it_is_settled():
    world = World(now=at("02T01:00"), spec=make_spec(**lengths("15m"))).inspected()
    world.fail(world.active()[0], windows=[0, 1, 2])
    world.settle()
    (gap,) = world.status.coverage.gaps
    assert (gap.start, gap.end) == ("2026-01-01T18:00:00.000Z", "2026-01-02T00:45:00.000Z")
    world.edit(**lengths("2h"), schedule="@monthly")
    world.settle()
    assert world.active() == []
    assert world.last.wakeup == at("02T02:00")  # the first whole step of it is settled
    world.now = at("02T02:00")
    world.settle()
    (run,) = world.active()
    assert run.span == Window(at("01T18:00"), at("02T00:00"))
    world.succeed(run)
    world.settle()
    assert world.active() == []
    assert world.last.wakeup == at("02T02:45")
    world.now = at("02T02:45")
    settled(world)
    assert world.condition("CoverageComplete") == ("True", "Complete")
    assert world.covered == Windows([Window(at("01T00:00"), at("02T00:45"))])


def test_what_no_run_was_at_waits_for_a_longer_delay_too():
    """A Job that went away unseen, and a status that says what had come due."""
    world = World(now=at("02T01:00"), spec=make_spec(**lengths("15m"), schedule=None)).inspected()
    world.runs = [run for run in world.runs if run.state is not RunState.ACTIVE]
    world.edit(**lengths("48h"), schedule=None)
    for _ in range(5):
        world.settle()
        if world.active():
            break
        world.now = world.last.wakeup
    (run,) = world.active()
    assert run.span.end <= world.now - 2 * DAY


def test_rechecks_wait_for_a_delay_that_is_longer_than_their_age():
    rounds = {"recheckAfter": ["24h"]}
    world = settled(World(now=at("02T00:30"), spec=make_spec(**lengths("15m", **rounds))))
    world.edit(**lengths("48h", **rounds))
    world.now = at("02T12:00")
    world.settle()
    assert world.active(slot=Slot.RECHECK) == []
    world.now = at("03T06:00")
    world.settle()
    (run,) = world.active(slot=Slot.RECHECK)
    assert run.span == Window(at("01T00:00"), at("01T06:00"))


def test_a_look_back_that_read_younger_ones_waits_for_a_longer_delay():
    def last(delay):
        return {"range": {"last": {"duration": "1d", "settleDelay": delay}}}

    world = settled(World(spec=make_spec(**last("15m"))))
    world.now = at("02T01:00")
    world.settle()
    world.fail(world.active(slot=Slot.RECHECK)[0])
    world.edit(**last("2h"))
    settled(world)
    world.now = at("02T02:45") - 1
    world.settle()
    assert world.active(slot=Slot.RECHECK) == []
    world.now += 1
    world.settle()
    assert world.active(slot=Slot.RECHECK)
