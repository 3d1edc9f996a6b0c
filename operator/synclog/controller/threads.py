"""A bounded pool of threads that nobody has to wait for."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonPool(Executor):
    """Runs calls in at most so many daemon threads.

    The standard pool makes the process wait at its end for calls under way. A request that no
    router answers takes its whole timeout: a leader that lost its Lease behind a dead link
    would be back as a standby only half a minute later.

    Args:
        threads: most calls at once; the others wait in line.
        name: the threads' names begin with it.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._most = threads
        self._name = name
        self._begun = 0
        self._line: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Put a call in line.

        Raises:
            RuntimeError: the pool is shut down.
        """
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - told to whoever waits for the result
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is shut down")
            self._line.put(work)
            if not self._idle.acquire(blocking=False) and self._begun < self._most:
                self._begun += 1
                name = f"{self._name}-{self._begun}"
                threading.Thread(target=self._serve, name=name, daemon=True).start()
        return future

    def _serve(self) -> None:
        while (work := self._line.get()) is not None:
            work()
            self._idle.release()
        self._line.put(None)  # for the next thread

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - the interface; nothing is waited for
        """Take no more calls; what is in line is done, what is under way is not waited for."""
        with self._lock:
            self._closed = True
            self._line.put(None)
