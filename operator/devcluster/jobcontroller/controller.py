"""Acts on what `sync` decides: one task a Job, woken by every change of the Job or its pods."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from devcluster.client import JOBS, PODS, ApiError, Client, ConflictError, NotFoundError, Object
from devcluster.informer import Informer, key_of
from devcluster.jobcontroller.backoff import Backoff
from devcluster.jobcontroller.ending import Ending
from devcluster.jobcontroller.manage import NewPod, Removal
from devcluster.jobcontroller.model import FINALIZER, Job, Pod, parse_time, read_job, read_pod
from devcluster.jobcontroller.pods import pod_of
from devcluster.jobcontroller.sync import Decision, sync
from devcluster.recorder import Recorder

_log = logging.getLogger(__name__)
_MOST_STEPS = 50
_LONGEST_RETRY = 60.0
_AT_ONCE = 16
"""Jobs that are worked on side by side; the others wait their turn."""


def controlling_job(pod: Object) -> str:
    """The uid of the Job that controls a pod; empty where none does."""
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner.get("controller") and owner["kind"] == "Job":
            return str(owner["uid"])
    return ""


async def _first_error(actions: Iterable[Awaitable[None]]) -> ApiError | None:
    """Do all at once; return the first refusal of the API server, if any."""
    results = await asyncio.gather(*actions, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ApiError):
            raise result
    return next((result for result in results if isinstance(result, ApiError)), None)


class JobController:
    """Runs the Jobs of one API server."""

    def __init__(self, client: Client, backoff: Backoff) -> None:
        self._client = client
        self._backoff = backoff
        self._recorder = Recorder(client, "job-controller")
        self._jobs = Informer(client, JOBS, self._on_job)
        self._pods = Informer(client, PODS, self._on_pod)
        self._pods_of: dict[str, dict[str, Object]] = defaultdict(dict)
        """By the Job's uid: its pods by name."""
        self._keys: dict[str, str] = {}
        """By the Job's uid: its namespace and name."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._wake: dict[str, asyncio.Event] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def run(self, ready: Callable[[], None]) -> None:
        """Run for ever; ``ready`` is called when the first lists have been taken in."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._recorder.run())
            group.create_task(self._jobs.run())
            await self._jobs.synced.wait()  # so that no pod seems to have lost its Job
            group.create_task(self._pods.run())
            await self._pods.synced.wait()
            for job in self._jobs:
                self._poke(job["metadata"]["uid"])
            for uid in list(self._pods_of):
                self._poke(uid)
            ready()

    def _on_job(self, job: Object, gone: bool) -> None:
        uid = job["metadata"]["uid"]
        if gone:
            self._keys.pop(uid, None)
        else:
            self._keys[uid] = key_of(job)
        self._poke(uid)

    def _on_pod(self, pod: Object, gone: bool) -> None:
        uid = controlling_job(pod)
        if not uid:
            return
        pods, name = self._pods_of[uid], pod["metadata"]["name"]
        if gone:
            pods.pop(name, None)
            if not pods:
                del self._pods_of[uid]
        else:
            pods[name] = pod
        self._poke(uid)

    def _poke(self, uid: str) -> None:
        if not self._pods.synced.is_set():
            return
        if uid not in self._tasks:
            self._wake[uid] = asyncio.Event()
            self._tasks[uid] = asyncio.create_task(self._work(uid), name=f"job {uid}")
        self._wake[uid].set()

    async def _work(self, uid: str) -> None:
        """Serve one Job until it needs nothing more; a later change starts this anew."""
        wake = self._wake[uid]
        retry = 0.0
        again: timedelta | None = None
        try:
            while again is not None or wake.is_set():
                try:
                    async with asyncio.timeout(again.total_seconds() if again else None):
                        await wake.wait()
                except TimeoutError:
                    pass
                wake.clear()
                try:
                    async with self._turns:
                        again = await self._settle(uid)
                    retry = 0.0
                except ApiError as error:
                    _log.warning("job %s: %s", self._keys.get(uid, uid), error)
                    retry = min(max(retry * 2, 0.2), _LONGEST_RETRY)
                    await asyncio.sleep(retry)
                    wake.set()
        finally:
            del self._tasks[uid], self._wake[uid]

    async def _settle(self, uid: str) -> timedelta | None:
        """Take steps until the Job is as it should be; return when to look again at the latest."""
        begun: Ending | None = None
        for _ in range(_MOST_STEPS):
            key = self._keys.get(uid)
            raw = self._jobs.get(key) if key else None
            pods = [read_pod(pod) for pod in self._pods_of.get(uid, {}).values()]
            if raw is None:
                await self._release_orphans(uid, pods)
                return None
            job = read_job(raw)
            if not job.managed:
                return None
            if job.finished:
                await self._release([pod for pod in pods if pod.tracked])
                return await self._expire(job)
            decision = sync(job, pods, datetime.now(UTC), self._backoff, begun)
            begun = decision.begun
            acted = bool(decision.remove or decision.create)
            failure = await self._act(job, decision) if acted else None
            if acted and failure is None:
                continue
            if decision.status != job.status:
                await self._write(job, decision)
            if failure is not None:
                raise failure
            if not decision.release:
                return decision.again
            await self._release(decision.release)
        raise ApiError(0, "Unsettled", f"still unsettled after {_MOST_STEPS} steps")

    async def _write(self, job: Job, decision: Decision) -> None:
        body = {**job.raw, "status": decision.status}
        try:
            self._jobs.put(await self._client.replace(JOBS, body, sub="status"))
        except ConflictError:  # somebody wrote to the Job; decide again about what it is now
            meta = job.raw["metadata"]
            self._jobs.put(await self._client.get(JOBS, meta["namespace"], meta["name"]))
            return
        for notice in decision.notices:
            self._recorder.event(job.raw, notice.kind, notice.reason, notice.message)

    async def _act(self, job: Job, decision: Decision) -> ApiError | None:
        """Remove and create; the first refusal, or None."""
        refused = await _first_error(self._remove(job, removal) for removal in decision.remove)
        # A slow start, so that a quota that refuses one pod is not asked for hundreds.
        left, size = list(decision.create), 1
        while left and refused is None:
            batch, left = left[:size], left[size:]
            refused = await _first_error(self._create(job, new) for new in batch)
            size *= 2
        return refused

    async def _create(self, job: Job, new: NewPod) -> None:
        try:
            pod = await self._client.create(
                PODS, job.raw["metadata"]["namespace"], pod_of(job, new)
            )
        except ApiError as error:
            self._recorder.event(job.raw, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        self._pods.put(pod)
        name = pod["metadata"]["name"]
        self._recorder.event(job.raw, "Normal", "SuccessfulCreate", f"Created pod: {name}")

    async def _remove(self, job: Job, removal: Removal) -> None:
        pod = removal.pod
        if removal.release and pod.tracked:
            await self._release([pod])
        meta = pod.raw["metadata"]
        try:
            answer = await self._client.delete(
                PODS, meta["namespace"], pod.name, preconditions={"uid": pod.uid}
            )
        except (NotFoundError, ConflictError):  # gone, or another pod by now
            self._pods.drop(pod.raw)
            return
        except ApiError as error:
            self._recorder.event(job.raw, "Warning", "FailedDelete", f"Error deleting: {error}")
            raise
        if answer.get("metadata", {}).get("deletionTimestamp"):
            self._pods.put(answer)
        else:
            self._pods.drop(pod.raw)
        self._recorder.event(job.raw, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}")

    async def _release(self, pods: Sequence[Pod]) -> None:
        """Take the finalizer off; whoever deleted the pod may now see it go."""
        error = await _first_error(self._untrack(pod.raw) for pod in pods)
        if error is not None:
            raise error

    async def _untrack(self, pod: Object) -> None:
        meta = pod["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        while FINALIZER in (meta.get("finalizers") or ()):
            others = [item for item in meta["finalizers"] if item != FINALIZER]
            change = {"resourceVersion": meta["resourceVersion"], "finalizers": others}
            try:
                pod = await self._client.patch(PODS, namespace, name, {"metadata": change})
            except ConflictError:
                try:
                    pod = await self._client.get(PODS, namespace, name)
                except NotFoundError:
                    break
                if pod["metadata"]["uid"] != meta["uid"]:
                    break
            except NotFoundError:
                break
            meta = pod["metadata"]
            self._pods.put(pod)
        else:
            return
        self._pods.drop(pod)

    async def _release_orphans(self, uid: str, pods: Sequence[Pod]) -> None:
        """Let go of the pods of a Job that was deleted, after asking whether it really was."""
        tracked = [pod for pod in pods if pod.tracked]
        if not tracked:
            return
        meta = tracked[0].raw["metadata"]
        name = next(owner["name"] for owner in meta["ownerReferences"] if owner["uid"] == uid)
        try:
            job = await self._client.get(JOBS, meta["namespace"], name)
        except NotFoundError:
            job = None
        if job is not None and job["metadata"]["uid"] == uid:
            self._jobs.put(job)
        else:
            await self._release(tracked)

    async def _expire(self, job: Job) -> timedelta | None:
        """Delete a finished Job when its time to live is over, or tell how long it still has."""
        seconds = job.spec.get("ttlSecondsAfterFinished")
        if seconds is None or job.deleted:
            return None
        end = job.condition("Complete") or job.condition("Failed")
        finished = parse_time(end.get("lastTransitionTime"))
        assert finished is not None
        left = finished + timedelta(seconds=seconds) - datetime.now(UTC)
        if left > timedelta(0):
            return left
        with contextlib.suppress(NotFoundError, ConflictError):
            await self._client.delete(
                JOBS,
                job.raw["metadata"]["namespace"],
                job.name,
                propagationPolicy="Foreground",
                preconditions={"uid": job.uid},
            )
        return None
