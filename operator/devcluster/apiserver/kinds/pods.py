"""Pods: defaults, what may change after creation, graceful deletion."""

from collections.abc import Iterator
from typing import Any

import msgspec

from devcluster.apiserver.errors import Cause, forbidden_field
from devcluster.apiserver.kinds.podspec import default_pod_spec, pod_spec_causes
from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object, clone
from devcluster.apiserver.schema.quantity import amount

_IMMUTABLE_DETAIL = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` "
    "(only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)


_STATUS_DEFAULTS: Object = {
    "image": "",
    "imageID": "",
    "lastState": {},
    "ready": False,
    "restartCount": 0,
    "state": {},
}


class PodStrategy(Strategy):
    """Pods."""

    has_status = True
    counts_generations = True
    returns_deleted = True

    def default(self, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        default_pod_spec(spec)
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
            _default_requests(container)
        spec.setdefault("enableServiceLinks", True)
        for condition in (obj.get("status") or {}).get("conditions") or ():
            condition.setdefault("lastProbeTime", None)
            condition.setdefault("lastTransitionTime", None)
        for field in ("containerStatuses", "initContainerStatuses"):
            for status in (obj.get("status") or {}).get(field) or ():
                for name, value in _STATUS_DEFAULTS.items():
                    status.setdefault(name, value)

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}

    def prepare_status_update(self, new: Object, old: Object) -> None:
        # Unlike other kinds, labels and annotations may change through a pod's status.
        self.keep(new, old, "spec")
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences"):
            self.keep(new["metadata"], old["metadata"], field)
        status = new.get("status")
        if status is not None and "qosClass" in (old.get("status") or {}):
            status.setdefault("qosClass", old["status"]["qosClass"])

    def validate(self, obj: Object) -> Iterator[Cause]:
        yield from pod_spec_causes(obj["spec"], "spec")

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        if _frozen(new["spec"], old["spec"]) != _frozen(old["spec"], old["spec"]):
            yield forbidden_field("spec", _IMMUTABLE_DETAIL)

    def grace_period(self, obj: Object, requested: int | None) -> int:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        # Nobody runs it yet, or any more: there is no process to wait for.
        if not spec.get("nodeName") or status.get("phase") in {"Failed", "Succeeded"}:
            return 0
        if requested is not None:
            return max(requested, 0)
        period = spec.get("terminationGracePeriodSeconds")
        return 30 if period is None else int(period)


def _default_requests(container: Object) -> None:
    """Requests follow limits, in pods only, not in templates."""
    for name, value in (container["resources"].get("limits") or {}).items():
        container["resources"].setdefault("requests", {}).setdefault(name, value)


def _frozen(spec: Object, old: Object) -> bytes:
    """The part of a pod's spec that may not change."""
    fixed = clone(spec)
    for field in ("activeDeadlineSeconds", "schedulingGates"):
        fixed.pop(field, None)
    for field in ("containers", "initContainers"):
        for container in fixed.get(field) or ():
            container.pop("image", None)
    known = old.get("tolerations") or []
    fixed["tolerations"] = [item for item in spec.get("tolerations") or [] if item in known]
    return msgspec.json.encode(fixed, order="sorted")


def qos_class(spec: Any) -> str:
    """Guaranteed, Burstable or BestEffort, from requests and limits."""
    guaranteed, any_set = True, False
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            any_set = any_set or name in requests or name in limits
            same = name in limits and amount(requests.get(name, limits[name])) == amount(
                limits[name]
            )
            guaranteed = guaranteed and same
    if guaranteed and any_set:
        return "Guaranteed"
    return "Burstable" if any_set else "BestEffort"
