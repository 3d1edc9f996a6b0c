"""Garbage collection by owner references: Background, Foreground, Orphan."""

from collections import defaultdict
from typing import Any

from devcluster.apiserver.errors import ApiError
from devcluster.apiserver.objects import Object, clone, namespace_of
from devcluster.apiserver.registry.deletion import FOREGROUND, ORPHAN
from devcluster.apiserver.registry.options import DeleteOptions
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.storage.store import Change, ChangeType, Key


def _owners(obj: Object | None) -> list[dict[str, Any]]:
    return list((obj or {}).get("metadata", {}).get("ownerReferences") or ())


class GarbageCollector:
    """Deletes what has lost its last owner, and finishes deletions that wait for dependents."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._store = registry.store
        self._alive: dict[str, Key] = {}
        self._dependents: defaultdict[str, set[Key]] = defaultdict(set)
        for table in self._store.resources():
            for obj in self._store.list(table):
                meta = obj["metadata"]
                self._index(Key(table, meta.get("namespace", ""), meta["name"]), obj, None)

    def start(self) -> None:
        """Look at everything once: owners may have gone while the server was down."""
        for keys in tuple(self._dependents.values()):
            for key in tuple(keys):
                self._check_dependent(key)

    def _index(self, key: Key, obj: Object | None, old: Object | None) -> None:
        for reference in _owners(old):
            self._dependents[reference["uid"]].discard(key)
        if old is not None:
            self._alive.pop(old["metadata"]["uid"], None)
        if obj is not None:
            self._alive[obj["metadata"]["uid"]] = key
            for reference in _owners(obj):
                self._dependents[reference["uid"]].add(key)

    def observe(self, change: Change) -> None:
        """A change happened."""
        gone = change.type is ChangeType.DELETED
        current = self._store.get(change.key)
        if not gone and current is None:
            return  # deleted since; that change comes too
        self._index(change.key, None if gone else current, change.old)
        if gone:
            uid = change.obj["metadata"]["uid"]
            for key in tuple(self._dependents.pop(uid, ())):
                self._dependents[uid].add(key)
                self._check_dependent(key)
            for reference in _owners(change.obj):
                self._check_owner(self._alive.get(reference["uid"]))
        else:
            self._check_dependent(change.key)
            self._check_owner(change.key)
            for reference in _owners(change.old):
                self._check_owner(self._alive.get(reference["uid"]))

    def _exists(self, reference: dict[str, Any], dependent: Object) -> bool:
        key = self._alive.get(reference["uid"])
        if key is not None:
            return key.namespace in {"", namespace_of(dependent)}
        # A kind that is not served may have an owner that cannot be seen: leave it alone.
        return self._registry.scheme.by_kind(reference["apiVersion"], reference["kind"]) is None

    def _check_dependent(self, key: Key) -> None:
        obj = self._store.get(key)
        references = _owners(obj)
        if obj is None or not references:
            return
        solid = [r for r in references if self._exists(r, obj)]
        waiting = [r for r in solid if self._deletes_foreground(r)]
        if len(waiting) < len(solid):
            # At least one owner stays; the others are no owners any more.
            kept = [r for r in solid if r not in waiting]
            if len(kept) < len(references):
                changed = clone(obj)
                changed["metadata"]["ownerReferences"] = kept
                self._store.write(key, changed)
            return
        if not obj["metadata"].get("deletionTimestamp"):
            self._delete(key, obj, "Foreground" if waiting and self._blocking(obj) else None)

    def _deletes_foreground(self, reference: dict[str, Any]) -> bool:
        key = self._alive.get(reference["uid"])
        owner = None if key is None else self._store.get(key)
        if owner is None:
            return False
        meta = owner["metadata"]
        return bool(meta.get("deletionTimestamp")) and FOREGROUND in (meta.get("finalizers") or ())

    def _blocking(self, owner: Object) -> list[Key]:
        """Dependents that hold back the foreground deletion of an owner."""
        uid = owner["metadata"]["uid"]
        return [
            key
            for key in self._dependents.get(uid, ())
            if any(
                r["uid"] == uid and r.get("blockOwnerDeletion")
                for r in _owners(self._store.get(key))
            )
        ]

    def _check_owner(self, key: Key | None) -> None:
        owner = None if key is None else self._store.get(key)
        if key is None or owner is None or not owner["metadata"].get("deletionTimestamp"):
            return
        finalizers = owner["metadata"].get("finalizers") or ()
        uid = owner["metadata"]["uid"]
        if ORPHAN in finalizers:
            for dependent in tuple(self._dependents.get(uid, ())):
                self._disown(dependent, uid)
            self._finish(key, owner, ORPHAN)
        elif FOREGROUND in finalizers:
            for dependent in tuple(self._dependents.get(uid, ())):
                self._check_dependent(dependent)
            current = self._store.get(key)
            if current is not None and not self._blocking(owner):
                self._finish(key, current, FOREGROUND)

    def _disown(self, key: Key, uid: str) -> None:
        obj = self._store.get(key)
        if obj is None:
            return
        changed = clone(obj)
        kept = [r for r in _owners(changed) if r["uid"] != uid]
        changed["metadata"]["ownerReferences"] = kept
        if not kept:
            del changed["metadata"]["ownerReferences"]
        self._store.write(key, changed)

    def _finish(self, key: Key, obj: Object, finalizer: str) -> None:
        resource = self._registry.scheme.by_table(key.resource)
        if resource is not None:
            self._registry.remove_finalizer(resource, obj, finalizer)

    def _delete(self, key: Key, obj: Object, policy: str | None) -> None:
        resource = self._registry.scheme.by_table(key.resource)
        if resource is None:
            return
        finalizers = obj["metadata"].get("finalizers") or ()
        if policy is None and not {ORPHAN, FOREGROUND}.intersection(finalizers):
            policy = "Background"
        options = DeleteOptions(propagation=policy, uid=obj["metadata"]["uid"])
        try:
            self._registry.delete(resource, key.namespace, key.name, options)
        except ApiError as error:
            if error.code not in {404, 409}:
                raise
