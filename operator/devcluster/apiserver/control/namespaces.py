"""Namespaces: what each gets when it is made, and how it is emptied when it goes."""

from devcluster.apiserver.kinds.core import default_service_account
from devcluster.apiserver.objects import Object, clone, new_uid, now
from devcluster.apiserver.registry.options import DeleteOptions
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.storage.store import Change, ChangeType, Key


class NamespaceController:
    """Makes the default ServiceAccount and the CA ConfigMap; finalises namespaces."""

    def __init__(self, registry: Registry, ca: str) -> None:
        self._registry = registry
        self._store = registry.store
        self._ca = ca

    def start(self) -> None:
        """Look at every namespace once."""
        for namespace in self._store.list("namespaces"):
            self._populate(namespace)
            self._empty(namespace)

    def observe(self, change: Change) -> None:
        """A change happened."""
        if change.key.resource == "namespaces":
            namespace = self._store.get(change.key)
            if namespace is not None:
                self._populate(namespace)
                self._empty(namespace)
        elif change.type is ChangeType.DELETED and change.key.namespace:
            namespace = self._store.get(Key("namespaces", "", change.key.namespace))
            if namespace is not None:
                self._empty(namespace)
            if change.key.resource in {"serviceaccounts", "configmaps"} and namespace is not None:
                self._populate(namespace)

    def _populate(self, namespace: Object) -> None:
        if namespace["metadata"].get("deletionTimestamp"):
            return
        name = namespace["metadata"]["name"]
        root: Object = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kube-root-ca.crt", "namespace": name, "uid": new_uid()},
            "data": {"ca.crt": self._ca},
        }
        for table, obj in (
            ("serviceaccounts", default_service_account(name)),
            ("configmaps", root),
        ):
            key = Key(table, name, obj["metadata"]["name"])
            if self._store.get(key) is None:
                obj["metadata"]["creationTimestamp"] = now()
                self._store.write(key, obj)

    def _empty(self, namespace: Object) -> None:
        if not namespace["metadata"].get("deletionTimestamp"):
            return
        name, left = namespace["metadata"]["name"], False
        for table in self._store.resources():
            for obj in self._store.list(table, name):
                resource = self._registry.scheme.by_table(table)
                if resource is None or not resource.namespaced:
                    continue
                if not obj["metadata"].get("deletionTimestamp"):
                    options = DeleteOptions(propagation="Background")
                    self._registry.delete(resource, name, obj["metadata"]["name"], options)
                key = Key(table, name, obj["metadata"]["name"])
                left = left or self._store.get(key) is not None
        current = self._store.get(Key("namespaces", "", name))
        if left or current is None:
            return
        finished = clone(current)
        finished["spec"] = {}
        key = Key("namespaces", "", name)
        self._store.write(key, finished)
        if not finished["metadata"].get("finalizers"):
            self._store.delete(key)
