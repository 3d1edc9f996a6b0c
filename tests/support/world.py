"""A world for planning: a ledger, Jobs and a stored status, driven by plans. No Kubernetes."""

from dataclasses import dataclass, field, replace

import msgspec

from synclog.api.rounds import counts_from, current
from synclog.api.run import (
    FAILED,
    NOT_RETRIED_JOB,
    SUCCEEDED,
    ExitCode,
    LedgerCoverage,
    LedgerHead,
    Purpose,
    RunResult,
    Totals,
    WindowText,
)
from synclog.api.spec import SyncLogExportSpec
from synclog.api.status import SyncLogExportStatus
from synclog.planning.model import CreateRun, DeleteRun, Observed, Plan, Run, RunState, Stuck
from synclog.planning.plan import plan
from synclog.windows import MINUTE, Window, Windows, cut, format_time, parse_duration, parse_time

SPEC = {
    "schedule": "0 * * * *",
    "source": {
        "url": "https://console.example.com",
        "auth": {"apiClient": {"secretName": "code42"}},
    },
    "range": {"rolling": {"from": "2026-01-01T00:00:00Z", "maxWindow": "6h"}},
    "destination": {"persistentVolumeClaim": {"claimName": "archive"}},
}


def make_spec(**changes):
    return msgspec.convert({**SPEC, **changes}, SyncLogExportSpec)


def at(text):
    """A minute of January 2026, such as 02T13:30."""
    return parse_time(f"2026-01-{text}:00Z")


def between(end, **more):
    """The range from the begin of January until an end, as a change of a spec."""
    fixed = {"start": "2026-01-01T00:00:00Z", "end": end, "maxWindow": "6h", **more}
    return {"range": {"between": fixed}}


@dataclass
class World:
    """What exists, and the time. ``step`` plans once and does what the plan says."""

    now: int = parse_time("2026-01-02T00:30:00Z")
    spec: SyncLogExportSpec = field(default_factory=make_spec)
    generation: int = 1
    status: SyncLogExportStatus = field(default_factory=SyncLogExportStatus)
    runs: list[Run] = field(default_factory=list)
    covered: Windows = field(default_factory=Windows)
    lost: Windows = field(default_factory=Windows)
    rechecked: dict[str, Windows] = field(default_factory=dict)
    rounds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The rounds that each Job was told of, by its uid."""
    refuses: Stuck | None = None
    """Why the API server takes no Job, where it does not."""
    refused: Stuck | None = None
    """The same, as the operator was told it last."""
    was_refused: bool = False
    """Whether it was told so before the look that goes on."""
    start: int | None = None
    head: int = -1
    created: int = 0
    commits: list[Window] = field(default_factory=list)
    last: Plan | None = None
    born: int = 0
    """When the resource was created."""

    def __post_init__(self):
        self.born = self.now

    def observe(self):
        return Observed(
            namespace="ns",
            name="export",
            uid="uid",
            generation=self.generation,
            created=self.born,
            spec=self.spec,
            status=self.status,
            runs=tuple(self.runs),
            refused=self.refused,
            was_refused=self.was_refused,
        )

    def step(self, *, crash=False):
        """Plan and act; with ``crash`` the operator dies before it writes the status."""
        self.was_refused = self.refused is not None
        self.last = plan(self.observe(), self.now)
        creates = [action for action in self.last.actions if isinstance(action, CreateRun)]
        refused = self.refuses if creates else None
        if refused != self.refused:  # as the controller does: what is not created is not reported
            self.refused = refused
            self.last = plan(self.observe(), self.now)
        for action in self.last.actions:
            match action:
                case CreateRun() if refused is None:
                    self._create(action)
                case DeleteRun():
                    self.runs = [run for run in self.runs if run.uid != action.uid]
        if not crash:
            data = msgspec.json.encode(self.last.status)
            self.status = msgspec.json.decode(data, type=SyncLogExportStatus)
        return self.last

    def settle(self, limit=20):
        """Step until nothing changes."""
        for _ in range(limit):
            before = (self.status, tuple(self.runs))
            self.step()
            if before == (self.status, tuple(self.runs)):
                return
        raise AssertionError(f"planning does not come to rest: {self.last}")

    def exported(self):
        """Everything that is due at the begin is exported."""
        self.inspected()
        self.succeed(self.active()[0])
        self.settle()
        return self

    def work_off(self, minutes=0):
        """Let every run succeed, each after some minutes, until none is wanted."""
        for _ in range(200):
            self.settle()
            if not self.active():
                return
            for run in self.active():
                self.succeed(run)
            self.now += minutes * MINUTE
        raise AssertionError("planning always wants one run more")

    def _create(self, action):
        name = f"{action.key}-{action.attempt}"
        assert all(run.name != name for run in self.runs), f"{name} exists"
        self.created += 1
        self.rounds[f"job-{self.created}"] = action.rounds
        self.runs.append(
            Run(
                name=name,
                uid=f"job-{self.created}",
                purpose=action.purpose,
                slot=action.slot,
                attempt=action.attempt,
                generation=self.generation,
                state=RunState.ACTIVE,
                created=self.now,
                span=action.span,
                step=action.step,
                recheck=action.recheck,
                scheduled=action.scheduled,
                trigger=action.trigger,
            )
        )
        if self.start is None:
            self.asked = action.coverage_start

    def change(self, run, **changes):
        self.runs = [replace(r, **changes) if r.uid == run.uid else r for r in self.runs]
        return next(r for r in self.runs if r.uid == run.uid)

    def active(self, **kind):
        return [
            run
            for run in self.runs
            if run.state is RunState.ACTIVE
            and all(getattr(run, key) == value for key, value in kind.items())
        ]

    def commit(self, window, rounds=()):
        """What the exporter does: a window that overlaps coverage is never committed again."""
        missing = (self.covered | self.lost).gaps(window)
        if not missing:
            return "AlreadyCovered"
        self.commits += missing
        self.covered |= Windows(missing)
        self.head += 1
        for name in rounds:
            if self.now >= counts_from(name, window):  # read late enough
                self.read_again(name, window)
        return "Exported"

    def read_again(self, name, window):
        part = self.covered & Windows([window])
        self.rechecked[name] = self.rechecked.get(name, Windows()) | part
        self.rechecked = {name: self.rechecked[name] for name in current(self.rechecked)}

    def result(self, run, reason, outcome=SUCCEEDED, window=None, exit_code=0):
        return RunResult(
            outcome=outcome,
            reason=reason,
            message=f"it was {reason}",
            exit_code=exit_code,
            purpose=run.purpose,
            window=window
            and WindowText(start=format_time(window.start), end=format_time(window.end)),
            events=1,
            ledger=None
            if self.start is None
            else LedgerHead(id="ledger", head=self.head, digest="d" * 64),
            coverage=None
            if self.start is None
            else LedgerCoverage(
                from_=format_time(self.start),
                intervals=[
                    WindowText(start=format_time(w.start), end=format_time(w.end))
                    for w in self.covered
                    if window is None or w.overlaps(window)  # as a truncated message does
                ],
                rechecked={
                    name: [
                        WindowText(start=format_time(w.start), end=format_time(w.end))
                        for w in windows
                    ]
                    for name, windows in self.rechecked.items()
                },
                lost=[
                    WindowText(start=format_time(w.start), end=format_time(w.end))
                    for w in self.lost
                ],
            ),
            totals=Totals(windows=len(self.commits), events=len(self.commits)),
        )

    def succeed(self, run, *, tell=True):
        """The Job ends well; with ``tell`` false its results are lost with its pods."""
        results = []
        if run.purpose is Purpose.INSPECT:
            if self.start is None:
                oldest = self.now - parse_duration(self.spec.source.retention)
                self.start, self.head = max(self.asked, oldest + 15 * MINUTE), 0
            results.append(self.result(run, "Inspected"))
        elif run.purpose is Purpose.RECHECK:
            for window in cut(run.span, run.step):
                self.read_again(run.recheck, window)
                results.append(self.result(run, "Rechecked", window=window))
        else:
            windows = cut(run.span, run.step)
            rounds = self.rounds[run.uid]
            done = [(window, self.commit(window, rounds)) for window in windows]
            results = [self.result(run, reason, window=window) for window, reason in done]
        return self.change(
            run,
            state=RunState.SUCCEEDED,
            finished=self.now,
            results=tuple(results) if tell else (),
        )

    def fail(self, run, *, windows=(), reason="SourceUnavailable", code=ExitCode.SOURCE, tell=True):
        """The Job fails after it exported ``windows`` (indexes)."""
        results = []
        if run.purpose is Purpose.WINDOW:
            pieces = cut(run.span, run.step)
            for index in windows:
                if index < len(pieces):
                    window = pieces[index]
                    results.append(
                        self.result(run, self.commit(window, self.rounds[run.uid]), window=window)
                    )
        results.append(self.result(run, reason, FAILED, exit_code=code))
        return self.change(
            run,
            state=RunState.FAILED,
            finished=self.now,
            reason="PodFailurePolicy" if code in NOT_RETRIED_JOB else "FailedIndexes",
            results=tuple(results) if tell else (),
        )

    def edit(self, **changes):
        self.spec = make_spec(**changes)
        self.generation += 1

    def inspected(self):
        """The world after the first inspect run."""
        self.settle()
        self.succeed(self.active()[0])
        self.settle()
        return self

    @property
    def settle_delay(self):
        return parse_duration(self.spec.range.kind.settle_delay)

    def condition(self, kind):
        found = [c for c in self.status.conditions if c.type == kind]
        return (found[0].status.value, found[0].reason) if found else None
