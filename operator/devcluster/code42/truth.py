"""The canonical form of records, so that files can be compared with the truth.

A record is compared by what it says, not by how it was served: the timestamp at the source's
tick (milliseconds), a missing value as an empty one, columns by field name. Windows are
compared as multisets, since identical rows are genuine.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from devcluster.code42.behaviour import COLUMNS, Behaviour
from devcluster.code42.events import Event
from devcluster.code42.world import World
from synclog.windows import Instant, Window, format_time, parse_time

IDENTITY = {column: column for column in COLUMNS}


def canonical(event: Event) -> Event:
    """The event as a reader of either route can know it: no value is the empty value."""
    return event._replace(
        field=event.field or "", old_value=event.old_value or "", new_value=event.new_value or ""
    )


def as_record(event: Event) -> dict[str, str]:
    """The canonical record by published field names; the timestamp has three digits and Z."""
    return {
        "logEventTimeStamp": format_time(event.instant),
        "providerName": event.provider_name,
        "username": event.username,
        "action": event.action,
        "field": event.field or "",
        "oldValue": event.old_value or "",
        "newValue": event.new_value or "",
    }


def from_record(record: Mapping[str, Any]) -> Event:
    """Read a record by published field names; other fields are ignored.

    Raises:
        ValueError: the record lacks a timestamp, or has one that is no time with a zone.
    """
    if not record.get("logEventTimeStamp"):
        raise ValueError(f"the record has no logEventTimeStamp: {dict(record)}")
    return Event(
        parse_time(record["logEventTimeStamp"]),
        record.get("providerName") or "",
        record.get("username") or "",
        record.get("action") or "",
        record.get("field") or "",
        record.get("oldValue") or "",
        record.get("newValue") or "",
    )


def from_csv(data: bytes, columns: Mapping[str, str] = IDENTITY) -> list[Event]:
    """Read a CSV file, with its header, as canonical events.

    Args:
        data: the file, UTF-8, with or without a byte order mark.
        columns: field name to header name, as in `behaviour.Csv.columns`.
    """
    # newline="": the csv module itself must see the line ends within values.
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return [
        from_record({field: row[name] for field, name in columns.items() if field in COLUMNS})
        for row in rows
    ]


def from_json_lines(data: bytes) -> list[Event]:
    """Read JSON Lines as canonical events."""
    return [from_record(json.loads(line)) for line in data.split(b"\n") if line.strip()]


def digest(events: Iterable[Event]) -> str:
    """An order-independent digest of a multiset of events, in hex.

    The sum, modulo 2**256, of SHA-256 over each canonical record as compact JSON with sorted
    keys, UTF-8.
    """
    total = 0
    for event in events:
        text = json.dumps(
            as_record(event), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        total += int.from_bytes(sha256(text.encode()).digest())
    return f"{total % 2**256:064x}"


class Truth:
    """Which events exist, whatever the source shows: what an export is compared with."""

    def __init__(self, world: World) -> None:
        self._world = world

    @classmethod
    def of(cls, seed: int, behaviour: Behaviour | None = None) -> "Truth":
        """The truth of a source that need not run: it follows from seed and behaviour."""
        return cls(World(seed, behaviour or Behaviour()))

    def events(self, window: Window) -> list[Event]:
        """The canonical events of the window in order of time, late ones included.

        Events that retention or a behaviour made unreadable did exist, and are included.
        """
        return [canonical(event) for event in self._world.existing(window)]

    def visible(self, window: Window, now: Instant) -> list[Event]:
        """The canonical events of the window that can be read at ``now``."""
        return [canonical(event) for event in self._world.readable(window, now)]

    def multiset(self, window: Window) -> Counter[Event]:
        """The canonical events of the window with their multiplicities."""
        return Counter(self.events(window))

    def count(self, window: Window) -> int:
        """How many events the window has."""
        return len(self._world.existing(window))

    def digest(self, window: Window) -> str:
        """The order-independent digest of the window's events; see `digest`."""
        return digest(self._world.existing(window))
