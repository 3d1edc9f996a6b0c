"""Slim copies of the objects that the controller watches: what decisions need, no more.

Five thousand resources with their Jobs and pods have to fit into memory, so whole documents
are not kept.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from synclog.api import names
from synclog.api.run import RunIdentity
from synclog.api.spec import SyncLogExportSpec
from synclog.api.status import SyncLogExportStatus
from synclog.windows import Instant, Window, parse_time, pieces

Document = dict[str, Any]

EXPORTER = "exporter"
"""Name of the container that exports."""


_MOST_WINDOWS = 10_000
"""Windows that one Job may have; an annotation that says more was not written by us."""


@dataclass(frozen=True, slots=True)
class Export:
    """A SyncLogExport."""

    namespace: str
    name: str
    uid: str
    version: str
    generation: int
    created: Instant
    deleting: bool
    spec: SyncLogExportSpec | None
    """None where the spec cannot be understood; then `problem` says why."""
    problem: str
    status: SyncLogExportStatus
    stray_status: Document | None = None
    """The status as it is stored, where it cannot be understood: a write has to replace it."""

    @property
    def parent(self) -> str:
        """Nothing owns a SyncLogExport as far as the operator cares."""
        return ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a Job that holds."""

    reason: str
    message: str
    since: Instant


@dataclass(frozen=True, slots=True)
class Job:
    """A Job of an export."""

    namespace: str
    name: str
    uid: str
    version: str
    parent: str
    """uid of the SyncLogExport that controls it."""
    created: Instant
    deleting: bool
    identity: RunIdentity | None
    """What the run is; None where the annotation is missing or not understood."""
    span: Window | None = None
    """The range of the run, as `identity` has it."""
    suspended: bool = False
    started: Instant | None = None
    deadline: int | None = None
    """activeDeadlineSeconds."""
    finished: Instant | None = None
    ended_pods: int = 0
    """Pods that the Job has counted as succeeded or failed."""
    conditions: dict[str, Condition] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ending:
    """How the exporter's container ended."""

    exit_code: int
    reason: str
    message: str
    """The termination message."""
    finished: Instant


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container does not start."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of a Job."""

    namespace: str
    name: str
    uid: str
    version: str
    parent: str
    """uid of the Job that controls it."""
    export_uid: str
    index: int | None
    created: Instant
    deleting: bool
    phase: str
    reason: str = ""
    """Why the pod as a whole failed: Evicted, DeadlineExceeded, …"""
    message: str = ""
    node: str = ""
    unschedulable: str = ""
    """What the scheduler says while it finds no node."""
    waiting: Waiting | None = None
    ending: Ending | None = None


def export_of(body: Document) -> Export:
    """The slim copy of a SyncLogExport. What cannot be understood is kept as its problem."""
    metadata = body["metadata"]
    spec, problem = None, ""
    try:
        spec = msgspec.convert(body.get("spec"), SyncLogExportSpec)
    except msgspec.ValidationError as error:
        problem = f"spec: {_at_field(error)}"
    stored = body.get("status") or {}
    stray = None
    try:
        status = msgspec.convert(stored, SyncLogExportStatus)
    except msgspec.ValidationError:
        status, stray = SyncLogExportStatus(), stored
    return Export(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        generation=metadata.get("generation", 1),
        created=parse_time(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        spec=spec,
        problem=problem,
        status=status,
        stray_status=stray,
    )


def job_of(body: Document) -> Job:
    """The slim copy of a Job."""
    metadata, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    conditions = {
        condition["type"]: Condition(
            condition.get("reason", ""),
            condition.get("message", ""),
            _time(condition.get("lastTransitionTime")) or 0,
        )
        for condition in status.get("conditions") or ()
        if condition.get("status") == "True"
    }
    ended = conditions.get("Complete") or conditions.get("Failed")
    identity, span = identity_of(metadata)
    return Job(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        parent=controller_uid(metadata),
        created=parse_time(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        identity=identity,
        span=span,
        suspended=bool(spec.get("suspend")),
        started=_time(status.get("startTime")),
        deadline=spec.get("activeDeadlineSeconds"),
        finished=_time(status.get("completionTime")) or (ended.since if ended else None),
        ended_pods=int(status.get("succeeded") or 0) + int(status.get("failed") or 0),
        conditions=conditions,
    )


def pod_of(body: Document) -> Pod:
    """The slim copy of a pod."""
    metadata, status = body["metadata"], body.get("status") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    index = annotations.get("batch.kubernetes.io/job-completion-index", "")
    container: Document = next(
        (state for state in status.get("containerStatuses") or () if state.get("name") == EXPORTER),
        {},
    )
    state = container.get("state") or {}
    waiting, ended = state.get("waiting"), state.get("terminated")
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        version=metadata["resourceVersion"],
        parent=controller_uid(metadata),
        export_uid=labels.get(names.LABEL_EXPORT_UID, ""),
        index=int(index) if index.isdecimal() else None,
        created=parse_time(metadata["creationTimestamp"]),
        deleting="deletionTimestamp" in metadata,
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        node=(body.get("spec") or {}).get("nodeName", ""),
        unschedulable=_unschedulable(status),
        waiting=Waiting(waiting.get("reason", ""), waiting.get("message", "")) if waiting else None,
        ending=_ending(ended) if ended else None,
    )


def controller_uid(metadata: Document) -> str:
    """The uid of the owner that controls an object, or nothing."""
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner["uid"])
    return ""


def identity_of(metadata: Document) -> tuple[RunIdentity | None, Window | None]:
    """What a Job says of itself, and its range; nothing where it does not say it in our words."""
    text = (metadata.get("annotations") or {}).get(names.ANNOTATION_RUN)
    try:
        identity = msgspec.json.decode(text or "", type=RunIdentity)
        if identity.scheduled:
            parse_time(identity.scheduled)
        if identity.span is None:
            return identity, None
        span = Window(parse_time(identity.span.start), parse_time(identity.span.end))
        if identity.span.step_ms <= 0 or pieces(span, identity.span.step_ms) > _MOST_WINDOWS:
            return None, None
        return identity, span  # noqa: TRY300 - one shape of answer for one shape of text
    except (msgspec.DecodeError, ValueError):  # somebody edited it
        return None, None


def _ending(terminated: Document) -> Ending:
    return Ending(
        exit_code=terminated.get("exitCode", 0),
        reason=terminated.get("reason", ""),
        message=terminated.get("message", ""),
        finished=_time(terminated.get("finishedAt")) or 0,
    )


def _unschedulable(status: Document) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "not scheduled")
    return ""


def _time(text: str | None) -> Instant | None:
    return parse_time(text) if text else None


def _at_field(error: msgspec.ValidationError) -> str:
    """The library's message with a path as people write it: ``source.auth``, not ``$.source``."""
    return re.sub(r" - at `\$\.?([^`]*)`", r" at \1", str(error))
