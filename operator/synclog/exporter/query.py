"""Reading events back from an archive: a range of time, in order, additions merged."""

import csv
import heapq
import io
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from synclog.exporter.codec import decompressed
from synclog.exporter.destination import Destination
from synclog.exporter.errors import ConfigurationError, IntegrityError
from synclog.exporter.ledger import Content, Head, Ledger, Lost, WindowRecord
from synclog.exporter.ledger.rules import window_of
from synclog.exporter.records import Batch, batches
from synclog.exporter.source.csv_dialect import Dialect, time_column_of
from synclog.exporter.source.timestamps import NotATimestampError, Timestamps
from synclog.windows import Instant, Window

Event: TypeAlias = tuple[Instant, bytes]
"""When it happened, and the record as one line of JSON, without line end."""

_SORT_BYTES = 16 << 20
"""Bytes of records that are sorted in memory; more are sorted in files and merged."""


class Archive:
    """The contents of an archive, found by its ledger.

    Args:
        destination: where it is.
        clock: for the ledger; nothing is written.

    Raises:
        ConfigurationError: there is no ledger.
        IntegrityError: an entry cannot be read.
    """

    def __init__(self, destination: Destination, *, clock: Callable[[], Instant]) -> None:
        self._destination = destination
        ledger = Ledger(destination, clock=clock)
        head = ledger.head()
        if head is None:
            raise ConfigurationError(
                "NoLedger", f"{destination} holds no ledger: name the folder of an export"
            )
        self.head: Head = head
        self._contents: dict[Window, list[Content]] = {}
        for number in range(1, head.number + 1):
            found = ledger.entry(number)
            if found is None:
                raise IntegrityError("EntryMissing", f"ledger entry {number} is missing")
            record = found[0].record
            if isinstance(record, WindowRecord | Lost) and record.content.parts:
                window = window_of(record.window)
                self._contents.setdefault(window, []).append(record.content)

    def columns(self, window: Window) -> list[str]:
        """The columns of the events of a window, in the order in which they are first met."""
        found: dict[str, None] = {}
        for contents in self._within(window).values():
            for content in contents:
                found.update(dict.fromkeys(distinct(content.columns)))
        return list(found)

    def events(self, window: Window, *, folder: Path | None = None) -> Generator[Event, None, None]:
        """The events of a window, ordered by their time stamp; equal ones as they were served.

        Args:
            window: which events.
            folder: room for sorting what does not fit into memory.

        Raises:
            IntegrityError: a part is missing or damaged.
            DestinationError: the destination cannot be read.
        """
        # Exported windows never overlap, so their events follow each other as they do.
        for contents in self._within(window).values():
            events = (
                event for content in contents for event in self._read(content) if event[0] in window
            )
            yield from in_order(events, folder)

    def _within(self, window: Window) -> dict[Window, list[Content]]:
        return {
            at: contents for at, contents in sorted(self._contents.items()) if at.overlaps(window)
        }

    def _read(self, content: Content) -> Iterator[Event]:
        timestamps = Timestamps(ZoneInfo(content.time_zone) if content.time_zone else None)
        source_format = self.head.identity.source_format
        for part in content.parts:
            if self._destination.size(part.path) is None:
                raise IntegrityError(
                    "PartMissing", f"{part.path} is not there any more: ask for a later range"
                )
            blocks = decompressed(self._destination.blocks(part.path), part.compression)
            for batch in batches(blocks, source_format):
                try:
                    yield from _decoded(batch, timestamps)
                except (NotATimestampError, ValueError) as error:
                    raise IntegrityError("PartDamaged", f"{part.path}: {error}") from error


def _decoded(batch: Batch, timestamps: Timestamps) -> Iterator[Event]:
    if batch.dialect is None:
        return _decoded_json(batch.records, timestamps)
    return _decoded_csv(batch.records, batch.dialect, timestamps)


def _decoded_csv(
    records: Iterable[bytes], dialect: Dialect, timestamps: Timestamps
) -> Iterator[Event]:
    names = distinct(dialect.columns)
    for record in records:
        # newline="": the csv module itself must see the line ends within values.
        text = io.StringIO(record.decode("utf-8", "replace"), newline="")
        values = next(csv.reader(text, delimiter=dialect.delimiter.decode(), strict=True))
        instant = timestamps.parse(values[dialect.time_column].encode())
        fields = dict(zip(names, values, strict=True))
        yield instant, msgspec.json.encode(fields)


def _decoded_json(records: Iterable[bytes], timestamps: Timestamps) -> Iterator[Event]:
    for record in records:
        fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
        names = list(fields)
        at = time_column_of(names)
        if at is None:
            raise NotATimestampError(f"a record has no time among {names}")
        yield timestamps.parse(msgspec.json.decode(fields[names[at]], type=str).encode()), record


def distinct(columns: Iterable[str]) -> list[str]:
    """Names of columns, made distinct: a name that comes again gets a number."""
    names: list[str] = []
    for column in columns:
        name, count = column, 1
        while name in names:
            count += 1
            name = f"{column}_{count}"
        names.append(name)
    return names


def in_order(events: Iterable[Event], folder: Path | None = None) -> Iterator[Event]:
    """Sort events by time, stably, with bounded memory."""
    runs: list[BinaryIO] = []
    waiting: list[Event] = []
    size = 0
    try:
        for event in events:
            waiting.append(event)
            size += len(event[1])
            if size >= _SORT_BYTES:
                runs.append(_spilled(waiting, folder))
                waiting, size = [], 0
        waiting.sort(key=_when)
        # heapq.merge is stable: among equal times, an earlier run comes first.
        yield from heapq.merge(*map(_respooled, runs), waiting, key=_when)
    finally:
        for run in runs:
            run.close()


def _when(event: Event) -> Instant:
    return event[0]


def _spilled(events: list[Event], folder: Path | None) -> BinaryIO:
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by in_order
    events.sort(key=_when)
    for instant, record in events:
        file.write(instant.to_bytes(8, "big", signed=True) + len(record).to_bytes(4, "big"))
        file.write(record)
    file.seek(0)
    return file


def _respooled(file: BinaryIO) -> Iterator[Event]:
    while head := file.read(12):
        yield int.from_bytes(head[:8], "big", signed=True), file.read(int.from_bytes(head[8:]))
