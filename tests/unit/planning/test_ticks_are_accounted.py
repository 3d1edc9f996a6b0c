"""Each tick has one run, or is counted once: through edits, and with a clock that is set back."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.world import World, at, make_spec
from synclog.api.run import ExitCode, Slot
from synclog.planning.model import Stuck
from synclog.planning.schedule import parse_schedule
from synclog.windows import HOUR, MINUTE, SECOND, Window, parse_time


def exported(world):
    world.inspected()
    world.succeed(world.active()[0])
    world.settle()
    return world


def test_a_tick_that_was_due_when_the_schedule_was_edited_has_its_run():
    world = exported(World())
    world.now = at("02T01:00")
    world.edit(schedule="@monthly")
    world.settle()
    (run,) = world.active()
    assert (run.scheduled, run.span.end) == (at("02T01:00"), at("02T00:45"))
    assert world.status.skipped == {}
    assert world.status.last_schedule_time == "2026-01-02T01:00:00Z"


def test_a_tick_that_waits_when_the_schedule_is_edited_is_counted():
    world = World().inspected()
    world.now = at("02T02:00")
    world.edit(schedule="@monthly")
    plan = world.step()
    assert world.status.skipped == {"Overlap": 1, "ScheduleEdited": 1}
    assert [event.message for event in plan.events if event.reason == "TickSkipped"] == [
        "1 ticks got no run of their own: Overlap",
        "1 ticks got no run of their own: ScheduleEdited",
    ]
    world.settle()
    assert world.status.skipped == {"Overlap": 1, "ScheduleEdited": 1}
    for _ in range(3):
        for run in world.active():
            world.succeed(run)
        world.settle()
    assert world.covered.covers(Window(at("01T00:00"), at("02T01:45")))


def test_a_tick_whose_job_is_refused_when_the_schedule_is_edited_is_counted():
    world = exported(World())
    world.refuses = Stuck("Quota", "exceeded quota: jobs", at("02T01:00"))
    world.now = at("02T01:00")
    world.edit(schedule="@monthly")
    world.settle()
    assert world.status.skipped == {"ScheduleEdited": 1}
    world.refuses = None
    world.now += MINUTE
    world.settle()
    (run,) = world.active()
    assert (run.scheduled, run.span.end) == (None, at("02T00:45"))
    assert world.status.skipped == {"ScheduleEdited": 1}


@pytest.mark.parametrize("looked", [True, False])
def test_ticks_that_pass_while_jobs_are_refused_are_not_called_missed(looked):
    world = exported(World())
    world.refuses = Stuck("Quota", "exceeded quota: jobs", at("02T01:00"))
    world.now = at("02T01:00")
    world.settle()
    if looked:
        world.now = at("02T02:00")
        world.settle()
    world.refuses = None
    world.now = at("02T03:00")
    world.settle()
    (run,) = world.active()
    assert (run.scheduled, world.status.skipped) == (world.now, {"JobRefused": 2})


def test_a_clock_that_is_set_back_answers_no_tick_twice_although_its_job_is_gone():
    world = exported(World())
    world.now = at("02T01:00")
    world.settle()
    world.succeed(world.active()[0])
    world.settle()
    world.runs = []
    world.now = at("02T00:50")
    world.settle()
    assert world.status.last_schedule_time == "2026-01-02T01:00:00Z"
    assert world.status.next == "2026-01-02T02:00:00Z"
    world.now = at("02T01:00")
    world.settle()
    world.now = at("02T01:10")
    world.settle()
    assert world.active() == []
    assert world.status.skipped == {}
    world.now = at("02T02:00")
    world.settle()
    (run,) = world.active(slot=Slot.MAIN)
    assert run.scheduled == at("02T02:00")
    assert world.status.skipped == {}


def test_an_edited_schedule_is_served_from_now_on_although_the_clock_was_set_back():
    world = exported(World())
    world.now = at("02T01:00")
    world.settle()
    world.succeed(world.active()[0])
    world.settle()
    world.now = at("02T00:30")
    world.edit(schedule="*/15 * * * *")
    world.settle()
    world.now = at("02T00:45")
    world.settle()
    assert world.status.last_schedule_time == "2026-01-02T00:45:00Z"


class Accounting(RuleBasedStateMachine):
    """Whatever happens between two looks, each tick is accounted for exactly once."""

    schedules = st.sampled_from(["0 * * * *", "*/20 * * * *", "30 2 * * *"])

    @initialize(schedule=schedules)
    def begin(self, schedule):
        self.options = {"schedule": schedule}
        self.world = World(spec=make_spec(**self.options)).inspected()
        self.since = self.high = self.world.now
        self.promised = []
        self.answered = set()

    @rule(span=st.sampled_from([SECOND, 17 * MINUTE, HOUR, 5 * HOUR]))
    def time_passes(self, span):
        self.world.now += span
        self.look()

    @precondition(lambda self: self.world.now > self.high - 40 * MINUTE)
    @rule(span=st.sampled_from([SECOND, MINUTE, 17 * MINUTE]))
    def the_clock_is_set_back(self, span):
        if self.world.now - span > self.since:
            self.world.now -= span
            self.look()

    @rule(number=st.integers(0, 10), tell=st.booleans())
    def a_run_succeeds(self, number, tell):
        if runs := self.world.active():
            self.world.succeed(runs[number % len(runs)], tell=tell)
            self.look()

    @rule(number=st.integers(0, 10), code=st.sampled_from([ExitCode.SOURCE, ExitCode.USAGE]))
    def a_run_fails(self, number, code):
        if runs := self.world.active():
            self.world.fail(runs[number % len(runs)], code=code)
            self.look()

    @rule()
    def all_jobs_vanish(self):
        self.world.runs = []
        self.look()

    @rule(suspend=st.booleans(), deadline=st.sampled_from([None, "5m"]), trigger=st.booleans())
    def something_is_edited(self, suspend, deadline, trigger):
        token = "go" if trigger else None
        self.options |= {"suspend": suspend, "startingDeadline": deadline, "trigger": token}
        self.world.edit(**self.options)
        self.look()

    @precondition(lambda self: self.world.now >= self.high)
    @rule(schedule=schedules, span=st.sampled_from([0, MINUTE, HOUR]))
    def the_schedule_is_edited(self, schedule, span):
        self.world.now += span
        if schedule != self.options["schedule"]:
            self.promised += self.ticks(self.world.now)
            self.since = self.world.now
        self.options["schedule"] = schedule
        self.world.edit(**self.options)
        self.look()

    def ticks(self, until):
        schedule = parse_schedule(self.options["schedule"], "UTC", "ns/export")
        return [(self.since, tick) for tick in schedule.due(self.since, until)]

    def look(self):
        world = self.world
        self.high = max(self.high, world.now)
        for _ in range(20):
            before = (world.status, tuple(world.runs))
            world.step()
            self.answered |= {run.uid for run in world.runs if run.scheduled is not None}
            if before == (world.status, tuple(world.runs)):
                return
        raise AssertionError("planning does not come to rest")

    @invariant()
    def each_tick_is_accounted_for_exactly_once(self):
        if not hasattr(self, "world"):
            return
        last = self.world.status.last_schedule_time
        due = [*self.promised, *(self.ticks(parse_time(last)) if last else ())]
        skipped = sum(self.world.status.skipped.values())
        assert len(due) == len(self.answered) + skipped


TestAccounting = Accounting.TestCase
TestAccounting.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("ahead", [HOUR + SECOND, 24 * HOUR])
def test_what_a_clock_far_ahead_said_of_ticks_is_void(ahead):
    world = exported(World())
    world.now = at("02T01:00") + ahead
    world.settle()
    for run in world.active():
        world.succeed(run)
    world.settle()
    world.now = at("02T01:00") - SECOND
    world.settle()
    assert world.active() == [], "everything is exported"
    world.now = at("02T01:00")
    world.settle()
    assert world.status.last_schedule_time == "2026-01-02T01:00:00Z"
