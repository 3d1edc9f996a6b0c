"""What a deletion does to an object: grace, finalizers, propagation."""

from datetime import UTC, datetime, timedelta
from typing import Any

from devcluster.apiserver import errors
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, clone, name_of
from devcluster.apiserver.registry.options import DeleteOptions

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


def check_preconditions(resource: Resource, obj: Object, options: DeleteOptions) -> None:
    """Refuse a deletion that was meant for another object or another state.

    Raises:
        ApiError: 409.
    """
    meta = obj["metadata"]
    if options.uid is not None and options.uid != meta["uid"]:
        raise errors.conflict(
            resource.kind,
            resource.group,
            name_of(obj),
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({meta['uid']}). The object might have been deleted and then recreated",
        )
    version = options.resource_version
    if version is not None and version != meta["resourceVersion"]:
        raise errors.conflict(
            resource.kind,
            resource.group,
            name_of(obj),
            f"the ResourceVersion in the precondition ({version}) does not match the "
            f"ResourceVersion in record ({meta['resourceVersion']}). The object might have been "
            "modified",
        )


def mark_deleted(resource: Resource, obj: Object, options: DeleteOptions) -> Object:
    """The object as it is after the request, its deletion noted; a new document."""
    marked = clone(obj)
    meta = marked["metadata"]
    finalizers = _finalizers(resource, obj, options)
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    grace = resource.strategy.grace_period(obj, options.grace_period)
    before = meta.get("deletionGracePeriodSeconds")
    if meta.get("deletionTimestamp"):
        # A second request may only shorten.
        if before is not None and options.grace_period is not None and grace < before:
            meta["deletionGracePeriodSeconds"] = grace
            meta["deletionTimestamp"] = _in(grace)
        return marked
    meta["deletionTimestamp"] = _in(grace)
    if resource.qualified == "namespaces":
        marked["status"] = {**marked.get("status", {}), "phase": "Terminating"}
        return marked
    meta["deletionGracePeriodSeconds"] = grace
    if meta.get("generation"):
        meta["generation"] += 1
    return marked


def _in(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _finalizers(resource: Resource, obj: Object, options: DeleteOptions) -> list[str]:
    finalizers = list(obj["metadata"].get("finalizers") or ())
    policy = options.propagation
    if policy is None:
        # Without a policy the finalizers decide, then the kind's default.
        if ORPHAN in finalizers or FOREGROUND in finalizers:
            return finalizers
        policy = "Orphan" if resource.strategy.orphans_by_default else "Background"
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(policy)
    kept = [item for item in finalizers if item not in {ORPHAN, FOREGROUND}]
    return kept if wanted is None else [*kept, wanted]


def needs_marking(resource: Resource, marked: Object) -> bool:
    """Whether an object with a deletion noted stays for somebody to finish."""
    meta: dict[str, Any] = marked["metadata"]
    if meta.get("finalizers") or meta.get("deletionGracePeriodSeconds"):
        return True
    return resource.qualified == "namespaces" and bool((marked.get("spec") or {}).get("finalizers"))
