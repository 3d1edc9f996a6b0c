"""The columns that ``kubectl get`` prints for built-in kinds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from devcluster.apiserver.kinds.resource import Column
from devcluster.apiserver.objects import Object


def age(timestamp: str | None) -> str:
    """How long ago, as kubectl writes it: ``5s``, ``3m4s``, ``2h``, ``4d``."""
    if not timestamp:
        return "<unknown>"
    then = datetime.fromisoformat(timestamp)
    return duration((datetime.now(UTC) - then).total_seconds())


def duration(length: float) -> str:
    """A length of time in seconds as kubectl writes it, two units at most."""
    seconds = int(length)
    if seconds < -1:
        return "<invalid>"
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 365 * 2:
        return f"{days}d"
    years = days // 365
    if years < 8:
        return f"{years}y{days % 365}d" if days % 365 else f"{years}y"
    return f"{years}y"


def _dig(obj: Any, *path: str) -> Any:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return obj


def _age(obj: Object) -> str:
    return age(_dig(obj, "metadata", "creationTimestamp"))


AGE = Column(name="Age", value=_age)


def _at(*path: str) -> Any:
    return lambda obj: _dig(obj, *path) if _dig(obj, *path) is not None else "<none>"


def _condition(obj: Object, kind: str) -> bool:
    conditions = _dig(obj, "status", "conditions") or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def _pod_ready(obj: Object) -> str:
    statuses = _dig(obj, "status", "containerStatuses") or ()
    total = len(_dig(obj, "spec", "containers") or ())
    return f"{sum(bool(s.get('ready')) for s in statuses)}/{total}"


def _pod_status(obj: Object) -> str:
    reason = _dig(obj, "status", "reason") or _dig(obj, "status", "phase") or "Unknown"
    for status in reversed(_dig(obj, "status", "containerStatuses") or ()):
        state = status.get("state") or {}
        if waiting := _dig(state, "waiting", "reason"):
            reason = waiting
        elif terminated := state.get("terminated"):
            reason = terminated.get("reason") or f"ExitCode:{terminated.get('exitCode')}"
    return "Terminating" if _dig(obj, "metadata", "deletionTimestamp") else str(reason)


def _pod_restarts(obj: Object) -> str:
    return str(
        sum(s.get("restartCount", 0) for s in _dig(obj, "status", "containerStatuses") or ())
    )


def _job_status(obj: Object) -> str:
    for kind, shown in (
        ("Complete", "Complete"),
        ("Failed", "Failed"),
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if _condition(obj, kind):
            return shown
    return "Terminating" if _dig(obj, "metadata", "deletionTimestamp") else "Running"


def _job_completions(obj: Object) -> str:
    succeeded = _dig(obj, "status", "succeeded") or 0
    wanted = _dig(obj, "spec", "completions")
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallelism = _dig(obj, "spec", "parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(obj: Object) -> str:
    start, end = _dig(obj, "status", "startTime"), _dig(obj, "status", "completionTime")
    if not start:
        return ""
    if not end:
        return age(start)
    first, last = (datetime.fromisoformat(t) for t in (start, end))
    return duration((last - first).total_seconds())


def _containers(obj: Object) -> list[Object]:
    return _dig(obj, "spec", "template", "spec", "containers") or []


def _wide_containers() -> Iterator[Column]:
    yield Column(
        name="Containers",
        value=lambda obj: ",".join(c.get("name", "") for c in _containers(obj)),
        priority=1,
    )
    yield Column(
        name="Images",
        value=lambda obj: ",".join(c.get("image", "") for c in _containers(obj)),
        priority=1,
    )


def _selector(*path: str) -> Any:
    def shown(obj: Object) -> str:
        labels = _dig(obj, *path) or {}
        return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"

    return shown


def _node_status(obj: Object) -> str:
    shown = "Ready" if _condition(obj, "Ready") else "NotReady"
    return shown + (",SchedulingDisabled" if _dig(obj, "spec", "unschedulable") else "")


def _node_roles(obj: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = _dig(obj, "metadata", "labels") or {}
    roles = sorted(k.removeprefix(prefix) for k in labels if k.startswith(prefix))
    return ",".join(roles) or "<none>"


_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(*path: str) -> Any:
    return lambda obj: ",".join(_MODES.get(mode, mode) for mode in _dig(obj, *path) or ())


def _event_age(obj: Object) -> str:
    return age(
        _dig(obj, "series", "lastObservedTime")
        or obj.get("lastTimestamp")
        or obj.get("eventTime")
        or _dig(obj, "metadata", "creationTimestamp")
    )


def _event_object(obj: Object) -> str:
    about = obj.get("involvedObject") or {}
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _event_source(obj: Object) -> str:
    source = obj.get("source") or {}
    names = (source.get("component") or obj.get("reportingComponent"), source.get("host"))
    return ", ".join(name for name in names if name)


def _ports(obj: Object) -> str:
    ports = _dig(obj, "spec", "ports") or ()
    return ",".join(f"{p.get('port')}/{p.get('protocol', 'TCP')}" for p in ports) or "<none>"


NAMESPACES = (Column(name="Status", value=_at("status", "phase")), AGE)
PODS = (
    Column(name="Ready", value=_pod_ready),
    Column(name="Status", value=_pod_status),
    Column(name="Restarts", value=_pod_restarts),
    AGE,
    Column(name="IP", value=_at("status", "podIP"), priority=1),
    Column(name="Node", value=_at("spec", "nodeName"), priority=1),
    Column(name="Nominated Node", value=_at("status", "nominatedNodeName"), priority=1),
    Column(name="Readiness Gates", value=lambda _: "<none>", priority=1),
)
SECRETS = (
    Column(name="Type", value=_at("type")),
    Column(name="Data", value=lambda obj: len(obj.get("data") or {}), type="integer"),
    AGE,
)
CONFIG_MAPS = (
    Column(
        name="Data",
        value=lambda obj: len(obj.get("data") or {}) + len(obj.get("binaryData") or {}),
        type="integer",
    ),
    AGE,
)
SERVICE_ACCOUNTS = (AGE,)
EVENTS = (
    Column(name="Last Seen", value=_event_age),
    Column(name="Type", value=_at("type")),
    Column(name="Reason", value=_at("reason")),
    Column(name="Object", value=_event_object),
    Column(name="Subobject", value=_at("involvedObject", "fieldPath"), priority=1),
    Column(name="Source", value=_event_source, priority=1),
    Column(name="Message", value=lambda obj: (obj.get("message") or "").strip()),
    Column(name="First Seen", value=lambda obj: age(obj.get("firstTimestamp")), priority=1),
    Column(name="Count", value=lambda obj: obj.get("count") or 1, type="integer", priority=1),
)
CLAIMS = (
    Column(
        name="Status",
        value=lambda obj: (
            "Terminating"
            if _dig(obj, "metadata", "deletionTimestamp")
            else _dig(obj, "status", "phase") or ""
        ),
    ),
    Column(name="Volume", value=lambda obj: _dig(obj, "spec", "volumeName") or ""),
    Column(name="Capacity", value=lambda obj: _dig(obj, "status", "capacity", "storage") or ""),
    Column(name="Access Modes", value=_modes("status", "accessModes")),
    Column(name="StorageClass", value=lambda obj: _dig(obj, "spec", "storageClassName") or ""),
    Column(name="VolumeAttributesClass", value=lambda _: "<unset>"),
    AGE,
    Column(name="VolumeMode", value=_at("spec", "volumeMode"), priority=1),
)
VOLUMES = (
    Column(name="Capacity", value=lambda obj: _dig(obj, "spec", "capacity", "storage") or ""),
    Column(name="Access Modes", value=_modes("spec", "accessModes")),
    Column(name="Reclaim Policy", value=_at("spec", "persistentVolumeReclaimPolicy")),
    Column(name="Status", value=_at("status", "phase")),
    Column(
        name="Claim",
        value=lambda obj: "/".join(
            filter(
                None,
                (
                    _dig(obj, "spec", "claimRef", "namespace"),
                    _dig(obj, "spec", "claimRef", "name"),
                ),
            )
        ),
    ),
    Column(name="StorageClass", value=lambda obj: _dig(obj, "spec", "storageClassName") or ""),
    AGE,
)
NODES = (
    Column(name="Status", value=_node_status),
    Column(name="Roles", value=_node_roles),
    AGE,
    Column(name="Version", value=_at("status", "nodeInfo", "kubeletVersion")),
)
SERVICES = (
    Column(name="Type", value=_at("spec", "type")),
    Column(name="Cluster-IP", value=_at("spec", "clusterIP")),
    Column(name="External-IP", value=lambda _: "<none>"),
    Column(name="Port(s)", value=_ports),
    AGE,
    Column(name="Selector", value=_selector("spec", "selector"), priority=1),
)
JOBS = (
    Column(name="Status", value=_job_status),
    Column(name="Completions", value=_job_completions),
    Column(name="Duration", value=_job_duration),
    AGE,
    *_wide_containers(),
    Column(name="Selector", value=_selector("spec", "selector", "matchLabels"), priority=1),
)
CRON_JOBS = (
    Column(name="Schedule", value=_at("spec", "schedule")),
    Column(name="Timezone", value=_at("spec", "timeZone")),
    Column(name="Suspend", value=lambda obj: str(bool(_dig(obj, "spec", "suspend")))),
    Column(
        name="Active", value=lambda obj: len(_dig(obj, "status", "active") or ()), type="integer"
    ),
    Column(name="Last Schedule", value=_at("status", "lastScheduleTime")),
    AGE,
)
DEPLOYMENTS = (
    Column(
        name="Ready",
        value=lambda obj: (
            f"{_dig(obj, 'status', 'readyReplicas') or 0}/{_dig(obj, 'spec', 'replicas') or 0}"
        ),
    ),
    Column(
        name="Up-to-date",
        value=lambda obj: _dig(obj, "status", "updatedReplicas") or 0,
        type="integer",
    ),
    Column(
        name="Available",
        value=lambda obj: _dig(obj, "status", "availableReplicas") or 0,
        type="integer",
    ),
    AGE,
    *_wide_containers(),
    Column(name="Selector", value=_selector("spec", "selector", "matchLabels"), priority=1),
)
LEASES = (Column(name="Holder", value=lambda obj: _dig(obj, "spec", "holderIdentity") or ""), AGE)
DEFINITIONS = (Column(name="Created At", value=_at("metadata", "creationTimestamp")),)
ROLES = (Column(name="Created At", value=_at("metadata", "creationTimestamp")),)
BINDINGS = (
    Column(
        name="Role",
        value=lambda obj: f"{_dig(obj, 'roleRef', 'kind')}/{_dig(obj, 'roleRef', 'name')}",
    ),
    AGE,
)
