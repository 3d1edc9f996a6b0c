"""A source, a storage and a clock that tests hold in their hands."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from synclog.api.destination import Destination
from synclog.api.output import Compression, Output
from synclog.api.run import Owner, Purpose, RunSpec, SpanText
from synclog.api.source import ApiClientAuth, Auth, Source, SourceFormat
from synclog.exporter.destination.base import Guarantee, Stored, checked
from synclog.exporter.errors import DestinationError
from synclog.exporter.pipeline import Site
from synclog.exporter.source import ClockReading, Evidence, Proof, Reading, Spool
from synclog.exporter.source.digest import multiset_sum, to_hex
from synclog.windows import DAY, HOUR, Window, format_time, parse_time

NOW = parse_time("2026-06-01T12:00:00Z")
MIDNIGHT = parse_time("2026-05-30T00:00:00Z")
HEADER = b"logEventTimeStamp,username\n"


def row(instant: int, name: str = "ana") -> bytes:
    return f"{format_time(instant)},{name}".encode()


@dataclass
class FakeSource:
    """Serves rows; forgets what is older than its retention; counts how often it was asked."""

    rows: list[tuple[int, bytes]] = field(default_factory=list)
    now: int = NOW
    local: int | None = None
    retention: int = 90 * DAY
    per_read: int = 0
    """Milliseconds that one reading takes."""
    asked: list[Window] = field(default_factory=list)
    on_read: Callable[[], None] = lambda: None
    requests: int = 0
    header: bytes = HEADER

    def server_time(self) -> ClockReading:
        return ClockReading(local=self.now if self.local is None else self.local, server=self.now)

    def read(self, window: Window, spool: Spool, progress: object = None) -> Reading:
        self.requests += 1
        self.on_read()
        self.asked.append(window)
        oldest = self.now - self.retention
        found = [(at, text) for at, text in self.rows if at in window and at >= oldest]
        self.now += self.per_read
        for _, text in found:
            spool.write(text + b"\n")
        texts = [text for _, text in found]
        return Reading(
            header=self.header,
            columns=tuple(self.header.decode().strip().split(",")) if self.header else ("u",),
            events=len(found),
            bytes=sum(len(text) + 1 for text in texts),
            digest=to_hex(multiset_sum(texts)),
            first=min((at for at, _ in found), default=None),
            last=max((at for at, _ in found), default=None),
            evidence=Evidence(
                host="h", tenant="h", format="CSV", proof=Proof.FRAMED, parts=1, requests=1
            ),
        )


class MemoryDraft:
    def __init__(self, destination: "MemoryDestination") -> None:
        self._destination = destination
        self._buffer = io.BytesIO()

    def write(self, data: bytes | memoryview, /) -> None:
        self._buffer.write(data)

    def publish(self, path: str, /) -> bool:
        return self._destination.create(path, self._buffer.getvalue())


class MemoryDestination:
    """A storage in memory. ``step`` is called around everything that others could see."""

    def __init__(self, part_size: int = 1 << 20, room: int = 0) -> None:
        self.part_size = part_size
        self.room = room
        self.content: dict[str, bytes] = {}
        self.step: Callable[[str], None] = lambda _what: None

    def __str__(self) -> str:
        return "memory"

    def probe(self) -> None:
        self.step("probe")

    def guarantee(self, path: str | None) -> Guarantee:
        return Guarantee(creation="memory", retention="Unknown" if path else "")

    @contextmanager
    def draft(self) -> Iterator[MemoryDraft]:
        yield MemoryDraft(self)

    def create(self, path: str, data: bytes) -> bool:
        self.step(f"before {path}")
        created = checked(path) not in self.content
        self.content.setdefault(path, bytes(data))
        self.step(f"after {path}")
        return created

    def read(self, path: str) -> bytes | None:
        self.step(f"read {path}")
        return self.content.get(checked(path))

    def size(self, path: str) -> int | None:
        self.step(f"size {path}")
        found = self.content.get(checked(path))
        return None if found is None else len(found)

    def blocks(self, path: str) -> Iterator[bytes]:
        found = self.content.get(checked(path))
        if found is None:
            raise DestinationError("DestinationFailed", f"reading {path} failed: no such file")
        for start in range(0, len(found), 1 << 20):
            yield found[start : start + (1 << 20)]

    def files(self) -> Iterator[Stored]:
        for path, data in sorted(self.content.items()):
            yield Stored(path, len(data))


@dataclass
class Bench:
    """Everything for a run, and the runs themselves."""

    source: FakeSource
    destination: MemoryDestination
    spool: Path
    stop: threading.Event = field(default_factory=threading.Event)

    def site(self, destination: object = None, patience: float = 0.0) -> Site:
        return Site(
            destination=destination or self.destination,
            reader=self.source,
            spool_folder=self.spool,
            clock=lambda: self.source.now if self.source.local is None else self.source.local,
            stop=self.stop,
            settle_patience=patience,
        )

    @staticmethod
    def spec(
        window: Window | None = None,
        *,
        owner: str = "prod",
        tenant: str | None = None,
        compression: Compression = Compression.GZIP,
        source_format: SourceFormat = SourceFormat.CSV,
        coverage_start: int = MIDNIGHT,
        step: int = 365 * DAY,
        **more: object,
    ) -> RunSpec:
        span = window and SpanText(
            start=format_time(window.start), end=format_time(window.end), step_ms=step
        )
        return RunSpec(
            purpose=Purpose.WINDOW if window else Purpose.INSPECT,
            owner=Owner(namespace="team", name=owner),
            source=Source(
                url="https://console.example.com",
                auth=Auth(api_client=ApiClientAuth(secret_name="s")),
                tenant=tenant,
                format=source_format,
            ),
            destination=Destination(),
            output=Output(compression=compression),
            coverage_start=format_time(coverage_start),
            span=span,
            **more,
        )

    @staticmethod
    def hours(start: int, end: int) -> Window:
        return Window(MIDNIGHT + start * HOUR, MIDNIGHT + end * HOUR)

    @staticmethod
    def row(instant: int, name: str = "ana") -> bytes:
        return row(instant, name)

    def fill(self, events: Iterable[tuple[int, str]]) -> None:
        """Give the source events: hour (a fraction is fine) since MIDNIGHT, and a name."""
        for hour, name in events:
            at = MIDNIGHT + int(hour * HOUR)
            self.source.rows.append((at, row(at, name)))

    def multiset(self, window: Window) -> Counter[bytes]:
        return Counter(text for at, text in self.source.rows if at in window)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    spool = tmp_path / "spool"
    spool.mkdir()
    return Bench(FakeSource(), MemoryDestination(), spool)


@pytest.fixture
def memory() -> type[MemoryDestination]:
    return MemoryDestination
