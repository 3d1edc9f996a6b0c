"""Which pods a Job that goes on should lose or get."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.model import Job, Pod
from devcluster.jobcontroller.policy import judge
from devcluster.jobcontroller.view import MOST_AT_ONCE, View


@dataclass(frozen=True, slots=True)
class NewPod:
    """A pod to create."""

    index: int | None = None
    failures: int | None = None
    """Counted failures of its index so far; None where they are not kept per index."""
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """A pod to delete; with ``release`` it loses its finalizer first, and is not counted."""

    pod: Pod
    release: bool


def manage(
    view: View, now: datetime, backoff: Backoff
) -> tuple[list[Removal], list[NewPod], list[timedelta]]:
    """Pods to remove or else to create, and how long to wait where a back-off forbids."""
    job, active = view.job, len(view.active)
    if job.suspended:
        wanted = 0
    elif job.completions is None:
        wanted = active if view.succeeded else job.parallelism
    else:
        wanted = max(min(job.completions - view.succeeded, job.parallelism), 0)

    surplus = _surplus(view, wanted)
    if surplus or job.suspended:
        return [Removal(pod, release=True) for pod in surplus[:MOST_AT_ONCE]], [], []

    lacking = wanted - active
    if job.replace_only_failed:
        lacking -= len(view.terminating)
    lacking = min(lacking, MOST_AT_ONCE)
    if lacking <= 0:
        return [], [], []
    if job.backoff_limit_per_index is None:
        ours = [pod for pod in view.pods if job.in_range(pod)]
        wait = backoff.for_job(
            [pod for pod in ours if job.failed(pod)], [pod for pod in ours if pod.succeeded], now
        )
        if wait > timedelta(0):
            return [], [], [wait]
    if not job.indexed:
        return [], [NewPod()] * lacking, []

    create, waits = [], []
    for index in _pending_indexes(view, lacking):
        replaced = view.replaceable.get(index)
        wait = backoff.for_index(replaced, now)
        if wait > timedelta(0):
            waits.append(wait)
        else:
            create.append(_replacement(job, index, replaced))
    return [], create, waits


def _surplus(view: View, wanted: int) -> list[Pod]:
    """Active pods that must go: twice the same index, no valid index, or too many."""
    doomed: list[Pod] = []
    left = sorted(view.active, key=lambda pod: pod.removal_rank)
    if view.job.indexed:
        best: dict[int, Pod] = {}
        for pod in left:
            if pod.index is not None and view.job.in_range(pod):
                best[pod.index] = pod
        kept = {pod.uid for pod in best.values()}
        doomed = [pod for pod in left if pod.uid not in kept]
        left = [pod for pod in left if pod.uid in kept]
    excess = max(len(view.active) - wanted - len(doomed), 0)
    return doomed + left[:excess]


def _pending_indexes(view: View, count: int) -> list[int]:
    """The first indexes that have neither ended nor a pod."""
    taken = view.succeeded_indexes | view.failed_indexes
    taken |= {pod.index for pod in view.active if pod.index is not None}
    if view.job.replace_only_failed:
        taken |= {pod.index for pod in view.terminating if pod.index is not None}
    found: list[int] = []
    for index in range(view.job.completions or 0):
        if len(found) == count:
            break
        if index not in taken:
            found.append(index)
    return found


def _replacement(job: Job, index: int, replaced: Pod | None) -> NewPod:
    if job.backoff_limit_per_index is None:
        return NewPod(index)
    if replaced is None:
        return NewPod(index, failures=0)
    if judge(job, replaced).counted:
        return NewPod(index, failures=replaced.failures + 1, ignored=replaced.ignored)
    return NewPod(index, failures=replaced.failures, ignored=replaced.ignored + 1)
