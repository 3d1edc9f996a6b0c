"""Which records are in the window: by text where all timestamps have one shape, else one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

from synclog.exporter.source.timestamps import Timestamps, as_run
from synclog.windows import Instant, Window


@dataclass(frozen=True, slots=True)
class Selected:
    """The records of one block that are in the window."""

    records: list[bytes]
    first: Instant | None
    last: Instant | None
    """The latest timestamp among the records; `first` is the earliest."""
    earliest: Instant
    """The earliest timestamp of the block, outside the window too."""
    latest: Instant


def select_alike(
    records: list[bytes], texts: Sequence[bytes], window: Window, timestamps: Timestamps
) -> Selected | None:
    """Select by comparing texts; None where the timestamps are not all of one shape.

    Args:
        records: at least one.
        texts: the timestamp of each.
        window: which records are kept.
        timestamps: how times are read.
    """
    run = as_run(texts, timestamps)
    if run is None:
        return None
    start, end = run.bounds(window)
    low, high = run.low, run.high
    earliest, latest = timestamps.parse(low), timestamps.parse(high)
    if start <= low and high < end:
        return Selected(records, earliest, latest, earliest, latest)
    inside = [
        (text, record) for text, record in zip(texts, records, strict=True) if start <= text < end
    ]
    kept = [record for _, record in inside]
    first = timestamps.parse(min(inside)[0]) if inside else None
    last = timestamps.parse(max(inside)[0]) if inside else None
    return Selected(kept, first, last, earliest, latest)


def select_each(records: Sequence[bytes], instants: Sequence[Instant], window: Window) -> Selected:
    """Select by instants.

    Args:
        records: at least one.
        instants: the time of each.
        window: which records are kept.
    """
    inside = [
        (instant, record)
        for instant, record in zip(instants, records, strict=True)
        if window.start <= instant < window.end
    ]
    return Selected(
        [record for _, record in inside],
        min((instant for instant, _ in inside), default=None),
        max((instant for instant, _ in inside), default=None),
        min(instants),
        max(instants),
    )
