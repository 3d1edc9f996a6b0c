"""The node: runs the pods that are bound to it."""

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devcluster.client import PODS, ApiError, Client, Object
from devcluster.informer import Informer
from devcluster.podrunner.claims import ClaimBinder
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.host import Host
from devcluster.podrunner.images import Images
from devcluster.podrunner.node import NodeKeeper
from devcluster.podrunner.process import attempts_of
from devcluster.podrunner.scheduler import Scheduler
from devcluster.podrunner.server import LogSource, NodeServer
from devcluster.podrunner.worker import PodWorker
from devcluster.recorder import Recorder

_log = logging.getLogger(__name__)
_RETRY = 1.0
_FAREWELL = 2.0
"""Seconds that containers get to end when the runner itself is told to stop."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the node behaves."""

    root: Path
    """The folder that holds everything: volumes, logs, traces of processes. Absolute."""
    images: Images
    node: str = "devnode"
    unbound_classes: tuple[str, ...] = ("manual-never",)
    """Storage classes whose claims stay pending."""
    restart_delay: float = 10.0
    """Seconds before the second restart of a container."""
    heartbeat: float = 10.0
    """Seconds between two signs of life."""
    keep_containers: bool = False
    """Containers outlive a runner that is told to stop, as they outlive one that is killed."""


class PodRunner:
    """One node of the cluster."""

    def __init__(self, client: Client, settings: Settings, faults: Faults) -> None:
        self._client = client
        self._settings = settings
        self._faults = faults
        self._events = Recorder(client, "kubelet")
        self._scheduling_events = Recorder(client, "default-scheduler")
        self._pods = Informer(client, PODS, self._on_pod)
        self._binder = ClaimBinder(
            client, faults, settings.root, settings.unbound_classes, self._look
        )
        self._scheduler = Scheduler(
            client,
            faults,
            self._binder,
            self._scheduling_events,
            settings.node,
            self._pods.put,
        )
        self._host = Host(
            client=client,
            recorder=self._events,
            faults=faults,
            images=settings.images,
            root=settings.root,
            restart_delay=settings.restart_delay,
            observe=self._pods.put,
        )
        self._workers: dict[str, PodWorker] = {}
        """By uid: the pods that the node has."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._missed = asyncio.Event()
        """Something was told to the node while it was cut off."""

    async def run(self, ready: Callable[[int], None]) -> None:
        """Run until cancelled, then end the containers; ``ready`` is told the server's port."""
        self._settings.root.mkdir(parents=True, exist_ok=True)
        async with NodeServer(self._faults, self._find_log) as server:
            keeper = NodeKeeper(
                self._client,
                self._faults,
                self._settings.node,
                server.port,
                heartbeat=self._settings.heartbeat,
            )
            await self._register(keeper)
            try:
                async with asyncio.TaskGroup() as group:
                    for part in (keeper, self._events, self._scheduling_events, self._binder):
                        group.create_task(part.run())
                    group.create_task(self._scheduler.run())
                    await self._binder.synced()
                    group.create_task(self._pods.run())
                    group.create_task(self._catch_up())
                    await self._pods.synced.wait()
                    await self._sweep()
                    ready(server.port)
            finally:
                await self._shut_down()

    async def _sweep(self) -> None:
        """End and forget what an earlier runner left of pods that are gone."""
        folder = self._settings.root / "pods"
        left = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        for uid in left - {pod["metadata"]["uid"] for pod in self._pods}:
            for container in (folder / uid / "containers").glob("*"):
                for attempt in attempts_of(container):
                    if attempt.alive:
                        attempt.reap()
            await asyncio.to_thread(shutil.rmtree, folder / uid, ignore_errors=True)

    @staticmethod
    async def _register(keeper: NodeKeeper) -> None:
        while True:
            try:
                await keeper.register()
            except ApiError as error:
                _log.warning("registering the node: %s", error)
                await asyncio.sleep(_RETRY)
            else:
                return

    async def _shut_down(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not self._settings.keep_containers:
            workers = list(self._workers.values())
            await asyncio.gather(*(worker.shut_down(_FAREWELL) for worker in workers))

    async def _catch_up(self) -> None:
        """After the node was cut off: learn what it did not hear."""
        while True:
            await self._missed.wait()
            await self._faults.alive()
            self._missed.clear()
            present = {pod["metadata"]["uid"] for pod in self._pods}
            for uid in set(self._workers) - present:
                self._workers[uid].vanish()
            for pod in self._pods:
                self._on_pod(pod, gone=False)

    def _look(self) -> None:
        self._scheduler.look()

    def _on_pod(self, pod: Object, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        if gone:
            self._scheduler.withdraw(uid)
        else:
            self._scheduler.offer(pod)
        if pod["spec"].get("nodeName") != self._settings.node:
            return
        if self._faults.dead:
            self._missed.set()
            return
        worker = self._workers.get(uid)
        if gone:
            if worker is not None:
                worker.vanish()
        elif worker is not None:
            worker.update(pod)
        else:
            self._workers[uid] = PodWorker(self._host, pod)
            self._tasks[uid] = asyncio.create_task(self._see_through(uid), name=f"pod {uid}")

    async def _see_through(self, uid: str) -> None:
        try:
            await self._workers[uid].run()
        except Exception:
            _log.exception("pod %s", uid)
            raise
        del self._workers[uid], self._tasks[uid]

    def _find_log(self, namespace: str, pod: str, container: str) -> LogSource | None:
        item = self._pods.get(f"{namespace}/{pod}")
        worker = self._workers.get(item["metadata"]["uid"]) if item else None
        return worker.log_source(container) if worker else None
