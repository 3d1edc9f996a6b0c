"""The client-side limit: how many requests a second, how many at once, and who goes first."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum

_WHOLE = 1 - 1e-6
"""A token, but for what rounding loses: a timer that is a hair early must not spin."""


class Lane(IntEnum):
    """Who goes first when requests have to wait."""

    CREATE = 0
    """Jobs: a tick is late as long as its Job does not exist."""
    NORMAL = 1
    """Reads, status, deletions."""
    BULK = 2
    """Events: nobody waits for them."""


class Throttle:
    """A token bucket with a limit of concurrency and a waiting line with lanes.

    Args:
        rate: tokens a second.
        burst: tokens that the bucket holds.
        concurrency: most requests at once.
    """

    def __init__(self, rate: float, burst: int, concurrency: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._free = concurrency
        self._filled = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[Lane, int, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def slot(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for a token and a free place; give the place back at the end."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (lane, next(self._order), turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()
            raise
        try:
            yield
        finally:
            self._release()

    def _release(self) -> None:
        self._free += 1
        self._admit()

    def _admit(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        while self._waiting and self._free and self._tokens >= _WHOLE:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._tokens -= 1
                self._free -= 1
                turn.set_result(None)
        if self._waiting and self._free and self._timer is None:
            self._timer = loop.call_later((1 - self._tokens) / self._rate, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._admit()
