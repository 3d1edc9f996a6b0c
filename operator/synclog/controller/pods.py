"""The user's podTemplate over the operator's pod: everything may be added, some may not change."""

from typing import Any

from synclog.api import names
from synclog.api.spec import PodTemplate, SyncLogExportSpec

Document = dict[str, Any]

_OWN_DOMAINS = (names.GROUP, "batch.kubernetes.io")
_OWN_VARIABLES = ("SYNCLOG_", "JOB_COMPLETION_INDEX", "TMPDIR")


def overlay(template: Document, spec: SyncLogExportSpec) -> Document:
    """Put a resource's podTemplate over the template that the operator made.

    Labels and variables of the operator win over the user's; `problem_of` refuses the attempt
    before it comes to that.
    """
    user = spec.pod_template
    if user is None:
        return template
    metadata, pod = dict(template["metadata"]), dict(template["spec"])
    (container,) = pod["containers"]
    metadata["labels"] = {**(user.labels or {}), **metadata["labels"]}
    if user.annotations:
        metadata["annotations"] = dict(user.annotations)
    if user.resources is not None:
        container = container | {"resources": user.resources}
    if user.env:
        container = container | {"env": [*user.env, *container["env"]]}
    pod["containers"] = [container]
    if user.security_context is not None:
        pod["securityContext"] = _replaced(pod["securityContext"], user.security_context)
    if user.affinity is not None:
        pod["affinity"] = _joined(user.affinity, pod.get("affinity", {}))
    plain = {
        "nodeSelector": user.node_selector,
        "tolerations": user.tolerations,
        "priorityClassName": user.priority_class_name,
        "imagePullSecrets": user.image_pull_secrets,
        "serviceAccountName": user.service_account_name,
    }
    pod |= {name: value for name, value in plain.items() if value is not None}
    return {"metadata": metadata, "spec": pod}


def problem_of(user: PodTemplate) -> str | None:
    """What a podTemplate says that only the operator may say, or None."""
    for what, entries in (("labels", user.labels), ("annotations", user.annotations)):
        for key in entries or ():
            domain = key.rpartition("/")[0]
            if domain in _OWN_DOMAINS or domain.endswith(tuple(f".{own}" for own in _OWN_DOMAINS)):
                return f"spec.podTemplate.{what}: {key} belongs to the operator; use another name"
    for variable in user.env or ():
        name = variable.get("name")
        if not isinstance(name, str) or not name:
            return "spec.podTemplate.env: write name and value, or name and valueFrom"
        if name.startswith(_OWN_VARIABLES):
            return f"spec.podTemplate.env: {name} belongs to the operator; use another name"
    return None


def _replaced(ours: Document, theirs: Document) -> Document:
    """The user's fields instead of ours; a field set to null is taken out."""
    return {name: value for name, value in (ours | theirs).items() if value is not None}


def _joined(theirs: Any, ours: Any) -> Any:
    """Both affinities: objects are joined, lists are put one after the other."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {
            **theirs,
            **{name: _joined(theirs.get(name), value) for name, value in ours.items()},
        }
    if isinstance(theirs, list) and isinstance(ours, list):
        return [*theirs, *ours]
    return ours
