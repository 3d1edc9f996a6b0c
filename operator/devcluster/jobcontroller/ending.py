"""Whether a Job is to end, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from devcluster.jobcontroller.model import Job, parse_time
from devcluster.jobcontroller.policy import early_success, judge
from devcluster.jobcontroller.view import View


@dataclass(frozen=True, slots=True)
class Ending:
    """Towards which end the Job is going: the interim condition, and why."""

    condition: str
    reason: str
    message: str

    @property
    def failure(self) -> bool:
        return self.condition == "FailureTarget"


def ending_of(view: View, now: datetime) -> Ending | None:
    """Whether the Job is to end, by what was announced before or by what holds now."""
    job = view.job
    for kind in ("SuccessCriteriaMet", "FailureTarget"):
        if job.has(kind):
            known = job.condition(kind)
            return Ending(kind, known.get("reason", ""), known.get("message", ""))
    for pod in view.pods:
        if job.failed(pod) and (why := judge(job, pod).fail_job):
            return Ending("FailureTarget", "PodFailurePolicy", why)
    if view.failed > job.backoff_limit or _restarts_exceeded(view):
        return Ending(
            "FailureTarget",
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        )
    if any(wait <= timedelta(0) for wait in deadline(job, now)):
        return Ending(
            "FailureTarget",
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
        )
    if failed := len(view.failed_indexes):
        most = job.spec.get("maxFailedIndexes")
        if most is not None and failed > most:
            return Ending(
                "FailureTarget",
                "MaxFailedIndexesExceeded",
                "Job has exceeded the specified maximal number of failed indexes",
            )
        if failed + len(view.succeeded_indexes) >= (job.completions or 0):
            return Ending("FailureTarget", "FailedIndexes", "Job has failed indexes")
    if why := early_success(job, view.succeeded_indexes if job.indexed else frozenset()):
        return Ending("SuccessCriteriaMet", "SuccessPolicy", why)
    wanted = 1 if job.completions is None else job.completions
    if view.succeeded >= wanted and not view.active:
        return Ending(
            "SuccessCriteriaMet",
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        )
    return None


def _restarts_exceeded(view: View) -> bool:
    """Containers that restart inside their pods count towards the limit as well."""
    if view.job.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts: int = sum(
        container.get("restartCount", 0)
        for pod in view.pods
        if pod.phase in {"Running", "Pending"}
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in pod.raw.get("status", {}).get(kind) or ()
    )
    return restarts >= max(view.job.backoff_limit, 1)


def deadline(job: Job, now: datetime) -> list[timedelta]:
    """How long the Job may still be active; nothing where it has no deadline."""
    seconds = job.spec.get("activeDeadlineSeconds")
    started = parse_time(job.status.get("startTime"))
    if seconds is None or job.suspended:
        return []
    return [(started or now) + timedelta(seconds=seconds) - now]
