"""Storage in use is not deleted: the finalizers of claims and volumes."""

from devcluster.apiserver.kinds.core import CLAIM_FINALIZER, VOLUME_FINALIZER
from devcluster.apiserver.objects import Object
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.storage.store import Change, Key

_CLAIMS = "persistentvolumeclaims"
_VOLUMES = "persistentvolumes"
_FINISHED = frozenset({"Failed", "Succeeded"})


class StorageProtection:
    """Takes the finalizers off when nothing uses the claim or the volume any more."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._store = registry.store

    def observe(self, change: Change) -> None:
        """A change happened."""
        match change.key.resource:
            case "pods":
                for claim in _claims_of(change.obj):
                    self._release(Key(_CLAIMS, change.key.namespace, claim))
            case "persistentvolumeclaims" | "persistentvolumes":
                self._release(change.key)
            case _:
                pass

    def _release(self, key: Key) -> None:
        obj = self._store.get(key)
        finalizer = CLAIM_FINALIZER if key.resource == _CLAIMS else VOLUME_FINALIZER
        if (
            obj is None
            or not obj["metadata"].get("deletionTimestamp")
            or finalizer not in (obj["metadata"].get("finalizers") or ())
            or self._in_use(key, obj)
        ):
            return
        resource = self._registry.scheme.by_table(key.resource)
        assert resource is not None, "claims and volumes are built in"
        self._registry.remove_finalizer(resource, obj, finalizer)

    def _in_use(self, key: Key, obj: Object) -> bool:
        if key.resource == _VOLUMES:
            return bool((obj.get("status") or {}).get("phase") == "Bound")
        return any(
            key.name in _claims_of(pod)
            for pod in self._store.list("pods", key.namespace)
            if (pod.get("status") or {}).get("phase") not in _FINISHED
        )


def _claims_of(pod: Object) -> list[str]:
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if "persistentVolumeClaim" in volume
    ]
