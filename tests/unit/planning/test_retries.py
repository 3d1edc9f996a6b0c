"""What failed is tried again, and holds up nothing else."""

from support.world import World, at
from synclog.api.run import Purpose, Slot
from synclog.planning.model import RunState, Stuck
from synclog.windows import HOUR, MINUTE, SECOND, Window, cut


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


def test_an_edit_gives_up_a_run_that_has_not_started_and_tries_at_once():
    world = World().inspected()
    run = world.active()[0]
    world.edit(podTemplate={"labels": {"team": "a"}})
    world.settle()
    assert world.active() == [run], "it may start any moment"
    stuck = Stuck("Unschedulable", "no node fits", world.now)
    world.change(run, stuck=stuck)
    world.settle()
    (again,) = world.active()
    assert (again.span, again.generation) == (run.span, world.generation)
    assert world.status.last_run.reason == "Unschedulable"
    world.change(again, stuck=stuck)
    world.settle()
    assert [one.uid for one in world.active()] == [again.uid], "once an edit"


def test_an_edit_does_not_give_up_a_run_that_has_begun_and_waits_for_its_next_pod():
    world = World().inspected()
    run = world.active()[0]
    window = next(iter(cut(run.span, run.step)))
    done = world.result(run, world.commit(window), window=window)
    world.change(run, results=(done,), stuck=Stuck("Unschedulable", "no node fits", world.now))
    world.edit(podTemplate={"labels": {"team": "a"}})
    world.settle()
    assert [one.uid for one in world.active()] == [run.uid]


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
