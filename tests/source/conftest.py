"""Reading the simulated source over real HTTP, compared with its truth event by event."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from devcluster.code42 import Behaviour, SimulatedCode42, from_csv, from_json_lines, running
from devcluster.code42.truth import canonical
from support.spools import MemorySpool
from synclog.api.source import ApiClientAuth, Auth, Source, SourceFormat
from synclog.exporter.source import ApiClient, Credentials, Reading, SourceReader, SystemClock
from synclog.windows import DAY, Window

SEED = 7


class Impatient(threading.Event):
    """A stop signal whose waiting takes no time, so that back-off costs the tests nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


@dataclass
class Bench:
    """A simulated source and a reader of it."""

    simulation: SimulatedCode42
    reader: SourceReader
    format: SourceFormat
    stop: Impatient
    spool: MemorySpool = field(default_factory=MemorySpool)

    @property
    def day(self) -> Window:
        """Yesterday."""
        end = self.simulation.now // DAY * DAY
        return Window(end - DAY, end)

    def read(self, window: Window | None = None) -> Reading:
        """Read a window, by default yesterday."""
        return self.reader.read(window or self.day, self.spool)

    def read_truly(self, window: Window | None = None) -> Reading:
        """Read a window, and compare every event with the truth."""
        window = window or self.day
        reading = self.read(window)
        data = bytes(self.spool.data)
        if self.format is SourceFormat.CSV:
            columns = self.simulation.behaviour.csv.columns
            found = from_csv(reading.header + data, columns) if reading.header else []
        else:
            found = from_json_lines(data)
        assert Counter(found) == Counter(map(canonical, self.simulation.truth.events(window)))
        assert reading.events == len(found)
        assert reading.bytes == len(data)
        times = [event.instant for event in found]
        assert (reading.first, reading.last) == (min(times, default=None), max(times, default=None))
        return reading


@contextmanager
def _bench(
    behaviour: Behaviour,
    format_: SourceFormat = SourceFormat.CSV,
    *,
    auth: Auth | None = None,
    credentials: Credentials | None = None,
    ca_file: Path | None = None,
    tls: Any = None,
    **source: Any,
) -> Iterator[Bench]:
    with running(behaviour, SEED, tls=tls) as simulation:
        stop = Impatient()
        spec = Source(
            url=source.pop("url", simulation.url),
            format=format_,
            auth=auth or Auth(api_client=ApiClientAuth(secret_name="unused")),
            **source,
        )
        with SourceReader(
            spec,
            credentials or ApiClient(simulation.client_id, simulation.client_secret),
            ca_file=ca_file,
            stop=stop,
            clock=SystemClock(),
            chance=random.Random(SEED),
        ) as reader:
            yield Bench(simulation, reader, format_, stop)


@pytest.fixture
def bench() -> Callable[..., Any]:
    """A context manager: ``with bench(Behaviour(...), SourceFormat.JSON, page_size=100) as b``."""
    return _bench
