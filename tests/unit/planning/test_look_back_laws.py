"""The laws of look-backs, under any order of events.

What any tick asked for is exported, lost, or known to be missing; nothing is exported twice; and
with the trouble over, everything that was asked for is exported and the newest look-back read.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from support.world import World, make_spec
from synclog.api.run import Purpose, Slot
from synclog.api.status import SyncLogExportStatus
from synclog.planning.lookback import joined
from synclog.planning.schedule import parse_schedule
from synclog.windows import DAY, HOUR, MINUTE, SECOND, Window, Windows, cut, parse_time

KINDS = [
    ("0 * * * *", 2 * DAY, "6h"),
    ("0 6 * * *", 6 * HOUR, "1h"),
    ("*/20 * * * *", HOUR, "24h"),
    ("30 2 * * *", 3 * DAY, "5h"),
]
DELAY = 15 * MINUTE
picks = st.integers(0, 10)


def told(intervals):
    return Windows(Window(parse_time(i.start), parse_time(i.end)) for i in intervals)


class LookingBack(RuleBasedStateMachine):
    @initialize(kind=st.sampled_from(KINDS), deadline=st.sampled_from([None, "5m"]))
    def begin(self, kind, deadline):
        text, self.length, step = kind
        self.schedule = parse_schedule(text, "UTC", "ns/export")
        last = {"duration": f"{self.length // MINUTE}m", "maxWindow": step}
        self.options = {"schedule": text, "startingDeadline": deadline, "range": {"last": last}}
        self.world = World(spec=make_spec(**self.options)).inspected()
        self.since = self.planned = self.world.now
        self.seen = Windows()

    def asked(self):
        """What the ticks asked for that planning has had a chance to see."""
        ticks = self.schedule.due(self.since, self.planned)
        looks = Windows(Window(tick - self.length, tick - DELAY) for tick in ticks)
        return looks & Windows([Window(self.world.start, self.planned)])

    def pick(self, number, **kind):
        runs = self.world.active(**kind)
        return runs[number % len(runs)] if runs else None

    @rule(crash=st.booleans())
    def plan(self, crash):
        self.world.step(crash=crash)
        self.planned = self.planned if crash else self.world.now

    @rule(span=st.sampled_from([SECOND, 17 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY]))
    def time_passes(self, span):
        self.world.now += span

    @rule(number=picks, tell=st.booleans())
    def a_run_succeeds(self, number, tell):
        if run := self.pick(number):
            self.world.succeed(run, tell=tell)

    @rule(number=picks, windows=st.lists(st.integers(0, 6), max_size=3))
    def a_run_fails(self, number, windows):
        if run := self.pick(number):
            self.world.fail(run, windows=windows)

    @rule(number=picks)
    def the_source_forgot_a_window(self, number):
        if run := self.pick(number, purpose=Purpose.WINDOW):
            first = Windows(cut(run.span, run.step)[:1])
            self.world.lost |= first - self.world.covered
            self.world.fail(run)

    @rule(number=picks)
    def a_job_vanishes(self, number):
        if self.world.runs:
            gone = self.world.runs[number % len(self.world.runs)].uid
            self.world.runs = [run for run in self.world.runs if run.uid != gone]

    @rule(suspend=st.booleans(), trigger=st.sampled_from([None, "a", "b"]))
    def somebody_edits(self, suspend, trigger):
        self.world.edit(**self.options, suspend=suspend, trigger=trigger)

    @rule()
    def the_status_is_wiped(self):
        self.world.status = SyncLogExportStatus()
        self.seen = Windows()

    @invariant()
    def active_runs_share_no_instant(self):
        if not hasattr(self, "world"):
            return
        # An inspection may have to find the ledger beside a run that nothing is known of.
        for purpose in Purpose:
            runs = self.world.active(purpose=purpose)
            assert all(sum(run.slot is slot for run in runs) <= 1 for slot in Slot)
        spans = [run.span for run in self.world.active(purpose=Purpose.WINDOW)]
        assert not any(a.overlaps(b) for a in spans for b in spans if a is not b)

    @invariant()
    def coverage_only_grows_and_is_never_more_than_the_ledger(self):
        if not hasattr(self, "world") or self.world.status.coverage is None:
            return
        known = told(self.world.status.coverage.intervals)
        assert not self.seen - known
        assert not known - self.world.covered
        self.seen = known

    @invariant()
    def what_a_tick_asked_for_is_exported_lost_or_known_to_be_missing(self):
        if not hasattr(self, "world") or self.world.status.coverage is None:
            return
        coverage = self.world.status.coverage
        missing = told(coverage.asked)
        assert not self.asked() - self.world.covered - self.world.lost - missing
        due = Windows([Window(0, parse_time(coverage.due_until))]) if coverage.due_until else None
        gaps = Windows(told(gap for gap in coverage.gaps if gap.state.value != "lost"))
        assert gaps == (missing & due if due else Windows())

    @invariant()
    def the_ledger_remembers_one_round(self):
        if hasattr(self, "world"):
            assert len(self.world.rechecked) <= 1

    def teardown(self):
        if not hasattr(self, "world"):
            return
        world = self.world
        world.edit(**self.options)
        world.settle()  # after this, no tick is too late to start
        for tick in list(self.schedule.due(world.now, world.now + 3 * DAY))[:3]:
            world.now = tick + SECOND
            self.work_off()
        self.planned = world.now
        assert world.condition("CoverageComplete")[1] in ("Complete", "EventsLost")
        assert world.status.coverage.asked == []
        assert not self.asked() - world.covered - world.lost
        assert sum(window.length for window in world.commits) == world.covered.length
        (newest,) = world.rechecked
        end = parse_time(newest)
        assert end == tick - DELAY
        look = Windows([Window(end + DELAY - self.length, end)])
        assert not (look & world.covered) - world.rechecked[newest]

    def work_off(self):
        """Every Job that planning asks for ends well, until it asks for no more."""
        for _ in range(150):
            self.world.settle()
            if not self.world.active():
                if self.world.condition("CoverageComplete")[1] in ("Complete", "EventsLost"):
                    return
                self.world.now += MINUTE  # a gap waits after its failures
            for run in self.world.active():
                self.world.succeed(run)
        raise AssertionError("planning always wants one run more")


def test_what_is_joined_is_never_less_and_never_more_than_may_be_remembered():
    windows = Windows(Window(at * at, at * at + 1) for at in range(50))
    for most in range(1, 60):
        few = joined(windows, most)
        assert len(few) <= most
        assert not windows - few


TestLookingBack = LookingBack.TestCase
TestLookingBack.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
