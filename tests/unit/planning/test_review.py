"""What a sceptical reader tried to break: ticks add up, edits and small clock steps do no harm."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.world import World, at, make_spec
from synclog.api.run import Purpose, Slot
from synclog.planning.schedule import parse_schedule
from synclog.windows import HOUR, MINUTE, SECOND, Window, Windows, parse_time


def exported(world):
    world.inspected()
    world.succeed(world.active()[0])
    world.settle()
    return world


def test_ticks_are_counted_once_although_no_status_is_written():
    world = exported(World())
    world.now = at("02T01:00")
    world.settle()
    world.now = at("02T03:10")
    world.step(crash=True)
    world.succeed(world.active()[0])
    world.step(crash=True)
    world.settle()
    answered = {run.scheduled for run in world.runs if run.scheduled is not None}
    assert answered == {at("02T01:00"), at("02T03:00")}
    assert world.status.skipped == {"Missed": 1}


def test_a_trigger_during_a_run_is_answered_after_it():
    options = {"schedule": None, "range": {"rolling": {"from": "2026-01-01T00:00:00Z"}}}
    world = World(spec=make_spec(**options)).inspected()
    world.edit(**options, trigger="please")
    world.settle()
    assert world.status.last_trigger is None
    world.now += HOUR
    world.succeed(world.active()[0])
    world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert run.trigger == world.status.last_trigger == "please"


@pytest.mark.parametrize("kept", [2, 3])
def test_a_poisoned_gap_starves_no_other_when_nothing_else_succeeds(kept):
    between = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "maxWindow": "6h",
               "recheckAfter": []}  # fmt: skip
    history = {"successful": 3, "failed": kept}
    spec = make_spec(schedule=None, range={"between": between}, history=history)
    world = World(spec=spec).inspected()
    world.fail(world.active()[0], windows=[1, 3])
    world.settle()
    for _ in range(6):
        world.now = world.last.wakeup or world.now  # none while a run is active
        world.settle()
        for run in world.active():
            if run.span.start == at("01T00:00"):
                world.fail(run)
            else:
                world.succeed(run)
        world.settle()
    assert world.covered.covers(Window(at("01T06:00"), at("02T00:00")))


class Meddling(RuleBasedStateMachine):
    """Jobs vanish unseen, the clock steps back a little, every length is edited at any time."""

    @initialize(schedule=st.sampled_from(["0 * * * *", "*/20 * * * *", "30 2 * * *"]))
    def begin(self, schedule):
        self.schedule = schedule
        self.rolling = {"from": "2026-01-01T00:00:00Z", "maxWindow": "6h"}
        self.options = {}
        self.world = World(spec=self.spec()).inspected()
        self.since = parse_time(self.world.status.schedule_since)
        self.answered = set()
        self.seen = Windows()

    def spec(self):
        return make_spec(schedule=self.schedule, range={"rolling": self.rolling}, **self.options)

    def edit(self):
        self.world.spec = self.spec()
        self.world.generation += 1

    def pick(self, number):
        runs = self.world.active()
        return runs[number % len(runs)] if runs else None

    @rule(crash=st.booleans())
    def plan(self, crash):
        self.world.step(crash=crash)

    @rule(span=st.sampled_from([SECOND, 17 * MINUTE, HOUR, 5 * HOUR]))
    def time_passes(self, span):
        self.world.now += span

    @rule(span=st.sampled_from([SECOND, MINUTE, 17 * MINUTE]))
    def the_clock_is_set_back(self, span):
        self.world.now -= span

    @rule(number=st.integers(0, 10), tell=st.booleans())
    def a_run_succeeds(self, number, tell):
        if run := self.pick(number):
            self.world.succeed(run, tell=tell)

    @rule(number=st.integers(0, 10), windows=st.lists(st.integers(0, 6), max_size=3))
    def a_run_fails(self, number, windows):
        if run := self.pick(number):
            self.world.fail(run, windows=windows)

    @rule(number=st.integers(0, 10))
    def a_job_vanishes(self, number):
        if self.world.runs:
            gone = self.world.runs[number % len(self.world.runs)].uid
            self.world.runs = [run for run in self.world.runs if run.uid != gone]

    @rule(hours=st.integers(1, 48), minutes=st.integers(0, 90))
    def lengths_are_edited(self, hours, minutes):
        self.rolling |= {"maxWindow": f"{hours}h", "settleDelay": f"{minutes}m"}
        self.edit()

    @rule(kept=st.integers(0, 2), deadline=st.sampled_from([None, "5m", "1h"]))
    def limits_are_edited(self, kept, deadline):
        history = {"successful": kept, "failed": kept}
        self.options |= {"history": history, "startingDeadline": deadline}
        self.edit()

    @rule(suspend=st.booleans(), trigger=st.sampled_from([None, "a", "b"]))
    def it_is_suspended_or_triggered(self, suspend, trigger):
        self.options |= {"suspend": suspend, "trigger": trigger}
        self.edit()

    @invariant()
    def active_runs_share_no_instant(self):
        if not hasattr(self, "world"):
            return
        assert all(len(self.world.active(slot=slot)) <= 1 for slot in Slot)
        spans = [run.span for run in self.world.active(purpose=Purpose.WINDOW)]
        assert not any(a.overlaps(b) for a in spans for b in spans if a is not b)

    @invariant()
    def known_coverage_only_grows(self):
        if not hasattr(self, "world") or self.world.status.coverage is None:
            return
        intervals = self.world.status.coverage.intervals
        told = Windows(Window(parse_time(i.start), parse_time(i.end)) for i in intervals)
        assert not self.seen - told
        assert not told - self.world.covered
        self.seen = told

    @invariant()
    def every_tick_has_a_run_or_is_counted(self):
        if not hasattr(self, "world"):
            return
        self.answered |= {run.scheduled for run in self.world.runs if run.scheduled is not None}
        last = self.world.status.last_schedule_time
        if last is None:
            return
        schedule = parse_schedule(self.schedule, "UTC", "ns/export")
        ticks = set(schedule.due(self.since, parse_time(last)))
        skipped = sum(self.world.status.skipped.values())
        assert len(ticks) <= len(ticks & self.answered) + skipped

    @rule()
    def planning_comes_to_rest(self):
        self.world.settle()

    def teardown(self):
        """With the trouble over everything is exported, each instant once."""
        if not hasattr(self, "world"):
            return
        world, self.options = self.world, {}
        self.rolling.pop("settleDelay", None)
        self.edit()
        for _ in range(14):
            world.now += 2 * HOUR
            for _ in range(30):
                world.settle()
                if not world.active():
                    break
                for run in world.active():
                    world.succeed(run)
            else:
                raise AssertionError("planning always wants one run more")
        due = parse_time(world.status.coverage.due_until)
        assert world.condition("CoverageComplete") == ("True", "Complete")
        assert world.covered.covers(Window(world.start, due))
        assert due > world.now - 26 * HOUR
        assert sum(window.length for window in world.commits) == world.covered.length


TestMeddling = Meddling.TestCase
TestMeddling.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
