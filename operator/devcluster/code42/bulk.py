"""Bulk tenants: one minute's records are made once and repeated in every minute.

A record's timestamp differs only in the date, hour and minute, which are filled in as the
block is sent. So gigabytes cost little to serve, and the truth stays a pure function.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import msgspec
from msgspec import structs

from devcluster.code42 import records
from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.body import Content
from devcluster.code42.events import Event, one_update, seeded
from synclog.windows import MINUTE, Instant, Window, format_time

_MINUTES_A_DAY = 24 * 60
_PREFIX = len("2026-01-31T00:00")
_BLANK = format_time(0)[:_PREFIX].encode()
"""Date, hour and minute in the ready blocks. No word of the directory holds it."""


class Block(NamedTuple):
    """One minute's records, ready to be sent but for the minute."""

    events: list[Event]
    """Instants are counted from the start of the minute."""
    csv: bytes
    edges: list[int]
    """Where in ``csv`` each record starts, and where the last one ends."""
    objects: list[bytes]


class _Segment(NamedTuple):
    minute: int
    first: int
    end: int


@dataclass(frozen=True)
class BulkWindow:
    """The records of a window of a bulk tenant, by their position in order of time."""

    seed: int
    behaviour: Behaviour
    window: Window

    @property
    def _block(self) -> Block:
        behaviour = self.behaviour
        csv, json = behaviour.csv, behaviour.json
        return _block(
            self.seed, behaviour.population, msgspec.json.encode(csv), msgspec.json.encode(json)
        )

    @property
    def count(self) -> int:
        """How many records the window has."""
        return self._position(self.window.end) - self._position(self.window.start)

    def _position(self, instant: Instant) -> int:
        """How many records lie before an instant, counted from the epoch."""
        block = self._block
        minute, offset = divmod(instant, MINUTE)
        return minute * len(block.events) + bisect_left(
            block.events, offset, key=lambda event: event.instant
        )

    def _segments(self, start: int = 0, stop: int | None = None) -> Iterator[_Segment]:
        size = len(self._block.events)
        base = self._position(self.window.start)
        at, end = base + start, base + (self.count if stop is None else stop)
        while at < end:
            minute, first = divmod(at, size)
            last = min(size, first + end - at)
            yield _Segment(minute, first, last)
            at += last - first

    def events(self) -> Iterator[Event]:
        """The events themselves: slow, for the truth."""
        for minute, first, end in self._segments():
            for event in self._block.events[first:end]:
                yield event._replace(instant=minute * MINUTE + event.instant)

    def csv(self) -> Content:
        """The body of the CSV answer."""
        if not self.count:
            return Content.of(records.csv_body(self.behaviour, []))
        dialect = structs.replace(self.behaviour.csv, final_line_end=True, no_rows="header")
        header = records.csv_body(structs.replace(self.behaviour, csv=dialect), [])
        block = self._block
        segments = list(self._segments())
        size = sum(block.edges[end] - block.edges[first] for _, first, end in segments)
        trimmed = 0 if self.behaviour.csv.final_line_end else len(self.behaviour.csv.line_end)
        return Content(self._csv_blocks(header, segments), len(header) + size - trimmed)

    def _csv_blocks(self, header: bytes, segments: list[_Segment]) -> Iterator[bytes]:
        yield header
        _, csv, edges, _ = self._block
        for minute, first, end in segments:
            piece = csv if end - first == len(edges) - 1 else csv[edges[first] : edges[end]]
            yield piece.replace(_BLANK, _stamp(minute))

    def objects(self, start: int, stop: int) -> msgspec.Raw:
        """The JSON array of the records from position ``start`` to ``stop``."""
        pieces = [
            b",".join(self._block.objects[first:end]).replace(_BLANK, _stamp(minute))
            for minute, first, end in self._segments(start, stop)
        ]
        return msgspec.Raw(b"[" + b",".join(pieces) + b"]")


def _stamp(minute: int) -> bytes:
    return format_time(minute * MINUTE)[:_PREFIX].encode()


@lru_cache(maxsize=4)
def _block(seed: int, population: Population, csv: bytes, json: bytes) -> Block:
    """Make a minute's block; the dialects are given as JSON, so that they can be keys."""
    behaviour = msgspec.convert(
        {"csv": msgspec.json.decode(csv), "json": msgspec.json.decode(json)}, Behaviour
    )
    rng = seeded(seed, "bulk")
    events: list[Event] = []
    missing = population.bulk_bytes_per_day // _MINUTES_A_DAY
    while missing > 0 or not events:
        update = list(one_update(rng, population, int(rng.random() * MINUTE), room=6))
        events.extend(update)
        missing -= len("".join(records.csv_records(behaviour, update)).encode())
    events.sort(key=lambda event: event.instant)
    rows = [
        (row + behaviour.csv.line_end).encode() for row in records.csv_records(behaviour, events)
    ]
    return Block(
        events,
        b"".join(rows),
        list(accumulate(map(len, rows), initial=0)),
        [msgspec.json.encode(row) for row in records.json_objects(behaviour, events)],
    )
