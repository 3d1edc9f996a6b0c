"""The clocks that the simulated source may live by."""

import time
from collections.abc import Callable
from dataclasses import dataclass
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


class ScaledClock:
    """A clock that starts at an instant and runs ``speed`` times as fast as the machine's."""

    def __init__(
        self,
        epoch: Instant,
        speed: float = 1.0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._epoch = epoch
        self._speed = speed
        self._monotonic = monotonic
        self._origin = monotonic()

    def now(self) -> Instant:
        return self._epoch + int((self._monotonic() - self._origin) * self._speed * 1000)


@dataclass(slots=True)
class ManualClock:
    """A clock that stands until a test moves it."""

    instant: Instant

    def now(self) -> Instant:
        return self.instant

    def advance(self, milliseconds: int) -> None:
        self.instant += milliseconds
