"""Binds PersistentVolumeClaims to folders: what a provisioner and the volume binder do."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from devcluster.client import (
    CLAIMS,
    STORAGE_CLASSES,
    VOLUMES,
    ApiError,
    Client,
    ConflictError,
    NotFoundError,
    Object,
)
from devcluster.informer import Informer, key_of
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.scheduling import claims_of
from devcluster.podrunner.volumes import claim_folder

_log = logging.getLogger(__name__)
_RETRY = 1.0
_CONTROLLED = {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
}


def volume_name(claim: Object) -> str:
    """The name of the PersistentVolume for a claim."""
    return f"pvc-{claim['metadata']['uid']}"


def volume_of(claim: Object, root: Path) -> Object:
    """The PersistentVolume for a claim: the claim's folder, bound to the claim beforehand."""
    meta, spec = claim["metadata"], claim["spec"]
    folder = claim_folder(root, meta["namespace"], meta["name"])
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume_name(claim),
            "annotations": {"pv.kubernetes.io/provisioned-by": "devcluster"},
        },
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": _requested(claim)},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": meta["namespace"],
                "name": meta["name"],
                "uid": meta["uid"],
            },
            "hostPath": {"path": str(folder), "type": "DirectoryOrCreate"},
            # The folder is the claim's by name: a new claim of that name finds the data again.
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": spec.get("storageClassName") or "",
            "volumeMode": spec.get("volumeMode") or "Filesystem",
        },
    }


def _requested(claim: Object) -> str:
    requests = (claim["spec"].get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "1Gi"))


class ClaimBinder:
    """Binds claims as they come; those of some storage classes never."""

    def __init__(
        self,
        client: Client,
        faults: Faults,
        root: Path,
        never: Iterable[str],
        changed: Callable[[], None],
    ) -> None:
        self._client = client
        self._faults = faults
        self._root = root
        self._never = frozenset(never)
        self._changed = changed
        self._claims = Informer(client, CLAIMS, self._on_claim)
        self._released: list[Object] = []
        self._wanted: set[str] = set()
        self._look = asyncio.Event()

    def of_pod(self, pod: Object) -> dict[str, Object | None]:
        """By name: the claims that a pod mounts; from now on they are wanted."""
        namespace = pod["metadata"]["namespace"]
        names = claims_of(pod)
        keys = {f"{namespace}/{name}" for name in names}
        if not keys <= self._wanted:
            self._wanted |= keys
            self._look.set()
        return {name: self._claims.get(f"{namespace}/{name}") for name in names}

    async def run(self) -> None:
        """Bind and release, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._claims.run())
            while True:
                again = await self._look_at_all()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY if again else None):
                        await self._look.wait()
                self._look.clear()

    async def synced(self) -> None:
        """Wait until all claims that there are have been seen."""
        await self._claims.synced.wait()

    def _on_claim(self, claim: Object, gone: bool) -> None:
        if gone:
            self._released.append(claim)
            self._wanted.discard(key_of(claim))
        self._look.set()
        self._changed()

    async def _look_at_all(self) -> bool:
        """Do what there is to do; return whether some of it must be tried again."""
        await self._faults.alive()
        failed = False
        for claim in self._claims:
            if self._serves(claim):
                try:
                    await self._bind(claim)
                except ApiError as error:
                    _log.warning("claim %s: %s", key_of(claim), error)
                    failed = True
        waiting, self._released = self._released, []
        for claim in waiting:
            try:
                await self._client.delete(VOLUMES, "", f"pvc-{claim['metadata']['uid']}")
            except NotFoundError:
                pass
            except ApiError as error:
                _log.warning("volume of claim %s: %s", key_of(claim), error)
                self._released.append(claim)
                failed = True
        return failed

    def _serves(self, claim: Object) -> bool:
        """Whether the claim is pending, and ours to bind."""
        spec = claim["spec"]
        return (
            claim.get("status", {}).get("phase") != "Bound"
            and spec.get("volumeName", volume_name(claim)) == volume_name(claim)
            and "deletionTimestamp" not in claim["metadata"]
            and (spec.get("storageClassName") or "") not in self._never
        )

    async def _bind(self, claim: Object) -> None:
        spec, meta = claim["spec"], claim["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        if not await self._now(claim):
            return
        claim_folder(self._root, namespace, name).mkdir(parents=True, exist_ok=True)
        volume = volume_name(claim)
        with contextlib.suppress(ConflictError):
            await self._client.create(VOLUMES, "", volume_of(claim, self._root))
        await self._client.patch(VOLUMES, "", volume, {"status": {"phase": "Bound"}}, sub="status")
        change: dict[str, Any] = {
            "metadata": {"annotations": _CONTROLLED},
            "spec": {"volumeName": volume},
        }
        await self._client.patch(CLAIMS, namespace, name, change)
        status = {
            "phase": "Bound",
            "accessModes": spec["accessModes"],
            "capacity": {"storage": _requested(claim)},
        }
        self._claims.put(
            await self._client.patch(CLAIMS, namespace, name, {"status": status}, sub="status")
        )

    async def _now(self, claim: Object) -> bool:
        """Whether the claim may be bound already: its class may say to wait for a pod."""
        name = claim["spec"].get("storageClassName")
        if not name or key_of(claim) in self._wanted:
            return True
        try:
            found = await self._client.get(STORAGE_CLASSES, "", name)
        except NotFoundError:
            return True
        return found.get("volumeBindingMode") != "WaitForFirstConsumer"
