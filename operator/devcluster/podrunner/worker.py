"""The life of one pod on the node, from its binding to its removal."""

import asyncio
import logging
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from devcluster.client import (
    PODS,
    STRATEGIC_PATCH,
    ApiError,
    ConflictError,
    NotFoundError,
    Object,
)
from devcluster.podrunner.containers import ContainerRunner
from devcluster.podrunner.errors import MountError
from devcluster.podrunner.host import Host
from devcluster.podrunner.lookup import ApiLookup
from devcluster.podrunner.quantities import parse_quantity
from devcluster.podrunner.server import LogSource
from devcluster.podrunner.status import Records, pod_status, settle_unstarted
from devcluster.podrunner.volumes import folder_size, prepare_volumes, size_limits

_log = logging.getLogger(__name__)
_LONGEST_RETRY = 2.0
_SIZE_CHECK = 1.0


class PodWorker:
    """Runs one pod that is bound to the node, and reports on it."""

    def __init__(self, host: Host, pod: Object) -> None:
        meta, spec = pod["metadata"], pod["spec"]
        self.uid: str = meta["uid"]
        self.folder: Path = host.root / "pods" / self.uid
        self._host = host
        self._pod = pod
        self._key = (meta["namespace"], meta["name"])

        def runner(container: dict[str, Any], *, init: bool) -> ContainerRunner:
            folder = self.folder / "containers" / container["name"]
            return ContainerRunner(host, pod, container, folder, self._changed, init=init)

        self._init = [runner(item, init=True) for item in spec.get("initContainers") or ()]
        self._main = [runner(item, init=False) for item in spec["containers"]]
        begun = pod.get("status", {}).get("startTime")
        self.records = Records(
            init=[item.record for item in self._init],
            main=[item.record for item in self._main],
            started=datetime.fromisoformat(begun) if begun else datetime.now(UTC),
        )
        self._dirty = asyncio.Event()
        self._stop = asyncio.Event()
        """The containers shall end."""
        self._overdue = asyncio.Event()
        """They have had their time to end."""
        self._deleted = asyncio.Event()
        self._gone = asyncio.Event()
        self._grace: float | None = None
        self._writing = asyncio.Lock()
        self._written: dict[str, Any] | None = None
        self.update(pod)

    @property
    def over(self) -> bool:
        """Whether the pod is in its last phase."""
        return self._pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}

    def log_source(self, container: str) -> LogSource | None:
        """Where the logs of a container are."""
        for record in self.records.all:
            if record.name == container:
                folder = self.folder / "containers" / container
                return LogSource(folder, partial(getattr, record, "running"))
        return None

    def update(self, pod: Object) -> None:
        """Take in the newest state of the object; above all, that it is to be deleted."""
        self._pod = pod
        meta = pod["metadata"]
        if "deletionTimestamp" in meta:
            self._deleted.set()
            self._stop_within(float(meta.get("deletionGracePeriodSeconds") or 0))

    def vanish(self) -> None:
        """Take in that the object is gone."""
        self._gone.set()
        self._deleted.set()
        if self._grace is None:
            self._stop_within(self._default_grace)

    @property
    def _default_grace(self) -> float:
        return float(self._pod["spec"].get("terminationGracePeriodSeconds", 30))

    def _stop_within(self, grace: float) -> None:
        if self._grace is None or grace < self._grace:
            self._grace = grace
            asyncio.get_running_loop().call_later(grace, self._overdue.set)
        self._stop.set()

    async def run(self) -> None:
        """See the pod through; return when its object is gone."""
        reporter = asyncio.create_task(self._report())
        try:
            if not self.over:
                await self._live()
                await self._write()
            await self._deleted.wait()
            await self._remove()
            await self._gone.wait()
        finally:
            reporter.cancel()
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)

    async def shut_down(self, grace: float) -> None:
        """End the containers because the runner ends; nothing is reported."""
        self._stop_within(grace)
        await self._halt()

    async def _live(self) -> None:
        self._changed()
        life = asyncio.create_task(self._run_containers())
        stop = asyncio.create_task(self._stop.wait())
        guards = [asyncio.create_task(self._keep_deadline()), asyncio.create_task(self._weigh())]
        try:
            await asyncio.wait({life, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stop, *guards):
                task.cancel()
            if not life.done():
                life.cancel()
                await asyncio.wait({life})
        if not life.cancelled():
            life.result()
        if self._stop.is_set():
            await self._halt()
            self.records.halted = True
            settle_unstarted(self.records)

    async def _run_containers(self) -> None:
        if any("restartPolicy" in item for item in self._pod["spec"].get("initContainers") or ()):
            text = "Pod was rejected: this node runs no sidecars (init containers that restart)"
            self._fail("UnexpectedAdmissionError", text, 0)
            return
        volumes = await self._prepare_volumes()
        self.records.volumes_ready = True
        self._changed()
        for container in self._init:
            await container.run(volumes)
            if not container.record.succeeded:
                return
        async with asyncio.TaskGroup() as group:
            for container in self._main:
                group.create_task(container.run(volumes))

    async def _prepare_volumes(self) -> dict[str, Path]:
        lookup = ApiLookup(self._host.client, self._key[0])
        delay = 0.1
        while True:
            try:
                return await prepare_volumes(self._pod, lookup, self.folder, self._host.root)
            except MountError as error:
                self._host.recorder.event(self._pod, "Warning", "FailedMount", str(error))
            except ApiError as error:
                _log.warning("volumes of %s/%s: %s", *self._key, error)
            delay = min(delay * 2, _LONGEST_RETRY)
            await asyncio.sleep(delay)

    async def _halt(self) -> None:
        """End what runs: ask first, kill when the time is over."""
        running = [item for item in (*self._init, *self._main) if item.record.running]
        for item in running:
            text = f"Stopping container {item.record.name}"
            self._host.recorder.event(self._pod, "Normal", "Killing", text)

        async def insist() -> None:
            await self._overdue.wait()
            await asyncio.gather(*(item.kill() for item in (*self._init, *self._main)))

        killer = asyncio.create_task(insist())
        try:
            await asyncio.gather(*(item.stop() for item in (*self._init, *self._main)))
        finally:
            killer.cancel()

    def _fail(self, reason: str, message: str, grace: float) -> None:
        """The node itself ends the pod."""
        self.records.verdict = (reason, message)
        self._host.recorder.event(self._pod, "Warning", reason, message)
        self._stop_within(grace)

    async def _keep_deadline(self) -> None:
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return
        assert self.records.started is not None
        age = (datetime.now(UTC) - self.records.started).total_seconds()
        await asyncio.sleep(max(seconds - age, 0))
        self._fail(
            "DeadlineExceeded",
            "Pod was active on the node longer than the specified deadline",
            self._default_grace,
        )

    async def _weigh(self) -> None:
        """Evict the pod when one of its ``emptyDir`` volumes grows over its limit."""
        limits = size_limits(self._pod)
        while limits:
            await asyncio.sleep(_SIZE_CHECK)
            for name, limit in limits.items():
                size = await asyncio.to_thread(folder_size, self.folder / "volumes" / name)
                if size > parse_quantity(limit):
                    self._fail(
                        "Evicted",
                        f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". ',
                        0,
                    )
                    return

    def _changed(self) -> None:
        self._dirty.set()

    async def _report(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._write()

    async def _write(self) -> None:
        """Write the status, and again until it is written or the object is gone."""
        async with self._writing:
            delay = 0.1
            while not self._gone.is_set():
                await self._host.faults.alive()
                status = pod_status(self._pod, self.records, datetime.now(UTC))
                if status == self._written:
                    return
                # The uid keeps the status away from another pod that has the name by now.
                body = {"metadata": {"uid": self.uid}, "status": status}
                try:
                    answer = await self._host.client.patch(
                        PODS, *self._key, body, sub="status", content_type=STRATEGIC_PATCH
                    )
                except ApiError as error:
                    if await self._is_gone(error):
                        self.vanish()
                        return
                    _log.warning("status of %s/%s: %s", *self._key, error)
                    if error.code == 422:
                        return
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, _LONGEST_RETRY)
                else:
                    self._written = status
                    self._host.observe(answer)
                    return

    async def _is_gone(self, error: ApiError) -> bool:
        if isinstance(error, NotFoundError):
            return True
        if not isinstance(error, ConflictError):
            return False
        try:
            pod = await self._host.client.get(PODS, *self._key)
        except NotFoundError:
            return True
        except ApiError:
            return False
        return bool(pod["metadata"]["uid"] != self.uid)

    async def _remove(self) -> None:
        """Tell the API server that nothing of the pod runs any more, so the object may go."""
        while not self._gone.is_set():
            await self._host.faults.alive()
            try:
                await self._host.client.delete(
                    PODS, *self._key, gracePeriodSeconds=0, preconditions={"uid": self.uid}
                )
            except (NotFoundError, ConflictError) as error:
                if await self._is_gone(error):
                    self.vanish()
            except ApiError as error:
                _log.warning("removing %s/%s: %s", *self._key, error)
                await asyncio.sleep(_LONGEST_RETRY)
                continue
            return
