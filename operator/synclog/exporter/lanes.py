"""Doing several things at once in threads, with a bound on what they hold in memory."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self


class Lanes:
    """Runs tasks in the background and tells the first of their errors.

    Leaving the context waits for every task, also after an error: nothing goes on behind the
    back of whoever reports it.

    Args:
        room: bytes that running tasks may hold together; a larger task runs alone. 0: every
            task runs at once, in the caller's thread.
        count: most tasks that run at a time.
        check: called while there is something to wait for; raises to stop.
    """

    def __init__(self, room: int, *, count: int, check: Callable[[], None]) -> None:
        self._room = room
        self._check = check
        self._running: dict[Future[None], int] = {}
        self._first_error: BaseException | None = None
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="lane") if room else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._running:
            self._collect()
        if self._threads:
            self._threads.shutdown()
        if error is None and self._first_error is not None:
            raise self._first_error

    def wait_for(self, size: int) -> None:
        """Wait until there is room for a task that holds ``size`` bytes.

        Raises:
            BaseException: the first error of a task, or that of `check`.
        """
        while self._running and not self._fits(size) and self._first_error is None:
            self._collect()
            self._check()
        if self._first_error is not None:
            raise self._first_error

    def start(self, task: Callable[[], None], size: int) -> None:
        """Start a task for which there is room."""
        if self._threads is None:
            task()
            return
        self._running[self._threads.submit(task)] = size

    def _fits(self, size: int) -> bool:
        return sum(self._running.values()) + size <= self._room

    def _collect(self) -> None:
        """Wait for the next tasks that end, and remember the first error."""
        ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for task in [task for task in self._running if task in ended]:
            del self._running[task]
            if self._first_error is None:
                self._first_error = task.exception()
