"""The queue of keys to look at: each key once, now or later, never by two workers at once."""

import asyncio
import heapq
import itertools
from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class _Key:
    """Where one key stands."""

    due: float | None = None
    """When it is to be looked at; None: not planned."""
    ready: bool = False
    """In the line of keys that are due."""
    busy: bool = False
    """A worker has it."""
    again: bool = False
    """It was asked for while a worker had it."""
    failures: int = 0
    retry_at: float = 0.0
    """When it was to be looked at after the last failure."""


class WorkQueue:
    """A queue that remembers each key once, with a time, as controllers use it.

    `add` means now; `add_at` means not later than then: of two times the earlier holds. A key
    that is added while a worker has it comes back when the worker is done with it.

    Args:
        first_retry: seconds to wait after the first failure of a key; doubles with each.
        longest_retry: most seconds to wait.
    """

    def __init__(self, first_retry: float = 0.5, longest_retry: float = 300.0) -> None:
        self._first_retry = first_retry
        self._longest_retry = longest_retry
        self._keys: dict[str, _Key] = {}
        self._line: deque[str] = deque()
        self._later: list[tuple[float, int, str]] = []
        self._order = itertools.count()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        """Number of keys that are due and wait for a worker."""
        return len(self._line)

    def add(self, key: str) -> None:
        """Ask for a key now."""
        state = self._keys.setdefault(key, _Key())
        state.due = None
        if state.busy:
            state.again = True
        elif not state.ready:
            state.ready = True
            self._line.append(key)
            self._wake()

    def add_at(self, key: str, when: float) -> None:
        """Ask for a key not later than the loop's time ``when``."""
        if when <= asyncio.get_running_loop().time():
            self.add(key)
            return
        state = self._keys.setdefault(key, _Key())
        if state.ready or state.again or (state.due is not None and state.due <= when):
            return
        state.due = when
        heapq.heappush(self._later, (when, next(self._order), key))
        self._arm()

    def forget(self, key: str) -> None:
        """Drop what is planned for a key; a worker that has it is not disturbed."""
        state = self._keys.get(key)
        if state is None:
            return
        state.due, state.again, state.failures = None, False, 0
        if not state.busy and not state.ready:
            del self._keys[key]

    def close(self) -> None:
        """Hand out no more keys: every `get` comes back with nothing."""
        self._closed = True
        while self._waiters:
            self._wake()

    async def get(self) -> str | None:
        """Wait for the next key that is due, and take it; `done` or `retry` gives it back.

        None: the queue is closed.
        """
        while not self._line and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # A wake-up that this worker cannot use any more belongs to the next one.
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        if self._closed:
            return None
        key = self._line.popleft()
        state = self._keys[key]
        state.ready, state.busy = False, True
        return key

    def done(self, key: str) -> None:
        """Give a key back after it was dealt with."""
        self._keys[key].failures = 0
        self._return(key)

    def retry(self, key: str) -> float:
        """Give a key back after a failure; it comes again later. Returns the seconds until then.

        The wait grows with the time that a key fails for. Where news bring it back before that,
        it stays as it is: a fault of seconds, while pods come and go, must not cost minutes.
        """
        state, now = self._keys[key], asyncio.get_running_loop().time()
        if not state.failures or now >= state.retry_at:
            delay = min(self._first_retry * 2.0 ** min(state.failures, 30), self._longest_retry)
            state.failures += 1
            state.retry_at = now + delay
        # News that came meanwhile do not shorten the wait: what fails on every event must not spin.
        state.again = False
        self._return(key)
        self.add_at(key, state.retry_at)
        return state.retry_at - now

    def _return(self, key: str) -> None:
        state = self._keys[key]
        state.busy = False
        if state.again:
            state.again = False
            self.add(key)
        elif state.due is None and not state.failures:
            del self._keys[key]

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= self._later[0][0]:
                return
            self._timer.cancel()
        self._timer = loop.call_at(self._later[0][0], self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._later and self._later[0][0] <= now:
            when, _, key = heapq.heappop(self._later)
            state = self._keys.get(key)
            # An entry whose time is not the key's own was overtaken by an earlier one.
            if state is not None and state.due == when:
                self.add(key)
        if self._later:
            self._arm()
