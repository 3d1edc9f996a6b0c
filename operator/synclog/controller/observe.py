"""From slim objects to what planning reads."""

from collections.abc import Iterable

from synclog.controller.objects import Condition, Export, Job, Pod
from synclog.controller.results import results_of
from synclog.controller.stuck import Warned, stuck
from synclog.planning.model import Observed, Run, RunState, Stuck
from synclog.windows import SECOND, Instant, cut, parse_time

_PATIENCE = 10 * SECOND
"""How long the results of an ended Job are waited for; its pods may be gone for good."""


def observed_of(
    export: Export,
    runs: Iterable[Run],
    refused: Stuck | None = None,
) -> Observed:
    """Everything that planning may know about one export.

    Raises:
        ValueError: the export's spec could not be understood.
    """
    if export.spec is None:
        raise ValueError(export.problem)
    return Observed(
        namespace=export.namespace,
        name=export.name,
        uid=export.uid,
        generation=export.generation,
        created=export.created,
        spec=export.spec,
        status=export.status,
        runs=tuple(sorted(runs, key=lambda run: (run.created, run.name))),
        refused=refused,
        was_refused=refused is not None,
    )


def run_of(job: Job, pods: list[Pod], warned: Iterable[Warned], now: Instant) -> Run | None:
    """The run that a Job is; None where the Job does not say what it is for."""
    identity = job.identity
    if identity is None:
        return None
    span = job.span
    step = identity.span.step_ms if identity.span else 0
    failed = job.conditions.get("Failed") or job.conditions.get("FailureTarget")
    return Run(
        name=job.name,
        uid=job.uid,
        purpose=identity.purpose,
        attempt=identity.attempt,
        generation=identity.generation,
        state=_state(job, unread=unread(job, pods, now)),
        created=job.created,
        slot=identity.slot,
        span=span,
        step=step,
        recheck=identity.recheck,
        scheduled=parse_time(identity.scheduled) if identity.scheduled else None,
        trigger=identity.trigger or None,
        finished=job.finished,
        reason=failed.reason if failed else "",
        message=failed.message if failed else "",
        results=results_of(pods, identity.purpose, cut(span, step) if span else []),
        stuck=stuck(job, pods, warned, now),
        failing_since=_failing_since(job, now),
    )


def unread(job: Job, pods: list[Pod], now: Instant) -> bool:
    """Whether a Job ended and not all of its pods' results are here yet.

    Jobs and pods come by two watches: the end of a Job can be seen before the results.
    """
    if job.finished is None or now - job.finished > _PATIENCE:
        return False
    return sum(pod.ending is not None for pod in pods) < job.ended_pods


def _state(job: Job, *, unread: bool) -> RunState:
    if unread:
        return RunState.ACTIVE
    if "Complete" in job.conditions:
        return RunState.SUCCEEDED
    if "Failed" in job.conditions:
        return RunState.FAILED
    return RunState.DELETING if job.deleting else RunState.ACTIVE


def _failing_since(job: Job, now: Instant) -> Instant | None:
    """Since when the Job should have ended: it was told to fail, or its deadline passed."""
    if job.conditions.keys() & {"Complete", "Failed"}:
        return None
    target: Condition | None = job.conditions.get("FailureTarget")
    if target is not None:
        return target.since
    if job.started is None or job.deadline is None:
        return None
    deadline = job.started + job.deadline * SECOND
    return deadline if deadline <= now else None
