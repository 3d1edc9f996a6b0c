"""Replicas of the operator, kept running as a Deployment keeps them."""

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Protocol


class Process(Protocol):
    """One process of a replica: `support.product.Operator`."""

    def poll(self) -> int | None: ...
    def lines(self) -> list[dict[str, str]]: ...
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

    def said(self, message: str) -> Iterator[dict[str, str]]:
        """The lines with this message that its processes logged."""
        lines = (line for process in self.processes for line in process.lines())
        return (line for line in lines if line["message"] == message)


def acted_out_of_turn(replicas: list[Replica]) -> list[str]:
    """What replicas did after another one had begun to lead, and before they led again.

    Args:
        replicas: replicas that live by the same clock.
    """
    said = sorted(
        (line["time"], what, number)
        for number, replica in enumerate(replicas)
        for what in ("leading", "job created", "job deleted")
        for line in replica.said(what)
    )
    leader, wrong = None, []
    for time, what, number in said:
        if what == "leading":
            leader = number
        elif number != leader:
            wrong.append(f"{time}: replica {number}: {what}, while {leader} led")
    return wrong


def run_twice(replicas: list[Replica]) -> list[str]:
    """Ranges of time that replicas started more than one window run for."""
    created = [line for replica in replicas for line in replica.said("job created")]
    spans = sorted(line["span"] for line in created if line["purpose"] == "window")
    # "[start, end)": times of one width, so that texts sort as times do.
    return [
        f"{one} and {two}"
        for one, two in itertools.pairwise(spans)
        if two[1:].partition(",")[0] < one[:-1].partition(", ")[2]
    ]
