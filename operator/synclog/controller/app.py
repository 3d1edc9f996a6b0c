"""The operator as a process: start, compete for the Lease, serve, stop."""

import asyncio
import logging
import signal
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import kopf

from synclog import __version__
from synclog.controller import connection
from synclog.controller.cache import Cache
from synclog.controller.clock import ClusterClock
from synclog.controller.errors import ApiError, LostLeadershipError
from synclog.controller.events import Recorder
from synclog.controller.figures import Figures
from synclog.controller.gateway import ApiServer
from synclog.controller.handlers import kopf_settings, registry_of
from synclog.controller.health import HealthServer, Pulse
from synclog.controller.jobs import Exporter
from synclog.controller.leader import Elector, Terms
from synclog.controller.metrics import Metrics
from synclog.controller.reconcile import Reconciler
from synclog.controller.resync import resync
from synclog.controller.settings import Settings
from synclog.controller.throttle import Throttle
from synclog.controller.workers import Workers
from synclog.controller.workqueue import WorkQueue
from synclog.planning.plan import plan
from synclog.windows import SECOND

logger = logging.getLogger(__name__)

GRACE = 15.0
"""Seconds that looks under way may take when the process is told to stop."""
_CLOCK_STEP = 10.0
"""A cluster's clock that moves by more seconds than this against the monotonic one was set. Less
than this may be between two API servers."""
_LAST_EVENTS = 3.0
_FIRST_LIST_PAUSE = 5.0
_WATCH_PAUSE = 5.0


class App:
    """Everything of one process, put together.

    Args:
        settings: what was set.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._identity = settings.identity
        self._stop = asyncio.Event()
        self._synced = False
        self._clock = ClusterClock()
        self._cache = Cache()
        self._queue = WorkQueue()
        configuration = connection.load(settings.kubeconfig or None, settings.context or None)
        self._configuration = configuration
        self._metrics = Metrics(
            Figures(self._cache.exports),
            queue_depth=lambda: len(self._queue),
            is_leader=self._leading,
        )
        self._gateway = ApiServer(
            configuration,
            Throttle(settings.api_qps, settings.api_burst, settings.api_concurrency),
            clock=self._clock,
            record=self._metrics.count_request,
        )
        # The Lease has a way of its own: work that is piling up must not cost the leadership.
        # Its requests give up in time for a second try by a new connection.
        self._lease_gateway = ApiServer(
            connection.load(settings.kubeconfig or None, settings.context or None),
            Throttle(rate=10, burst=10, concurrency=2),
            clock=self._clock,
            patience=settings.renew_deadline / 2,
            record=self._metrics.count_request,
        )
        self._recorder = Recorder(self._gateway, self._identity)
        self._elector = Elector(
            self._lease_gateway,
            namespace=settings.lease_namespace,
            name=settings.lease_name,
            identity=self._identity,
            terms=Terms(settings.lease_duration, settings.renew_deadline, settings.retry_period),
        )
        self._pulse = Pulse(allowed={"loop": 60.0, "resync": 3 * settings.resync + 600.0})
        self._server = HealthServer(self._metrics.render, self._pulse, self._not_ready)
        self._workers = Workers(
            self._queue,
            Reconciler(
                self._gateway,
                self._cache,
                self._recorder,
                Exporter(
                    image=settings.image,
                    pull_policy=settings.image_pull_policy,
                    spool_size=settings.spool_size,
                    log_format=settings.log_format,
                ),
                allowed_hosts=settings.allowed_source_hosts,
                clock=self._clock.now,
                plan=plan,
                observe_skew=self._metrics.schedule_skew.observe,
                observe_duration=self._metrics.run_duration.observe,
            ),
            pulse=self._pulse,
            metrics=self._metrics,
            clock=self._clock.now,
            may_act=self._leading,
        )

    async def run(self) -> int:
        """Run until told to stop, or until the Lease is lost.

        Returns:
            The exit code of the process: 0 after a signal, 1 after anything else.
        """
        self._catch_signals()
        logger.info("starting", extra={"version": __version__, "identity": self._identity})
        await self._server.start(*self._settings.listen)
        clocks = asyncio.create_task(self._watch_clocks(), name="clocks")
        try:
            return await self._lead()
        finally:
            await _cancel([clocks])
            await self._server.stop()
            await self._gateway.close()
            await self._lease_gateway.close()
            logger.info("stopped")

    async def _lead(self) -> int:
        """Compete for the Lease, then serve. Every part that ends takes the process with it."""
        parts: list[asyncio.Task[None]] = []
        workers: list[asyncio.Task[None]] = []
        try:
            if self._settings.leader_election:
                logger.info("waiting for the Lease", extra={"lease": self._settings.lease_name})
                if not await self._unless_stopped(self._elector.acquire(), parts):
                    return 0
                parts.append(asyncio.create_task(self._elector.keep(), name="lease"))
            if not await self._unless_stopped(self._first_list(), parts):
                return _verdict(parts)
            workers = self._workers.start(self._settings.workers)
            parts.append(asyncio.create_task(self._recorder.run(), name="events"))
            parts.append(asyncio.create_task(self._resync(), name="resync"))
            # The last one: Kopf, when it stops, cancels every task that was begun after it.
            parts.append(asyncio.create_task(self._watch(), name="watches"))
            await self._unless_stopped(asyncio.Event().wait(), parts + workers)
            return _verdict(parts + workers)
        finally:
            await self._end(parts, workers)

    async def _unless_stopped(
        self, work: Coroutine[Any, Any, object], others: list[asyncio.Task[None]]
    ) -> bool:
        """Whether the work was done before a signal came or one of the others ended."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        await asyncio.wait([task, stop, *others], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await _cancel([stop, task])
        return not task.cancelled()

    async def _end(
        self, parts: list[asyncio.Task[None]], workers: list[asyncio.Task[None]]
    ) -> None:
        """Stop hearing, finish what is under way, tell the last events, give up the Lease."""
        lease = [part for part in parts if part.get_name() == "lease"]
        await _cancel([part for part in reversed(parts) if part not in lease])
        self._queue.close()
        if workers and self._leading():
            await asyncio.wait(workers, timeout=GRACE)
        await _cancel(workers)
        if self._leading():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_EVENTS):
                    await self._recorder.drain()
        await _cancel(lease)
        if self._settings.leader_election:
            await self._elector.release()

    def _leading(self) -> bool:
        return self._elector.leading if self._settings.leader_election else True

    def _not_ready(self) -> str | None:
        """Why not: only a leader that has not seen the cluster yet. A standby is ready."""
        return "listing the cluster" if self._leading() and not self._synced else None

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _first_list(self) -> None:
        """See the whole cluster before anything is decided, however long that takes."""
        while True:
            started = time.monotonic()
            try:
                await self._list()
            except ApiError as error:
                hint = "; is the CRD installed?" if error.status == 404 else ""
                logger.warning("the cluster cannot be listed yet: %s%s", error, hint)
                await asyncio.sleep(_FIRST_LIST_PAUSE)
                continue
            self._synced = True
            logger.info(
                "cluster seen",
                extra={
                    "exports": len(self._cache.exports),
                    "jobs": len(self._cache.jobs),
                    "pods": len(self._cache.pods),
                    "seconds": round(time.monotonic() - started, 3),
                },
            )
            return

    async def _resync(self) -> None:
        while True:
            self._pulse.beat("resync")
            await asyncio.sleep(self._settings.resync)
            try:
                news = await self._list()
            except ApiError as error:
                logger.warning("the cluster could not be listed: %s", error)
            else:
                level = logging.INFO if news else logging.DEBUG
                logger.log(level, "resync", extra={"news": news})

    async def _list(self) -> int:
        places = self._settings.namespaces or (None,)
        return await resync(self._gateway, self._cache, places, self._queue.add)

    async def _watch(self) -> None:
        """Let Kopf watch. It ends when a watch meets what it cannot handle: begin again."""
        while True:
            others = asyncio.all_tasks()
            try:
                tasks = await kopf.spawn_tasks(
                    registry=registry_of(self._cache, self._queue.add, self._login),
                    settings=kopf_settings(),
                    standalone=True,
                    clusterwide=not self._settings.namespaces,
                    namespaces=self._settings.namespaces,
                )
                self._catch_signals()  # Kopf took them
                await kopf.run_tasks(tasks, ignored=others)
                logger.warning("the watches ended, beginning again")
            except Exception:
                logger.exception("the watches failed, beginning again")
            await asyncio.sleep(_WATCH_PAUSE)
            with suppress(ApiError):  # what was missed meanwhile; the next resync tries again
                await self._list()

    def _login(self) -> kopf.ConnectionInfo:
        return connection.for_kopf(self._configuration)

    async def _watch_clocks(self) -> None:
        """Measure how late the loop is, and notice when the cluster's clock is set.

        Wake-ups are kept on the loop's clock: when the other one jumps, they are all wrong.
        """
        loop = asyncio.get_running_loop()
        offset = self._clock.now() / SECOND - loop.time()
        while True:
            self._pulse.beat("loop")
            due = loop.time() + 1.0
            await asyncio.sleep(1.0)
            self._metrics.loop_lag.set(max(0.0, loop.time() - due))
            moved = self._clock.now() / SECOND - loop.time() - offset
            if abs(moved) > _CLOCK_STEP:
                logger.warning("the cluster's clock was set", extra={"seconds": round(moved, 1)})
                offset += moved
                for export in self._cache.exports.all():
                    self._queue.add(export.uid)


def _verdict(tasks: list[asyncio.Task[None]]) -> int:
    """1 if a part ended by itself, which none should; says why."""
    for task in tasks:
        if task.done() and not task.cancelled():
            error = task.exception()
            told = error if error and not isinstance(error, LostLeadershipError) else None
            logger.error("%s ended: %s", task.get_name(), error or "unexpectedly", exc_info=told)
            return 1
    return 0


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
