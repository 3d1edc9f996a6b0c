"""The clocks that the simulated source may live by."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from synclog.windows import Instant


class Clock(Protocol):
    """Tells the source's now."""

    def now(self) -> Instant:
        """The instant that the source takes for now."""


class RealClock:
    """The machine's clock."""

    def now(self) -> Instant:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A clock that starts at an instant and runs ``speed`` times as fast as the machine's."""

    epoch: Instant
    speed: float = 1.0
    _origin: float = field(default_factory=time.monotonic)

    def now(self) -> Instant:
        return self.epoch + int((time.monotonic() - self._origin) * self.speed * 1000)


@dataclass(slots=True)
class ManualClock:
    """A clock that stands until a test moves it."""

    instant: Instant

    def now(self) -> Instant:
        return self.instant

    def advance(self, milliseconds: int) -> None:
        self.instant += milliseconds
