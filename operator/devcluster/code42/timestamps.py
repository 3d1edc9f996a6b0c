"""Writing instants the way the simulated source is told to."""

import zlib
from collections.abc import Callable
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from devcluster.code42.behaviour import Times
from devcluster.code42.events import Event
from synclog.windows import to_datetime


def writer(times: Times) -> Callable[[Event], str]:
    """A function that writes an event's timestamp.

    Digits finer than a millisecond follow from the event's content, so identical rows have
    identical timestamps; they never move an event out of its millisecond.
    """
    zone, suffix = _zone(times)
    digits = times.fraction

    def write(event: Event) -> str:
        clock = to_datetime(event.instant).astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
        return clock + _fraction(event, digits) + suffix

    return write


def _zone(times: Times) -> tuple[tzinfo, str]:
    if not times.offset:
        return ZoneInfo(times.zone), ""
    if times.offset == "Z":
        return timezone(timedelta(0)), "Z"
    hours, minutes = times.offset[1:3], times.offset[-2:]
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-ahead if times.offset[0] == "-" else ahead), times.offset


def _fraction(event: Event, digits: int | str) -> str:
    milliseconds = event.instant % 1000
    if digits == 0:
        return ""
    if digits == 3:
        return f".{milliseconds:03d}"
    nanoseconds = milliseconds * 1_000_000 + _finer(event)
    if digits == 6:
        return f".{nanoseconds // 1000:06d}"
    if digits == 9:
        return f".{nanoseconds:09d}"
    for shortest, unit in ((0, 1_000_000_000), (3, 1_000_000), (6, 1_000)):
        if nanoseconds % unit == 0:
            return f".{nanoseconds // (1_000_000_000 // 10**shortest):0{shortest}d}"[
                : shortest + 1 if shortest else 0
            ]
    return f".{nanoseconds:09d}"


def _finer(event: Event) -> int:
    """Nanoseconds within the event's millisecond: often none, often whole microseconds."""
    drawn = zlib.crc32("|".join((event.username, event.action, event.field or "")).encode())
    kind, digits = drawn % 3, drawn // 3
    return (0, digits % 1000 * 1000, digits % 1_000_000)[kind]
