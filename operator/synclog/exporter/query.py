"""Reading events back from an archive: a range of time, in order, late events merged."""

import heapq
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

import msgspec

from synclog.exporter.destination import Destination
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.ledger import Content, Head, Ledger
from synclog.exporter.ledger.history import contents
from synclog.exporter.records import distinct, events, stored, timestamps_of
from synclog.windows import Instant, Window, parse_time

Line: TypeAlias = tuple[Instant, bytes]
"""When an event happened, and the event as one line of JSON, without line end."""

_SORT_BYTES = 16 << 20
"""Bytes of events that are sorted in memory; more are sorted in files and merged."""


class Archive:
    """The events of an archive, found by its ledger.

    Args:
        destination: where it is.
        clock: for the ledger; nothing is written.

    Raises:
        ConfigurationError: there is no ledger.
        IntegrityError: an entry cannot be read.
    """

    def __init__(self, destination: Destination, *, clock: Callable[[], Instant]) -> None:
        self._destination = destination
        self._ledger = Ledger(destination, clock=clock)
        head = self._ledger.head()
        if head is None:
            raise ConfigurationError(
                "NoLedger", f"{destination} holds no ledger: name the folder of an export"
            )
        self.head: Head = head

    def columns(self, window: Window) -> list[str]:
        """The columns of the events of a window, in the order in which they are first met."""
        found: dict[str, None] = {}
        for group in self._groups(window):
            for content in group:
                found.update(dict.fromkeys(distinct(content.columns)))
        return list(found)

    def events(self, window: Window, *, folder: Path | None = None) -> Generator[Line, None, None]:
        """The events of a window, ordered by their time stamp.

        Events of one millisecond come in the order of the ledger's entries, of their parts, and of
        the records in them: as they were served, and behind them those that came late. So an
        archive is always read alike.

        Args:
            window: which events.
            folder: room for sorting what does not fit into memory.

        Raises:
            IntegrityError: a part is missing or damaged.
            DestinationError: the destination cannot be read.
        """
        for group in self._groups(window):
            lines = (line for content in group for line in self._lines(content, window))
            yield from in_order(lines, folder)

    def _groups(self, window: Window) -> list[list[Content]]:
        """Contents in the order of time; those whose events may lie among each other, together.

        Exported windows never overlap. What a recheck added lies somewhere among them.
        """
        found: list[tuple[Window, list[int]]] = []
        committed = [content for _, content in contents(self._ledger, self.head, window)]
        spans = [
            (Window(parse_time(content.first), parse_time(content.last) + 1), number)
            for number, content in enumerate(committed)
            if content.events
        ]
        for span, number in sorted(spans):
            if found and span.start < found[-1][0].end:
                before, group = found[-1]
                found[-1] = (Window(before.start, max(before.end, span.end)), [*group, number])
            else:
                found.append((span, [number]))
        # Within a group in the order of the ledger: an event before those that came late.
        return [[committed[number] for number in sorted(group)] for _, group in found]

    def _lines(self, content: Content, window: Window) -> Iterator[Line]:
        timestamps = timestamps_of(content)
        for batch in stored(self._destination, content, self.head.identity.stored_form):
            for event in events(batch, timestamps):
                if event.instant in window:
                    # JSON is given as it is stored; CSV becomes an object of texts.
                    line = msgspec.json.encode(event.fields) if batch.dialect else event.record
                    yield event.instant, line


def in_order(lines: Iterable[Line], folder: Path | None = None) -> Iterator[Line]:
    """Sort events by time, stably, with bounded memory."""
    runs: list[BinaryIO] = []
    waiting: list[Line] = []
    size = 0
    try:
        for line in lines:
            waiting.append(line)
            size += len(line[1])
            if size >= _SORT_BYTES:
                runs.append(_spilled(waiting, folder))
                waiting, size = [], 0
        waiting.sort(key=_when)
        # heapq.merge is stable: among equal times, an earlier run comes first.
        yield from heapq.merge(*map(_respooled, runs), waiting, key=_when)
    finally:
        for run in runs:
            run.close()


def _when(line: Line) -> Instant:
    return line[0]


def _spilled(lines: list[Line], folder: Path | None) -> BinaryIO:
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by in_order
    lines.sort(key=_when)
    for instant, text in lines:
        file.write(instant.to_bytes(8, "big", signed=True) + len(text).to_bytes(4, "big"))
        file.write(text)
    file.seek(0)
    return file


def _respooled(file: BinaryIO) -> Iterator[Line]:
    while head := file.read(12):
        yield int.from_bytes(head[:8], "big", signed=True), file.read(int.from_bytes(head[8:]))
