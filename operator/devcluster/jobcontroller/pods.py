"""The pod that a Job's template stands for."""

import copy
from typing import Any

from devcluster.jobcontroller.manage import NewPod
from devcluster.jobcontroller.model import FAILURE_COUNT, FINALIZER, IGNORED_COUNT, INDEX, Job

_LONGEST_PREFIX = 58
"""Characters of a name that leave room for the five that the API server adds."""


def pod_of(job: Job, new: NewPod) -> dict[str, Any]:
    """The document of a new pod, named by the API server (``generateName``)."""
    template = copy.deepcopy(job.spec["template"])
    meta, spec = template.get("metadata") or {}, template["spec"]
    labels, notes = dict(meta.get("labels") or {}), dict(meta.get("annotations") or {})
    suffix = "-"
    if new.index is not None:
        suffix = f"-{new.index}-"
        labels[INDEX] = notes[INDEX] = str(new.index)
        spec["hostname"] = f"{job.name}-{new.index}"
        for kind in ("initContainers", "containers"):
            for container in spec.get(kind) or ():
                _add_index_variable(container)
    if new.failures is not None:
        notes[FAILURE_COUNT] = str(new.failures)
        if new.ignored:
            notes[IGNORED_COUNT] = str(new.ignored)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": job.name[: _LONGEST_PREFIX - len(suffix)] + suffix,
            "namespace": job.raw["metadata"]["namespace"],
            "labels": labels,
            "annotations": notes,
            "finalizers": [*(meta.get("finalizers") or ()), FINALIZER],
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": job.name,
                    "uid": job.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": spec,
    }


def _add_index_variable(container: dict[str, Any]) -> None:
    variables = container.setdefault("env", [])
    if all(variable["name"] != "JOB_COMPLETION_INDEX" for variable in variables):
        path = {"fieldPath": f"metadata.labels['{INDEX}']"}
        variables.append({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": path}})
