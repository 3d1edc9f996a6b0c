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


def select(records: list[bytes], instants: Sequence[Instant] | Numbers, window: Window) -> Selected:
    """Select the records of a window.

    Args:
        records: at least one.
        instants: the time of each.
        window: which records are kept.
    """
    times = np.asarray(instants, np.int64)
    earliest, latest = int(times.min()), int(times.max())
    if window.start <= earliest and latest < window.end:
        return Selected(records, earliest, latest, earliest, latest)
    inside = (times >= window.start) & (times < window.end)
    kept = times[inside]
    return Selected(
        list(compress(records, inside.tolist())),
        int(kept.min()) if kept.size else None,
        int(kept.max()) if kept.size else None,
        earliest,
        latest,
    )
