"""Time and being told to stop, as the source side sees them."""

import time
from dataclasses import dataclass
from typing import Protocol

from synclog.windows import Instant, Span


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> Instant:
        """The local wall clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        ...


class StopSignal(Protocol):
    """Says that the process shall stop; a `threading.Event` is one."""

    def is_set(self) -> bool:
        """Whether to stop now."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait that many seconds; return early, and true, when told to stop."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> Instant:
        """The local wall clock."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What the two clocks say at one moment.

    The source tells its time in the ``Date`` header, in whole seconds; `server` is up to a
    second early, which is the careful side for deciding that something is settled.
    """

    local: Instant
    server: Instant

    @property
    def offset(self) -> Span:
        """How far the source's clock is ahead of the local one, in milliseconds."""
        return self.server - self.local
