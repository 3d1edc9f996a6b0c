"""The admission rules in their order."""

from devcluster.apiserver.admission.accounts import admit_service_account
from devcluster.apiserver.admission.namespaces import admit_deletion, admit_into_namespace
from devcluster.apiserver.admission.podsecurity import admit_levels, admit_pod_security
from devcluster.apiserver.admission.quota import admit_quota
from devcluster.apiserver.errors import forbidden
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.storage.store import Key, Store


class AdmissionChain:
    """Every admission rule of the server."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def admit_create(self, resource: Resource, obj: Object, options: WriteOptions) -> None:
        """Before an object is validated and created."""
        if resource.namespaced:
            admit_into_namespace(self._store, resource, obj)
        if resource.qualified == "pods":
            admit_service_account(self._store, obj)
            self._priority(obj)
            _tolerate_short_outages(obj["spec"])
        if resource.qualified == "namespaces":
            admit_levels(obj)
        admit_pod_security(self._store, resource, obj, options)
        if resource.namespaced:
            admit_quota(self._store, resource, obj)

    def admit_update(self, resource: Resource, obj: Object) -> None:
        """Before an object is validated and updated."""
        if resource.qualified == "pods":
            _tolerate_short_outages(obj["spec"])
        if resource.qualified == "namespaces":
            admit_levels(obj)

    def admit_delete(self, resource: Resource, obj: Object) -> None:
        """Before an object is deleted."""
        admit_deletion(resource, obj)

    def _priority(self, pod: Object) -> None:
        spec = pod["spec"]
        name = spec.get("priorityClassName")
        found: Object = {}
        if name:
            known = self._store.get(Key("priorityclasses.scheduling.k8s.io", "", name))
            if known is None:
                raise forbidden(
                    "pods", "", name_of(pod), f"no PriorityClass with name {name} was found"
                )
            found = known
        spec["priority"] = found.get("value", 0)
        spec.setdefault("preemptionPolicy", found.get("preemptionPolicy", "PreemptLowerPriority"))


def _tolerate_short_outages(spec: Object) -> None:
    """The DefaultTolerationSeconds rule: five minutes on a node that is lost."""
    tolerations = list(spec.get("tolerations") or ())
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        covered = any(
            t.get("key") in {key, None} and t.get("effect") in {"NoExecute", None}
            for t in tolerations
        )
        if not covered:
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    if tolerations:
        spec["tolerations"] = tolerations
