"""What the tests of the source side share: spools, clocks and stops without a machine."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from support.spools import MemorySpool
from synclog.windows import Instant


@dataclass
class FakeTime:
    """A clock and a stop in one: waiting moves the clock, and takes no time."""

    instant: Instant = 1_800_000_000_000
    waited: list[float] = field(default_factory=list)
    stopped: bool = False

    def now(self) -> Instant:
        return self.instant

    def monotonic(self) -> float:
        return self.instant / 1000

    def is_set(self) -> bool:
        return self.stopped

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited.append(timeout)
        self.instant += round(timeout * 1000)
        return self.stopped


@pytest.fixture
def spool() -> MemorySpool:
    return MemorySpool()


@pytest.fixture
def make_spool() -> Callable[[], MemorySpool]:
    return MemorySpool


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()
