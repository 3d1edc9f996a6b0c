"""Binds pods to the node, or says why they do not fit."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from devcluster.client import (
    NODES,
    PODS,
    STRATEGIC_PATCH,
    ApiError,
    Client,
    ConflictError,
    NotFoundError,
    Object,
)
from devcluster.informer import Informer
from devcluster.podrunner.claims import ClaimBinder
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.scheduling import unbound, unfit
from devcluster.recorder import Recorder, timestamp

_log = logging.getLogger(__name__)
_NAME = "default-scheduler"
_RETRY = 1.0
"""Seconds after which pods that did not fit are looked at again."""


class Scheduler:
    """Decides about pods that no node has."""

    def __init__(
        self,
        client: Client,
        faults: Faults,
        binder: ClaimBinder,
        recorder: Recorder,
        node: str,
        observe: Callable[[Object], None],
    ) -> None:
        self._client = client
        self._faults = faults
        self._binder = binder
        self._recorder = recorder
        self._node = node
        self._observe = observe
        self._nodes = Informer(
            client, NODES, lambda *_: self.look(), fieldSelector=f"metadata.name={node}"
        )
        self._pending: dict[str, Object] = {}
        """By uid: pods that wait for a node."""
        self._look = asyncio.Event()

    def offer(self, pod: Object) -> None:
        """Take in the newest state of a pod."""
        spec, meta = pod["spec"], pod["metadata"]
        if (
            spec.get("nodeName")
            or "deletionTimestamp" in meta
            or spec.get("schedulingGates")
            or spec.get("schedulerName", _NAME) != _NAME
            or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
        ):
            self.withdraw(meta["uid"])
        else:
            self._pending[meta["uid"]] = pod
            self.look()

    def withdraw(self, uid: str) -> None:
        """Forget a pod."""
        self._pending.pop(uid, None)

    def look(self) -> None:
        """Something changed that may make a pod fit."""
        self._look.set()

    async def run(self) -> None:
        """Schedule, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._nodes.run())
            await self._nodes.synced.wait()
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_RETRY if self._pending else None):
                        await self._look.wait()
                self._look.clear()
                await self._faults.alive()
                await asyncio.gather(*(self._place(pod) for pod in list(self._pending.values())))

    async def _place(self, pod: Object) -> None:
        try:
            if why := self._refusal(pod):
                await self._refuse(pod, why)
            else:
                await self._bind(pod)
        except (NotFoundError, ConflictError):  # it is gone, or somebody else bound it
            self.withdraw(pod["metadata"]["uid"])
        except ApiError as error:
            _log.warning("scheduling %s: %s", pod["metadata"]["name"], error)

    def _refusal(self, pod: Object) -> str:
        if self._faults.unschedulable:
            return "0/1 nodes are available: 1 node(s) were unschedulable."
        node = self._nodes.get(f"/{self._node}")
        if node is None:
            return "no nodes available to schedule pods"
        return unbound(self._binder.of_pod(pod)) or unfit(pod, node)

    async def _bind(self, pod: Object) -> None:
        meta = pod["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": meta["name"], "uid": meta["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self._node},
        }
        self.withdraw(meta["uid"])
        try:
            await self._client.create(
                PODS, meta["namespace"], body, name=meta["name"], sub="binding"
            )
        except (NotFoundError, ConflictError):
            raise
        except ApiError:
            self._pending.setdefault(meta["uid"], pod)
            raise
        text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {self._node}"
        self._recorder.event(pod, "Normal", "Scheduled", text)

    async def _refuse(self, pod: Object, why: str) -> None:
        for condition in pod.get("status", {}).get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition.get("message") == why:
                return
        meta = pod["metadata"]
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": why,
            "lastProbeTime": None,
            "lastTransitionTime": timestamp(datetime.now(UTC)),
        }
        body = {"metadata": {"uid": meta["uid"]}, "status": {"conditions": [condition]}}
        self._observe(
            await self._client.patch(
                PODS,
                meta["namespace"],
                meta["name"],
                body,
                sub="status",
                content_type=STRATEGIC_PATCH,
            )
        )
        self._recorder.event(pod, "Warning", "FailedScheduling", why)
