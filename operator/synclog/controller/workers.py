"""The workers: each takes a key, has it looked at, and plans the next look."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from synclog.controller.errors import ApiError, LostLeadershipError
from synclog.controller.health import Pulse
from synclog.controller.metrics import Metrics
from synclog.controller.workqueue import WorkQueue
from synclog.windows import SECOND, Instant

logger = logging.getLogger(__name__)


class Look(Protocol):
    """What looks at one export: `synclog.controller.reconcile.Reconciler`."""

    async def reconcile(self, uid: str) -> Instant | None:
        """Look at one export now; returns when to look again."""


class Workers:
    """N tasks that share a queue.

    Args:
        queue: the keys.
        look: does the work.
        pulse: is told who is at what since when.
        metrics: is told how long it took and what failed.
        clock: the time, as wake-ups name it.
        may_act: whether this process may still write.
    """

    def __init__(
        self,
        queue: WorkQueue,
        look: Look,
        *,
        pulse: Pulse,
        metrics: Metrics,
        clock: Callable[[], Instant],
        may_act: Callable[[], bool],
    ) -> None:
        self._queue = queue
        self._look = look
        self._pulse = pulse
        self._metrics = metrics
        self._clock = clock
        self._may_act = may_act
        self._turnstile = asyncio.Lock()

    def start(self, count: int) -> list[asyncio.Task[None]]:
        """Begin; each task ends when the queue is closed."""
        return [
            asyncio.create_task(self._work(), name=f"worker {number}") for number in range(count)
        ]

    async def _work(self) -> None:
        while (uid := await self._next()) is not None:
            if not self._may_act():
                raise LostLeadershipError("the Lease ran out while this process stood still")
            await self._one(uid)

    async def _next(self) -> str | None:
        """The next key, one in each round of the event loop.

        A look that has nothing to write never waits. Thousands in a row would hold up the
        loop for seconds, and with it the Lease.
        """
        async with self._turnstile:
            await asyncio.sleep(0)
            return await self._queue.get()

    async def _one(self, uid: str) -> None:
        loop = asyncio.get_running_loop()
        started = self._pulse.busy[uid] = loop.time()
        try:
            again = await self._look.reconcile(uid)
        except ApiError as error:
            self._failed(uid, str(error), None)
        except Exception as error:  # noqa: BLE001 - one export's surprise must not stop the others
            self._failed(uid, f"{type(error).__name__}: {error}", error)
        else:
            self._queue.done(uid)
            if again is not None:
                self._queue.add_at(uid, loop.time() + (again - self._clock()) / SECOND)
        finally:
            del self._pulse.busy[uid]
            self._metrics.reconcile_duration.observe(loop.time() - started)

    def _failed(self, uid: str, why: str, error: Exception | None) -> None:
        self._metrics.reconcile_errors.inc()
        delay = self._queue.retry(uid)
        logger.log(
            logging.WARNING if error is None else logging.ERROR,
            "look failed, again in %.1f s: %s",
            delay,
            why,
            extra={"uid": uid},
            exc_info=error,
        )
