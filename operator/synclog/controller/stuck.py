"""Why a run does not start: read from its Job, its pods and their events.

Kubernetes says it in five places: a condition of the pod (no node), the state of its container
(image, configuration), events of the pod (volumes, Secrets), events of the Job (quota,
admission), or nowhere.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from synclog.controller.objects import Job, Pod
from synclog.planning.model import Stuck
from synclog.windows import SECOND, Instant, Span

GRACE: Span = 20 * SECOND
"""A pod needs a moment to start; what is younger is not called stuck."""
_LONGEST_PAUSE: Span = 120 * SECOND

_IMAGE = {
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
}
_CONTAINER = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
QUOTA = re.compile(
    r"exceeded quota|status unknown for quota|must specify (limits|requests|cpu|memory)"
)
"""What the API server says of an object for which a ResourceQuota has no room."""
_OBJECTS = (
    (re.compile(r'secrets? "[^"]*" not found', re.IGNORECASE), "MissingSecret"),
    (re.compile(r"non-existent secret key|find key .* in Secret"), "MissingSecretKey"),
    (re.compile(r'configmaps? "[^"]*" not found', re.IGNORECASE), "MissingConfigMap"),
    (re.compile(r"non-existent config key|find key .* in ConfigMap"), "MissingConfigMapKey"),
    (re.compile(r'persistentvolumeclaim "[^"]*" not found'), "MissingVolume"),
    (re.compile(r"unbound (immediate )?PersistentVolumeClaim"), "UnboundVolume"),
    (QUOTA, "Quota"),
    (re.compile(r'serviceaccount "[^"]*" not found', re.IGNORECASE), "MissingServiceAccount"),
    (re.compile(r"PodSecurity|admission|denied"), "Admission"),
)


@dataclass(frozen=True, slots=True)
class Warned:
    """A Warning event of a Job or a pod."""

    uid: str
    """uid of the object that it is about."""
    reason: str
    message: str
    at: Instant


def not_started(job: Job, pods: Iterable[Pod]) -> bool:
    """Whether the Job is under way and none of its pods is at work or being replaced."""
    if job.deleting or job.conditions.keys() & {"Complete", "Failed", "FailureTarget"}:
        return False
    return not any(pod.phase == "Running" for pod in pods)


def needs_events(job: Job, pods: Iterable[Pod], now: Instant) -> bool:
    """Whether only events can tell why a run does not start: nothing else says it."""
    pods = list(pods)
    return (
        not_started(job, pods)
        and now - waiting_since(job, pods) >= GRACE
        and not _suspended(job)
        and not _of_pods(_pending(pods))
    )


def look_again_at(job: Job, pods: Iterable[Pod], now: Instant) -> Instant:
    """When to look again at a run that has not started.

    A reason is to be known within a minute, so soon at first; later less and less often: a
    thousand pods that wait for a full cluster must not cost a thousand lists every few seconds.
    """
    waited = now - waiting_since(job, pods)
    return now + min(max(GRACE, waited), _LONGEST_PAUSE)


def waiting_since(job: Job, pods: Iterable[Pod]) -> Instant:
    """Since when nothing of the run is at work: the Job's start, or the last pod's end."""
    ends = [pod.ending.finished for pod in pods if pod.ending is not None]
    return max([job.created, *ends])


def stuck(job: Job, pods: Iterable[Pod], warned: Iterable[Warned], now: Instant) -> Stuck | None:
    """Why a run that has not started does not, or None where it is too early to tell.

    A Job between two tries of a window waits on purpose: while a pod of it has failed and no
    event tells of trouble, that is no reason.
    """
    pods = list(pods)
    since = waiting_since(job, pods)
    if not not_started(job, pods) or now - since < GRACE:
        return None
    pending = _pending(pods)
    news = sorted((event for event in warned if event.at >= since), key=lambda event: -event.at)
    found = (
        _suspended(job)
        or _of_pods(pending)
        or _of_events(news, {pod.uid for pod in pending} or {job.uid})
        or _unexplained(job, pods, pending)
    )
    return Stuck(found[0], found[1][:1024], since) if found else None


def _pending(pods: list[Pod]) -> list[Pod]:
    return [pod for pod in pods if pod.phase == "Pending" and not pod.deleting]


def _suspended(job: Job) -> tuple[str, str] | None:
    if not job.suspended:
        return None
    return "JobSuspended", f"Job {job.name} is suspended; whoever suspended it has to resume it"


def _of_pods(pending: list[Pod]) -> tuple[str, str] | None:
    for pod in pending:
        if pod.unschedulable:
            return _classified(pod.unschedulable) or "Unschedulable", pod.unschedulable
        if pod.waiting and pod.waiting.reason in _IMAGE:
            return "ImagePull", f"{pod.waiting.reason}: {pod.waiting.message}"
        if pod.waiting and pod.waiting.reason in _CONTAINER:
            text = f"{pod.waiting.reason}: {pod.waiting.message}"
            return _classified(text) or "ContainerStart", text
    return None


def _of_events(news: list[Warned], about: set[str]) -> tuple[str, str] | None:
    for event in news:
        if event.uid not in about:
            continue
        reason = _classified(event.message)
        if event.reason == "FailedCreate":
            return reason or "PodRefused", event.message
        if event.reason.startswith("Failed"):
            return reason or event.reason, event.message
    return None


def _unexplained(job: Job, pods: list[Pod], pending: list[Pod]) -> tuple[str, str] | None:
    if pending:
        where = f"on node {pending[0].node}" if pending[0].node else "for a node"
        return "PodPending", f"pod {pending[0].name} waits {where}, and nothing tells why"
    if pods:
        return None
    return "NoPod", f"Job {job.name} has no pod, and nothing tells why"


def _classified(text: str) -> str | None:
    return next((reason for pattern, reason in _OBJECTS if pattern.search(text)), None)
