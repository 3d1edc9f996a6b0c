"""What look-backs ask for, with ``range.last``.

A rolling range asks for everything from its start on. A look-back asks for the last so many days
at its tick only: what lies between two of them was never wanted, and is no gap. So what was asked
for and is not exported yet must be remembered. Every tick asks, also one that gets no run of its
own: what it asked for comes due with the next run.
"""

import itertools
from collections.abc import Iterable

from synclog.api.status import SyncLogExportStatus
from synclog.planning import coverage
from synclog.planning.intent import Intent
from synclog.windows import Instant, Window, Windows


def looks(intent: Intent, instants: Iterable[Instant]) -> Windows:
    """What look-backs at these instants, in order, ask for together."""
    found: list[Window] = []
    start: Instant | None = None
    until = 0
    for at in instants:
        opens = intent.first(at)
        if start is None or opens > until:
            found += [] if start is None else [Window(start, until)]
            start = opens
        until = intent.settled(at)
    found += [] if start is None else [Window(start, until)]
    return Windows(found)


def remembered(status: SyncLogExportStatus) -> Windows:
    """What the status remembers."""
    return Windows(map(coverage.window_of, status.coverage.asked if status.coverage else ()))


def joined(windows: Windows, most: int) -> Windows:
    """At most so many windows, with the shortest pauses between them filled.

    Where there are too many to remember, a little more is exported than was asked for.
    """
    found = list(windows)
    surplus = len(found) - most
    if surplus <= 0:
        return windows
    pauses = [Window(a.end, b.start) for a, b in itertools.pairwise(found)]
    shortest = sorted(pauses, key=lambda pause: (pause.length, pause.start))[:surplus]
    return windows | Windows(shortest)
