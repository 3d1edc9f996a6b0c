"""The status of a pod, from what is known of its containers. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from devcluster.recorder import timestamp

ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A container that does not run yet, or not yet again."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Terminated:
    """A container that ended."""

    code: int
    reason: str
    message: str
    since: datetime | None
    until: datetime | None


State = Waiting | Running | Terminated


@dataclass(slots=True)
class Record:
    """What is known of one container."""

    name: str
    image: str
    state: State
    last: Terminated | None = None
    """How it ended the time before."""
    restarts: int = 0
    id: str = ""

    @property
    def succeeded(self) -> bool:
        return isinstance(self.state, Terminated) and self.state.code == 0

    @property
    def failed(self) -> bool:
        return isinstance(self.state, Terminated) and self.state.code != 0

    @property
    def running(self) -> bool:
        return isinstance(self.state, Running)


@dataclass(slots=True)
class Records:
    """What is known of the containers of a pod."""

    init: list[Record]
    main: list[Record]
    volumes_ready: bool = False
    started: datetime | None = None
    """When the node took the pod on."""
    halted: bool = False
    """Nothing will run any more, whatever the restart policy says."""
    verdict: tuple[str, str] | None = field(default=None)
    """Reason and message where the node itself failed the pod."""

    @property
    def all(self) -> list[Record]:
        return [*self.init, *self.main]


def phase_of(records: Records, restart_policy: str) -> str:
    """The phase of a pod."""
    if any(record.running for record in records.main):
        return "Running"
    if any(record.running for record in records.init):
        return "Pending"
    if records.verdict:
        return "Failed"
    if records.halted:
        return "Succeeded" if all(record.succeeded for record in records.main) else "Failed"
    if restart_policy == "Never" and any(record.failed for record in records.init):
        return "Failed"
    if not all(record.succeeded for record in records.init):
        return "Pending"
    ended = [record for record in records.main if isinstance(record.state, Terminated)]
    if len(ended) < len(records.main):
        # A container that waits to run again belongs to a pod that runs.
        fresh = any(
            isinstance(record.state, Waiting) and record.last is None for record in records.main
        )
        return "Pending" if fresh else "Running"
    if restart_policy == "Always":
        return "Running"
    if all(record.succeeded for record in ended):
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def pod_status(pod: dict[str, Any], records: Records, now: datetime) -> dict[str, Any]:
    """The status to write; ``pod`` is the newest known state of the object."""
    phase = phase_of(records, pod["spec"].get("restartPolicy", "Always"))
    status: dict[str, Any] = {
        "phase": phase,
        "hostIP": ADDRESS,
        "hostIPs": [{"ip": ADDRESS}],
        "podIP": ADDRESS,
        "podIPs": [{"ip": ADDRESS}],
        "conditions": _conditions(pod, records, phase, now),
        "containerStatuses": [_container(record, ready=record.running) for record in records.main],
    }
    if records.started:
        status["startTime"] = timestamp(records.started)
    if records.init:
        status["initContainerStatuses"] = [
            _container(record, ready=record.succeeded) for record in records.init
        ]
    if records.verdict and phase == "Failed":
        status["reason"], status["message"] = records.verdict
    return status


def _conditions(
    pod: dict[str, Any], records: Records, phase: str, now: datetime
) -> list[dict[str, Any]]:
    uninitialized = [record.name for record in records.init if not record.succeeded]
    unready = [record.name for record in records.main if not record.running]
    over = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")

    def unready_now() -> tuple[bool, str, str]:
        if over:
            return (False, over, "")
        text = f"containers with unready status: [{' '.join(unready)}]"
        return (not unready, "ContainersNotReady" if unready else "", text if unready else "")

    initialized: tuple[bool, str, str] = (True, "PodCompleted" if phase == "Succeeded" else "", "")
    if uninitialized:
        text = f"containers with incomplete status: [{' '.join(uninitialized)}]"
        initialized = (False, "ContainersNotInitialized", text)
    wanted = {
        "PodReadyToStartContainers": (records.volumes_ready and not over, "", ""),
        "Initialized": initialized,
        "Ready": unready_now(),
        "ContainersReady": unready_now(),
        "PodScheduled": (True, "", ""),
    }
    known = {
        condition["type"]: condition for condition in pod.get("status", {}).get("conditions") or ()
    }
    return [
        _condition(kind, holds, reason, message, known.get(kind, {}), now)
        for kind, (holds, reason, message) in wanted.items()
    ]


def _condition(
    kind: str, holds: bool, reason: str, message: str, known: dict[str, Any], now: datetime
) -> dict[str, Any]:
    status = "True" if holds else "False"
    unchanged = known.get("status") == status and known.get("lastTransitionTime")
    return {
        "type": kind,
        "status": status,
        # A strategic merge keeps what is not named, so an old reason is removed by name.
        "reason": reason or None,
        "message": message or None,
        "lastProbeTime": None,
        "lastTransitionTime": known["lastTransitionTime"] if unchanged else timestamp(now),
    }


def _container(record: Record, *, ready: bool) -> dict[str, Any]:
    status = {
        "name": record.name,
        "image": record.image,
        "imageID": f"{record.image}@local" if record.id else "",
        "ready": ready,
        "started": record.running,
        "restartCount": record.restarts,
        "state": _state(record.state, record.id),
        "lastState": _state(record.last, record.id) if record.last else {},
    }
    if record.id:
        status["containerID"] = record.id
    return status


def _state(state: State, container_id: str) -> dict[str, Any]:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        case Running(since):
            return {"running": {"startedAt": timestamp(since)}}
        case Terminated(code, reason, message, since, until):
            ended: dict[str, Any] = {"exitCode": code, "reason": reason}
            if message:
                ended["message"] = message
            for name, moment in (("startedAt", since), ("finishedAt", until)):
                if moment is not None:
                    ended[name] = timestamp(moment)
            if container_id:
                ended["containerID"] = container_id
            return {"terminated": ended}


def settle_unstarted(records: Records) -> None:
    """Mark main containers that a finished pod never saw run, the way kubelet does."""
    if not all(record.succeeded for record in records.init):
        return
    for record in records.main:
        if isinstance(record.state, Waiting):
            record.state = Terminated(
                137,
                "ContainerStatusUnknown",
                "The container could not be located when the pod was terminated",
                None,
                None,
            )
