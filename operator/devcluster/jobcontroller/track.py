"""The status of a Job, and the pods whose end it takes note of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devcluster.jobcontroller.ending import Ending
from devcluster.jobcontroller.indexes import format_indexes
from devcluster.jobcontroller.model import Job, Pod
from devcluster.jobcontroller.policy import judge
from devcluster.jobcontroller.view import MOST_AT_ONCE, View
from devcluster.recorder import timestamp


@dataclass(frozen=True, slots=True)
class Notice:
    """An event to record on the Job."""

    kind: str
    reason: str
    message: str


def track(
    view: View, ending: Ending | None, now: datetime
) -> tuple[dict[str, Any], list[Pod], list[Notice]]:
    """The status, the pods whose end it takes note of, and the events of its changes."""
    job = view.job
    status = dict(job.status)
    uncounted, release = _account(view, ending, status)
    counts = {
        "active": len(view.active),
        "ready": sum(pod.ready for pod in view.active),
        "terminating": len(view.terminating),
    }
    status |= counts
    status["uncountedTerminatedPods"] = {kind: uids for kind, uids in uncounted.items() if uids}
    if job.indexed:
        status["succeeded"] = len(view.succeeded_indexes)
        status["completedIndexes"] = format_indexes(view.succeeded_indexes)
        if job.backoff_limit_per_index is not None:
            failed = view.failed_by_themselves if ending else view.failed_indexes
            status["failedIndexes"] = format_indexes(failed)
    if not job.suspended:
        status.setdefault("startTime", timestamp(now))
    notices = _conditions(job, ending, status, now)
    if (
        ending
        and job.has(ending.condition)
        and not release
        and not any(uncounted.values())
        and not view.terminating
    ):
        notices.append(_finish(ending, status, now))
    for omitted in ("active", "succeeded", "failed", "completedIndexes"):
        if not status.get(omitted):
            status.pop(omitted, None)
    return status, release, notices


def _account(
    view: View, ending: Ending | None, status: dict[str, Any]
) -> tuple[dict[str, list[str]], list[Pod]]:
    """Count noted pods that lost their finalizer; note pods that ended since."""
    job = view.job
    tracked = {pod.uid for pod in view.pods if pod.tracked}
    uncounted: dict[str, list[str]] = {}
    for kind, noted in view.uncounted.items():
        uncounted[kind] = [uid for uid in noted if uid in tracked]
        if counted := len(noted) - len(uncounted[kind]):
            status[kind] = int(status.get(kind, 0)) + counted

    release: list[Pod] = []
    for pod in view.pods:
        if len(release) == MOST_AT_ONCE:
            break
        if not pod.tracked or not _may_go(view, ending, pod):
            continue
        release.append(pod)
        if pod.succeeded and pod.uid not in uncounted["failed"]:
            if not job.indexed and pod.uid not in uncounted["succeeded"]:
                uncounted["succeeded"].append(pod.uid)
        elif (
            (job.failed(pod) or (ending and ending.failure))
            and pod.uid not in uncounted["failed"]
            and job.in_range(pod)
            and judge(job, pod).counted
        ):
            uncounted["failed"].append(pod.uid)
    return uncounted, release


def _may_go(view: View, ending: Ending | None, pod: Pod) -> bool:
    """Whether the pod's finalizer is no longer needed once the status is written."""
    if view.job.deleted or ending or pod.succeeded:
        return True
    if not view.job.failed(pod):
        return False
    kept = view.replaceable.get(pod.index) if pod.index is not None else None
    return kept is None or kept.uid != pod.uid


def _condition(kind: str, state: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    return {
        "type": kind,
        "status": state,
        "reason": reason,
        "message": message,
        "lastProbeTime": timestamp(now),
        "lastTransitionTime": timestamp(now),
    }


def _conditions(
    job: Job, ending: Ending | None, status: dict[str, Any], now: datetime
) -> list[Notice]:
    """Announce the ending, or keep the Suspended condition true to the spec."""
    if ending:
        if not job.has(ending.condition):
            announced = _condition(ending.condition, "True", ending.reason, ending.message, now)
            status["conditions"] = [*(job.status.get("conditions") or ()), announced]
        return []
    if job.deleted or job.suspended == job.has("Suspended"):
        return []
    others = [c for c in job.status.get("conditions") or () if c["type"] != "Suspended"]
    if job.suspended:
        change = _condition("Suspended", "True", "JobSuspended", "Job suspended", now)
        status.pop("startTime", None)
        notice = Notice("Normal", "Suspended", "Job suspended")
    else:
        change = _condition("Suspended", "False", "JobResumed", "Job resumed", now)
        status["startTime"] = timestamp(now)
        notice = Notice("Normal", "Resumed", "Job resumed")
    status["conditions"] = [*others, change]
    return [notice]


def _finish(ending: Ending, status: dict[str, Any], now: datetime) -> Notice:
    """Turn the announced ending into the final condition."""
    kind = "Failed" if ending.failure else "Complete"
    final = _condition(kind, "True", ending.reason, ending.message, now)
    status["conditions"] = [*status["conditions"], final]
    if ending.failure:
        return Notice("Warning", ending.reason, ending.message)
    status["completionTime"] = timestamp(now)
    return Notice("Normal", "Completed", "Job completed")
