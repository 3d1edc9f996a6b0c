"""One look at one export: observe, plan, act, report.

The order of writes is what makes a crash harmless. Jobs are created first, under fixed names.
Then the status tells what is accounted for. Jobs are deleted last, when nothing in them is
needed any more. Whatever is lost in between, the next look comes to the same end.
"""

import dataclasses
import logging
import re
from collections.abc import Callable
from typing import Protocol

from synclog.controller import jobs
from synclog.controller.cache import Cache
from synclog.controller.claims import Claims
from synclog.controller.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    RefusedError,
    WebhookError,
)
from synclog.controller.events import Recorder
from synclog.controller.gateway import EVENTS, EXPORTS, JOBS, Gateway
from synclog.controller.objects import Export, Job, Pod, export_of, job_of
from synclog.controller.observe import observed_of, run_of, unread
from synclog.controller.refusals import refusal_of
from synclog.controller.status import refusing, write_status
from synclog.controller.stuck import QUOTA, Warned, look_again_at, needs_events, not_started
from synclog.controller.throttle import Lane
from synclog.planning.model import CreateRun, DeleteRun, Event, Observed, Plan, Run, Stuck
from synclog.windows import DAY, SECOND, Instant, parse_time

logger = logging.getLogger(__name__)

DELETING_PAUSE = 5 * SECOND
"""How soon a Job whose namesake is being deleted is tried again."""
REFUSED_PAUSE = 60 * SECOND
"""How soon a Job that the API server refused is tried again."""

_DENIED = re.compile(r"denied (the )?request")
"""A policy, or a webhook, may say no with the code of an invalid object; policies do by default."""


class Planner(Protocol):
    """`synclog.planning.plan.plan`, or a test's stand-in."""

    def __call__(self, observed: Observed, now: Instant) -> Plan:
        """Decide."""


class Reconciler:
    """Looks at exports.

    Args:
        gateway: the way to the API server.
        cache: what was seen; what is written here is put into it at once.
        recorder: takes events.
        exporter: what the settings say about pods.
        allowed_hosts: hosts that credentials may be sent to; none: any.
        clock: the time.
        plan: the decision.
        observe_skew: told the seconds from a tick to its Job.
        observe_duration: told the seconds that a run took.
    """

    def __init__(
        self,
        gateway: Gateway,
        cache: Cache,
        recorder: Recorder,
        exporter: jobs.Exporter,
        *,
        allowed_hosts: tuple[str, ...] = (),
        clock: Callable[[], Instant],
        plan: Planner,
        observe_skew: Callable[[float], None] = lambda _seconds: None,
        observe_duration: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._gateway = gateway
        self._cache = cache
        self._recorder = recorder
        self._exporter = exporter
        self._allowed_hosts = allowed_hosts
        self._clock = clock
        self._plan = plan
        self._observe_skew = observe_skew
        self._observe_duration = observe_duration
        self._claims = Claims(gateway)
        self._refused: dict[str, Stuck] = {}
        """Why the last Job of an export could not be created, by the export's uid."""

    async def reconcile(self, uid: str) -> Instant | None:
        """Look at one export now.

        Returns:
            When to look again although nothing is heard; None: never.

        Raises:
            ApiError: the look has to be repeated; what was done so far is not done twice.
        """
        export = self._cache.exports.get(uid)
        if export is None or export.deleting:  # the garbage collector ends its Jobs
            self._refused.pop(uid, None)
            return None
        now = self._clock()
        against = refusal_of(export, self._allowed_hosts)
        if against is not None:
            refused_plan = refusing(export, *against, now)
            return refused_plan.wakeup if await self._report(export, refused_plan, now) else now
        runs, look_again = await self._runs(export, now)
        observed = observed_of(export, runs, self._refused.get(uid))
        plan = self._plan(observed, now)
        refused, try_again = await self._create_all(export, plan, now)
        if refused != observed.refused:
            plan = self._plan(dataclasses.replace(observed, refused=refused), now)
        if not await self._report(export, plan, now):
            return now
        for action in plan.actions:
            if isinstance(action, DeleteRun):
                await self._delete(export, action)
        if plan.status.accounted_jobs != export.status.accounted_jobs:
            return now  # what the status accounts for by now may be deleted
        wakeups = (plan.wakeup, look_again, try_again)
        return min((at for at in wakeups if at is not None), default=None)

    async def _runs(self, export: Export, now: Instant) -> tuple[list[Run], Instant | None]:
        """The runs of an export, and when one that has not started is to be looked at again."""
        runs, look_again = [], None
        for job in self._cache.jobs.children(export.uid):
            pods = self._cache.pods.children(job.uid)
            warned = await self._warned(job, pods) if needs_events(job, pods, now) else []
            run = run_of(job, pods, warned, now)
            if run is None:
                logger.warning("Job %s/%s does not say what it is for", job.namespace, job.name)
                continue
            runs.append(run)
            if not_started(job, pods):
                look_again = min(look_again or now + DAY, look_again_at(job, pods, now))
            if unread(job, pods, now):
                look_again = now + SECOND
            if run.stuck is not None:
                self._forget_claim(export)
        return runs, look_again

    async def _warned(self, job: Job, pods: list[Pod]) -> list[Warned]:
        """The Warning events of a Job and of its first pending pod."""
        pending = sorted((pod for pod in pods if pod.phase == "Pending"), key=lambda pod: pod.name)
        warned = []
        for uid in (job.uid, *(pod.uid for pod in pending[:1])):
            fields = f"involvedObject.uid={uid},type=Warning"
            pages = self._gateway.pages(EVENTS, job.namespace, fields=fields, lane=Lane.BULK)
            async for page in pages:
                warned += [
                    Warned(
                        uid=uid,
                        reason=event.get("reason") or "",
                        message=event.get("message") or event.get("note") or "",
                        at=_last_seen(event),
                    )
                    for event in page
                ]
        return warned

    def _forget_claim(self, export: Export) -> None:
        claim = export.spec.destination.persistent_volume_claim if export.spec else None
        if claim is not None:
            self._claims.forget(export.namespace, claim.claim_name)

    async def _create_all(
        self, export: Export, plan: Plan, now: Instant
    ) -> tuple[Stuck | None, Instant | None]:
        """Create what is planned. Returns why a Job was refused, and when to look again."""
        refused, again = None, []
        for action in plan.actions:
            if isinstance(action, CreateRun):
                try:
                    again.append(await self._create(export, action))
                except (RefusedError, WebhookError) as error:
                    logger.warning("%s: a Job was refused: %s", export, error)
                    refused = _refusal(error, self._refused.get(export.uid), now)
                    again.append(now + REFUSED_PAUSE)
        if refused is None:
            self._refused.pop(export.uid, None)
        else:
            self._refused[export.uid] = refused
        return refused, min((at for at in again if at is not None), default=None)

    async def _create(self, export: Export, action: CreateRun) -> Instant | None:
        """Create a Job, or find that it exists. Returns when to look at it, or to try, again."""
        name = jobs.job_name(export.name, export.uid, action)
        claim = await self._claim(export)
        body = jobs.job_manifest(export, action, self._exporter, claim)
        try:
            stored = await self._gateway.create(JOBS, export.namespace, body, lane=Lane.CREATE)
        except AlreadyExistsError:
            return await self._adopt(export, action, name)
        job = job_of(stored)
        self._cache.jobs.put(job)
        logger.info(
            "job created",
            extra={"export": str(export), "job": name, "purpose": action.purpose.value}
            | ({"span": str(action.span)} if action.span else {}),
        )
        if action.scheduled is not None:
            self._observe_skew((self._clock() - action.scheduled) / SECOND)
        self._recorder.record(
            export, Event("Normal", "RunStarted", f"created Job {name}"), self._clock()
        )
        return look_again_at(job, (), self._clock())  # nothing tells of a Job that nobody runs

    async def _claim(self, export: Export) -> jobs.Claim:
        claim = export.spec.destination.persistent_volume_claim if export.spec else None
        if claim is None:
            return jobs.Claim()
        return await self._claims.look(export.namespace, claim.claim_name)

    async def _adopt(self, export: Export, action: CreateRun, name: str) -> Instant | None:
        """There is a Job of that name: ours from an earlier try, or a stranger's."""
        body = await self._gateway.get(JOBS, export.namespace, name)
        if body is None:
            return self._clock()
        job = job_of(body)
        if job.deleting:
            return self._clock() + DELETING_PAUSE
        if is_ours(job, export, action):
            self._cache.jobs.put(job)
            return self._clock()  # it may have ended already, and no watch would tell
        raise RefusedError(
            f"Job {name} exists and belongs to somebody else: delete it, or give it another name",
            status=409,
            reason="JobNameTaken",
        )

    async def _report(self, export: Export, plan: Plan, now: Instant) -> bool:
        """Write status and events. False where the export changed meanwhile."""
        try:
            stored = await write_status(self._gateway, export, plan.status)
        except ConflictError:
            body = await self._gateway.get(EXPORTS, export.namespace, export.name)
            fresh = None if body is None else export_of(body)
            if fresh is None or fresh.uid != export.uid:
                self._cache.exports.discard(export.uid)  # before a watch tells of it
            else:
                self._cache.exports.put(fresh)
            return False
        self._cache.exports.put(stored)
        for ended in set(plan.status.accounted_jobs) - set(export.status.accounted_jobs):
            job = self._cache.jobs.get(ended)
            if job is not None:
                self._observe_duration(((job.finished or now) - job.created) / SECOND)
        for event in plan.events:
            self._recorder.record(export, event, now)
        return True

    async def _delete(self, export: Export, action: DeleteRun) -> None:
        await self._gateway.delete(JOBS, export.namespace, action.name, action.uid)
        # Where its deletion takes a while, the watch brings it back, as one that is being deleted.
        self._cache.jobs.discard(action.uid)
        logger.info(
            "job deleted",
            extra={"export": str(export), "job": action.name, "why": action.why},
        )


def is_ours(job: Job, export: Export, action: CreateRun) -> bool:
    """Whether a Job of the right name is the one that the action would create."""
    identity = job.identity
    return (
        job.parent == export.uid
        and identity is not None
        and identity.purpose is action.purpose
        and identity.attempt == action.attempt
        and (job.span is None) is (action.span is None)
        and (job.span is None or action.span is None or job.span.start == action.span.start)
    )


def _refusal(error: ApiError, known: Stuck | None, now: Instant) -> Stuck:
    """Why no Job could be created; the same reason keeps the time since when it holds."""
    text = str(error)
    if error.reason == "JobNameTaken":
        reason = error.reason
    elif QUOTA.search(text):
        reason = "Quota"
    elif error.status == 403 and "is forbidden: User" in text:
        reason = "OperatorForbidden"
    elif error.status == 404:
        reason = "NamespaceGone"
    elif error.status == 422 and not _DENIED.search(text):
        reason = "InvalidJob"
    else:
        reason = "Admission"
    if known is not None and (known.reason, known.message) == (reason, text):
        return known
    return Stuck(reason, text, now)


def _last_seen(event: dict[str, object]) -> Instant:
    series = event.get("series")
    last = series.get("lastObservedTime") if isinstance(series, dict) else None
    times = (last, event.get("lastTimestamp"), event.get("eventTime"), event.get("firstTimestamp"))
    return next((parse_time(at) for at in times if isinstance(at, str)), 0)
