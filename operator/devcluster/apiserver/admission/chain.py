"""The admission rules in their order."""

from devcluster.apiserver.admission.accounts import admit_service_account
from devcluster.apiserver.admission.namespaces import admit_deletion, admit_into_namespace
from devcluster.apiserver.admission.podsecurity import admit_pod_security
from devcluster.apiserver.admission.quota import admit_quota
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.storage.store import Store


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
        admit_pod_security(self._store, resource, obj, options)
        if resource.qualified == "pods":
            admit_quota(self._store, resource, obj)

    def admit_update(
        self, resource: Resource, obj: Object, old: Object, options: WriteOptions
    ) -> None:
        """Before an object is validated and updated."""

    def admit_delete(self, resource: Resource, obj: Object) -> None:
        """Before an object is deleted."""
        admit_deletion(resource, obj)

    @staticmethod
    def _priority(obj: Object) -> None:
        obj["spec"].setdefault("priority", 0)
        obj["spec"].setdefault("preemptionPolicy", "PreemptLowerPriority")
