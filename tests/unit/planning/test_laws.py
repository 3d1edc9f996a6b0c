"""The laws of planning, under any order of events.

A machine drives `World` through runs that succeed, fail in part, hang or lose their results,
through crashes between acting and reporting, edits, suspension, triggers, wiped statuses and
lost Jobs. After each step the laws must hold; at the end, with the trouble over, everything
that was due must be exported, each instant once.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.world import World, make_spec
from synclog.api.run import ExitCode, Purpose, Slot
from synclog.api.status import SyncLogExportStatus
from synclog.planning.model import RunState, Stuck
from synclog.windows import DAY, HOUR, MINUTE, SECOND, Window, Windows, parse_time

SCHEDULES = ["0 * * * *", "*/20 * * * *", "H H * * *", "30 2 * * *"]
picks = st.integers(0, 10)


class Planning(RuleBasedStateMachine):
    @initialize(schedule=st.sampled_from(SCHEDULES), hours=st.integers(1, 24), fresh=st.booleans())
    def begin(self, schedule, hours, fresh):
        self.options = {
            "schedule": schedule,
            "range": {"rolling": {"from": "2026-01-01T00:00:00Z", "maxWindow": f"{hours}h"}},
        }
        self.world = World(spec=make_spec(**self.options))
        self.seen = Windows()
        if not fresh:
            self.world.inspected()

    def pick(self, number, **kind):
        runs = self.world.active(**kind)
        return runs[number % len(runs)] if runs else None

    @rule(crash=st.booleans())
    def plan(self, crash):
        before = self.world.status.skipped
        self.world.step(crash=crash)
        after = self.world.status.skipped
        assert all(after.get(why, 0) >= count for why, count in before.items())

    @rule(span=st.sampled_from([SECOND, MINUTE, 17 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY]))
    def time_passes(self, span):
        self.world.now += span

    @rule(number=picks, tell=st.booleans())
    def a_run_succeeds(self, number, tell):
        if run := self.pick(number):
            self.world.succeed(run, tell=tell)

    @rule(
        number=picks,
        windows=st.lists(st.integers(0, 6), max_size=4),
        code=st.sampled_from([ExitCode.SOURCE, ExitCode.INTEGRITY, ExitCode.AUTHORISATION]),
        tell=st.booleans(),
    )
    def a_run_fails(self, number, windows, code, tell):
        if run := self.pick(number):
            self.world.fail(run, windows=windows, code=code, tell=tell)

    @rule(minutes=st.sampled_from([0, 15, 90, 3000]), hours=st.integers(1, 24))
    def somebody_edits_lengths(self, minutes, hours):
        rolling = self.options["range"]["rolling"]
        self.options["range"] = {
            "rolling": rolling | {"settleDelay": f"{minutes}m", "maxWindow": f"{hours}h"}
        }
        self.world.edit(**self.options)

    @rule(number=picks)
    def a_run_cannot_start(self, number):
        if (run := self.pick(number)) and run.stuck is None:
            self.world.change(run, stuck=Stuck("Unschedulable", "no node fits", self.world.now))

    @rule(number=picks)
    def a_node_dies_with_a_run(self, number):
        if (run := self.pick(number)) and run.failing_since is None:
            self.world.change(run, failing_since=self.world.now)

    @rule(number=picks)
    def somebody_deletes_a_job(self, number):
        if self.world.runs:
            run = self.world.runs[number % len(self.world.runs)]
            self.world.change(run, state=RunState.DELETING)

    @rule()
    def deleted_jobs_go(self):
        self.world.runs = [r for r in self.world.runs if r.state is not RunState.DELETING]

    @rule(suspend=st.booleans(), trigger=st.sampled_from([None, "a", "b"]))
    def somebody_edits(self, suspend, trigger):
        self.world.edit(**self.options, suspend=suspend, trigger=trigger)

    @rule(schedule=st.sampled_from(SCHEDULES))
    def somebody_edits_the_schedule(self, schedule):
        self.options["schedule"] = schedule
        self.world.edit(**self.options)

    @rule()
    def the_status_is_wiped(self):
        self.world.status = SyncLogExportStatus()
        self.seen = Windows()

    @invariant()
    def active_runs_share_no_instant(self):
        if not hasattr(self, "world"):
            return
        for slot in Slot:
            ours = [r for r in self.world.active(slot=slot) if self.alive(r)]
            # An inspection may have to find the ledger beside a run that nothing is known of.
            assert len([run for run in ours if run.purpose is Purpose.INSPECT]) <= 1
            assert len([run for run in ours if run.purpose is not Purpose.INSPECT]) <= 1
        spans = [run.span for run in self.world.active(purpose=Purpose.WINDOW) if self.alive(run)]
        assert not any(a.overlaps(b) for a in spans for b in spans if a is not b)

    def alive(self, run):
        """Not given up or abandoned: those two end outside of planning's hand."""
        return run.uid not in self.world.status.accounted_jobs and run.stuck is None and (
            run.failing_since is None
        )  # fmt: skip

    @invariant()
    def known_coverage_only_grows_and_is_never_more_than_the_ledger(self):
        if not hasattr(self, "world") or self.world.status.coverage is None:
            return
        coverage = self.world.status.coverage
        told = Windows(Window(parse_time(i.start), parse_time(i.end)) for i in coverage.intervals)
        assert not self.seen - told
        assert not told - self.world.covered
        self.seen = told

    @invariant()
    def what_is_due_is_exported_or_a_gap(self):
        if not hasattr(self, "world") or self.world.status.coverage is None:
            return
        coverage = self.world.status.coverage
        if coverage.due_until is None:
            return
        due = Windows([Window(parse_time(coverage.from_), parse_time(coverage.due_until))])
        parts = [*coverage.intervals, *coverage.gaps]
        told = Windows(Window(parse_time(p.start), parse_time(p.end)) for p in parts)
        assert not due - told
        assert coverage.gap_count == 0 or coverage.gap_seconds > 0

    @invariant()
    def no_run_is_started_for_what_is_not_settled(self):
        if not hasattr(self, "world"):
            return
        for run in self.world.active(purpose=Purpose.WINDOW, generation=self.world.generation):
            assert run.span.end <= run.created - self.world.settle_delay

    @invariant()
    def without_a_ledger_there_is_no_window(self):
        if not hasattr(self, "world") or self.world.start is not None:
            return
        assert all(run.purpose is Purpose.INSPECT for run in self.world.runs)

    def work_off(self):
        """Every Job that planning asks for ends well, until it asks for no more."""
        world = self.world
        for _ in range(20):
            world.runs = [r for r in world.runs if r.state is not RunState.DELETING]
            world.settle()
            if not world.active():
                return
            for run in world.active():
                world.succeed(run)
        raise AssertionError("planning always wants one run more")

    def teardown(self):
        """The trouble is over: some quiet days later everything is exported, once."""
        if not hasattr(self, "world"):
            return
        world = self.world
        self.options["range"]["rolling"].pop("settleDelay", None)
        world.edit(**self.options)
        for _ in range(14):
            world.now += 2 * HOUR
            self.work_off()
        self.work_off()
        assert world.status.coverage.gap_count == 0
        assert world.condition("CoverageComplete") == ("True", "Complete")
        due = parse_time(world.status.coverage.due_until)
        assert world.covered.covers(Window(world.start, due))
        assert due > world.now - 26 * HOUR
        assert sum(window.length for window in world.commits) == world.covered.length
        old = world.covered & Windows([Window(0, world.now - 9 * DAY)])
        for name in ("24h", "7d"):
            assert not old - world.rechecked.get(name, Windows())


TestLaws = Planning.TestCase
TestLaws.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
