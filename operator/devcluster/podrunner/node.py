"""The node's own objects: the Node, its status, and the Lease that says that it lives."""

import asyncio
import contextlib
import logging
import os
import platform
from datetime import UTC, datetime
from typing import Any

from devcluster.client import (
    LEASES,
    NAMESPACES,
    NODES,
    ApiError,
    Client,
    ConflictError,
    NotFoundError,
    Object,
)
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.status import ADDRESS
from devcluster.recorder import timestamp

_log = logging.getLogger(__name__)
_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_SECONDS = 40
_HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


def node_labels(name: str) -> dict[str, str]:
    """The labels of the node."""
    machine = platform.machine()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": platform.system().lower(),
        "kubernetes.io/arch": architecture,
    }


def node_status(name: str, port: int, known: Object, now: datetime) -> dict[str, Any]:
    """The status of a healthy node whose logs are served at ``port``."""
    conditions = {
        condition["type"]: condition
        for condition in known.get("status", {}).get("conditions") or ()
    }

    def condition(kind: str) -> dict[str, str]:
        status, reason, message = _HEALTHY[kind]
        old = conditions.get(kind, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else None
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": timestamp(now),
            "lastTransitionTime": since or timestamp(now),
        }

    capacity = {
        "cpu": str(os.cpu_count() or 1),
        "memory": "16Gi",
        "ephemeral-storage": "100Gi",
        "pods": "250",
    }
    return {
        # No Hostname: an API server would prefer it, and no resolver knows it.
        "addresses": [{"type": "InternalIP", "address": ADDRESS}],
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [condition(kind) for kind in _HEALTHY],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "nodeInfo": {
            "architecture": node_labels(name)["kubernetes.io/arch"],
            "bootID": "",
            "containerRuntimeVersion": "process://1",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.0-devcluster",
            "machineID": "",
            "operatingSystem": platform.system().lower(),
            "osImage": platform.platform(),
            "systemUUID": "",
        },
    }


class NodeKeeper:
    """Registers the node and keeps it ready."""

    def __init__(
        self, client: Client, faults: Faults, name: str, port: int, *, heartbeat: float
    ) -> None:
        self._client = client
        self._faults = faults
        self._name = name
        self._port = port
        self._heartbeat = heartbeat
        self._node: Object = {}

    async def register(self) -> Object:
        """Create the node or take over the one that has its name; return it."""
        body = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self._name, "labels": node_labels(self._name)},
            "spec": {},
            "status": node_status(self._name, self._port, {}, datetime.now(UTC)),
        }
        try:
            self._node = await self._client.create(NODES, "", body)
        except ConflictError:
            self._node = await self._client.get(NODES, "", self._name)
        await self._report()
        await self._renew()
        return self._node

    async def run(self) -> None:
        """Renew the lease and report, for ever."""
        while True:
            await asyncio.sleep(self._heartbeat)
            await self._faults.alive()
            try:
                await self._renew()
                await self._report()
            except ApiError as error:
                _log.warning("heartbeat: %s", error)

    async def _report(self) -> None:
        status = node_status(self._name, self._port, self._node, datetime.now(UTC))
        self._node = await self._client.patch(
            NODES, "", self._name, {"status": status}, sub="status"
        )

    async def _renew(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            "holderIdentity": self._name,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": now,
        }
        owner = {
            "apiVersion": "v1",
            "kind": "Node",
            "name": self._name,
            "uid": self._node["metadata"]["uid"],
        }
        metadata = {
            "name": self._name,
            "namespace": _LEASE_NAMESPACE,
            "ownerReferences": [owner],
        }
        body = {
            "apiVersion": LEASES.api_version,
            "kind": "Lease",
            "metadata": metadata,
            "spec": spec,
        }
        change = {"spec": spec, "metadata": {"ownerReferences": [owner]}}
        try:
            await self._client.patch(LEASES, _LEASE_NAMESPACE, self._name, change)
        except NotFoundError:
            await self._ensure_namespace()
            await self._client.create(LEASES, _LEASE_NAMESPACE, body)

    async def _ensure_namespace(self) -> None:
        metadata = {"name": _LEASE_NAMESPACE}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        with contextlib.suppress(ConflictError):
            await self._client.create(NAMESPACES, "", body)
