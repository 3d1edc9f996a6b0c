"""Replicas of the operator, kept running as a Deployment keeps them."""

import threading
from collections.abc import Callable
from typing import Protocol


class Process(Protocol):
    """One process of a replica: `support.product.Operator`."""

    def poll(self) -> int | None: ...
    def lines(self) -> list[dict[str, object]]: ...
    def kill(self) -> None: ...


class Replica:
    """One replica: as soon as its process ends, a new one takes its place.

    Args:
        start: starts a process.
    """

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self._stop = threading.Event()
        self.processes = [start()]
        """All that ran so far; the last one runs now."""
        self.codes: list[int] = []
        """How the earlier ones ended."""
        self._thread = threading.Thread(target=self._keep, name="replica", daemon=True)
        self._thread.start()

    @property
    def process(self) -> Process:
        """The one that runs."""
        return self.processes[-1]

    def _keep(self) -> None:
        while not self._stop.wait(0.1):
            code = self.process.poll()
            if code is not None:
                self.codes.append(code)
                self.processes.append(self._start())

    def stop(self) -> None:
        """Kill it for good."""
        self._stop.set()
        self._thread.join()
        self.process.kill()

    def times(self, message: str) -> list[str]:
        """When its processes said something."""
        return [
            str(line["time"])
            for process in self.processes
            for line in process.lines()
            if line["message"] == message
        ]


def acted_out_of_turn(replicas: list[Replica]) -> list[str]:
    """What replicas did after another one had begun to lead, and before they led again.

    Args:
        replicas: replicas that live by the same clock.
    """
    said = sorted(
        (time, what, number)
        for number, replica in enumerate(replicas)
        for what in ("leading", "job created", "job deleted")
        for time in replica.times(what)
    )
    leader, wrong = None, []
    for time, what, number in said:
        if what == "leading":
            leader = number
        elif number != leader:
            wrong.append(f"{time}: replica {number}: {what}, while {leader} led")
    return wrong
