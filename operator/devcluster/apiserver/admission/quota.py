"""Resource quotas, for the number of pods."""

from devcluster.apiserver import errors
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.storage.store import Store

_FINISHED = frozenset({"Failed", "Succeeded"})


def admit_quota(store: Store, resource: Resource, obj: Object) -> None:
    """Refuse a pod that a quota has no room for. Other quotas than of pods are not counted.

    Raises:
        ApiError: 403.
    """
    namespace = obj["metadata"]["namespace"]
    for quota in store.list("resourcequotas", namespace):
        hard = (quota.get("spec") or {}).get("hard") or {}
        for field in ("pods", "count/pods"):
            if field not in hard:
                continue
            pods = store.list("pods", namespace)
            if field == "pods":  # only pods that have not finished count here
                pods = [p for p in pods if (p.get("status") or {}).get("phase") not in _FINISHED]
            if len(pods) + 1 > int(hard[field]):
                raise errors.forbidden(
                    resource.plural,
                    "",
                    name_of(obj),
                    f"exceeded quota: {name_of(quota)}, requested: {field}=1, used: "
                    f"{field}={len(pods)}, limited: {field}={hard[field]}",
                )
