"""CustomResourceDefinitions: serve their resources, and remove these before the definition."""

from collections.abc import Callable

from devcluster.apiserver.kinds.definitions import established, resources_of
from devcluster.apiserver.objects import Object, clone
from devcluster.apiserver.registry.options import DeleteOptions
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.storage.store import Change, ChangeType, Key

TABLE = "customresourcedefinitions.apiextensions.k8s.io"
_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionController:
    """Keeps the scheme in step with the definitions."""

    def __init__(self, registry: Registry, scheme_changed: Callable[[], None]) -> None:
        self._registry = registry
        self._store = registry.store
        self._scheme_changed = scheme_changed

    def start(self) -> None:
        """Serve the definitions that are there already."""
        for definition in self._store.list(TABLE):
            self._serve(definition)

    def observe(self, change: Change) -> None:
        """A change happened."""
        if change.key.resource == TABLE:
            definition = self._store.get(change.key)
            if change.type is ChangeType.DELETED:
                self._registry.scheme.replace_custom(change.key.name, ())
                self._scheme_changed()
            elif definition is not None:
                self._serve(definition)
                self._clean_up(definition)
        elif change.type is ChangeType.DELETED:
            definition = self._store.get(Key(TABLE, "", change.key.resource))
            if definition is not None:
                self._clean_up(definition)

    def _serve(self, definition: Object) -> None:
        meta, key = definition["metadata"], Key(TABLE, "", definition["metadata"]["name"])
        resources = resources_of(definition)
        self._registry.scheme.replace_custom(key.name, resources)
        for resource in resources[:1]:
            self._registry.schema_changed(resource)
        self._scheme_changed()
        status = established(definition)
        going = bool(meta.get("deletionTimestamp"))
        finalizers = meta.get("finalizers") or []
        if status == definition.get("status") and (going or _FINALIZER in finalizers):
            return
        changed = clone(definition)
        changed["status"] = status
        if not going and _FINALIZER not in finalizers:
            changed["metadata"]["finalizers"] = [*finalizers, _FINALIZER]
        self._store.write(key, changed)

    def _clean_up(self, definition: Object) -> None:
        meta = definition["metadata"]
        if not meta.get("deletionTimestamp") or _FINALIZER not in (meta.get("finalizers") or ()):
            return
        name = meta["name"]
        resource = self._registry.scheme.by_table(name)
        if resource is not None:
            for obj in self._store.list(name):
                if not obj["metadata"].get("deletionTimestamp"):
                    options = DeleteOptions(propagation="Background")
                    namespace = obj["metadata"].get("namespace", "")
                    self._registry.delete(resource, namespace, obj["metadata"]["name"], options)
        if self._store.list(name):
            return
        current = self._store.get(Key(TABLE, "", name))
        own = self._registry.scheme.by_table(TABLE)
        if current is not None and own is not None:
            self._registry.remove_finalizer(own, current, _FINALIZER)
