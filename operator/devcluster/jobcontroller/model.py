"""A Job and its pods as the decision needs them, read from their API documents."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
CONTROLLER_NAME = "kubernetes.io/job-controller"


def parse_time(text: str | None) -> datetime | None:
    """Read a Kubernetes time; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of a Job."""

    raw: dict[str, Any]
    name: str
    uid: str
    phase: str
    index: int | None
    """Its completion index; None where it has none that can be read."""
    deleted: bool
    tracked: bool
    """It carries the finalizer, so its end is not counted yet."""
    ready: bool
    failures: int
    """Counted failures of its index before it."""
    ignored: int
    """Failures of its index before it that the policy told to ignore."""
    finished: datetime
    """When it ended, as well as that can be told."""

    @property
    def active(self) -> bool:
        """It may still run, and nobody has asked it to stop."""
        return self.phase not in {"Succeeded", "Failed"} and not self.deleted

    @property
    def terminating(self) -> bool:
        """It has been asked to stop and has not ended."""
        return self.phase not in {"Succeeded", "Failed"} and self.deleted

    @property
    def succeeded(self) -> bool:
        return self.phase == "Succeeded"

    @property
    def removal_rank(self) -> tuple[bool, int, bool, str]:
        """Pods that are least far on come first when some must go."""
        phase = {"Pending": 0, "Running": 2}.get(self.phase, 1)
        assigned = bool(self.raw["spec"].get("nodeName"))
        return (assigned, phase, self.ready, self.name)


def _count(value: str | None) -> int:
    return int(value) if value is not None and value.isdecimal() else 0


def _ready_condition(pod: dict[str, Any]) -> dict[str, Any]:
    for condition in pod.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return dict(condition)
    return {}


def _finished(pod: dict[str, Any]) -> datetime:
    meta, status = pod["metadata"], pod.get("status", {})
    ends = [
        parse_time(container.get("state", {}).get("terminated", {}).get("finishedAt"))
        for container in status.get("containerStatuses") or ()
    ]
    known = [end for end in ends if end is not None]
    if known and len(known) == len(ends):
        return max(known)
    ready = _ready_condition(pod)
    if ready.get("status") == "False" and (moment := parse_time(ready.get("lastTransitionTime"))):
        return moment
    if deletion := parse_time(meta.get("deletionTimestamp")):
        return deletion - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)
    created = parse_time(meta["creationTimestamp"])
    assert created is not None
    return created


def read_pod(raw: dict[str, Any]) -> Pod:
    """A pod from its document."""
    meta = raw["metadata"]
    notes = meta.get("annotations") or {}
    index = notes.get(INDEX, "")
    return Pod(
        raw=raw,
        name=meta["name"],
        uid=meta["uid"],
        phase=raw.get("status", {}).get("phase", "Pending"),
        index=int(index) if index.isdecimal() else None,
        deleted="deletionTimestamp" in meta,
        tracked=FINALIZER in (meta.get("finalizers") or ()),
        ready=_ready_condition(raw).get("status") == "True",
        failures=_count(notes.get(FAILURE_COUNT)),
        ignored=_count(notes.get(IGNORED_COUNT)),
        finished=_finished(raw),
    )


@dataclass(frozen=True, slots=True)
class Job:
    """A Job's spec, with the defaults of the API filled in, and its status as it stands."""

    raw: dict[str, Any]
    spec: dict[str, Any]
    status: dict[str, Any]
    name: str
    uid: str
    indexed: bool
    parallelism: int
    completions: int | None
    backoff_limit: int
    backoff_limit_per_index: int | None
    suspended: bool
    deleted: bool
    replace_only_failed: bool
    """A pod is replaced when it has ended, not already when it is asked to stop."""

    def has(self, condition: str) -> bool:
        """Whether a condition is true."""
        return self.condition(condition).get("status") == "True"

    def condition(self, kind: str) -> dict[str, Any]:
        """A condition, or an empty one."""
        for condition in self.status.get("conditions") or ():
            if condition["type"] == kind:
                return dict(condition)
        return {}

    @property
    def finished(self) -> bool:
        return self.has("Complete") or self.has("Failed")

    @property
    def managed(self) -> bool:
        """Whether this controller, and no other, runs the Job."""
        return bool(self.spec.get("managedBy", CONTROLLER_NAME) == CONTROLLER_NAME)

    def in_range(self, pod: Pod) -> bool:
        """Whether the pod counts for this Job: an Indexed one knows only its own indexes."""
        if not self.indexed:
            return True
        return pod.index is not None and pod.index < (self.completions or 0)

    def failed(self, pod: Pod) -> bool:
        """Whether the pod counts as failed."""
        if pod.phase == "Failed":
            return True
        return not self.replace_only_failed and pod.deleted and not pod.succeeded


def read_job(raw: dict[str, Any]) -> Job:
    """A Job from its document."""
    spec = raw["spec"]
    per_index = spec.get("backoffLimitPerIndex")
    completions = spec.get("completions")
    return Job(
        raw=raw,
        spec=spec,
        status=raw.get("status") or {},
        name=raw["metadata"]["name"],
        uid=raw["metadata"]["uid"],
        indexed=spec.get("completionMode") == "Indexed",
        parallelism=spec.get("parallelism", 1),
        completions=completions,
        backoff_limit=spec.get("backoffLimit", 6 if per_index is None else 2**31 - 1),
        backoff_limit_per_index=per_index,
        suspended=bool(spec.get("suspend")),
        deleted="deletionTimestamp" in raw["metadata"],
        replace_only_failed=spec.get("podReplacementPolicy") == "Failed"
        or spec.get("podFailurePolicy") is not None,
    )
