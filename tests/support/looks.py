"""A reconciler whose plan is made by hand, and what it did."""

from msgspec.structs import replace

from synclog.api.run import Purpose, Slot
from synclog.controller import jobs
from synclog.controller.cache import Cache
from synclog.controller.events import Recorder
from synclog.controller.objects import export_of
from synclog.controller.reconcile import Reconciler
from synclog.planning.model import CreateRun, Plan
from synclog.windows import DAY, SECOND, Window, parse_time

NOW = parse_time("2026-03-01T00:01:00Z")
START = parse_time("2026-02-01T00:00:00Z")
CREATE = CreateRun(
    purpose=Purpose.WINDOW,
    slot=Slot.MAIN,
    attempt=1,
    coverage_start=START,
    span=Window(START, START + DAY),
    step=DAY,
    scheduled=NOW - 2 * SECOND,
)
NAME = jobs.job_name("prod", "uid-prod", CREATE)


class Rig:
    """A reconciler with a plan by hand; `writes` is what it did, in order."""

    def __init__(self, gateway, stored, *actions, events=(), wakeup=None, **options):
        self.gateway, self.cache = gateway, Cache()
        self.cache.exports.put(export_of(stored))
        self.actions, self.events, self.wakeup = actions, events, wakeup
        self.observed, self.skews, self.durations = [], [], []
        self.summary = "UpToDate"
        self.recorder = Recorder(gateway, "test")
        self.reconciler = Reconciler(
            gateway,
            self.cache,
            self.recorder,
            jobs.Exporter(image="i"),
            clock=lambda: NOW,
            plan=self.plan,
            observe_skew=self.skews.append,
            observe_duration=self.durations.append,
            **options,
        )

    def plan(self, observed, now):
        self.observed.append(observed)
        summary = observed.refused.reason if observed.refused else self.summary
        status = replace(
            observed.status, summary=summary, accounted_jobs=[run.uid for run in observed.runs]
        )
        return Plan(
            status=status, actions=self.actions, events=tuple(self.events), wakeup=self.wakeup
        )

    async def look(self, uid="uid-prod"):
        return await self.reconciler.reconcile(uid)

    @property
    def writes(self):
        return [
            (verb, plural) for verb, plural, _ in self.gateway.calls if verb not in ("get", "list")
        ]
