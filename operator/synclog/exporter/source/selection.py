"""Which records are in the window."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from synclog.exporter.source.timestamp_blocks import Numbers
from synclog.windows import Instant, Window


@dataclass(frozen=True, slots=True)
class Selected:
    """The records of one block that are in the window."""

    records: list[bytes]
    first: Instant | None
    """The earliest timestamp among the records."""
    last: Instant | None
    """The latest timestamp among the records."""
    earliest: Instant
    """The earliest timestamp of the block, outside the window too."""
    latest: Instant
    at_first: list[bytes]
    """The records with the earliest timestamp."""
    at_last: list[bytes]
    opening: Instant
    """The timestamp of the first record as served, outside the window too."""
    closing: Instant
    rises: int
    """How many records of the block are later than the one served before them."""
    falls: int


def select(records: list[bytes], instants: Sequence[Instant] | Numbers, window: Window) -> Selected:
    """Select the records of a window.

    Args:
        records: at least one.
        instants: the time of each.
        window: which records are kept.
    """
    times = np.asarray(instants, np.int64)
    earliest, latest = int(times.min()), int(times.max())
    kept = times
    if earliest < window.start or window.end <= latest:
        inside = (times >= window.start) & (times < window.end)
        kept = times[inside]
        records = list(compress(records, inside.tolist()))
    first = int(kept.min()) if kept.size else None
    last = int(kept.max()) if kept.size else None
    return Selected(
        records=records,
        first=first,
        last=last,
        earliest=earliest,
        latest=latest,
        at_first=_at(first, records, kept),
        at_last=_at(last, records, kept),
        opening=int(times[0]),
        closing=int(times[-1]),
        rises=int((times[1:] > times[:-1]).sum()),
        falls=int((times[1:] < times[:-1]).sum()),
    )


def _at(instant: Instant | None, records: list[bytes], times: Numbers) -> list[bytes]:
    if instant is None:
        return []
    return [records[at] for at in np.flatnonzero(times == instant).tolist()]
