"""Whether a pod fits the node, in the scheduler's words. Pure."""

from collections.abc import Mapping
from typing import Any

_ONE_NODE = "0/1 nodes are available: "
_NO_PREEMPTION = " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


def unfit(pod: dict[str, Any], node: dict[str, Any]) -> str:
    """Why the pod cannot go to the node; empty where it can."""
    spec, labels = pod["spec"], node["metadata"].get("labels") or {}
    if node.get("spec", {}).get("unschedulable") and not _tolerates_cordon(spec):
        return f"{_ONE_NODE}1 node(s) were unschedulable.{_NO_PREEMPTION}"
    wanted = spec.get("nodeSelector") or {}
    matches = all(labels.get(key) == value for key, value in wanted.items())
    if not matches or not _affine(spec, labels, node["metadata"]["name"]):
        return f"{_ONE_NODE}1 node(s) didn't match Pod's node affinity/selector.{_NO_PREEMPTION}"
    return ""


def unbound(claims: Mapping[str, dict[str, Any] | None]) -> str:
    """Why the pod's claims keep it from every node; empty where they do not.

    Args:
        claims: By name: the claim, or None where there is none.
    """
    for name, claim in claims.items():
        if claim is None:
            return f'{_ONE_NODE}persistentvolumeclaim "{name}" not found.{_NO_PREEMPTION}'
        if claim["metadata"].get("deletionTimestamp"):
            return f'{_ONE_NODE}persistentvolumeclaim "{name}" is being deleted.{_NO_PREEMPTION}'
    if any(
        claim is not None and claim.get("status", {}).get("phase") != "Bound"
        for claim in claims.values()
    ):
        return f"{_ONE_NODE}pod has unbound immediate PersistentVolumeClaims.{_NO_PREEMPTION}"
    return ""


def claims_of(pod: dict[str, Any]) -> list[str]:
    """The names of the claims that the pod mounts."""
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    ]


def _tolerates_cordon(spec: dict[str, Any]) -> bool:
    for toleration in spec.get("tolerations") or ():
        key = toleration.get("key")
        if toleration.get("effect") in {None, "", "NoSchedule"} and (
            (not key and toleration.get("operator") == "Exists")
            or key == "node.kubernetes.io/unschedulable"
        ):
            return True
    return False


def _affine(spec: dict[str, Any], labels: Mapping[str, str], name: str) -> bool:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    fields = {"metadata.name": name}
    return any(
        all(_holds(labels, rule) for rule in term.get("matchExpressions") or ())
        and all(_holds(fields, rule) for rule in term.get("matchFields") or ())
        for term in required["nodeSelectorTerms"]
        if term
    )


def _holds(labels: Mapping[str, str], rule: dict[str, Any]) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values") or []
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
    return False
