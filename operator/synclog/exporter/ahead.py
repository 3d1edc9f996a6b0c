"""Letting a stream run ahead in a thread of its own, so that two steps of work overlap."""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE = 0.1
"""Seconds after which a full queue looks whether anybody still wants what is in it."""


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


class _Runner(Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: Queue[T | _End] = Queue(depth)
        self._unwanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        error = None
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as caught:  # noqa: BLE001 - raised again where the items are taken
            error = caught
        self._put(_End(error))

    def _put(self, item: T | _End) -> bool:
        while not self._unwanted.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=_PATIENCE)
                return True
        return False

    def taken(self) -> Generator[T, None, None]:
        while not isinstance(item := self._queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    def stop(self) -> None:
        self._unwanted.set()
        with suppress(Empty):
            self._queue.get_nowait()  # wakes the thread at once
        self._thread.join()


@contextmanager
def ahead(items: Iterable[T], depth: int = 4) -> Generator[Generator[T, None, None], None, None]:
    """Take items from a thread that is up to ``depth`` items ahead.

    An error of the items is raised where they are taken. Leaving the context stops the thread
    before its next item, and waits for it: what the items use may be closed then.
    """
    runner = _Runner(items, depth)
    try:
        yield runner.taken()
    finally:
        runner.stop()
