"""Pods that are deleted before a node has them: no node will say that they ended.

A real cluster's pod garbage collector looks every 20 s; this one at once.
"""

from devcluster.apiserver.objects import clone
from devcluster.apiserver.storage.store import Change, Store

_ENDED = frozenset({"Failed", "Succeeded"})


class UnscheduledPods:
    """Lets such a pod fail, so that whoever holds it by a finalizer can take note of its end."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def observe(self, change: Change) -> None:
        """A change happened."""
        if change.key.resource != "pods":
            return
        pod = self._store.get(change.key)
        if (
            pod is None
            or not pod["metadata"].get("deletionTimestamp")
            or pod["spec"].get("nodeName")
            or pod["status"].get("phase") in _ENDED
        ):
            return
        failed = clone(pod)
        failed["status"]["phase"] = "Failed"
        self._store.write(change.key, failed)
